//! The side that is asked: checks the request, signs what goes back.

use std::fmt;

use zonekit_wire::{NameBuf, Rcode};

use crate::chain::{Chain, Record, Says, time48};
use crate::layout::{Layout, Tsig};
use crate::{Key, KeyRing, TsigError, TsigRcode};

/// Checks a request against the keys that we know ([RFC 8945 §5.2]).
///
/// `message` is a whole DNS message as it came, without the two octets of length that TCP puts before it; `now` is in
/// seconds since 1970. A request without TSIG is `None`: what it may do is for the caller to say.
///
/// ```
/// use zonekit_tsig::{Key, KeyRing, check_request, sign_request};
///
/// let key: Key = "transfer.example.:c2VjcmV0".parse()?;
/// let ring: KeyRing = [key.clone()].into_iter().collect();
/// let mut message = vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// let now = 1_800_000_000;
/// assert!(check_request(&ring, &message, now)?.is_none()); // not signed
/// sign_request(&key, &mut message, now);
/// let asker = check_request(&ring, &message, now)?.expect("it is signed");
/// assert_eq!(asker.key(), &key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [RFC 8945 §5.2]: https://www.rfc-editor.org/rfc/rfc8945#section-5.2
pub fn check_request(
    keys: &KeyRing,
    message: &[u8],
    now: u64,
) -> Result<Option<ServerStream>, RequestRejected> {
    let layout = Layout::read(message)
        .map_err(|malformed| RequestRejected::new(malformed.into(), Answer::Bare))?;
    let Some(tsig) = &layout.tsig else {
        return Ok(None);
    };
    let Some(key) = keys.get(tsig.owner.as_name(), tsig.algorithm) else {
        let answer = Answer::unsigned(tsig, TsigRcode::BADKEY);
        return Err(RequestRejected::new(TsigError::BadKey, answer));
    };

    let mut chain = Chain::new(key);
    let Err(failed) = chain.check(&layout, tsig, now) else {
        return Ok(Some(ServerStream { chain }));
    };
    let answer = match (failed.error, failed.chain) {
        (TsigError::BadKey, _) => Answer::unsigned(tsig, TsigRcode::BADKEY),
        (TsigError::BadSig, _) => Answer::unsigned(tsig, TsigRcode::BADSIG),
        (TsigError::BadTime { signed, fudge, .. }, Some(chain)) => Answer::BadTime {
            chain,
            signed,
            fudge,
        },
        (TsigError::BadTrunc { .. }, Some(chain)) => Answer::BadTrunc { chain },
        _ => Answer::Bare,
    };
    Err(RequestRejected::new(failed.error, answer))
}

/// Signs the answer to a request that passed: one message, or as many as a transfer takes.
///
/// ```
/// use zonekit_tsig::ServerStream;
///
/// /// Signs every message of an answer, as RFC 8945 §5.3.1 wants it.
/// fn sign_all(stream: &mut ServerStream, messages: &mut [Vec<u8>], now: u64) {
///     for message in messages {
///         stream.sign(message, now);
///     }
/// }
/// # let key: zonekit_tsig::Key = "k.:c2VjcmV0".parse().unwrap();
/// # let mut request = vec![0; 12];
/// # zonekit_tsig::sign_request(&key, &mut request, 0);
/// # let mut stream = zonekit_tsig::check_request(&[key].into_iter().collect(), &request, 0).unwrap().unwrap();
/// # let mut messages = [vec![0; 12]];
/// # sign_all(&mut stream, &mut messages, 0);
/// # assert_eq!(messages[0][11], 1);
/// ```
#[derive(Clone)]
pub struct ServerStream {
    chain: Chain,
}

impl ServerStream {
    /// The key that the request was signed with: who asks.
    pub fn key(&self) -> &Key {
        self.chain.key()
    }

    /// Signs the next message of the answer: appends the TSIG record and counts it in the header.
    ///
    /// `message` is a whole DNS message without TSIG, with the ID that it goes out with; `now` is in seconds since 1970.
    /// [`Key::tsig_len`] octets must be free below the limit of the transport.
    pub fn sign(&mut self, message: &mut Vec<u8>, now: u64) {
        self.chain.sign(message, Says::at(now));
    }

    /// Lets the next message of the answer go without TSIG, if it may, and says whether it may.
    ///
    /// Servers are to sign every message, and clients to put up with less: this is for tests of the latter.
    /// The first message and every hundredth must be signed, and so must be the last, which only the caller knows
    /// ([RFC 8945 §5.3.1]). After `false`, nothing has happened: [`ServerStream::sign`] it.
    ///
    /// [RFC 8945 §5.3.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.3.1
    #[must_use = "a message that may not go unsigned has to be signed"]
    pub fn leave_unsigned(&mut self, message: &[u8]) -> bool {
        let may = !self.chain.must_sign();
        if may {
            self.chain.pass(message);
        }
        may
    }
}

