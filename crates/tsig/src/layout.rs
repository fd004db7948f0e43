//! Where the TSIG lies in a message.
//!
//! Every record is passed over by its lengths; nothing but the TSIG itself is read. Names are not followed: whoever
//! wants the records reads them afterwards, from the same octets. In the middle of a stream even that is spared, where the
//! TSIG lies as the one before it did ([`Layout::like`]).

use zonekit_wire::Name;

use crate::Malformed;

const TSIG: u16 = 250;
const ANY: u16 = 255;

/// A message cut into what is digested and its TSIG.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'m> {
    pub(crate) header: &'m [u8; 12],
    /// Everything between the header and the TSIG, or to the end where there is none.
    pub(crate) body: &'m [u8],
    pub(crate) tsig: Option<Tsig<'m>>,
}

/// A TSIG record, read where it lies ([RFC 8945 §4.2]).
///
/// [RFC 8945 §4.2]: https://www.rfc-editor.org/rfc/rfc8945#section-4.2
#[derive(Clone, Copy)]
pub(crate) struct Tsig<'m> {
    pub(crate) owner: Owner,
    pub(crate) algorithm: Name<'m>,
    /// Seconds since 1970; 48 bits.
    pub(crate) time: u64,
    pub(crate) fudge: u16,
    pub(crate) mac: &'m [u8],
    pub(crate) original_id: [u8; 2],
    pub(crate) error: u16,
    pub(crate) other: &'m [u8],
}

/// The owner of a TSIG record: uncompressed, in lower case. (dnspython compresses it; most others do not.)
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    octets: [u8; 255],
    len: usize,
}

impl<'m> Layout<'m> {
    /// The same without a look at the records before the TSIG, if that takes as many octets as `tail` and belongs to
    /// `owner`, and no other record is outside the answer section.
    ///
    /// The octets before it need not be records that end there. A MAC that fits proves that whoever has the key sent them
    /// so; whoever reads the records finds out what they are. If it does not fit, [`read`](Self::read) says why.
    pub(crate) fn like(message: &'m [u8], tail: usize, owner: Name<'_>) -> Option<Self> {
        let (header, body) = message.split_first_chunk::<12>()?;
        let &[.., 0, 0, 0, 1] = header else {
            return None;
        };
        let start = body.len().checked_sub(tail)?;
        let (body, record) = body.split_at_checked(start)?;
        let (name, rest) = Name::split_from(record).ok()?;
        let ([0, 250, 0, 255, 0, 0, 0, 0, l1, l2], rdata) = rest.split_first_chunk::<10>()? else {
            return None;
        };
        if name != owner || usize::from(u16::from_be_bytes([*l1, *l2])) != rdata.len() {
            return None;
        }
        let offset = message.len() - tail;
        let tsig = Tsig::read(Owner::unpack(message, offset)?, offset, rdata).ok()?;
        Some(Self {
            header,
            body,
            tsig: Some(tsig),
        })
    }

