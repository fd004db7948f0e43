//! Webhooks: what happens to zones, sent to addresses that the configuration names.
//!
//! Each hook has a queue and a task of its own, so that one whose receiver is slow or gone delays no other, no visit and no
//! transfer; what finds its queue full is lost, and told in the log. An event is sent until it is taken (a status of 2xx), with
//! growing pauses, for about an hour; those behind it wait, so that they come in order.
//!
//! ```text
//!   POST /path HTTP/1.1
//!   Content-Type: application/json
//!   Zonekit-Delivery: 9203580f-…           the same however often it is sent
//!   Zonekit-Signature: t=1700000000,v1=…   HMAC-SHA256, in hexadecimal, of "1700000000." and the body
//! ```

mod send;

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tracing::{debug, error, warn};
use zonekit_model::{Contract, Event, Uuid};

use crate::clock;
use crate::config::Webhook;

use self::send::Sender;

/// Events that may wait for one hook.
const QUEUE: usize = 1_024;
/// How often an event is sent, at most.
const TRIES: u32 = 16;
/// The pause after the first time in vain; doubled after each, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// All hooks of a configuration.
#[derive(Default)]
pub(crate) struct Webhooks(Vec<Hook>);

struct Hook {
    settings: Webhook,
    delivery: Arc<Delivery>,
}

/// Events on their way to one hook. Dropped, it ends, with whatever waits: nobody is told of anything who is not to be.
struct Delivery {
    queue: mpsc::Sender<Arc<Event>>,
    /// What the task goes by from the next try on.
    settings: watch::Sender<Webhook>,
    task: AbortHandle,
}

