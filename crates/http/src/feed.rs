//! What happens to the zones of a contract, numbered, so that whoever lost a stream can go on where it was.

use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

use tokio::sync::broadcast;
use zonekit_model::Event;

/// Which event: those of one run of a service are numbered from 1. As text it is the `id` of a server-sent event.
///
/// ```
/// use zonekit_http::EventId;
///
/// let id = EventId { run: 1_700_000_000_000, number: 7 };
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert!("7".parse::<EventId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventId {
    /// Which run of the service.
    pub run: u64,
    /// Which of its events.
    pub number: u64,
}

/// A text is not the id of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is not the id of an event")]
pub struct EventIdError;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.number)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (run, number) = text.split_once('.').ok_or(EventIdError)?;
        Ok(Self {
            run: run.parse().map_err(|_| EventIdError)?,
            number: number.parse().map_err(|_| EventIdError)?,
        })
    }
}

/// An event and its id.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldEvent {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub event: Arc<Event>,
}

/// The last events of one contract, and who listens to the next.
///
/// ```
/// use zonekit_http::{EventFeed, EventId};
///
/// let feed = EventFeed::new(1_700_000_000_000);
/// assert!(feed.listen(None).since.is_some_and(|since| since.is_empty()));
/// let of_another_run = EventId { run: 1_600_000_000_000, number: 7 };
/// assert!(feed.listen(Some(of_another_run)).since.is_none());
/// ```
#[derive(Debug)]
pub struct EventFeed {
    /// That of the last event.
    last: EventId,
    /// Oldest first; the last of them has the last number.
    kept: VecDeque<Arc<ToldEvent>>,
    sender: broadcast::Sender<Arc<ToldEvent>>,
}

/// Events from some moment on.
#[derive(Debug)]
pub struct EventStream {
    /// The last event before `next`.
    pub last: EventId,
    /// Those between the one that was last seen and `next`; `None` if they are not known any more.
    pub since: Option<Vec<Arc<ToldEvent>>>,
    /// Those that come.
    pub next: broadcast::Receiver<Arc<ToldEvent>>,
}

impl EventFeed {
    /// How many events are kept; a stream that is further behind has missed some.
    pub const KEPT: usize = 256;

    /// One without events, of a run of the service that has this number to itself.
    pub fn new(run: u64) -> Self {
        Self {
            last: EventId { run, number: 0 },
            kept: VecDeque::new(),
            sender: broadcast::channel(Self::KEPT).0,
        }
    }

    /// Tells an event to whoever listens, and keeps it for those who come back.
    pub fn tell(&mut self, event: Arc<Event>) {
        self.last.number += 1;
        let told = Arc::new(ToldEvent {
            id: self.last,
            event,
        });
        if self.kept.len() == Self::KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&told));
        let _ = self.sender.send(told); // or nobody listens
    }

    /// A stream of events: from now on, or from behind the one that was last seen.
    pub fn listen(&self, seen: Option<EventId>) -> EventStream {
        let since = |seen: EventId| {
            let missed = self.last.number.checked_sub(seen.number)?;
            let missed = usize::try_from(missed).ok()?;
            let known = self.kept.len().checked_sub(missed)?;
            (seen.run == self.last.run).then(|| self.kept.iter().skip(known).cloned().collect())
        };
        EventStream {
            last: self.last,
            since: seen.map_or(Some(Vec::new()), since),
            next: self.sender.subscribe(),
        }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }
}
