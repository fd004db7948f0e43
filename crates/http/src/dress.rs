//! What every answer wears: the look of its face, and the id of its request.

use std::fmt;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use zonekit_model::Uuid;

use crate::{answer::Problem, oci, v1};

/// What a request is known by in its answer and in the log: what the client calls it, if that is fit to be repeated, and a
/// word of ours.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RequestId {
    fn of(headers: &HeaderMap, name: &str) -> Self {
        let ours = Uuid::new_v4().simple();
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./:".contains(&octet);
        let given = headers.get(name).and_then(|value| value.to_str().ok());
        Self(match given {
            Some(given) if matches!(given.len(), 1..=128) && given.bytes().all(plain) => {
                format!("{given}/{ours}")
            }
            _ => ours.to_string(),
        })
    }
}

/// Gives every answer its look: also those that no route has given.
pub(crate) async fn dress(request: Request, next: Next) -> Response {
    let face = Face::of(request.uri().path());
    let id = RequestId::of(request.headers(), face.id_header());
    let span = tracing::info_span!("request", %id);
    let mut response = next.run(request).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = match face {
            Face::Oci => problem.into_oci(),
            Face::Ours => problem.into_v1(&id),
            Face::Other => response,
        };
    }
    if let Ok(id) = HeaderValue::try_from(id.0) {
        response.headers_mut().insert(face.id_header(), id);
    }
    response
}

#[derive(Clone, Copy)]
enum Face {
    Oci,
    Ours,
    /// That of IONOS, which problems are born with, and what is no face.
    Other,
}

impl Face {
    fn of(path: &str) -> Self {
        let is_at = |root: &&str| {
            let rest = path.strip_prefix(*root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if oci::ROOTS.iter().any(&is_at) {
            Self::Oci
        } else if is_at(&v1::ROOT) {
            Self::Ours
        } else {
            Self::Other
        }
    }

    /// Where the id of a request stands, in it and in its answer.
    fn id_header(self) -> &'static str {
        match self {
            Self::Oci => "opc-request-id",
            Self::Ours | Self::Other => "x-request-id",
        }
    }
}