impl Delivery {
    fn start(settings: &Webhook) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (sender, receiver) = watch::channel(settings.clone());
        let task = tokio::spawn(deliver(receiver, waiting)).abort_handle();
        Arc::new(Self {
            queue,
            settings: sender,
            task,
        })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Webhooks {
    /// The hooks of a configuration; of those before, the ones that are to stay go on with what waits, under another secret if
    /// they were given one. The others end. To be called on a runtime.
    pub(crate) fn start(settings: &[Webhook], before: &Self) -> Self {
        let mut before: Vec<&Hook> = before.0.iter().collect();
        let mut known = |is_it: &dyn Fn(&Webhook) -> bool| {
            let running = |hook: &&Hook| !hook.delivery.task.is_finished();
            let place = { before.iter() }.position(|hook| running(hook) && is_it(&hook.settings));
            place.map(|place| before.swap_remove(place))
        };
        // First those that are what they were: two may have one address.
        let same: Vec<_> = { settings.iter() }
            .map(|settings| known(&|hook| hook == settings))
            .collect();
        let hook = |(settings, same): (&Webhook, Option<&Hook>)| {
            let is_for_it =
                |hook: &Webhook| hook.contract == settings.contract && hook.url == settings.url;
            let known = same.or_else(|| known(&is_for_it));
            let delivery = known.map_or_else(
                || Delivery::start(settings),
                |hook| {
                    hook.delivery.settings.send_if_modified(|now| {
                        let is_new = now != settings;
                        now.clone_from(settings);
                        is_new
                    });
                    Arc::clone(&hook.delivery)
                },
            );
            Hook {
                settings: settings.clone(),
                delivery,
            }
        };
        Self(settings.iter().zip(same).map(hook).collect())
    }

    /// Has an event sent to whoever wants it.
    pub(crate) fn tell(&self, contract: &Contract, event: &Arc<Event>) {
        for hook in &self.0 {
            let Webhook {
                contract: whose,
                events,
                url,
                ..
            } = &hook.settings;
            if whose == contract
                && events.contains(&event.kind)
                && hook.delivery.queue.try_send(Arc::clone(event)).is_err()
            {
                warn!(%url, event = event.kind.as_str(), zone = %event.zone.name, "the webhook's queue is full: not told");
            }
        }
    }
}

/// Sends what waits, one after the other, by the settings of the moment.
async fn deliver(mut settings: watch::Receiver<Webhook>, mut waiting: mpsc::Receiver<Arc<Event>>) {
    let mut now = settings.borrow_and_update().clone();
    let mut sender = match Sender::new(&now) {
        Ok(sender) => sender,
        Err(error) => return error!(url = %now.url, %error, "the webhook cannot be used"),
    };
    while let Some(event) = waiting.recv().await {
        // Plain text and numbers: there is nothing in it that JSON cannot say.
        let body = serde_json::to_string(&*event).unwrap_or_default();
        let delivery = Uuid::new_v4();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            if settings.has_changed().unwrap_or(false) {
                now = settings.borrow_and_update().clone();
                sender = match Sender::new(&now) {
                    Ok(sender) => sender,
                    Err(error) => {
                        return error!(url = %now.url, %error, "the webhook cannot be used");
                    }
                };
            }
            if !now.events.contains(&event.kind) {
                break; // not any more
            }
            let (kind, zone, url) = (event.kind.as_str(), &event.zone.name, &now.url);
            let signature = signature(&now.secret, clock::now().as_seconds(), &body);
            match sender.send(&body, &delivery, &signature).await {
                Ok(()) => {
                    debug!(%url, event = kind, %zone, attempt, "webhook told");
                    break;
                }
                Err(error) if attempt == TRIES => {
                    warn!(%url, event = kind, %zone, %error, "the webhook does not take it: given up");
                }
                Err(error) => {
                    debug!(%url, event = kind, %zone, attempt, %error, "webhook not told yet");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = settings.changed() => settings.mark_changed(),
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// The header by which the receiver knows that it was us, and when.
fn signature(secret: &[u8], at: u64, body: &str) -> String {
    // Any length of key does for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{at}.").as_bytes());
    mac.update(body.as_bytes());
    let octets = mac.finalize().into_bytes();
    let digits: String = { octets.iter() }
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("t={at},v1={digits}")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use zonekit_model::{Change, Command, EventKind, Registry, Timestamp, ZoneDraft};

    use super::*;

    #[test]
    fn the_signature_is_that_of_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature(b"secret", 1_700_000_000, "{}"),
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
    fn settings(address: SocketAddr, secret: &str) -> Webhook {
        let text = format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:5300\"]\n[http]\nlisten = \"127.0.0.1:8053\"\n\
             [[http.webhook]]\nurl = \"http://{address}/\"\nsecret = \"{secret}\"\ncontract = \"one\"\n\
             events = [\"zone_created\"]\n"
        );
        let config = crate::Config::parse(&text, "secondary.toml".as_ref()).unwrap();
        config.http.unwrap().webhooks.remove(0)
    }

    fn event() -> Arc<Event> {
        let address = "192.0.2.1".parse().unwrap();
        let draft = ZoneDraft::at_addresses("example.org".parse().unwrap(), [address]);
        let command = Command::create(&"one".parse().unwrap(), Uuid::from_u128(1), draft);
        let changes = Registry::default().judge(command, Timestamp(1)).unwrap();
        let Some(Change::PutZone(zone)) = changes.into_iter().next() else {
            panic!("no zone");
        };
        let kind = EventKind::ZoneCreated;
        Arc::new(Event::of(kind, Timestamp(1), &zone, None))
    }

    /// Takes one event, answers with that status, and says whether it was signed with that secret.
    async fn is_signed(hooked: &TcpListener, secret: &str, status: u16) -> bool {
        let receive = async {
            let (mut stream, _) = hooked.accept().await.unwrap();
            let (mut octets, mut buffer) = (Vec::new(), [0; 4_096]);
            let (head, body) = loop {
                let count = stream.read(&mut buffer).await.unwrap();
                assert!(count > 0, "a request that ends early");
                octets.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8(octets.clone()).unwrap();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let head = head.to_ascii_lowercase();
                    if head.contains(&format!("content-length: {}", body.len())) {
                        break (head, body.to_owned());
                    }
                }
            };
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let at = head.split("t=").nth(1).unwrap().split(',').next().unwrap();
            head.contains(&signature(secret.as_bytes(), at.parse().unwrap(), &body))
        };
        { tokio::time::timeout(Duration::from_secs(30), receive).await }.expect("an event")
    }

    #[tokio::test]
    async fn another_secret_is_in_force_at_once_and_who_is_removed_is_told_nothing_more() {
        let hooked = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = hooked.local_addr().unwrap();
        let (old, new) = ("the old secret, long", "the new secret, long");
        let first = Webhooks::start(&[settings(address, old)], &Webhooks::default());
        let contract = "one".parse().unwrap();
        first.tell(&contract, &event());
        first.tell(&contract, &event());
        assert!(is_signed(&hooked, old, 500).await);

        let second = Webhooks::start(&[settings(address, new)], &first);
        drop(first);
        assert!(is_signed(&hooked, new, 200).await); // the one that waits
        assert!(is_signed(&hooked, new, 500).await); // and the next

        let task = second.0[0].delivery.task.clone();
        let none = Webhooks::start(&[], &second);
        drop(second);
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(none.0.is_empty());
    }
}
