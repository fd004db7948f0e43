//! RRsets as they lie in a page.
//!
//! ```text
//! entry body   spelling, [length, owner as received], RRset...
//! RRset        head, type (1 or 2), TTL (1 or 5), [count], [size], RDATA..., [signatures]
//! head         1 bit   signatures (RRSIG) beside the set
//!              2 bits  lengths: each its own, one for all, fixed by the type
//!              1 bit   the type takes two octets
//!              4 bits  count, 15: a number of its own
//! size         how long each RDATA is, when all have one length; how long all are together with the lengths in front
//!              of them, when each has its own and there is more than one
//! signatures   head of the same form (its first bit: a TTL other than the set's), [TTL], [count], [size], RDATA...
//! ```
//!
//! Where a set ends is known without going through its records: a lookup passes those it does not seek.
//! A set of zero records has signatures only: they came without the set that they cover.

mod ttl;
mod write;

pub(crate) use self::write::{Source, write_owner, write_set};

use zonekit_wire::{Class, Name, Record, Rtype};

use self::ttl::read_ttl;
use crate::number::read_number;

/// The records of one owner and type, and the signatures over them, where they lie.
///
/// RDATA stands in canonical order ([RFC 4034 §6.3](https://www.rfc-editor.org/rfc/rfc4034#section-6.3)), each as
/// its octets were received.
#[derive(Clone, Copy, Debug)]
pub struct RrSet<'z> {
    rtype: Rtype,
    ttl: u32,
    rdatas: Rdatas<'z>,
    signature_ttl: u32,
    signatures: Rdatas<'z>,
}

impl<'z> RrSet<'z> {
    /// The type; of a set that has signatures only, the type that they cover.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// Seconds that the records may be cached for.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// How many records, signatures not counted. Zero when only signatures came.
    pub fn len(&self) -> usize {
        self.rdatas.left as usize
    }

    /// Whether there are signatures only.
    pub fn is_empty(&self) -> bool {
        self.rdatas.left == 0
    }

    /// The RDATA of each record.
    pub fn rdatas(&self) -> Rdatas<'z> {
        self.rdatas
    }

    /// The RDATA of each RRSIG that covers this set; `None` when there is none.
    pub fn signatures(&self) -> Option<Rdatas<'z>> {
        (self.signatures.left > 0).then_some(self.signatures)
    }

    /// Seconds that the signatures may be cached for.
    pub fn signature_ttl(&self) -> u32 {
        self.signature_ttl
    }

    /// The records, without the signatures, as those of `owner`.
    pub fn records<'a>(&self, owner: Name<'a>) -> impl Iterator<Item = Record<'a>> + use<'a, 'z>
    where
        'z: 'a,
    {
        let (rtype, ttl) = (self.rtype, self.ttl);
        self.rdatas.map(move |rdata| Record {
            owner,
            rtype,
            class: Class::IN,
            ttl,
            rdata,
        })
    }

    /// The signatures as records of `owner`.
    pub fn signature_records<'a>(
        &self,
        owner: Name<'a>,
    ) -> impl Iterator<Item = Record<'a>> + use<'a, 'z>
    where
        'z: 'a,
    {
        let ttl = self.signature_ttl;
        self.signatures.map(move |rdata| Record {
            owner,
            rtype: Rtype::RRSIG,
            class: Class::IN,
            ttl,
            rdata,
        })
    }

    /// Reads the RRset at the front of `octets`.
    fn read(octets: &'z [u8]) -> Option<(Self, &'z [u8])> {
        let (&head, rest) = octets.split_first()?;
        let (rtype, rest) = match rest {
            [high, low, rest @ ..] if head & WIDE_TYPE != 0 => {
                (u16::from_be_bytes([*high, *low]), rest)
            }
            [low, rest @ ..] if head & WIDE_TYPE == 0 => (u16::from(*low), rest),
            _ => return None,
        };
        let rtype = Rtype(rtype);
        let (ttl, rest) = read_ttl(rest)?;
        let (rdatas, mut rest) = Rdatas::read(head, fixed_length(rtype), rest)?;
        let (mut signature_ttl, mut signatures) = (ttl, Rdatas::default());
        if head & SIGNED != 0 {
            let (&head, behind) = rest.split_first()?;
            rest = behind;
            if head & OTHER_TTL != 0 {
                (signature_ttl, rest) = read_ttl(rest)?;
            }
            (signatures, rest) = Rdatas::read(head, None, rest)?;
        }
        Some((
            Self {
                rtype,
                ttl,
                rdatas,
                signature_ttl,
                signatures,
            },
            rest,
        ))
    }
}

/// The RDATA of the records of one set, in canonical order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rdatas<'z> {
    left: u32,
    length: Option<u32>,
    octets: &'z [u8],
}

