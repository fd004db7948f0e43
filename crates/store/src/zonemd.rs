//! The digest of a whole zone ([RFC 8976]): made of a version, and held against what its ZONEMD records say.
//!
//! The records of the two trees of a version are brought into one canonical order and form as they pass, through one
//! buffer, into the hash. What is left out is the apex's own ZONEMD set and the signatures over it; what lies below a
//! delegation or a DNAME is in.
//!
//! # Where we differ
//!
//! Of records that differ only in the case of a name inside RDATA, a version keeps one, whatever the type; the
//! digest of a zone that has several of a type younger than RFC 3597 (SVCB, for one) does not match therefore.
//!
//! [RFC 8976]: https://www.rfc-editor.org/rfc/rfc8976

use std::cmp::Ordering;
use std::fmt;

use sha2::{Digest, Sha384, Sha512};
use zonekit_wire::{Class, NameBuf, Rtype, Serial, rdata};

use crate::key::{self, Spelling};
use crate::rrset::Body;
use crate::tree::Walk;
use crate::{Rdatas, RrSet, Zone};

/// What a digest is made with: the hash algorithms of RFC 8976, by their numbers, under its one scheme, SIMPLE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ZonemdHash {
    /// SHA-384, number 1.
    Sha384,
    /// SHA-512, number 2.
    Sha512,
}

impl ZonemdHash {
    /// The algorithm with this number, if it is known.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha384),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// How many octets its digests have.
    pub fn octets(self) -> usize {
        match self {
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for ZonemdHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

/// Why the digests in a zone do not prove it whole ([RFC 8976 §4](https://www.rfc-editor.org/rfc/rfc8976#section-4)).
///
/// Of several ZONEMD records, none of which proves the zone, what is told is about the one that came closest to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ZonemdError {
    /// There is no ZONEMD record at the apex.
    #[error("no ZONEMD record at the apex")]
    Missing,
    /// All ZONEMD records are of schemes or hash algorithms that nobody here knows.
    #[error("ZONEMD scheme {scheme} with hash algorithm {hash} is not supported")]
    Unsupported {
        /// The scheme of one of them; SIMPLE is 1.
        scheme: u8,
        /// Its hash algorithm.
        hash: u8,
    },
    /// A record ends early, or its digest is not as long as those of its algorithm are.
    #[error("malformed ZONEMD record")]
    Malformed,
    /// Several records have the same scheme and hash algorithm: none of these counts.
    #[error("several ZONEMD records have scheme {scheme} and hash algorithm {hash}")]
    Repeated {
        /// Their scheme.
        scheme: u8,
        /// Their hash algorithm.
        hash: u8,
    },
    /// A record is about another version of the zone.
    #[error("ZONEMD record is for serial {zonemd}, the zone has {soa}")]
    OtherSerial {
        /// Of the record.
        zonemd: Serial,
        /// Of the zone.
        soa: Serial,
    },
    /// The zone is not the one that the digest was made of.
    #[error("{0} digest of the ZONEMD record is not that of the zone")]
    Mismatch(ZonemdHash),
}

impl ZonemdError {
    /// How far a record with this error got, to say the most telling one.
    fn progress(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Unsupported { .. } => 1,
            Self::Malformed => 2,
            Self::Repeated { .. } => 3,
            Self::OtherSerial { .. } => 4,
            Self::Mismatch(_) => 5,
        }
    }
}

impl Zone {
    /// The digest of this version under the scheme SIMPLE ([RFC 8976 §3.3]). Reads every record.
    ///
    /// [RFC 8976 §3.3]: https://www.rfc-editor.org/rfc/rfc8976#section-3.3
    pub fn zonemd_digest(&self, hash: ZonemdHash) -> Box<[u8]> {
        match hash {
            ZonemdHash::Sha384 => self.digest::<Sha384>(),
            ZonemdHash::Sha512 => self.digest::<Sha512>(),
        }
    }

    /// Holds the version against its ZONEMD records: one that matches is enough, and says with which hash.
    ///
    /// A digest alone guards against accidents; against somebody who changes the zone and its digest, only DNSSEC does,
    /// and whether the record is rightly signed is not looked at here.
    pub fn verify_zonemd(&self) -> Result<ZonemdHash, ZonemdError> {
        let mut closest = ZonemdError::Missing;
        let Some(set) = self.rrset(self.apex(), Rtype::ZONEMD) else {
            return Err(closest);
        };
        for rdata in set.rdatas() {
            match self.try_zonemd(rdata, set.rdatas()) {
                Ok(hash) => return Ok(hash),
                Err(error) if error.progress() > closest.progress() => closest = error,
                Err(_) => {}
            }
        }
        Err(closest)
    }

