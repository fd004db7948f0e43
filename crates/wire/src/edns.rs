//! EDNS: what the OPT record says ([RFC 6891](https://www.rfc-editor.org/rfc/rfc6891)).

use crate::{Message, PackedRecord, Rcode, RdataError, ReadError, Rtype, Section};

/// The bit of the flags with which the asker wants DNSSEC records
/// ([RFC 3225 §3](https://www.rfc-editor.org/rfc/rfc3225#section-3)).
const DO: u32 = 1 << 15;

/// The OPT record of a message.
#[derive(Clone, Copy, Debug)]
pub struct Opt<'m> {
    class: u16,
    ttl: u32,
    options: &'m [u8],
}

impl<'m> Opt<'m> {
    /// Reads an OPT record's fields and checks that its options fill it exactly.
    pub fn read(record: PackedRecord<'m>) -> Result<Self, ReadError> {
        let offset = record.offset();
        if record.rtype() != Rtype::OPT || record.owner().flat_len() > 1 {
            return Err(ReadError::OptOutOfPlace { offset });
        }
        let options = EdnsOptions(record.rdata());
        let mut rest = options.clone();
        while rest.next().is_some() {}
        if !rest.0.is_empty() {
            let error = RdataError::Truncated {
                field: "option",
                offset: options.0.len() - rest.0.len(),
            };
            return Err(ReadError::Rdata {
                rtype: Rtype::OPT,
                offset,
                error,
            });
        }
        Ok(Self {
            class: record.class().0,
            ttl: record.raw_ttl(),
            options: options.0,
        })
    }

    /// How many octets the sender can take over UDP; less than 512 means 512.
    pub fn udp_size(self) -> u16 {
        self.class.max(512)
    }

    /// The version of EDNS: 0 is all there is.
    pub fn version(self) -> u8 {
        (self.ttl >> 16) as u8
    }

    /// The response code: eight bits from here, the lower four from the header.
    pub fn rcode(self, header: Rcode) -> Rcode {
        Rcode((self.ttl >> 24) as u16 * 16 + (header.0 & 0xf))
    }

    /// Whether the sender wants DNSSEC records.
    pub fn do_bit(self) -> bool {
        self.ttl & DO != 0
    }

    /// The options in their order.
    pub fn options(self) -> EdnsOptions<'m> {
        EdnsOptions(self.options)
    }

    /// The data of the first option of this code.
    pub fn option(self, code: u16) -> Option<&'m [u8]> {
        self.options()
            .find(|option| option.code == code)
            .map(|option| option.data)
    }
}

impl<'m> Message<'m> {
    /// The OPT record of the message, if it has one. All records are walked for it.
    ///
    /// # Errors
    ///
    /// When the message cannot be walked, or there is more than one OPT record, or it is out of place.
    pub fn opt(self) -> Result<Option<Opt<'m>>, ReadError> {
        let mut opt = None;
        for item in self.records()? {
            let (section, record) = item?;
            if record.rtype() != Rtype::OPT {
                continue;
            }
            if section != Section::Additional || opt.is_some() {
                return Err(ReadError::OptOutOfPlace {
                    offset: record.offset(),
                });
            }
            opt = Some(Opt::read(record)?);
        }
        Ok(opt)
    }
}

/// An OPT record to write.
///
/// ```
/// use zonekit_wire::{Compressor, EdnsOption, Header, Message, MessageWriter, OptRepr, Rcode};
///
/// let nsid = [EdnsOption { code: EdnsOption::NSID, data: b"ns1" }];
/// let opt = OptRepr { udp_size: 1232, version: 0, rcode: Rcode::BADVERS, do_bit: false, options: &nsid };
/// let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
/// let mut writer = MessageWriter::new(&mut octets, 512, &mut compressor);
/// writer.set_header(Header { qr: true, rcode: opt.rcode, ..Header::default() });
/// writer.opt(&opt)?;
/// writer.finish();
///
/// let message = Message::new(&octets)?;
/// let read = message.opt()?.expect("it was written");
/// assert_eq!(read.rcode(message.header().rcode), Rcode::BADVERS);
/// assert_eq!(read.option(EdnsOption::NSID), Some(&b"ns1"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptRepr<'a> {
    /// How many octets we can take over UDP.
    pub udp_size: u16,
    /// The version of EDNS: 0.
    pub version: u8,
    /// The response code, of which the upper eight bits go here and the lower four into the header.
    pub rcode: Rcode,
    /// Whether we want, or send, DNSSEC records.
    pub do_bit: bool,
    /// The options in their order.
    pub options: &'a [EdnsOption<'a>],
}

