//! What requests carry: an id in the path, parameters, a body, a token.

use std::{sync::Arc, time::Duration};

use axum::{
    body::to_bytes,
    extract::{self, FromRequest, FromRequestParts, Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    middleware::Next,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use zonekit_model::{PageRequest, Uuid, ZoneFilter, ZoneState};

use crate::{
    Service,
    answer::{Answer, Problem},
    audit::{Credential, Holder},
    router::App,
};

/// Lets a request pass if its token opens a contract, which the routes then find among the extensions.
pub(crate) async fn authenticate<S: Service>(
    State(app): State<Arc<App<S>>>,
    mut request: Request,
    next: Next,
) -> Answer {
    let holder = bearer(request.headers()).and_then(|token| {
        let digest = Sha256::digest(token).into();
        let contract = app.tokens.by_digest(&digest)?;
        Some(Holder::new(contract, Credential::Token(digest)))
    });
    let holder = holder.ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "a valid bearer token is needed: Authorization: Bearer <token>",
        )
    })?;
    let (method, uri) = (request.method().clone(), request.uri().clone());
    request.extensions_mut().insert(holder.clone());
    let answer = Ok(next.run(request).await);
    holder.answered(&method, &uri, &answer);
    answer
}

/// The one bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// Whose request it is.
pub(crate) struct Tenant(pub(crate) Holder);

impl<S: Send + Sync> FromRequestParts<S> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let holder = parts.extensions.get().cloned();
        holder
            .map(Self)
            .ok_or_else(|| Problem::internal(&"a route was reached without a contract"))
    }
}

/// The zone id in the path.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(text)| text);
        // The canonical form only: other forms of the same id would be second names for the same zone.
        let id = text
            .ok()
            .filter(|text| text.len() == 36)
            .and_then(|text| Uuid::try_parse(&text).ok());
        id.map(Self).ok_or_else(|| {
            Problem::bad_request("zone id: a UUID of 36 characters was expected in the path")
        })
    }
}

/// The whole body, if it is not too large and arrives in time.
pub(crate) struct WholeBody(pub(crate) Bytes);

impl<S: Service> FromRequest<Arc<App<S>>> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App<S>>) -> Result<Self, Problem> {
        let most = app.limits.body;
        let too_large = || {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than the {most} octets allowed"),
            )
        };
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > most as u64) {
            return Err(too_large());
        }
        // A little less than the request has in all, so that a slow body is told as one.
        let patience = app.limits.time.saturating_sub(Duration::from_millis(100));
        match tokio::time::timeout(patience, to_bytes(request.into_body(), most)).await {
            Ok(Ok(body)) => Ok(Self(body)),
            Ok(Err(error)) if is_too_large(&error) => Err(too_large()),
            Ok(Err(_)) => Err(Problem::bad_request("the body ended early")),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            )),
        }
    }
}

/// Whether reading stopped at the limit rather than by a fault of the connection.
fn is_too_large(error: &axum::Error) -> bool {
    let error: &dyn std::error::Error = error;
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.to_string().contains("limit exceeded"))
}

/// The parameters of a query. Those that nobody asks for are ignored: one vendor client sends some everywhere.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = extract::Query::try_from_uri(uri)
            .map_err(|_| Problem::bad_request("the query cannot be read"))?;
        Ok(Self(query.0))
    }

    /// The last value given for a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The page asked for: 100 items from the beginning if nothing is said.
    pub(crate) fn page(&self) -> Result<PageRequest, Problem> {
        let offset = self.value("offset").map_or(Some(0), digits);
        let limit = self.value("limit").map_or(Some(100), digits);
        let limit = limit
            .and_then(|limit| u32::try_from(limit).ok())
            .filter(|limit| (1..=1_000).contains(limit));
        Ok(PageRequest {
            offset: offset.ok_or_else(|| self.unexpected("offset", "an integer from 0"))?,
            limit: limit.ok_or_else(|| self.unexpected("limit", "an integer from 1 to 1000"))?,
        })
    }

    /// The zones asked for: all if nothing is said.
    pub(crate) fn filter(&self) -> Result<ZoneFilter, Problem> {
        let expected = "PROVISIONING, AVAILABLE, DESTROYING or FAILED";
        let state = self.value("filter.state").map(ZoneState::from_word);
        Ok(ZoneFilter {
            name: self.value("filter.zoneName").map(Into::into),
            state: match state {
                Some(None) => return Err(self.unexpected("filter.state", expected)),
                Some(state) => state,
                None => None,
            },
        })
    }

    /// Why the value of a parameter is not taken.
    pub(crate) fn unexpected(&self, name: &str, expected: &str) -> Problem {
        self.found(name, expected, self.value(name).unwrap_or_default())
    }

    /// The same of a value that stood elsewhere.
    pub(crate) fn found(&self, name: &str, expected: &str, found: &str) -> Problem {
        let found: String = found.chars().take(60).collect();
        Problem::bad_request(format!("{name}: {expected} was expected, not {found:?}"))
            .about(name, expected)
    }
}

/// A number written in digits and nothing else.
pub(crate) fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|octet| octet.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}