    pub(crate) fn read(message: &'m [u8]) -> Result<Self, Malformed> {
        let (header, body) = message
            .split_first_chunk::<12>()
            .ok_or(Malformed::Truncated("header"))?;
        let &[_, _, _, _, q1, q2, a1, a2, n1, n2, r1, r2] = header;
        let [questions, answers, authorities, additionals] =
            [[q1, q2], [a1, a2], [n1, n2], [r1, r2]].map(u16::from_be_bytes);
        let records = u32::from(answers) + u32::from(authorities) + u32::from(additionals);
        let unsigned = Self {
            header,
            body,
            tsig: None,
        };
        if records == 0 {
            return Ok(unsigned);
        }

        let mut rest = body;
        for _ in 0..questions {
            rest = skip_name(rest).ok_or(Malformed::Truncated("question"))?;
            rest = rest.get(4..).ok_or(Malformed::Truncated("question"))?;
        }
        for left in (0..records).rev() {
            let start = rest;
            let offset = message.len() - rest.len();
            rest = skip_name(rest).ok_or(Malformed::Truncated("owner of a record"))?;
            let (fixed, behind) = rest
                .split_first_chunk::<10>()
                .ok_or(Malformed::Truncated("fields of a record"))?;
            let &[t1, t2, c1, c2, ttl @ .., l1, l2] = fixed;
            let (rdata, behind) = behind
                .split_at_checked(u16::from_be_bytes([l1, l2]).into())
                .ok_or(Malformed::Truncated("RDATA"))?;
            rest = behind;
            if u16::from_be_bytes([t1, t2]) != TSIG {
                continue;
            }
            if left > 0 || additionals == 0 {
                return Err(Malformed::TsigNotLast(offset));
            }
            if !rest.is_empty() {
                return Err(Malformed::TrailingOctets);
            }
            if u16::from_be_bytes([c1, c2]) != ANY || ttl != [0; 4] {
                return Err(Malformed::ClassOrTtl);
            }
            let owner = Owner::unpack(message, offset).ok_or(Malformed::Name(offset))?;
            return Ok(Self {
                header,
                body: body.get(..body.len() - start.len()).unwrap_or_default(),
                tsig: Some(Tsig::read(owner, offset, rdata)?),
            });
        }
        Ok(unsigned)
    }
}

impl<'m> Tsig<'m> {
    fn read(owner: Owner, offset: usize, rdata: &'m [u8]) -> Result<Self, Malformed> {
        let (algorithm, rest) = Name::split_from(rdata).map_err(|_| Malformed::Name(offset))?;
        let (&[a, b, c, d, e, f, fudge @ ..], rest) = rest
            .split_first_chunk::<8>()
            .ok_or(Malformed::Rdata("time and fudge"))?;
        let (mac, rest) = counted(rest).ok_or(Malformed::Rdata("MAC"))?;
        let (&[id1, id2, e1, e2], rest) = rest
            .split_first_chunk::<4>()
            .ok_or(Malformed::Rdata("original ID and error"))?;
        let (other, rest) = counted(rest).ok_or(Malformed::Rdata("other data"))?;
        if !rest.is_empty() {
            return Err(Malformed::Rdata("end"));
        }
        Ok(Self {
            owner,
            algorithm,
            time: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
            fudge: u16::from_be_bytes(fudge),
            mac,
            original_id: [id1, id2],
            error: u16::from_be_bytes([e1, e2]),
            other,
        })
    }
}

impl Owner {
    /// Follows the name at `offset`; every pointer must lead backward, so that it ends.
    fn unpack(message: &[u8], offset: usize) -> Option<Self> {
        let mut octets = [0; 255];
        let mut len = 0;
        let mut at = offset;
        let mut limit = offset;
        loop {
            let &first = message.get(at)?;
            match first {
                0..=63 => {
                    let label = message.get(at..=at + usize::from(first))?;
                    octets
                        .get_mut(len..len + label.len())?
                        .copy_from_slice(label);
                    len += label.len();
                    at += label.len();
                    if first == 0 {
                        octets.make_ascii_lowercase(); // lengths of labels are below every letter
                        return Some(Self { octets, len });
                    }
                }
                0xC0.. => {
                    let &second = message.get(at + 1)?;
                    at = usize::from(u16::from_be_bytes([first & 0x3F, second]));
                    if at >= limit {
                        return None;
                    }
                    limit = at;
                }
                _ => return None,
            }
        }
    }

    pub(crate) fn as_name(&self) -> Name<'_> {
        let octets = self.octets.get(..self.len).unwrap_or_default();
        Name::from_octets(octets).unwrap_or(Name::ROOT)
    }
}

/// What lies behind the name at the front, which ends with the root or with a pointer.
fn skip_name(mut octets: &[u8]) -> Option<&[u8]> {
    loop {
        let (&first, rest) = octets.split_first()?;
        match first {
            0 => return Some(rest),
            1..=63 => octets = rest.get(first.into()..)?,
            0xC0.. => return rest.get(1..),
            _ => return None,
        }
    }
}

/// Octets with a count of two octets before them, and what is behind.
fn counted(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*count).into())
}
