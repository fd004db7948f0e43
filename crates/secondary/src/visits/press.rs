//! Small versions are published together: a commit costs the disk about as much for a thousand zones as for one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use tokio::sync::oneshot;
use zonekit_model::Failure;

use crate::node::{Edition, Node};

/// Octets of a version, in wire form, from which on it is published by itself.
pub(super) const LARGE: u64 = 1 << 20;

/// Versions that are published together, at most: what small ones come to then fits the store's memory for a transaction. Of twice
/// as many it has to write pages before their time, and read and write them again.
const FULL: usize = 500;

/// After so many at a time, more are waited for: this is no single zone that changes.
const MANY: usize = 32;

/// For so long, at most.
const WAIT: Duration = Duration::from_millis(50);

/// How often it is looked whether they have come.
const LOOK: Duration = Duration::from_millis(5);

type Published = Result<(), Failure>;

/// Versions that wait to be published together.
#[derive(Default)]
pub(crate) struct Press {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    editions: Vec<(Edition, oneshot::Sender<Published>)>,
    /// Whether somebody publishes.
    is_running: bool,
}

/// Publishes a version, perhaps with others, once and for all: whoever waits for it or not.
pub(super) async fn publish(node: &Arc<Node>, edition: Edition) -> Published {
    let (sender, published) = oneshot::channel();
    let is_large = edition.candidate.zone.octets() >= LARGE;
    let node = Arc::clone(node);
    if is_large {
        tokio::task::spawn_blocking(move || {
            for (result, sender) in node.publish(&[edition]).into_iter().zip([sender]) {
                let _ = sender.send(result); // the visit was called off meanwhile
            }
        });
    } else if node.press.put(edition, sender) {
        tokio::task::spawn_blocking(move || run(&node));
    }
    published.await.unwrap_or_else(|_| {
        Err(Failure {
            kind: "internal".to_owned(),
            text: "publishing failed within; the log has the place".to_owned(),
        })
    })
}

impl Press {
    /// Puts a version among those that wait; whether somebody has to begin publishing.
    fn put(&self, edition: Edition, sender: oneshot::Sender<Published>) -> bool {
        let mut waiting = self.lock();
        waiting.editions.push((edition, sender));
        !std::mem::replace(&mut waiting.is_running, true)
    }

    /// Those that are published next, of no zone more than one; without any, nobody publishes any more.
    fn take(&self) -> Vec<(Edition, oneshot::Sender<Published>)> {
        let mut waiting = self.lock();
        let mut names = HashSet::<_, RandomState>::default();
        let editions = waiting.editions.iter().take(FULL);
        let count = editions.take_while(|(edition, _)| names.insert(edition.name.clone()));
        let count = count.count();
        waiting.is_running = count > 0;
        waiting.editions.drain(..count).collect()
    }

    fn has_enough(&self) -> bool {
        self.lock().editions.len() >= FULL
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        { self.waiting.lock() }.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes what waits until nothing does.
fn run(node: &Node) {
    let _watch = Watch(&node.press);
    loop {
        let (editions, senders): (Vec<_>, Vec<_>) = node.press.take().into_iter().unzip();
        if editions.is_empty() {
            return;
        }
        for (result, sender) in node.publish(&editions).into_iter().zip(senders) {
            let _ = sender.send(result); // the visit was called off meanwhile
        }
        let began = Instant::now();
        while editions.len() >= MANY && !node.press.has_enough() && began.elapsed() < WAIT {
            thread::sleep(LOOK);
        }
    }
}

/// Sees to it that a panic leaves nobody waiting.
struct Watch<'p>(&'p Press);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            *self.0.lock() = Waiting::default();
        }
    }
}
