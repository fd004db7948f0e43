//! What both sides of a TLS connection prove themselves with, out of PEM files, and a server that gets new ones while it
//! runs. TLS 1.3 alone, with the primitives of aws-lc.
//!
//! This crate knows nothing of sockets, and of what is said over them only the name in ALPN. What a secondary asks of its
//! primaries (pins, opportunistic TLS, RFC 9103 §7.1) is in `zonekit-xfr`.
//!
//! ```no_run
//! use zonekit_tls::{Identity, ServerTls};
//!
//! let read = || Ok::<_, std::io::Error>((std::fs::read("ns1.pem")?, std::fs::read("ns1.key")?));
//! let (chain, key) = read()?;
//! let tls = ServerTls::new(&Identity::from_pem(&chain, &key)?)?;
//! // Given to `zonekit_serve::Server::bind_tls` or `zonekit_http::serve_tls`. When the certificate has been renewed:
//! let (chain, key) = read()?;
//! tls.replace(&ServerTls::new(&Identity::from_pem(&chain, &key)?)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used))]

mod pem;
mod server;

pub use pem::{Authorities, Identity, PemError};
pub use server::ServerTls;
