//! What happens to zones, told to whoever wants to be told: streams of events and webhooks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use tokio::sync::broadcast;
use zonekit_model::{Contract, Event};

use crate::webhooks::Webhooks;

/// Events that a stream may be behind with; whoever is further behind is told how many it has missed.
const BEHIND: usize = 256;
/// Streams of one contract at a time.
const STREAMS: usize = 32;

/// Where events come together. To tell one costs next to nothing and waits for nobody.
#[derive(Default)]
pub(crate) struct Hub {
    streams: Mutex<Streams>,
    pub(crate) webhooks: ArcSwap<Webhooks>,
}

#[derive(Default)]
struct Streams {
    by_contract: HashMap<Contract, broadcast::Sender<Arc<Event>>>,
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
        if let Some(sender) = streams.by_contract.get(&contract)
            && sender.send(event).is_err()
        {
            streams.by_contract.remove(&contract); // nobody listens any more
        }
    }

    /// A stream of what happens to the zones of a contract from now on; none if it has too many, or at the end.
    pub(crate) fn listen(&self, contract: &Contract) -> Option<broadcast::Receiver<Arc<Event>>> {
        let mut streams = self.lock();
        if streams.is_over {
            return None;
        }
        let sender = { streams.by_contract.entry(contract.clone()) }
            .or_insert_with(|| broadcast::channel(BEHIND).0);
        (sender.receiver_count() < STREAMS).then(|| sender.subscribe())
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
        let mut listening = hub.listen(&one).unwrap();
        let mut other = hub.listen(&two).unwrap();
        hub.tell(event("one"));
        assert_eq!(listening.try_recv().unwrap().kind, EventKind::ZoneCreated);
        assert!(other.try_recv().is_err());
        for _ in 0..BEHIND + 5 {
            hub.tell(event("one"));
        }
        let behind = broadcast::error::TryRecvError::Lagged(5);
        assert_eq!(listening.try_recv().unwrap_err(), behind);
        hub.end();
        assert!(hub.listen(&one).is_none());
    }

    #[test]
    fn a_contract_has_so_many_streams_and_no_more() {
        let hub = Hub::default();
        let one = "one".parse().unwrap();
        let mut streams: Vec<_> = (0..STREAMS).map(|_| hub.listen(&one).unwrap()).collect();
        assert!(hub.listen(&one).is_none());
        assert!(hub.listen(&"two".parse().unwrap()).is_some());
        streams.pop();
        assert!(hub.listen(&one).is_some());
    }
}
