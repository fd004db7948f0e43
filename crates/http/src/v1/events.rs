//! What happens to zones, as it happens.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use bytes::Bytes;
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio::time::timeout;

use super::{Call, shape::Error};
use crate::{EventId, EventStream, Service, ToldEvent, answer::Answer, pieces::in_pieces};

/// After so long without an event a word is said, so that both sides see that the other is still there.
const QUIET: Duration = Duration::from_secs(15);
/// The word: a comment.
const NOTHING: &[u8] = b": nothing yet\n\n";
/// Whoever takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to the zones of the contract, as it happens: server-sent events.
///
/// Each has a word for its kind as `event`, and as `data` a JSON object: `event`, `at`, `zone` (`id`, `name`), `serial`, `primary`
/// and `error` (`kind`, `text`). Whoever connects anew with the `id` of the last one that it has seen gets those since first; the
/// last 256 are kept, until the service is started anew. Who asks for more than that gets a `reset` event, and reads the zones
/// again; who falls too far behind gets a `missed` event with how many.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "streamEvents",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen"),
    ),
    responses(
        (status = 200, description = "The events, until one side ends it", content_type = "text/event-stream", body = String),
        (status = 429, description = "The contract has as many streams as it may", body = Error),
    )
)]
pub(super) async fn stream<S: Service>(call: Call<S>) -> Answer {
    // An id that is none of ours is one that is not known any more.
    const UNKNOWN: EventId = EventId { run: 0, number: 0 };
    let seen = call.headers.get("last-event-id");
    let seen = seen.map(|id| { id.to_str() }.ok().and_then(|id| id.parse().ok()));
    let seen = seen.map(|id| id.unwrap_or(UNKNOWN));
    let mut events = call.app.service.events(&call.holder.contract, seen)?;
    let (sender, pieces) = mpsc::channel(2);
    let (tokens, holder) = (call.app.tokens.clone(), call.holder);
    let mut renewed = tokens.renewed();
    tokio::spawn(async move {
        let mut piece = beginning(&events);
        loop {
            // Whoever may not begin a stream any more may not go on with one.
            if !tokens.is_good_for(&holder) {
                let _ = timeout(PATIENCE, sender.send(None)).await;
                return;
            }
            let Ok(Ok(())) = timeout(PATIENCE, sender.send(Some(piece))).await else {
                return;
            };
            let next = tokio::select! {
                next = timeout(QUIET, events.next.recv()) => next,
                Ok(()) = renewed.changed() => {
                    piece = Bytes::from_static(NOTHING);
                    continue;
                }
                () = sender.closed() => return,
            };
            piece = match next {
                Err(_) => Bytes::from_static(NOTHING),
                Ok(Ok(event)) => in_text(&event).into(),
                Ok(Err(RecvError::Lagged(missed))) => {
                    format!("event: missed\ndata: {{\"missed\":{missed}}}\n\n").into()
                }
                Ok(Err(RecvError::Closed)) => {
                    let _ = sender.send(None).await;
                    return;
                }
            };
        }
    });
    let mut response = in_pieces("text/event-stream", pieces, ());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a stream begins with: what was missed, or that it is not known any more; and where it goes on.
fn beginning(events: &EventStream) -> Bytes {
    let mut text = ": from now on\n".to_owned();
    match &events.since {
        None => text.push_str(&format!(
            "event: reset\ndata: {{}}\nid: {}\n\n",
            events.last
        )),
        Some(since) if since.is_empty() => text.push_str(&format!("id: {}\n\n", events.last)),
        Some(since) => {
            text.push('\n');
            text.extend(since.iter().map(|event| in_text(event)));
        }
    }
    text.into()
}

fn in_text(ToldEvent { id, event }: &ToldEvent) -> String {
    let data = serde_json::to_string(&**event).unwrap_or_default();
    format!("event: {}\ndata: {data}\nid: {id}\n\n", event.kind.as_str())
}