impl<'z> Rdatas<'z> {
    /// Reads count, length and RDATA that stand behind `head`, and returns what follows.
    #[inline]
    fn read(head: u8, fixed: Option<usize>, octets: &'z [u8]) -> Option<(Self, &'z [u8])> {
        let (left, rest) = match head & COUNT {
            COUNT => read_number(octets)?,
            count => (usize::from(count), octets),
        };
        let (length, mut rest) = match head & LENGTHS {
            ONE_LENGTH => {
                let (length, rest) = read_number(rest)?;
                (Some(length), rest)
            }
            FIXED_LENGTH => (Some(fixed?), rest),
            _ => (None, rest),
        };
        let size = match length {
            Some(length) => left.checked_mul(length)?,
            None if left == 0 => 0,
            None if left == 1 => {
                let (length, behind) = read_number(rest)?;
                (rest.len() - behind.len()).checked_add(length)?
            }
            None => {
                let (size, behind) = read_number(rest)?;
                rest = behind;
                size
            }
        };
        let (octets, rest) = rest.split_at_checked(size)?;
        let length = length.map(|length| length as u32);
        Some((
            Self {
                left: u32::try_from(left).ok()?,
                length,
                octets,
            },
            rest,
        ))
    }

    /// How many octets all RDATA that is left has, lengths not counted; and whether it is as many as are said to be.
    fn total(mut self) -> (u64, bool) {
        if let Some(length) = self.length {
            return (u64::from(length) * u64::from(self.left), true);
        }
        let total = self.by_ref().map(|rdata| rdata.len() as u64).sum();
        (total, self.left == 0 && self.octets.is_empty())
    }
}

impl<'z> Iterator for Rdatas<'z> {
    type Item = &'z [u8];

    fn next(&mut self) -> Option<&'z [u8]> {
        let left = self.left.checked_sub(1)?;
        let (length, rest) = match self.length {
            Some(length) => (length as usize, self.octets),
            None => read_number(self.octets)?,
        };
        let (rdata, rest) = rest.split_at_checked(length)?;
        (self.left, self.octets) = (left, rest);
        Some(rdata)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Rdatas<'_> {}

/// The RRsets at one name: SOA first, then by type.
#[derive(Clone, Copy, Debug, Default)]
pub struct RrSets<'z>(&'z [u8]);

impl<'z> Iterator for RrSets<'z> {
    type Item = RrSet<'z>;

    #[inline]
    fn next(&mut self) -> Option<RrSet<'z>> {
        if self.0.is_empty() {
            return None;
        }
        let (set, rest) = RrSet::read(self.0)?;
        self.0 = rest;
        Some(set)
    }
}

/// What an entry holds under its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'z>(pub(crate) &'z [u8]);

impl<'z> Body<'z> {
    /// How the owner was spelled.
    pub(crate) fn owner(self) -> Owner<'z> {
        match self.0 {
            [UPPER, ..] => Owner::Upper,
            [KEPT, length, rest @ ..] => {
                match rest.get(..usize::from(*length)).map(Name::from_octets) {
                    Some(Ok(name)) => Owner::Kept(name),
                    _ => Owner::Lower,
                }
            }
            _ => Owner::Lower,
        }
    }

    /// The RRsets.
    pub(crate) fn sets(self) -> RrSets<'z> {
        RrSets(match self.0 {
            [KEPT, length, rest @ ..] => rest.get(usize::from(*length)..).unwrap_or_default(),
            [_, rest @ ..] => rest,
            [] => &[],
        })
    }

    /// The set of one type. Costs what the sets before it are, in number, whatever they hold.
    #[inline]
    pub(crate) fn set(self, rtype: Rtype) -> Option<RrSet<'z>> {
        self.sets()
            .find(|set| set.rtype == rtype || set.rtype > rtype && set.rtype != Rtype::SOA)
            .filter(|set| set.rtype == rtype)
    }

    /// Whether there are records of one type. Of the set itself only the head is read.
    pub(crate) fn has(self, rtype: Rtype) -> bool {
        let mut sets = self.sets();
        loop {
            let (head, found) = match *sets.0 {
                [head, high, low, ..] if head & WIDE_TYPE != 0 => {
                    (head, u16::from_be_bytes([high, low]))
                }
                [head, low, ..] => (head, u16::from(low)),
                _ => return false,
            };
            if found == rtype.0 {
                return head & COUNT != 0;
            }
            if found > rtype.0 && found != Rtype::SOA.0 || sets.next().is_none() {
                return false;
            }
        }
    }

    /// Records and octets of RDATA, signatures included; and whether every octet could be read.
    pub(crate) fn measure(self) -> (u64, u64, bool) {
        let (mut records, mut octets, mut is_right) = (0, 0, true);
        let mut sets = self.sets();
        for set in sets.by_ref() {
            for rdatas in [set.rdatas, set.signatures] {
                let (total, is_all) = rdatas.total();
                records += u64::from(rdatas.left);
                octets += total;
                is_right &= is_all;
            }
        }
        (records, octets, is_right && sets.0.is_empty())
    }
}

