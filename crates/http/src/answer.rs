//! Answers: always JSON, also when something went wrong.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use zonekit_model::{BodyError, Refusal, ionos};

use crate::ServiceError;

/// An answer with a JSON body. The header is there in any case: one vendor client refuses a body without it.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// The answer where there is nothing to tell but that it went well.
pub(crate) fn done() -> Response {
    json(StatusCode::OK, &serde_json::Map::new())
}

/// Why a request is not answered as hoped.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The client is told nothing; the log is told all.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed inside the service");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong inside the service; its log tells more",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json(
            self.status,
            &ionos::ErrorBody::new(self.status.as_u16(), self.message),
        );
        match self.status {
            StatusCode::UNAUTHORIZED => {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self::new(status_of(&refusal), refusal.to_string()),
            ServiceError::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            ServiceError::Internal(error) => Self::internal(&error),
        }
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownZone | Refusal::UnknownKey => StatusCode::NOT_FOUND,
        Refusal::NameFixed { .. }
        | Refusal::Primaries(_)
        | Refusal::UnknownKeyName(_)
        | Refusal::UnknownKeyId(_) => StatusCode::BAD_REQUEST,
        Refusal::TooManyZones { .. } | Refusal::TooManyRecords { .. } => StatusCode::FORBIDDEN,
        Refusal::Changed => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::CONFLICT, // taken, in use, declared: in the way of what is there
    }
}
