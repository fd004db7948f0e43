//! One connection that carries the answers of many questions.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Who waits for what on one connection: message ID → exchange (RFC 7766 §6.2.1.1: answers come in any order).
///
/// ```
/// use zonekit_xfr::Link;
///
/// let mut link = Link::new();
/// assert!(link.wait(0x1234, "example.org"));
/// assert!(!link.wait(0x1234, "example.net"), "this ID is taken: ask on another connection");
/// let message = [0x12, 0x34, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// assert_eq!(link.route(&message), Some(&"example.org"));
/// assert_eq!(link.done(0x1234), Some("example.org"));
/// assert!(link.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Link<E> {
    waiting: HashMap<u16, E, RandomState>,
}

impl<E> Link<E> {
    /// A connection on which nothing was asked yet.
    pub fn new() -> Self {
        Self {
            waiting: HashMap::default(),
        }
    }

    /// Notes that `exchange` asks with this message ID. `false` if somebody already does.
    #[must_use]
    pub fn wait(&mut self, id: u16, exchange: E) -> bool {
        if self.waiting.contains_key(&id) {
            return false;
        }
        self.waiting.insert(id, exchange);
        true
    }

    /// Whom a message is for; nobody if nobody asked with its ID, or it is too short to have one.
    pub fn route(&self, message: &[u8]) -> Option<&E> {
        let id = message.first_chunk()?;
        self.waiting.get(&u16::from_be_bytes(*id))
    }

    /// The answer is whole, or given up.
    pub fn done(&mut self, id: u16) -> Option<E> {
        self.waiting.remove(&id)
    }

    /// The connection is lost: everybody who still waited.
    pub fn lost(&mut self) -> impl Iterator<Item = E> {
        self.waiting.drain().map(|(_, exchange)| exchange)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl<E> Default for Link<E> {
    fn default() -> Self {
        Self::new()
    }
}
