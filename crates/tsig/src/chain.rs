//! The digest chain that runs through a request and all messages of its answer.
//!
//! ```text
//!  request    = HMAC(key,                    message, variables)
//!  answer 1   = HMAC(key, MAC of request,    message, variables)
//!  answer 2…  = HMAC(key, MAC signed before, message, … message, time and fudge)
//! ```
//!
//! Messages are digested without their TSIG, with the original ID and without counting the TSIG
//! ([RFC 8945 §4.3]); both sides of a conversation run the same chain, one signing and the other checking.
//!
//! [RFC 8945 §4.3]: https://www.rfc-editor.org/rfc/rfc8945#section-4.3

use crate::hash::{Hash, Tag};
use crate::layout::{Layout, Tsig};
use crate::{Key, Malformed, TsigError, TsigRcode};

/// How far the clocks may be apart, in seconds (RFC 8945 §10 recommends this much).
pub(crate) const FUDGE: u16 = 300;

/// The longest run of messages without TSIG: every hundredth must have one (RFC 8945 §5.3.1).
pub(crate) const MAX_UNSIGNED: u8 = 99;

#[derive(Clone)]
pub(crate) struct Chain {
    key: Key,
    /// The algorithm's name as this conversation says it.
    algorithm: &'static [u8],
    /// Key, MAC signed before, unsigned messages since.
    running: Hash,
    place: Place,
    /// When the last message with a TSIG was signed.
    signed_at: u64,
    /// Messages without TSIG since the last one with it.
    unsigned: u8,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Request,
    First,
    Later,
}

/// What a TSIG says beside the MAC.
#[derive(Clone, Copy)]
pub(crate) struct Says<'o> {
    /// Seconds since 1970; the lower 48 bits count.
    pub(crate) time: u64,
    /// Seconds.
    pub(crate) fudge: u16,
    pub(crate) error: TsigRcode,
    pub(crate) other: &'o [u8],
}

impl Says<'_> {
    /// Signed at this time, with nothing wrong.
    pub(crate) fn at(time: u64) -> Self {
        Self {
            time,
            fudge: FUDGE,
            error: TsigRcode::NOERROR,
            other: &[],
        }
    }
}

/// Why a TSIG did not pass, and the chain to answer on where the MAC was right.
pub(crate) struct Failed {
    pub(crate) error: TsigError,
    pub(crate) chain: Option<Box<Chain>>,
}

