//! One connection that carries the answers of many questions, without the connection.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// Questions that wait for their answers on one connection, at most.
const PIPELINE: usize = 32;

/// Octets of an answer from which on nobody waits behind it.
const LARGE: u64 = 256 * 1024;

/// How long a connection stays open that nobody uses, where the primary does not say how long it may.
const IDLE: Duration = Duration::from_secs(2);

/// The longest that it does if the primary says so.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// A connection that ends so soon after something came on it has not been closed for being idle.
const JUST_NOW: Duration = Duration::from_secs(1);

/// Who waits for what on one connection: message ID → exchange ([RFC 7766 §6.2.1.1]: answers come in any order).
///
/// ```text
///            ask                      done, give up, lost
///   nobody ─────► not begun ─message─► begun ─────────────► nobody
///                     │
///                     └─ displaced: patience is over, or another's answer is large
/// ```
///
/// Whoever is displaced, or was not alone on a connection that is lost, is not to blame and may have nobody to blame: it
/// asks again, on a connection of its own. What comes for those who have given up is dropped; and as nobody should have to
/// wait behind that, nothing more is asked then.
///
/// ```
/// use std::time::{Duration, Instant};
/// use zonekit_xfr::{Arrival, Link};
///
/// let now = Instant::now();
/// let mut link = Link::new(now);
/// assert!(link.ask(0x1234, "example.org", None).is_ok());
/// assert!(link.ask(0x1234, "example.net", None).is_err(), "this ID is taken: ask on another connection");
/// let message = [0x12, 0x34, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// assert_eq!(link.arrived(&message, now), Arrival::For(&mut "example.org"));
/// assert_eq!(link.done(0x1234, now), Some("example.org"));
/// assert_eq!(link.arrived(&message, now), Arrival::Stray);
///
/// // It stays open for a while.
/// let idle = link.poll_timeout().expect("nobody waits") - now;
/// assert!(!link.is_over(now) && link.is_over(now + idle));
/// ```
///
/// [RFC 7766 §6.2.1.1]: https://www.rfc-editor.org/rfc/rfc7766#section-6.2.1.1
#[derive(Clone, Debug)]
pub struct Link<E> {
    askers: HashMap<u16, Asker<E>, RandomState>,
    given_up: HashSet<u16, RandomState>,
    /// Questions that were ever asked here.
    questions: u64,
    /// Nothing more is asked.
    is_closing: bool,
    /// When something was last asked or came.
    used: Instant,
    heard: Instant,
    idle: Duration,
}

#[derive(Clone, Debug)]
struct Asker<E> {
    exchange: E,
    octets: u64,
    /// How long it waits behind others.
    patience: Option<Instant>,
}

/// Whom a message is for.
#[derive(Debug, Eq, PartialEq)]
pub enum Arrival<'l, E> {
    /// Somebody who waits.
    For(&'l mut E),
    /// Somebody who no longer waits: it is dropped.
    GivenUp,
    /// Nobody asked with its ID, or it is too short to have one: whoever sent it cannot be trusted with several questions.
    Stray,
}

impl<E> Link<E> {
    /// A connection on which nothing was asked yet.
    pub fn new(now: Instant) -> Self {
        Self {
            askers: HashMap::default(),
            given_up: HashSet::default(),
            questions: 0,
            is_closing: false,
            used: now,
            heard: now,
            idle: IDLE,
        }
    }

    /// Notes that `exchange` asks with this message ID, and waits behind others until `patience` is over.
    ///
    /// # Errors
    ///
    /// It comes back where it cannot ask here: the ID is taken, 32 wait already, or the connection is about to be closed.
    pub fn ask(&mut self, id: u16, exchange: E, patience: Option<Instant>) -> Result<(), E> {
        let is_taken = self.askers.contains_key(&id) || self.given_up.contains(&id);
        if is_taken || !self.has_room() {
            return Err(exchange);
        }
        let asker = Asker {
            exchange,
            octets: 0,
            patience,
        };
        self.askers.insert(id, asker);
        self.questions += 1;
        Ok(())
    }

