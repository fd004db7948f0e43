//! What is said when something is refused.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
///
/// ```
/// # use zonekit_model::ionos::ErrorBody;
/// assert_eq!(
///     serde_json::to_string(&ErrorBody::new(404, "there is no such zone")).unwrap(),
///     r#"{"httpStatus":404,"messages":[{"errorCode":"paas-dns-rest-0404","message":"there is no such zone"}]}"#,
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The status of the answer once more.
    pub http_status: u16,
    /// What is wrong; we send one.
    pub messages: Vec<ErrorMessage>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// For programs.
    pub error_code: String,
    /// For people.
    pub message: String,
}

impl ErrorBody {
    /// The body that goes with a status.
    pub fn new(http_status: u16, message: impl Into<String>) -> Self {
        Self {
            http_status,
            messages: vec![ErrorMessage {
                error_code: format!("paas-dns-rest-{http_status:04}"),
                message: message.into(),
            }],
        }
    }
}