impl Default for OptRepr<'_> {
    /// Version 0, no options, and 1232 octets over UDP, which pass nearly everywhere unfragmented
    /// ([RFC 9715 §3](https://www.rfc-editor.org/rfc/rfc9715#section-3)).
    fn default() -> Self {
        Self {
            udp_size: 1232,
            version: 0,
            rcode: Rcode::NOERROR,
            do_bit: false,
            options: &[],
        }
    }
}

impl OptRepr<'_> {
    /// How many octets the record takes.
    pub fn wire_len(&self) -> usize {
        11 + self
            .options
            .iter()
            .map(|option| 4 + option.data.len())
            .sum::<usize>()
    }

    /// Appends the record, RDLENGTH as 0, and says where its RDATA begins.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> usize {
        let ttl = u32::from(self.rcode.0 >> 4 & 0xff) << 24
            | u32::from(self.version) << 16
            | if self.do_bit { DO } else { 0 };
        out.push(0);
        out.extend(Rtype::OPT.0.to_be_bytes());
        out.extend(self.udp_size.to_be_bytes());
        out.extend(ttl.to_be_bytes());
        out.extend([0, 0]);
        let start = out.len();
        for option in self.options {
            // Longer than a message can be, it will not fit anyway.
            let length = u16::try_from(option.data.len()).unwrap_or(u16::MAX);
            out.extend(option.code.to_be_bytes());
            out.extend(length.to_be_bytes());
            out.extend_from_slice(option.data);
        }
        start
    }
}

/// One option of EDNS ([RFC 6891 §6.1.2](https://www.rfc-editor.org/rfc/rfc6891#section-6.1.2)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EdnsOption<'a> {
    /// What the data means.
    pub code: u16,
    /// The data.
    pub data: &'a [u8],
}

impl EdnsOption<'_> {
    /// Which server answered ([RFC 5001](https://www.rfc-editor.org/rfc/rfc5001)).
    pub const NSID: u16 = 3;
    /// How long the zone will be good for ([RFC 7314](https://www.rfc-editor.org/rfc/rfc7314)).
    pub const EXPIRE: u16 = 9;
    /// Proof of a path back to the asker ([RFC 7873](https://www.rfc-editor.org/rfc/rfc7873)).
    pub const COOKIE: u16 = 10;
    /// How long an idle connection may stay ([RFC 7828](https://www.rfc-editor.org/rfc/rfc7828)).
    pub const KEEPALIVE: u16 = 11;
    /// Nothing, to hide a message's length ([RFC 7830](https://www.rfc-editor.org/rfc/rfc7830)).
    pub const PADDING: u16 = 12;
    /// Why an answer is as it is ([RFC 8914](https://www.rfc-editor.org/rfc/rfc8914)).
    pub const ERROR: u16 = 15;
    /// The version of the zone that the answer is from ([RFC 9660](https://www.rfc-editor.org/rfc/rfc9660)).
    pub const ZONEVERSION: u16 = 19;
}

/// The options of an [`Opt`], in their order.
#[derive(Clone, Debug)]
pub struct EdnsOptions<'m>(&'m [u8]);

impl<'m> Iterator for EdnsOptions<'m> {
    type Item = EdnsOption<'m>;

    fn next(&mut self) -> Option<EdnsOption<'m>> {
        let [code_a, code_b, length_a, length_b, rest @ ..] = self.0 else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*length_a, *length_b]));
        let (data, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some(EdnsOption {
            code: u16::from_be_bytes([*code_a, *code_b]),
            data,
        })
    }
}
