//! The management APIs over HTTP: the model in the shapes of public clouds.

#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod service;

pub use service::{Readiness, RecordsView, Service, ServiceError, StatusView, ZoneView};
