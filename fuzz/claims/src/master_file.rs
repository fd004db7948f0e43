//! Any octets can be read as a master file, and what is in it does not depend on how it arrives or is written.

use std::io::{BufRead, BufReader};

use zonekit_wire::{NameBuf, RecordBuf, master, rdata};

/// Reading any octets as a master file never panics and ends; it finds the same in pieces as at once; and the records
/// found come back the same from the file that the writer makes of them.
pub fn master_file(octets: &[u8]) {
    let (records, errors) = read(octets);
    let in_pieces = read(BufReader::with_capacity(3, octets));
    assert_eq!(in_pieces, (records.clone(), errors.clone()));

    let mut writer = master::Writer::new(Vec::new());
    for record in &records {
        assert_eq!(rdata::validate(record.rtype, &record.rdata), Ok(()));
        writer
            .write(&record.as_record())
            .expect("memory takes everything");
    }
    let file = writer.finish().expect("memory takes everything");
    assert!(file.is_ascii());
    let (back, errors) = read(&file[..]);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(back, records);
    // Equality of records is without the case of the owner; a file must keep it.
    for (back, record) in back.iter().zip(&records) {
        assert_eq!(
            back.owner.as_name().as_octets(),
            record.owner.as_name().as_octets()
        );
    }
}

/// All records, and all errors as they are told.
fn read(input: impl BufRead) -> (Vec<RecordBuf>, Vec<String>) {
    let origin: NameBuf = "Example.org".parse().expect("a name");
    let mut reader = master::Reader::new(input, origin.as_name());
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    let mut line = 0;
    loop {
        match reader.next_record() {
            Ok(None) => return (records, errors),
            Ok(Some(record)) => records.push(record.to_buf()),
            Err(error) => {
                // Each concerns an entry of its own, and entries begin on lines of their own: so they have an end.
                assert!(error.line > line, "{error} behind line {line}");
                assert!(error.column > 0);
                line = error.line;
                errors.push(error.to_string());
            }
        }
    }
}
