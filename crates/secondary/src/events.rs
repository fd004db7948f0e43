//! What happens to zones, told to whoever wants to be told: streams of events and webhooks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use zonekit_http::{EventFeed, EventId, EventStream};
use zonekit_model::{Contract, Event};

use crate::clock;
use crate::webhooks::Webhooks;

/// Streams of one contract at a time.
const STREAMS: usize = 32;

/// Where events come together. To tell one costs next to nothing and waits for nobody.
pub(crate) struct Hub {
    /// Told from those before it by when it began.
    run: u64,
    streams: Mutex<Streams>,
    pub(crate) webhooks: ArcSwap<Webhooks>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            run: clock::now().0,
            streams: Mutex::default(),
            webhooks: ArcSwap::default(),
        }
    }
}

#[derive(Default)]
struct Streams {
    by_contract: HashMap<Contract, EventFeed>,
    is_over: bool,
}

impl Hub {
    /// Tells it to those of its contract. What happens to zones without one is told to nobody.
    pub(crate) fn tell(&self, event: Event) {
        let Some(contract) = event.contract.clone() else {
            return;
        };
        let event = Arc::new(event);
        self.webhooks.load().tell(&contract, &event);
        let mut streams = self.lock();
        if !streams.is_over {
            let feed = streams.by_contract.entry(contract);
            feed.or_insert_with(|| EventFeed::new(self.run)).tell(event);
        }
    }

    /// A stream of what happens to the zones of a contract from now on, or since the event that was last seen; none if it has
    /// too many, or at the end.
    pub(crate) fn listen(&self, contract: &Contract, seen: Option<EventId>) -> Option<EventStream> {
        let mut streams = self.lock();
        if streams.is_over {
            return None;
        }
        let feed = { streams.by_contract.entry(contract.clone()) }
            .or_insert_with(|| EventFeed::new(self.run));
        (feed.listeners() < STREAMS).then(|| feed.listen(seen))
    }

    /// Ends all streams.
    pub(crate) fn end(&self) {
        let mut streams = self.lock();
        streams.is_over = true;
        streams.by_contract.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        { self.streams.lock() }.unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;
    use zonekit_model::{Command, EventKind, Registry, Timestamp, Uuid, ZoneDraft};

    use super::*;

    fn event(contract: &str) -> Event {
        let address = "192.0.2.1".parse().unwrap();
        let draft = ZoneDraft::at_addresses("example.org".parse().unwrap(), [address]);
        let command = Command::create(&contract.parse().unwrap(), Uuid::from_u128(1), draft);
        let changes = Registry::default().judge(command, Timestamp(1)).unwrap();
        let zone = changes.zone().unwrap();
        Event::of(EventKind::ZoneCreated, Timestamp(1), zone, None)
    }

    #[test]
    fn events_come_to_their_contract_only_and_a_slow_listener_holds_nobody_up() {
        let hub = Hub::default();
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        let mut listening = hub.listen(&one, None).unwrap().next;
        let mut other = hub.listen(&two, None).unwrap().next;
        hub.tell(event("one"));
        let told = listening.try_recv().unwrap();
        assert_eq!(
            (told.event.kind, told.id.number),
            (EventKind::ZoneCreated, 1)
        );
        assert!(other.try_recv().is_err());
        for _ in 0..EventFeed::KEPT + 5 {
            hub.tell(event("one"));
        }
        assert_eq!(listening.try_recv().unwrap_err(), TryRecvError::Lagged(5));
        hub.end();
        assert!(hub.listen(&one, None).is_none());
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_as_long_as_it_is_known() {
        let hub = Hub::default();
        let one = "one".parse().unwrap();
        let begin = hub.listen(&one, None).unwrap().last;
        let since = |number| {
            let seen = EventId { number, ..begin };
            let since = hub.listen(&one, Some(seen)).unwrap().since?;
            Some(since.iter().map(|told| told.id.number).collect::<Vec<_>>())
        };
        assert_eq!((since(0), since(1)), (Some(vec![]), None)); // the second never was
        for _ in 0..EventFeed::KEPT {
            hub.tell(event("one"));
        }
        let last = EventFeed::KEPT as u64;
        assert_eq!(since(0).map(|since| since.len()), Some(EventFeed::KEPT));
        assert_eq!(since(last - 2), Some(vec![last - 1, last]));
        hub.tell(event("one"));
        assert_eq!((since(0), since(last + 1)), (None, Some(vec![])));
        let other_run = EventId {
            run: begin.run - 1,
            number: last,
        };
        assert!(hub.listen(&one, Some(other_run)).unwrap().since.is_none());
        assert_eq!(
            hub.listen(&"two".parse().unwrap(), None)
                .unwrap()
                .last
                .number,
            0
        );
    }

    #[test]
    fn a_contract_has_so_many_streams_and_no_more() {
        let hub = Hub::default();
        let one = "one".parse().unwrap();
        let mut streams: Vec<_> = (0..STREAMS)
            .map(|_| hub.listen(&one, None).unwrap())
            .collect();
        assert!(hub.listen(&one, None).is_none());
        assert!(hub.listen(&"two".parse().unwrap(), None).is_some());
        streams.pop();
        assert!(hub.listen(&one, None).is_some());
    }
}
