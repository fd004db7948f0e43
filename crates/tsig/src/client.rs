//! The side that asks: signs the request, checks what comes back.

use std::fmt;

use crate::chain::{Chain, MAX_UNSIGNED, Says};
use crate::layout::Layout;
use crate::{Key, TsigError, TsigRcode};

/// Signs a request: appends the TSIG record and counts it in the header.
///
/// `message` is a whole DNS message without TSIG, without the two octets of length that TCP puts before it; `now` is in
/// seconds since 1970. [`Key::tsig_len`] octets must be free below the limit of the transport.
///
/// What comes back is what is needed to check the answer.
///
/// ```
/// use zonekit_tsig::{Key, sign_request};
///
/// let key: Key = "transfer.example.:c2VjcmV0".parse()?;
/// let mut request = vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// let stream = sign_request(&key, &mut request, 1_800_000_000);
/// assert_eq!((request.len(), request[11]), (12 + key.tsig_len() - 6, 1)); // 6 are for a server's BADTIME
/// assert_eq!(stream.key(), &key);
/// # Ok::<(), zonekit_tsig::KeyError>(())
/// ```
pub fn sign_request(key: &Key, message: &mut Vec<u8>, now: u64) -> ClientStream {
    let mut chain = Chain::new(key);
    chain.sign(message, Says::at(now));
    ClientStream {
        chain,
        answered: false,
        tail: 0,
    }
}

/// Checks the answer to a signed request: one message, or as many as a transfer takes ([RFC 8945 §5.3.1]).
///
/// ```
/// use zonekit_tsig::{ClientStream, Signed, TsigError};
///
/// /// Whether a whole answer, its messages in order, is what the server sent.
/// fn believe(mut stream: ClientStream, messages: &[Vec<u8>], now: u64) -> Result<(), TsigError> {
///     for message in messages {
///         match stream.check(message, now)? {
///             Signed::Yes => {}    // this one and all before it are proven
///             Signed::NotYet => {} // keep what it says for yourself until then
///         }
///     }
///     stream.finish()
/// }
/// # let key: zonekit_tsig::Key = "k.:c2VjcmV0".parse().unwrap();
/// # let stream = zonekit_tsig::sign_request(&key, &mut vec![0; 12], 0);
/// # assert_eq!(believe(stream, &[], 0), Err(TsigError::Unsigned));
/// ```
///
/// [RFC 8945 §5.3.1]: https://www.rfc-editor.org/rfc/rfc8945#section-5.3.1
#[derive(Clone)]
pub struct ClientStream {
    chain: Chain,
    answered: bool,
    /// Octets of the last TSIG that was checked; 0 before.
    tail: usize,
}

/// Whether what has come so far is proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Signed {
    /// This message and all before it are what the other side sent.
    Yes,
    /// The message is without TSIG; a later one has to prove it.
    NotYet,
}

impl ClientStream {
    /// The key that the request was signed with.
    pub fn key(&self) -> &Key {
        self.chain.key()
    }

    /// Checks the next message of the answer; `now` is in seconds since 1970.
    ///
    /// A message without TSIG is digested and forgotten. What it said must not be acted on for good before a later
    /// message returns [`Signed::Yes`].
    ///
    /// Only the signature is judged: octets that are no whole records in the middle of a stream, if the other side signed
    /// them, are for whoever reads the records to find.
    ///
    /// # Errors
    ///
    /// Over TCP an error ends the stream. Over UDP, where anybody may send anything, the caller may go on waiting: a
    /// message that failed leaves no trace here.
    pub fn check(&mut self, message: &[u8], now: u64) -> Result<Signed, TsigError> {
        // Most streams repeat themselves, so that a transfer's records are walked over once, by whoever wants them. What
        // does not pass here is looked at again, for the exact reason.
        if self.answered
            && let Some(layout) = Layout::like(message, self.tail, self.key().name())
            && let Some(tsig) = &layout.tsig
            && self.chain.check(&layout, tsig, now).is_ok()
        {
            return Ok(Signed::Yes);
        }
        let layout = Layout::read(message)?;
        let Some(tsig) = &layout.tsig else {
            return self.pass(message);
        };
        let error = TsigRcode(tsig.error);
        if tsig.mac.is_empty() && error != TsigRcode::NOERROR {
            return Err(tsig.peer_error(false));
        }
        self.chain
            .check(&layout, tsig, now)
            .map_err(|failed| failed.error)?;
        self.answered = true;
        self.tail = message.len() - layout.header.len() - layout.body.len();
        Ok(Signed::Yes)
    }

    /// Ends the stream, which must have ended with a signed message.
    pub fn finish(self) -> Result<(), TsigError> {
        match (self.answered, self.chain.unsigned()) {
            (false, _) => Err(TsigError::Unsigned),
            (true, 0) => Ok(()),
            (true, _) => Err(TsigError::NotLast),
        }
    }

    fn pass(&mut self, message: &[u8]) -> Result<Signed, TsigError> {
        if !self.answered {
            return Err(TsigError::Unsigned);
        }
        if self.chain.unsigned() >= MAX_UNSIGNED {
            return Err(TsigError::TooManyUnsigned);
        }
        self.chain.pass(message);
        Ok(Signed::NotYet)
    }
}

impl fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStream")
            .field("key", self.key())
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
