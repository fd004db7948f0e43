//! Errors as this API tells them.

use serde::{Deserialize, Serialize};

/// The body of every answer that is no success.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A fixed word of the vendor's list.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}