    /// Holds the version against one of `all` its ZONEMD records.
    fn try_zonemd(&self, rdata: &[u8], all: Rdatas<'_>) -> Result<ZonemdHash, ZonemdError> {
        let &[a, b, c, d, scheme, hash, ref digest @ ..] = rdata else {
            return Err(ZonemdError::Malformed);
        };
        let Some(known) = ZonemdHash::from_number(hash).filter(|_| scheme == SIMPLE) else {
            return Err(ZonemdError::Unsupported { scheme, hash });
        };
        if digest.len() != known.octets() {
            return Err(ZonemdError::Malformed);
        }
        let mut alike = all.filter(|other| other.get(4..6) == Some(&[scheme, hash]));
        if alike.nth(1).is_some() {
            return Err(ZonemdError::Repeated { scheme, hash });
        }
        let (zonemd, soa) = (Serial(u32::from_be_bytes([a, b, c, d])), self.serial());
        if zonemd != soa {
            return Err(ZonemdError::OtherSerial { zonemd, soa });
        }
        if *self.zonemd_digest(known) != *digest {
            return Err(ZonemdError::Mismatch(known));
        }
        Ok(known)
    }

    fn digest<H: Digest>(&self) -> Box<[u8]> {
        let mut digester = Digester {
            hash: H::new(),
            octets: Vec::with_capacity(2 * Digester::<H>::CHUNK),
            owner: NameBuf::new(),
        };
        let apex = self.apex().to_buf().to_lowercase();
        let apex = apex.as_name().as_octets();
        let (mut names, mut hashes) = (Walk::new(self.names()), Walk::new(self.hashes()));
        let (mut name, mut hash) = (names.next(), hashes.next());
        let mut sets = Vec::new(); // of the name at hand
        loop {
            let order = match (name, hash) {
                (None, None) => return digester.finish(),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), Some(_)) => names.key().cmp(hashes.key()),
            };
            // An NSEC3 owner may be a name of the zone as well: then both have a part of its records.
            let walk = if order.is_le() { &names } else { &hashes };
            key::write_name(walk.key(), apex, Spelling::Lower, &mut digester.owner);
            let is_apex = walk.key().is_empty();
            sets.clear();
            sets.extend(
                name.filter(|_| order.is_le())
                    .into_iter()
                    .flat_map(Body::sets),
            );
            sets.extend(
                hash.filter(|_| order.is_ge())
                    .into_iter()
                    .flat_map(Body::sets),
            );
            if is_apex {
                sets.retain(|set: &RrSet<'_>| set.rtype() != Rtype::ZONEMD);
            }
            if !sets.is_sorted_by_key(RrSet::rtype) {
                sets.sort_by_key(RrSet::rtype); // the SOA stands first in an entry
            }
            digester.node(&sets);
            if order.is_le() {
                name = names.next();
            }
            if order.is_ge() {
                hash = hashes.next();
            }
        }
    }
}

/// Records on their way into the hash.
struct Digester<H> {
    hash: H,
    octets: Vec<u8>,
    /// In lower case.
    owner: NameBuf,
}

impl<H: Digest> Digester<H> {
    /// So many octets go into the hash at a time, at least.
    const CHUNK: usize = 8 << 10;

    /// Takes the records at one name, whose sets are ordered by type.
    fn node(&mut self, sets: &[RrSet<'_>]) {
        let (before, behind) =
            sets.split_at(sets.partition_point(|set| set.rtype() < Rtype::RRSIG));
        for set in before {
            self.records(set.rtype(), set.ttl(), set.rdatas());
        }
        // Their RDATA begins with the type that they cover, which is the order that they are in.
        for set in sets {
            let signatures = set.signatures().unwrap_or_default();
            self.records(Rtype::RRSIG, set.signature_ttl(), signatures);
        }
        for set in behind {
            self.records(set.rtype(), set.ttl(), set.rdatas());
        }
    }

    fn records(&mut self, rtype: Rtype, ttl: u32, rdatas: Rdatas<'_>) {
        for rdata in rdatas {
            let octets = &mut self.octets;
            octets.extend_from_slice(self.owner.as_name().as_octets());
            octets.extend(rtype.0.to_be_bytes());
            octets.extend(Class::IN.0.to_be_bytes());
            octets.extend(ttl.to_be_bytes());
            octets.extend((rdata.len() as u16).to_be_bytes()); // no longer RDATA gets into a version
            rdata::canonical(rtype, rdata, octets);
            if octets.len() >= Self::CHUNK {
                self.hash.update(&octets);
                octets.clear();
            }
        }
    }

    fn finish(mut self) -> Box<[u8]> {
        self.hash.update(&self.octets);
        self.hash.finalize().as_slice().into()
    }
}

/// The scheme SIMPLE: one digest over all records in canonical order.
const SIMPLE: u8 = 1;
