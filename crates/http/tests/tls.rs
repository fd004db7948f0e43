//! The API over TLS.

mod common;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use zonekit_http::{
    Identity, Limits, Metrics, Rehearsal, Router, ServerTls, Tokens, router, serve_tls,
};
use zonekit_script::{Authority, Leaf};

const NAME: &str = "api.example.net";

fn tls(leaf: &Leaf) -> ServerTls {
    let ours = Identity::from_pem(leaf.certificate.as_bytes(), leaf.key.as_bytes());
    ServerTls::new(&ours.unwrap()).unwrap()
}

/// Where the API is, and what ends it.
async fn running(tls: &ServerTls, limits: Limits) -> (std::net::SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Metrics::new(Registry::default());
    let service = Arc::new(Rehearsal::default());
    let router = router(service, Tokens::new([]), metrics, limits);
    (address, run(listener, tls, router, limits))
}

fn run(
    listener: TcpListener,
    tls: &ServerTls,
    router: Router,
    limits: Limits,
) -> oneshot::Sender<()> {
    let (stop, stopped) = oneshot::channel();
    let stop_when = async move { drop(stopped.await) };
    tokio::spawn(serve_tls(listener, tls.clone(), router, limits, stop_when));
    stop
}

/// The first line of the answer to a request for its health, if the certificate is from this authority.
async fn health(to: std::net::SocketAddr, authority: &Authority) -> std::io::Result<String> {
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n");
    let answer = ask(to, authority, &request).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// All of the answer to a request.
async fn ask(
    to: std::net::SocketAddr,
    authority: &Authority,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(to).await?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector
        .connect(ServerName::try_from(NAME).unwrap(), tcp)
        .await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?; // an end without the word of TLS would be an error
    Ok(answer)
}

#[tokio::test]
async fn requests_are_answered_and_a_renewed_certificate_is_shown() {
    let (old, new) = (Authority::ed25519(), Authority::ed25519());
    let shown = tls(&old.certify(NAME));
    let (address, stop) = running(&shown, Limits::default()).await;
    assert_eq!(health(address, &old).await.unwrap(), "HTTP/1.1 200 OK");
    assert!(health(address, &new).await.is_err());
    shown.replace(&tls(&new.certify(NAME)));
    assert_eq!(health(address, &new).await.unwrap(), "HTTP/1.1 200 OK");
    drop(stop);
}

#[tokio::test]
async fn who_does_not_begin_tls_is_let_go_and_holds_up_nobody() {
    let authority = Authority::ed25519();
    let limits = Limits {
        head: Duration::from_millis(300),
        ..Limits::default()
    };
    let (address, _stop) = running(&tls(&authority.certify(NAME)), limits).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    plain.write_all(request).await.unwrap();
    // On a busy machine, who is honest may be too slow for so short a time, too.
    let mut tries = 0;
    let told = loop {
        match health(address, &authority).await {
            Ok(told) => break told,
            Err(error) => assert!(tries < 100, "no answer over TLS: {error}"),
        }
        tries += 1;
    };
    assert_eq!(told, "HTTP/1.1 200 OK");
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard).await;
    assert!(heard.len() < 10, "an alert at most: {heard:?}");
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn links_to_what_was_asked_over_tls_are_https() {
    let (authority, api) = (Authority::ed25519(), common::Api::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shown = tls(&authority.certify(NAME));
    let _stop = run(listener, &shown, api.router(), Limits::default());
    let zone = common::zone("example.org");
    let made = api.signed(common::ONE, "POST", "/20180115/zones", Some(zone), &[]);
    let answer = ask(address, &authority, &made.to_text()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    // The host that it was signed for is the one that the client knows.
    let begin = "https://127.0.0.1:8053/20180115/zones/";
    assert!(answer.contains(&format!("location: {begin}")), "{answer}");
    assert!(answer.contains(&format!("\"self\":\"{begin}")), "{answer}");
    assert!(!answer.contains("http://"), "{answer}");
}
