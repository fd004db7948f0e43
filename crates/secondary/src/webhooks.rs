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
use tokio::sync::mpsc;
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
    queue: mpsc::Sender<Arc<Event>>,
}

impl Webhooks {
    /// The hooks of a configuration; of those before, the ones that are to stay go on with what waits. To be called on a
    /// runtime.
    pub(crate) fn start(settings: &[Webhook], before: &Self) -> Self {
        let hook = |settings: &Webhook| {
            let known = before.0.iter().find(|hook| hook.settings == *settings);
            let queue = known.map_or_else(
                || {
                    let (queue, waiting) = mpsc::channel(QUEUE);
                    tokio::spawn(deliver(settings.clone(), waiting));
                    queue
                },
                |hook| hook.queue.clone(),
            );
            Hook {
                settings: settings.clone(),
                queue,
            }
        };
        Self(settings.iter().map(hook).collect())
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
                && hook.queue.try_send(Arc::clone(event)).is_err()
            {
                warn!(%url, event = event.kind.as_str(), zone = %event.zone.name, "the webhook's queue is full: not told");
            }
        }
    }
}

/// Sends what waits, one after the other, until nobody can add anything.
async fn deliver(settings: Webhook, mut waiting: mpsc::Receiver<Arc<Event>>) {
    let sender = match Sender::new(&settings) {
        Ok(sender) => sender,
        Err(error) => return error!(url = %settings.url, %error, "the webhook cannot be used"),
    };
    while let Some(event) = waiting.recv().await {
        let (kind, zone, url) = (event.kind.as_str(), &event.zone.name, &settings.url);
        // Plain text and numbers: there is nothing in it that JSON cannot say.
        let body = serde_json::to_string(&*event).unwrap_or_default();
        let delivery = Uuid::new_v4();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            let signature = signature(&settings.secret, clock::now().as_seconds(), &body);
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
                    tokio::time::sleep(pause).await;
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
    use super::*;

    #[test]
    fn the_signature_is_that_of_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature(b"secret", 1_700_000_000, "{}"),
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