/// How an owner name was spelled when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'z> {
    /// In lower case below the apex.
    Lower,
    /// In upper case below the apex.
    Upper,
    /// As nothing else tells.
    Kept(Name<'z>),
}

/// How long the RDATA of a type is where the type says so. Part of the form on disk: never to be changed.
fn fixed_length(rtype: Rtype) -> Option<usize> {
    match rtype {
        Rtype::A => Some(4),
        Rtype::AAAA => Some(16),
        _ => None,
    }
}

const UPPER: u8 = 1;
const KEPT: u8 = 2;

const SIGNED: u8 = 0x80;
const OTHER_TTL: u8 = 0x80;
const LENGTHS: u8 = 0x60;
const OWN_LENGTHS: u8 = 0x00;
const ONE_LENGTH: u8 = 0x20;
const FIXED_LENGTH: u8 = 0x40;
const WIDE_TYPE: u8 = 0x10;
const COUNT: u8 = 0x0F;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::{number_octets, write_number};

    impl Source for &[&[u8]] {
        fn count(&self) -> usize {
            self.len()
        }

        fn length(&self) -> Option<usize> {
            let first = self.first()?.len();
            self.iter()
                .all(|rdata| rdata.len() == first)
                .then_some(first)
        }

        fn octets(&self) -> usize {
            let sizes = self
                .iter()
                .map(|rdata| number_octets(rdata.len()) + rdata.len());
            sizes.sum()
        }

        fn write(&self, out: &mut Vec<u8>) {
            self.iter().for_each(|rdata| out.extend_from_slice(rdata));
        }

        fn write_sized(&self, out: &mut Vec<u8>) {
            for rdata in *self {
                write_number(rdata.len(), out);
                out.extend_from_slice(rdata);
            }
        }
    }

    #[test]
    fn a_set_reads_back_as_it_was_written() {
        let check =
            |rtype: Rtype, ttl: u32, rdatas: &[&[u8]], signature_ttl: u32, signatures: &[&[u8]]| {
                let mut out = Vec::new();
                write_owner(Owner::Lower, &mut out);
                write_set(rtype, ttl, &rdatas, signature_ttl, &signatures, &mut out);
                let body = Body(&out);
                let set = body.set(rtype).unwrap();
                assert_eq!((set.ttl(), set.len()), (ttl, rdatas.len()));
                assert_eq!(set.rdatas().collect::<Vec<_>>(), rdatas);
                assert_eq!(
                    set.signatures()
                        .map(Iterator::collect)
                        .unwrap_or(Vec::new()),
                    signatures
                );
                if !signatures.is_empty() {
                    assert_eq!(set.signature_ttl(), signature_ttl);
                }
                let records = rdatas.len() + signatures.len();
                let octets = rdatas
                    .iter()
                    .chain(signatures)
                    .map(|rdata| rdata.len())
                    .sum::<usize>();
                assert_eq!(body.measure(), (records as u64, octets as u64, true));
            };
        check(Rtype::A, 3600, &[b"\x7f\0\0\x01", b"\x7f\0\0\x02"], 0, &[]);
        check(Rtype::A, 3600, &[b"too long for an address"], 0, &[]);
        check(
            Rtype::TXT,
            77,
            &[b"", b"\x01a", &[b'x'; 300]],
            78,
            &[b"one", b"two"],
        );
        check(
            Rtype::TXT,
            u32::MAX,
            &[b"\x01a", b"\x01b"],
            u32::MAX,
            &[b"one"],
        );
        check(Rtype::CAA, 0, &[], 0, &[b"a signature alone"]);
        check(Rtype(65280), 5, &[&b"x"[..]; 20], 60, &[&b"y"[..]; 16]);
    }

    #[test]
    fn a_lookup_passes_sets_without_going_through_their_records() {
        let (mut out, none) = (Vec::new(), &[][..]);
        write_owner(Owner::Lower, &mut out);
        let texts = [&b"\x01a"[..], b"\x02bb", b"\x03ccc"];
        write_set(Rtype::TXT, 1, &&texts[..], 1, &none, &mut out);
        let text_end = out.len();
        let addresses = [&b"\0\0\0\x01"[..]];
        write_set(Rtype::AAAA, 1, &&addresses[..], 1, &none, &mut out);
        out[text_end - 5] = 0x7F; // the length of the last text
        let body = Body(&out);
        assert_eq!(body.set(Rtype::AAAA).unwrap().len(), 1);
        assert!(body.set(Rtype::A).is_none() && body.set(Rtype::SRV).is_none());
        assert!(!body.measure().2, "that is for whoever checks pages");
        // One text too few for the count.
        out[text_end - 5] = 4;
        assert!(Body(&out).measure().2);
        let size = out.iter().position(|octet| *octet == 12).unwrap();
        out[size] = 7;
        out.drain(text_end - 5..text_end);
        assert!(!Body(&out).measure().2);
    }
}
