//! The management APIs over HTTP: the model in the shapes of public clouds.
//!
//! [`router`] puts the routes together over a [`Service`], the trait of everything that they ask for; whoever runs zones
//! implements it. Every answer is JSON, also to what cannot be understood; every request for zones needs a bearer token,
//! of which only digests are known ([`Tokens`]), or an RSA signature, for which only public keys are ([`OciKeys`]); every write
//! stands in the log.
//!
//! | path | what | who |
//! |---|---|---|
//! | `/secondaryzones…`, `/quota` | the face of IONOS Cloud DNS | bearers of a token |
//! | `/20180115/…`, `/20160918/workRequests/…` | the face of OCI's DNS API | signers with a key |
//! | `/v1/…` | our own, described by the OpenAPI document at `/v1/openapi.json` | bearers of a token |
//! | `/console` | a page for people, over `/v1` | everybody; it asks for a token |
//! | `/healthz`, `/readyz` | whether the process lives; whether it can answer | everybody |
//! | `/metrics` | numbers in the OpenMetrics form, of all contracts | whom [`MetricsAccess`] admits |
//!
//! What the OCI face keeps beside the service is short-lived: receipts of removals (work requests), and for as long as the date
//! of a signed write is good, that it came and what it was answered, so that it is not carried out twice. The [`Service`] makes
//! both durable with the write itself ([`Receipt`]), without signatures and secrets.
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
mod conditions;
mod console;
mod dress;
mod feed;
mod ionos;
mod metrics;
mod oci;
mod oci_keys;
mod patient;
mod pieces;
mod rehearsal;
mod request;
mod router;
mod serve;
mod service;
mod shares;
mod tokens;
mod v1;

pub use axum::Router;
pub use feed::{EventFeed, EventId, EventIdError, EventStream, ToldEvent};
pub use metrics::{Metrics, MetricsAccess, MetricsReaders};
pub use oci_keys::{OciKey, OciKeyError, OciKeys};
pub use rehearsal::Rehearsal;
pub use router::{Access, Limits, router};
pub use serve::{serve, serve_connection, serve_tls};
pub use service::{
    Commanded, Content, Readiness, Receipt, RecordsView, Service, ServiceError, StatusView,
    TransferOrder, ZoneRef, ZoneView,
};
pub use shares::{Share, Shares};
pub use tokens::{DigestError, Token, Tokens};
pub use zonekit_tls::{Identity, PemError, ServerTls};
