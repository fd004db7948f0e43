//! Writing master files.

use std::io::{self, Write};

use crate::Record;
use crate::text::write_record_with;

/// Text is handed on in pieces of about so many octets.
const PIECE: usize = 1 << 15;

/// Writes records to a master file, one on a line: absolute owner, TTL, class, type and RDATA, joined by tabs.
///
/// Text is gathered and written in large pieces; [`finish`](Self::finish) writes the last.
///
/// ```
/// use zonekit_wire::{Class, Name, Record, Rtype, master::Writer};
///
/// let mut writer = Writer::new(Vec::new());
/// writer.write(&Record { owner: Name::ROOT, rtype: Rtype::NS, class: Class::IN, ttl: 60, rdata: b"\x01a\0" })?;
/// assert_eq!(writer.finish()?, b".\t60\tIN\tNS\ta.\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    text: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes to `output`, which needs no buffer of its own.
    pub fn new(output: W) -> Self {
        Self {
            output,
            text: Vec::with_capacity(PIECE + PIECE / 4),
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        write_record_with(record, b'\t', &mut self.text);
        self.text.push(b'\n');
        if self.text.len() >= PIECE {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands on all that has been added so far.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.write_all(&self.text)?;
        self.text.clear();
        self.output.flush()
    }

    /// Hands on what is left and returns the output.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.output)
    }
}
