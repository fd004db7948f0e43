//! The management APIs over HTTP: the model in the shapes of public clouds.
//!
//! [`router`] puts the routes together over a [`Service`], the trait of everything that they ask for; whoever runs zones
//! implements it. Every answer is JSON, also to what cannot be understood; every request for zones needs a bearer token,
//! of which only digests are known ([`Tokens`]); every write stands in the log.
//!
//! | path | what | token |
//! |---|---|---|
//! | `/secondaryzones…`, `/quota` | the face of IONOS Cloud DNS | yes |
//! | `/healthz`, `/readyz` | whether the process lives; whether it can answer | no |
//! | `/metrics` | numbers in the OpenMetrics form | no |
//!
//! It knows nothing of DNS sockets, transfers and storage, and decides nothing about zones: that is the model's
//! [`Registry`](zonekit_model::Registry).
//!
//! [`Rehearsal`] is a service that keeps zones in memory and never transfers one: enough to try a client against.
//!
//! ```
//! use std::sync::Arc;
//! use zonekit_http::{Limits, Metrics, Rehearsal, Token, Tokens, router, serve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Arc::new(Rehearsal::default());
//! let tokens = Tokens::new([Token::from_clear("demo".parse()?, "test-token")]);
//! let metrics = Metrics::new(prometheus_client::registry::Registry::default());
//! let limits = Limits::default();
//! let router = router(service, tokens, metrics, limits);
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("curl -H 'Authorization: Bearer test-token' http://{}/quota", listener.local_addr()?);
//! serve(listener, router, limits, async { /* until this is done */ }).await;
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod answer;
mod audit;
mod ionos;
mod metrics;
mod rehearsal;
mod request;
mod router;
mod serve;
mod service;
mod tokens;

pub use axum::Router;
pub use metrics::Metrics;
pub use rehearsal::Rehearsal;
pub use router::{Limits, router};
pub use serve::serve;
pub use service::{Readiness, RecordsView, Service, ServiceError, StatusView, ZoneView};
pub use tokens::{DigestError, Token, Tokens};
