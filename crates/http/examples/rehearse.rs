//! An API to try clients against: zones live in memory and are never transferred.
//!
//!     cargo run -p zonekit-http --example rehearse
//!     curl -H 'Authorization: Bearer test-token' http://127.0.0.1:PORT/secondaryzones

use std::{error::Error, future::pending, sync::Arc};

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use zonekit_http::{Limits, Metrics, Rehearsal, Token, Tokens, router, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::new([Token::from_clear("demo".parse()?, "test-token")]);
    let metrics = Metrics::new(Registry::default());
    let limits = Limits::default();
    let router = router(Arc::new(Rehearsal::default()), tokens, metrics, limits);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, router, limits, pending()).await;
    Ok(())
}
