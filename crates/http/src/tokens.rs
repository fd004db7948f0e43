//! Bearer tokens: known by their digest only.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use zonekit_model::Contract;

use crate::audit::{Credential, Holder};

/// The tokens that open the API, each for one contract. Clones share them, so they can be replaced while routes run.
///
/// ```
/// use zonekit_http::{Token, Tokens};
///
/// let tokens = Tokens::new([Token::from_clear("demo".parse()?, "test-token")]);
/// assert_eq!(tokens.contract_of(b"test-token").map(|contract| contract.to_string()).as_deref(), Some("demo"));
/// assert_eq!(tokens.contract_of(b"another"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    given: Arc<RwLock<Arc<[Token]>>>,
    /// Those that were lent, and until when.
    lent: Arc<RwLock<Vec<(Token, Instant)>>>,
    /// Told when some were taken away.
    renewed: Arc<watch::Sender<()>>,
}

impl Tokens {
    /// These tokens.
    pub fn new(tokens: impl IntoIterator<Item = Token>) -> Self {
        Self {
            given: Arc::new(RwLock::new(tokens.into_iter().collect())),
            lent: Arc::default(),
            renewed: Arc::default(),
        }
    }

    /// From now on these, and none of those before.
    pub fn replace(&self, tokens: impl IntoIterator<Item = Token>) {
        *self.given.write().unwrap_or_else(PoisonError::into_inner) = tokens.into_iter().collect();
        self.renewed.send_replace(());
    }

    /// A new token for a contract that is good for so long: for whoever proves in another way that it may be trusted. `None` if
    /// the system gives no random octets.
    pub fn lend(&self, contract: Contract, life: Duration) -> Option<String> {
        let mut octets = [0; 32];
        SystemRandom::new().fill(&mut octets).ok()?;
        let token: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let now = Instant::now();
        let mut lent = self.lent.write().unwrap_or_else(PoisonError::into_inner);
        lent.retain(|(_, until)| now < *until);
        lent.push((Token::from_clear(contract, &token), now + life));
        Some(token)
    }

    /// The contract that a token opens. Takes as long for a wrong token as for a right one.
    pub fn contract_of(&self, token: &[u8]) -> Option<Contract> {
        self.by_digest(&Sha256::digest(token).into())
    }

    /// The same by its digest.
    pub(crate) fn by_digest(&self, given: &[u8; 32]) -> Option<Contract> {
        let tokens = Arc::clone(&self.given.read().unwrap_or_else(PoisonError::into_inner));
        let lent = self.lent.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let still_lent = lent.iter().filter(|(_, until)| now < *until);
        let mut found = None;
        for token in tokens.iter().chain(still_lent.map(|(token, _)| token)) {
            if bool::from(token.sha256.ct_eq(given)) {
                found = Some(&token.contract);
            }
        }
        found.cloned()
    }

    /// Whether what it was let in by still opens its contract, as far as it is a token.
    pub(crate) fn is_good_for(&self, holder: &Holder) -> bool {
        match &holder.credential {
            Credential::Token(digest) => self.by_digest(digest).as_ref() == Some(&holder.contract),
            Credential::Key(_) => true,
        }
    }

    /// Tells when tokens may have been taken away.
    pub(crate) fn renewed(&self) -> watch::Receiver<()> {
        self.renewed.subscribe()
    }
}

impl FromIterator<Token> for Tokens {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        Self::new(tokens)
    }
}

/// One token, by its digest.
#[derive(Clone)]
pub struct Token {
    contract: Contract,
    sha256: [u8; 32],
}

impl Token {
    /// The token with this SHA-256 digest opens this contract.
    pub fn new(contract: Contract, sha256: [u8; 32]) -> Self {
        Self { contract, sha256 }
    }

    /// The same, with the digest written in 64 hexadecimal digits, as `sha256sum` prints it.
    ///
    /// ```
    /// use zonekit_http::{Token, Tokens};
    ///
    /// let digest = "4c5dc9b7708905f77f5e5d16316b5dfb425e68cb326dcd55a860e90a7707031e"; // of "test-token"
    /// let tokens = Tokens::new([Token::from_hex("demo".parse()?, digest)?]);
    /// assert_eq!(tokens.contract_of(b"test-token"), Some("demo".parse()?));
    /// assert_eq!(tokens.contract_of(b"test-tokem"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not 64 hexadecimal digits.
    pub fn from_hex(contract: Contract, digest: &str) -> Result<Self, DigestError> {
        let mut sha256 = [0; 32];
        let (pairs, []) = digest.as_bytes().as_chunks::<2>() else {
            return Err(DigestError);
        };
        if pairs.len() != sha256.len() {
            return Err(DigestError);
        }
        let digit = |octet: u8| {
            char::from(octet)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        for (octet, &[high, low]) in sha256.iter_mut().zip(pairs) {
            *octet = digit(high).ok_or(DigestError)? << 4 | digit(low).ok_or(DigestError)?;
        }
        Ok(Self::new(contract, sha256))
    }

    /// A token known in clear, for tests and demonstrations: only its digest is kept.
    pub fn from_clear(contract: Contract, token: &str) -> Self {
        Self::new(contract, Sha256::digest(token).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.contract)
    }
}

/// A token's digest is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a SHA-256 digest is written in 64 hexadecimal digits")]
pub struct DigestError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_tokens_open_nothing() {
        let contract: Contract = "demo".parse().unwrap();
        let tokens = Tokens::new([Token::from_clear(contract.clone(), "old")]);
        let shared = tokens.clone();
        tokens.replace([Token::from_clear(contract.clone(), "new")]);
        assert_eq!(shared.contract_of(b"old"), None);
        assert_eq!(shared.contract_of(b"new"), Some(contract));
    }

    #[test]
    fn what_was_lent_is_good_for_a_while() {
        let contract: Contract = "demo".parse().unwrap();
        let tokens = Tokens::default();
        let token = tokens
            .lend(contract.clone(), Duration::from_secs(60))
            .unwrap();
        tokens.replace([]);
        assert_eq!(tokens.contract_of(token.as_bytes()), Some(contract.clone()));
        let over = tokens.lend(contract, Duration::ZERO).unwrap();
        assert_eq!(tokens.contract_of(over.as_bytes()), None);
        assert_ne!(token, over);
        assert!(!format!("{tokens:?}").contains(&token));
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_digest() {
        let check = |digest: &str| {
            Token::from_hex("demo".parse().unwrap(), digest).map(|token| token.sha256)
        };
        assert_eq!(check(&"aB".repeat(32)), Ok([0xab; 32]));
        for wrong in [
            "",
            "ab",
            &"a".repeat(63),
            &"ab".repeat(33),
            &"+1".repeat(32),
            &"\u{e4}".repeat(32),
        ] {
            assert_eq!(check(wrong), Err(DigestError), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_digest() {
        let tokens = Tokens::new([Token::new("demo".parse().unwrap(), [0xab; 32])]);
        assert!(!format!("{tokens:?}").contains("171"));
    }
}
