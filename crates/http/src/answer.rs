//! Answers: always JSON, also when something went wrong.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::Instrument;
use zonekit_model::{BodyError, Refusal, ionos, oci};

use crate::{ServiceError, dress::RequestId, v1};

/// An answer with a JSON body. The header is there in any case: one vendor client refuses a body without it.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            *response.headers_mut() = json_headers();
            response
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

pub(crate) fn json_headers() -> HeaderMap {
    let json = HeaderValue::from_static("application/json");
    let fresh = HeaderValue::from_static("no-store");
    HeaderMap::from_iter([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, fresh)])
}

/// The answer where there is nothing to tell but that it went well.
pub(crate) fn done() -> Response {
    json(StatusCode::OK, &serde_json::Map::new())
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// What a route gives.
pub(crate) type Answer = Result<Response, Problem>;

/// Runs a write to its end, also when the client goes away or its time runs out: half a write helps nobody, and what was
/// done must stand in the audit log.
pub(crate) async fn to_the_end(write: impl Future<Output = Answer> + Send + 'static) -> Answer {
    match tokio::spawn(write.in_current_span()).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Problem::internal(&error)),
        },
    }
}

/// Why a request is not answered as hoped: the same for all faces, each of which has its own way to say it.
///
/// As a response it speaks as IONOS does, and lies among the response's extensions for whoever dresses it otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The status and the word of OCI.
    oci: (StatusCode, &'static str),
    message: String,
    /// Which member or parameter is meant, and what was expected there.
    fault: Option<Box<Fault>>,
}

/// A member of a body or a parameter of a query that is not as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) member: String,
    pub(crate) expected: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            oci: (status, usual_code(status)),
            message: message.into(),
            fault: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same with this word of OCI's list.
    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.oci.1 = code;
        self
    }

    /// The same with the member that is meant.
    pub(crate) fn about(mut self, member: impl Into<String>, expected: impl Into<String>) -> Self {
        self.fault = Some(Box::new(Fault {
            member: member.into(),
            expected: expected.into(),
        }));
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The member or parameter that is meant.
    pub(crate) fn member(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| fault.member.as_str())
    }

    /// The client is told nothing; the log is told all.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed inside the service");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong inside the service; its log tells more",
        )
    }

    /// The answer as OCI gives it.
    pub(crate) fn into_oci(self) -> Response {
        let (status, body) = self.in_oci_words();
        with_hints(status, "Signature", json(status, &body))
    }

    pub(crate) fn in_oci_words(self) -> (StatusCode, oci::ErrorBody) {
        let (status, code) = self.oci;
        let body = oci::ErrorBody {
            code: code.into(),
            message: self.message,
        };
        (status, body)
    }
}

impl Problem {
    /// The answer in our own words.
    pub(crate) fn into_v1(self, request: &RequestId) -> Response {
        let fault = self.fault.map(|fault| *fault);
        let (member, expected) = fault.map(|fault| (fault.member, fault.expected)).unzip();
        let body = v1::Error {
            code: v1::error_code(self.status),
            message: self.message,
            member,
            expected,
            request_id: request.to_string(),
        };
        with_hints(self.status, "Bearer", json(self.status, &body))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ionos::ErrorBody::new(self.status.as_u16(), self.message.clone());
        let mut response = with_hints(self.status, "Bearer", json(self.status, &body));
        response.extensions_mut().insert(self);
        response
    }
}

/// The headers that say what to do about a status.
fn with_hints(status: StatusCode, scheme: &'static str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::NotJson { .. } => "CannotParseRequest",
            BodyError::Missing { .. } => "MissingParameter",
            _ => "InvalidParameter",
        };
        let problem = Self::bad_request(error.to_string()).with_code(code);
        match error {
            BodyError::Missing { member, expected } => problem.about(member, expected),
            BodyError::Unexpected {
                member, expected, ..
            } => problem.about(member, expected),
            _ => problem,
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self {
                oci: in_oci(&refusal),
                fault: fault(&refusal).map(Box::new),
                ..Self::new(status_of(&refusal), refusal.to_string())
            },
            ServiceError::TooManyToSort(_) | ServiceError::TooManyChanges(_) => {
                Self::bad_request(error.to_string())
            }
            ServiceError::NoDelegations(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            ServiceError::TooManyStreams
            | ServiceError::TooManyChecks
            | ServiceError::TooManyReads => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
            }
            ServiceError::Full | ServiceError::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            ServiceError::Internal(error) => Self::internal(&error),
        }
    }
}

/// The member of a body that a refusal is about, as our own face calls it.
fn fault(refusal: &Refusal) -> Option<Fault> {
    let (member, expected) = match refusal {
        Refusal::NameTaken(_) => ("name", "a name that no zone of the service has"),
        Refusal::KeyNameTaken(_) => ("name", "a name that no key of the service has"),
        Refusal::UnknownKeyName(_) => ("primaries", "the name of a key that the contract has"),
        Refusal::Primaries(_) => ("primaries", "primaries at addresses and ports of their own"),
        _ => return None,
    };
    Some(Fault {
        member: member.to_owned(),
        expected: expected.to_owned(),
    })
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownZone | Refusal::UnknownKey => StatusCode::NOT_FOUND,
        Refusal::NameFixed { .. }
        | Refusal::Primaries(_)
        | Refusal::UnknownKeyName(_)
        | Refusal::UnknownKeyId(_) => StatusCode::BAD_REQUEST,
        Refusal::TooManyZones { .. }
        | Refusal::TooManyRecords { .. }
        | Refusal::TooManyKeys { .. } => StatusCode::FORBIDDEN,
        Refusal::Changed => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::CONFLICT, // taken, in use, declared: in the way of what is there
    }
}

/// A refusal in OCI's words. `IncorrectState` is none of them: its clients would ask again for minutes.
fn in_oci(refusal: &Refusal) -> (StatusCode, &'static str) {
    let status = status_of(refusal);
    match refusal {
        Refusal::TooManyZones { .. } | Refusal::TooManyKeys { .. } => {
            (StatusCode::BAD_REQUEST, "LimitExceeded")
        }
        Refusal::TooManyRecords { .. } => (StatusCode::BAD_REQUEST, "QuotaExceeded"),
        Refusal::UnknownKeyName(_) | Refusal::UnknownKeyId(_) => {
            (status, "RelatedResourceNotAuthorizedOrNotFound")
        }
        Refusal::NameTaken(_) | Refusal::KeyNameTaken(_) | Refusal::IdTaken => {
            (status, "NotAuthorizedOrResourceAlreadyExists")
        }
        Refusal::TokenReused => (status, "InvalidatedRetryToken"),
        _ => (status, usual_code(status)),
    }
}

fn usual_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "InvalidParameter",
        StatusCode::UNAUTHORIZED => "NotAuthenticated",
        StatusCode::FORBIDDEN => "NotAllowed",
        StatusCode::NOT_FOUND => "NotAuthorizedOrNotFound",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PRECONDITION_FAILED => "NoEtagMatch",
        StatusCode::PAYLOAD_TOO_LARGE => "PayloadTooLarge",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        StatusCode::GATEWAY_TIMEOUT => "GatewayTimeout",
        _ => "InternalServerError",
    }
}
