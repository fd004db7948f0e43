//! What happens to zones, as it happens.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use bytes::Bytes;
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio::time::timeout;

use super::{Call, shape::Error};
use crate::{Service, answer::Answer, pieces::in_pieces};

/// After so long without an event a word is said, so that both sides see that the other is still there.
const QUIET: Duration = Duration::from_secs(15);
/// Whoever takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to the zones of the contract, as it happens: server-sent events.
///
/// Each has a word for its kind as `event`, and as `data` a JSON object: `event`, `at`, `zone` (`id`, `name`), `serial`, `primary`
/// and `error` (`kind`, `text`). Nothing is told again: whoever connects reads the zones first. Who falls too far behind gets a
/// `missed` event with how many.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "streamEvents",
    responses(
        (status = 200, description = "The events, until one side ends it", content_type = "text/event-stream", body = String),
        (status = 429, description = "The contract has as many streams as it may", body = Error),
    )
)]
pub(super) async fn stream<S: Service>(call: Call<S>) -> Answer {
    let mut events = call.app.service.events(&call.contract)?;
    let (sender, pieces) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut piece = Bytes::from_static(b": from now on\n\n");
        while let Ok(Ok(())) = timeout(PATIENCE, sender.send(Some(piece))).await {
            let next = tokio::select! {
                next = timeout(QUIET, events.recv()) => next,
                () = sender.closed() => return,
            };
            piece = match next {
                Err(_) => Bytes::from_static(b": nothing yet\n\n"),
                Ok(Ok(event)) => {
                    let data = serde_json::to_string(&*event).unwrap_or_default();
                    format!("event: {}\ndata: {data}\n\n", event.kind.as_str()).into()
                }
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
    let mut response = in_pieces("text/event-stream", pieces);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
