//! Creating once, however often it is asked for.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a client gives with a request so that it can repeat it without doing it twice, and what it asked for then.
///
/// Two are equal if the token and the request are.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RetryToken {
    text: Box<str>,
    /// Half of the SHA-256 of the request: enough to tell two requests of one client apart.
    request: u128,
}

impl RetryToken {
    /// How long a token is good for, in milliseconds: a day.
    pub const LIFE: u64 = 24 * 60 * 60 * 1_000;
    /// The most octets that a token can have.
    pub const MAX: usize = 256;

    /// The token of a request with this content; `None` if it is empty or longer than [`Self::MAX`].
    pub fn new(text: &str, request: &[u8]) -> Option<Self> {
        let half = Sha256::digest(request);
        let (half, _) = half.split_first_chunk()?;
        matches!(text.len(), 1..=Self::MAX).then(|| Self {
            text: text.into(),
            request: u128::from_be_bytes(*half),
        })
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
