//! Answers, put together octet by octet.

use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, NameBuf, Rcode, RecordBuf, Rtype, Section,
};

/// An answer that is put together by hand.
#[derive(Clone)]
pub struct Reply {
    pub header: Header,
    pub question: Option<(NameBuf, Rtype)>,
    pub records: Vec<(Section, RecordBuf)>,
    /// Octets behind everything, already counted where they should be.
    pub tail: Vec<u8>,
}

impl Reply {
    /// An answer without records to this request.
    pub fn to(request: &[u8]) -> Self {
        let message = Message::new(request).unwrap();
        let question = message.question().unwrap().unwrap();
        Self {
            header: Header {
                aa: true,
                ..message.header().reply()
            },
            question: Some((question.name.to_buf(), question.rtype)),
            records: Vec::new(),
            tail: Vec::new(),
        }
    }

    pub fn with(mut self, records: &[RecordBuf]) -> Self {
        let records = records
            .iter()
            .map(|record| (Section::Answer, record.clone()));
        self.records.extend(records);
        self
    }

    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    pub fn without_question(mut self) -> Self {
        self.question = None;
        self
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut compressor = Compressor::new();
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(self.header);
        if let Some((name, rtype)) = &self.question {
            writer.question(name.as_name(), *rtype, Class::IN).unwrap();
        }
        for (section, record) in &self.records {
            writer.record(*section, &record.as_record()).unwrap();
        }
        writer.finish();
        octets.extend(&self.tail);
        octets
    }

    /// The octets of a message with one more answer, whose octets are given, name and all.
    pub fn octets_with(&self, record: &[u8]) -> Vec<u8> {
        let mut octets = self.octets();
        octets.extend(record);
        let count = u16::from_be_bytes([octets[6], octets[7]]) + 1;
        octets[6..8].copy_from_slice(&count.to_be_bytes());
        octets
    }
}

/// One message with all of these records.
pub fn message(request: &[u8], records: &[RecordBuf]) -> Vec<u8> {
    Reply::to(request).with(records).octets()
}

/// One message for each of these records, the question in the first only.
pub fn one_by_one(request: &[u8], records: &[RecordBuf]) -> Vec<Vec<u8>> {
    let reply = |(place, record): (usize, &RecordBuf)| {
        let reply = Reply::to(request).with(std::slice::from_ref(record));
        if place == 0 {
            reply.octets()
        } else {
            reply.without_question().octets()
        }
    };
    records.iter().enumerate().map(reply).collect()
}

/// An answer that says no.
pub fn failure(request: &[u8], rcode: Rcode) -> Vec<u8> {
    Reply::to(request)
        .header(|header| header.rcode = rcode)
        .octets()
}

/// The message as it goes over TCP, behind its length.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&length, message].concat()
}

/// Seconds since 1970, for signatures.
pub fn unix_now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}