impl Chain {
    pub(crate) fn new(key: &Key) -> Self {
        Self {
            key: key.clone(),
            algorithm: key.algorithm().whole().registered(),
            running: key.keyed(),
            place: Place::Request,
            signed_at: 0,
            unsigned: 0,
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Messages without TSIG since the last one with it.
    pub(crate) fn unsigned(&self) -> u8 {
        self.unsigned
    }

    /// Whether the next message must have a TSIG, whatever it is.
    pub(crate) fn must_sign(&self) -> bool {
        self.place != Place::Later || self.unsigned >= MAX_UNSIGNED
    }

    /// Takes a message without TSIG into the digest.
    pub(crate) fn pass(&mut self, message: &[u8]) {
        self.running.update(message);
        self.unsigned = self.unsigned.saturating_add(1);
    }

    /// Appends a TSIG. Octets too few to be a message are left alone.
    ///
    /// In a stream the times never run backward, even if the clock does: Knot turns such a stream down.
    pub(crate) fn sign(&mut self, message: &mut Vec<u8>, mut says: Says<'_>) {
        let Some(&[id1, id2]) = message.first_chunk() else {
            return;
        };
        if message.len() < 12 {
            return;
        }
        if self.place == Place::Later {
            says.time = says.time.max(self.signed_at);
        }
        let mut hash = self.running.clone();
        hash.update(message);
        self.update_variables(&mut hash, self.algorithm, says);
        let tag = hash.finish();
        let mac = tag.cut(self.key.algorithm().mac_len());
        let record = Record {
            owner: self.key.canonical_name(),
            algorithm: self.algorithm,
            mac,
            original_id: [id1, id2],
            says,
        };
        record.append(message);
        self.advance(mac, says.time);
    }

    /// Checks the TSIG of a message. A failure leaves the chain as it was, so that a forged message that came first does
    /// not spoil the true one behind it.
    pub(crate) fn check(
        &mut self,
        layout: &Layout<'_>,
        tsig: &Tsig<'_>,
        now: u64,
    ) -> Result<(), Failed> {
        let algorithm = self
            .key
            .algorithm_called(tsig.algorithm)
            .filter(|_| self.key.is_called(tsig.owner.as_name()))
            .ok_or(TsigError::BadKey)?;

        let octets = tsig.mac.len() as u16;
        if !self.key.mac_lens(algorithm).contains(&tsig.mac.len()) {
            return Err(TsigError::from(Malformed::MacLength(octets)).into());
        }
        if !self.digest(layout, tsig, algorithm).matches(tsig.mac) {
            return Err(TsigError::BadSig.into());
        }

        // From here on the other side has the secret: an error is answered with a signature (RFC 8945 §5.3.2).
        let mut ahead = self.clone();
        ahead.algorithm = algorithm;
        ahead.advance(tsig.mac, tsig.time);
        let error = TsigRcode(tsig.error);
        let failed = |error: TsigError, chain: Self| {
            Err(Failed {
                error,
                chain: Some(Box::new(chain)),
            })
        };
        if self.place != Place::Request && error != TsigRcode::NOERROR {
            return failed(tsig.peer_error(true), ahead);
        }
        if now.abs_diff(tsig.time) > tsig.fudge.into() {
            let late = TsigError::BadTime {
                signed: tsig.time,
                now,
                fudge: tsig.fudge,
            };
            return failed(late, ahead);
        }
        if tsig.mac.len() < self.key.shortest() {
            return failed(TsigError::BadTrunc { octets }, ahead);
        }
        *self = ahead;
        Ok(())
    }

    /// Digests a message in pieces, as it was before its TSIG was put on.
    fn digest(&self, layout: &Layout<'_>, tsig: &Tsig<'_>, algorithm: &[u8]) -> Tag {
        let &[_, _, head @ .., count1, count2] = layout.header;
        let count = u16::from_be_bytes([count1, count2]).wrapping_sub(1);
        let mut hash = self.running.clone();
        hash.update(&tsig.original_id);
        hash.update(&head);
        hash.update(&count.to_be_bytes());
        hash.update(layout.body);
        let says = Says {
            time: tsig.time,
            fudge: tsig.fudge,
            error: TsigRcode(tsig.error),
            other: tsig.other,
        };
        self.update_variables(&mut hash, algorithm, says);
        hash.finish()
    }

    /// The TSIG's fields, all of them or from the second answer on only the times ([RFC 8945 §4.3.3], [§5.3.1]).
    ///
    /// [RFC 8945 §4.3.3]: https://www.rfc-editor.org/rfc/rfc8945#section-4.3.3
    /// [§5.3.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.3.1
    fn update_variables(&self, hash: &mut Hash, algorithm: &[u8], says: Says<'_>) {
        if self.place == Place::Later {
            hash.update(&time48(says.time));
            hash.update(&says.fudge.to_be_bytes());
            return;
        }
        hash.update(self.key.canonical_name());
        hash.update(&[0, 255, 0, 0, 0, 0]); // class ANY, TTL 0
        hash.update(algorithm);
        hash.update(&time48(says.time));
        hash.update(&says.fudge.to_be_bytes());
        hash.update(&says.error.0.to_be_bytes());
        hash.update(&(says.other.len() as u16).to_be_bytes());
        hash.update(says.other);
    }

    fn advance(&mut self, mac: &[u8], signed_at: u64) {
        self.running = self.key.keyed();
        self.running.update_prior_mac(mac);
        self.signed_at = signed_at;
        self.unsigned = 0;
        self.place = match self.place {
            Place::Request => Place::First,
            Place::First | Place::Later => Place::Later,
        };
    }
}

impl From<TsigError> for Failed {
    fn from(error: TsigError) -> Self {
        Self { error, chain: None }
    }
}

impl Tsig<'_> {
    /// What the other side says is wrong.
    pub(crate) fn peer_error(&self, signed: bool) -> TsigError {
        let server_time = match *self.other {
            [a, b, c, d, e, f] => Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f])),
            _ => None,
        };
        TsigError::Peer {
            error: TsigRcode(self.error),
            server_time,
            signed,
        }
    }
}

/// A TSIG record about to be written.
pub(crate) struct Record<'r> {
    pub(crate) owner: &'r [u8],
    pub(crate) algorithm: &'r [u8],
    pub(crate) mac: &'r [u8],
    pub(crate) original_id: [u8; 2],
    pub(crate) says: Says<'r>,
}

impl Record<'_> {
    /// Appends the record and counts it in the header.
    pub(crate) fn append(&self, message: &mut Vec<u8>) {
        let Some(counted) = message.get_mut(10..12) else {
            return;
        };
        if let [hi, lo] = counted {
            [*hi, *lo] = u16::from_be_bytes([*hi, *lo])
                .saturating_add(1)
                .to_be_bytes();
        }
        let Says {
            time,
            fudge,
            error,
            other,
        } = self.says;
        let rdata_len = self.algorithm.len() + 16 + self.mac.len() + other.len();
        message.reserve(self.owner.len() + 10 + rdata_len);
        message.extend_from_slice(self.owner);
        message.extend_from_slice(&[0, 250, 0, 255, 0, 0, 0, 0]); // type TSIG, class ANY, TTL 0
        message.extend_from_slice(&(rdata_len as u16).to_be_bytes());
        message.extend_from_slice(self.algorithm);
        message.extend_from_slice(&time48(time));
        message.extend_from_slice(&fudge.to_be_bytes());
        message.extend_from_slice(&(self.mac.len() as u16).to_be_bytes());
        message.extend_from_slice(self.mac);
        message.extend_from_slice(&self.original_id);
        message.extend_from_slice(&error.0.to_be_bytes());
        message.extend_from_slice(&(other.len() as u16).to_be_bytes());
        message.extend_from_slice(other);
    }
}

/// The lower 48 bits, which last for nine million years.
pub(crate) fn time48(time: u64) -> [u8; 6] {
    let [_, _, octets @ ..] = time.to_be_bytes();
    octets
}
