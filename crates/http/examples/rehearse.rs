//! An API to try clients against: zones live in memory and are never transferred. One is there from the beginning.
//!
//!     cargo run -p zonekit-http --example rehearse
//!     curl -H 'Authorization: Bearer test-token' http://127.0.0.1:PORT/secondaryzones

use std::{error::Error, future::pending, net::IpAddr, sync::Arc};

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use zonekit_http::{Limits, Metrics, Rehearsal, Token, Tokens, router, serve};
use zonekit_model::{
    Command, Contract, PrimaryOutcome, PrimaryStatus, RecordView, Standing, Uuid, ZoneDraft,
    ZoneId, ZoneStatus,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let contract: Contract = "demo".parse()?;
    let service = Arc::new(Rehearsal::default());
    fill(&service, &contract)?;

    let tokens = Tokens::new([Token::from_clear(contract, "test-token")]);
    let metrics = Metrics::new(Registry::default());
    let limits = Limits::default();
    let router = router(service, tokens, metrics, limits);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, router, limits, pending()).await;
    Ok(())
}

/// A zone as if it had been transferred.
fn fill(service: &Rehearsal, contract: &Contract) -> Result<(), Box<dyn Error>> {
    let primary = IpAddr::from([192, 0, 2, 1]);
    let id = Uuid::now_v7();
    let draft = ZoneDraft::at_addresses("example.org".parse()?, [primary]);
    service.run(Command::create(contract, id, draft))?;

    let lines = [
        (
            "example.org.",
            "SOA",
            "ns.example.org. host.example.org. 7 300 60 3600 30",
        ),
        ("example.org.", "NS", "ns.example.org."),
        ("example.org.", "MX", "10 mail.example.org."),
        ("ns.example.org.", "A", "192.0.2.53"),
        ("_sip._tcp.example.org.", "SRV", "1 2 5060 sip.example.org."),
    ];
    let mut records = Vec::new();
    for (owner, rtype, rdata) in lines {
        records.push(RecordView {
            owner: owner.into(),
            rtype: rtype.parse()?,
            ttl: 3600,
            rdata: rdata.into(),
        });
    }
    let status = ZoneStatus {
        standing: Standing::Current,
        serial: Some(7),
        records: 5,
        primaries: vec![PrimaryStatus {
            outcome: PrimaryOutcome::Ok,
            serial: Some(7),
            ..PrimaryStatus::pending((primary, 53).into())
        }],
        ..ZoneStatus::default()
    };
    service.hold(ZoneId::new(contract, id), status, records);
    Ok(())
}