    /// Whom a message is for.
    pub fn arrived(&mut self, message: &[u8], now: Instant) -> Arrival<'_, E> {
        (self.used, self.heard) = (now, now);
        let Some(id) = message.first_chunk().copied().map(u16::from_be_bytes) else {
            return Arrival::Stray;
        };
        match self.askers.get_mut(&id) {
            Some(asker) => {
                asker.octets += message.len() as u64;
                self.is_closing |= asker.octets > LARGE;
                Arrival::For(&mut asker.exchange)
            }
            None if self.given_up.contains(&id) => Arrival::GivenUp,
            None => Arrival::Stray,
        }
    }

    /// Who waits with this message ID.
    pub fn asker(&self, id: u16) -> Option<&E> {
        self.askers.get(&id).map(|asker| &asker.exchange)
    }

    /// The answer is whole.
    pub fn done(&mut self, id: u16, now: Instant) -> Option<E> {
        self.used = now;
        self.askers.remove(&id).map(|asker| asker.exchange)
    }

    /// The answer is no longer waited for.
    pub fn give_up(&mut self, id: u16) -> Option<E> {
        let asker = self.askers.remove(&id)?;
        self.given_up.insert(id);
        self.is_closing = true;
        Some(asker.exchange)
    }

    /// Those who would wait behind an answer that is large, if one is: they no longer wait here.
    pub fn crowded_out(&mut self) -> Vec<E> {
        let is_large = { self.askers.values() }.any(|asker| asker.octets > LARGE);
        self.displace(|asker| is_large && asker.octets == 0)
    }

    /// Those whose patience is over, if there were others before or beside them: they no longer wait here.
    pub fn impatient(&mut self, now: Instant) -> Vec<E> {
        let is_shared = self.is_shared();
        self.displace(|asker| is_shared && asker.is_impatient(now))
    }

    /// The connection is lost: everybody who still waited.
    pub fn lost(&mut self) -> impl Iterator<Item = E> {
        self.is_closing = true;
        self.askers.drain().map(|(_, asker)| asker.exchange)
    }

    /// Whether a loss at this moment would say that the primary does not put up with several questions. A connection that
    /// has been idle for a while may be closed by anybody.
    pub fn is_lost_to_sharing(&self, now: Instant) -> bool {
        self.is_shared()
            && !self.askers.is_empty()
            && now.saturating_duration_since(self.heard) < JUST_NOW
    }

    /// The primary says how long the connection may be idle, in tenths of a second ([RFC 7828 §3.3.2]).
    ///
    /// [RFC 7828 §3.3.2]: https://www.rfc-editor.org/rfc/rfc7828#section-3.3.2
    pub fn keep_alive(&mut self, tenths: u16) {
        self.idle = (Duration::from_millis(100) * tenths.into()).min(LONGEST_IDLE);
    }

    /// When there will be something to do if nothing happens before: somebody's patience is over, or nobody has used the
    /// connection for long enough.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.askers.is_empty() {
            return Some(self.used + self.idle);
        }
        let is_shared = self.is_shared();
        let waiting = { self.askers.values() }.filter(|asker| is_shared && asker.octets == 0);
        waiting.filter_map(|asker| asker.patience).min()
    }

    /// Whether the connection is to be closed.
    pub fn is_over(&self, now: Instant) -> bool {
        self.askers.is_empty() && (self.is_closing || self.used + self.idle <= now)
    }

    /// Whether something may be asked.
    pub fn has_room(&self) -> bool {
        !self.is_closing && self.askers.len() < PIPELINE
    }

    /// Whether more than one question was asked here.
    pub fn is_shared(&self) -> bool {
        self.questions > 1
    }

    /// Whether nothing more is asked here.
    pub fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Whether all that it carries, and will carry, is one answer that is large: whoever waits for it may have it.
    pub fn is_given(&self) -> bool {
        self.given_up.is_empty() && self.len() == 1 && { self.askers.values() }
            .any(|asker| asker.octets > LARGE)
    }

    /// The one who waits, if nothing that comes can be for anybody else.
    pub fn only(&self) -> Option<&E> {
        let is_only = self.len() == 1 && self.given_up.is_empty();
        { self.exchanges().next() }.filter(|_| is_only)
    }

    /// Everybody who waits.
    pub fn exchanges(&self) -> impl Iterator<Item = &E> {
        self.askers.values().map(|asker| &asker.exchange)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.askers.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.askers.is_empty()
    }

    fn displace(&mut self, is_displaced: impl Fn(&Asker<E>) -> bool) -> Vec<E> {
        let ids = { self.askers.iter() }.filter(|(_, asker)| is_displaced(asker));
        let ids: Vec<u16> = ids.map(|(id, _)| *id).collect();
        { ids.into_iter() }
            .filter_map(|id| self.give_up(id))
            .collect()
    }
}

impl<E> Asker<E> {
    fn is_impatient(&self, now: Instant) -> bool {
        self.octets == 0 && self.patience.is_some_and(|patience| patience <= now)
    }
}
