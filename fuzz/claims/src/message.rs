//! Reading a message never panics, and what was read writes back and reads the same.

use zonekit_wire::{
    Compressor, Header, Message, MessageWriter, NameBuf, ReadError, RecordBuf, Rtype, Section,
    Unpacker, rdata,
};

/// See the module.
pub fn message(octets: &[u8]) {
    let Ok(message) = Message::new(octets) else {
        return;
    };
    let opt = message.opt();
    let Ok(read) = Content::read(message) else {
        return;
    };
    assert!(
        opt.is_ok()
            || read
                .records
                .iter()
                .any(|(_, record)| record.rtype == Rtype::OPT)
    );

    let mut unpacker = Unpacker::new();
    let mut answers = unpacker.answers(message).expect("what was read before");
    let is_answer = |(section, _): &&(Section, RecordBuf)| *section == Section::Answer;
    for (_, record) in read.records.iter().filter(is_answer) {
        let unpacked = answers.next_record().expect("what was read before");
        let unpacked = unpacked.expect("as many records as before");
        assert_eq!(unpacked.record, record.as_record());
        let mut key = Vec::new();
        record.owner.as_name().write_sort_key(&mut key);
        assert_eq!(unpacked.sort_key, key);
    }
    assert!(matches!(answers.next_record(), Ok(None)));

    let (mut out, mut compressor) = (Vec::new(), Compressor::new());
    // A message may use pointers that we do not, so what was read need not fit: then what fits must come back.
    let mut writer = MessageWriter::new(&mut out, 65_535, &mut compressor);
    writer.set_header(read.header);
    if let Some((name, rtype, class)) = &read.question {
        writer
            .question(name.as_name(), *rtype, *class)
            .expect("room for one question");
    }
    let mut sent = read.records.iter();
    let fitting = sent
        .by_ref()
        .take_while(|(section, record)| writer.record(*section, &record.as_record()).is_ok());
    let fitting: Vec<_> = fitting.collect();
    writer.finish();

    let back = Content::read(Message::new(&out).expect("a header")).expect("what we wrote");
    assert_eq!(back.question, read.question);
    assert_eq!(back.records.len(), fitting.len());
    for ((section, record), (section_sent, record_sent)) in back.records.iter().zip(fitting) {
        assert_eq!((section, record), (section_sent, record_sent));
        // Equality of records is without the case of the owner; compression must keep it.
        assert_eq!(
            record.owner.as_name().as_octets(),
            record_sent.owner.as_name().as_octets()
        );
    }
}

struct Content {
    header: Header,
    question: Option<(NameBuf, Rtype, zonekit_wire::Class)>,
    records: Vec<(Section, RecordBuf)>,
}

impl Content {
    fn read(message: Message<'_>) -> Result<Self, ReadError> {
        let question = message
            .question()?
            .map(|q| (q.name.to_buf(), q.rtype, q.class));
        let mut unpacker = Unpacker::new();
        let mut records = Vec::new();
        for item in message.records()? {
            let (section, packed) = item?;
            let record = unpacker.unpack(packed)?;
            assert_eq!(packed.owner().to_buf(), record.owner);
            assert_eq!(
                rdata::validate(record.rtype, record.rdata),
                Ok(()),
                "{record}"
            );
            assert!(rdata::eq(record.rtype, record.rdata, record.rdata));
            assert!(!record.to_string().contains('\n'));
            records.push((section, record.to_buf()));
        }
        Ok(Self {
            header: message.header(),
            question,
            records,
        })
    }
}