impl fmt::Debug for ServerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStream")
            .field("key", self.key())
            .finish_non_exhaustive()
    }
}

/// A request whose TSIG did not pass, and what has to be said about it.
///
/// ```
/// use zonekit_tsig::{Key, KeyRing, TsigError, check_request, sign_request};
/// use zonekit_wire::{Header, Rcode};
///
/// let key: Key = "transfer.example.:c2VjcmV0".parse()?;
/// let mut request = vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// sign_request(&key, &mut request, 1_800_000_000);
///
/// let rejected = check_request(&KeyRing::new(), &request, 1_800_000_000).expect_err("nobody is known");
/// assert_eq!((rejected.error(), rejected.rcode()), (TsigError::BadKey, Rcode::NOTAUTH));
/// let header = Header { id: 0x1234, qr: true, rcode: rejected.rcode(), ..Header::default() };
/// let mut reply = header.to_octets().to_vec();
/// rejected.sign_reply(&mut reply, 1_800_000_000); // with a TSIG that says BADKEY, and no MAC
/// assert_eq!(reply[11], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RequestRejected {
    error: TsigError,
    answer: Answer,
}

/// What the TSIG of the reply looks like ([RFC 8945 §5.3.2]).
///
/// [RFC 8945 §5.3.2]: https://www.rfc-editor.org/rfc/rfc8945#section-5.3.2
#[derive(Clone)]
enum Answer {
    /// None: the request was malformed.
    Bare,
    /// One without a MAC, because no secret is shared.
    Unsigned {
        owner: NameBuf,
        algorithm: NameBuf,
        error: TsigRcode,
    },
    /// One with a MAC, because the secret is shared, and with the request's own time and fudge, so that the asker can
    /// check it whatever our clock says ([RFC 8945 §5.2.3]).
    ///
    /// [RFC 8945 §5.2.3]: https://www.rfc-editor.org/rfc/rfc8945#section-5.2.3
    BadTime {
        chain: Box<Chain>,
        signed: u64,
        fudge: u16,
    },
    /// One with a MAC.
    BadTrunc { chain: Box<Chain> },
}

impl RequestRejected {
    fn new(error: TsigError, answer: Answer) -> Self {
        Self { error, answer }
    }

    /// What is wrong with the request.
    pub fn error(&self) -> TsigError {
        self.error
    }

    /// The RCODE that the reply must carry: FORMERR for a malformed request, NOTAUTH for everything else.
    pub fn rcode(&self) -> Rcode {
        match self.error {
            TsigError::Malformed(_) => Rcode::FORMERR,
            _ => Rcode::NOTAUTH,
        }
    }

    /// Puts the TSIG on the reply that tells of the error: with a MAC for BADTIME and BADTRUNC, without for BADKEY and
    /// BADSIG, none at all for a malformed request. `now` is in seconds since 1970.
    ///
    /// `reply` is a whole DNS message with the request's ID and [`RequestRejected::rcode`].
    pub fn sign_reply(&self, reply: &mut Vec<u8>, now: u64) {
        match &self.answer {
            Answer::Bare => {}
            Answer::Unsigned {
                owner,
                algorithm,
                error,
            } => {
                let Some(&original_id) = reply.first_chunk() else {
                    return;
                };
                let record = Record {
                    owner: owner.as_name().as_octets(),
                    algorithm: algorithm.as_name().as_octets(),
                    mac: &[],
                    original_id,
                    says: Says {
                        error: *error,
                        ..Says::at(now)
                    },
                };
                record.append(reply);
            }
            Answer::BadTime {
                chain,
                signed,
                fudge,
            } => {
                let says = Says {
                    time: *signed,
                    fudge: *fudge,
                    error: TsigRcode::BADTIME,
                    other: &time48(now),
                };
                Chain::clone(chain).sign(reply, says);
            }
            Answer::BadTrunc { chain } => {
                let says = Says {
                    error: TsigRcode::BADTRUNC,
                    ..Says::at(now)
                };
                Chain::clone(chain).sign(reply, says);
            }
        }
    }
}

impl Answer {
    fn unsigned(tsig: &Tsig<'_>, error: TsigRcode) -> Self {
        Self::Unsigned {
            owner: tsig.owner.as_name().to_buf(),
            algorithm: tsig.algorithm.to_buf(),
            error,
        }
    }
}

impl fmt::Debug for RequestRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestRejected").field(&self.error).finish()
    }
}

impl fmt::Display for RequestRejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for RequestRejected {}
