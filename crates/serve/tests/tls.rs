//! The server over TLS: who gets in, what is answered there, and how it ends.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{Ask, Table, render, zone};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::{TlsConnector, client::TlsStream};
use zonekit_script::{Authority, Leaf};
use zonekit_serve::{
    Authorities, Config, Identity, Options, Responder, Server, ServerTls, Stopper,
};
use zonekit_wire::Message;

const NAME: &str = "ns1.example.net";
const HOSTS: usize = 3000;

/// A server on loopback that answers over TLS and in clear text.
struct Running {
    encrypted: SocketAddr,
    plain: SocketAddr,
    responder: Responder,
    stopper: Stopper,
}

impl Running {
    fn start(tls: &ServerTls, allow_transfer: &str, options: Options) -> Self {
        let mut text =
            String::from("@ 60 IN SOA ns h 7 1 1 1 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n");
        (0..HOSTS).for_each(|number| text.push_str(&format!("host{number} 60 IN A 192.0.2.1\n")));
        let responder = Table::of(&[zone("example.", &text)]).responder(Config {
            allow_transfer: [allow_transfer.parse().unwrap()].into_iter().collect(),
            ..Config::default()
        });
        let any = "127.0.0.1:0".parse().unwrap();
        let mut server = Server::bind(&[any], responder.clone(), options).unwrap();
        let encrypted = server.bind_tls(&[any], tls).unwrap()[0];
        let (plain, stopper) = (server.local_addresses()[0], server.stopper());
        let (notifications, _) = mpsc::channel(1);
        tokio::spawn(server.serve(notifications));
        Self {
            encrypted,
            plain,
            responder,
            stopper,
        }
    }
}

/// A client that trusts this authority, and shows a certificate if it has one.
fn client(authority: &Authority, ours: Option<&Leaf>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match ours {
        None => builder.with_no_client_auth(),
        Some(leaf) => { builder }
            .with_client_auth_cert(leaf.chain(), leaf.private_key())
            .unwrap(),
    };
    config.alpn_protocols = vec![b"dot".to_vec()];
    Arc::new(config).into()
}

async fn connect(to: SocketAddr, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(to).await?;
    { client.connect(ServerName::try_from(NAME).unwrap(), tcp) }.await
}

fn server(leaf: &Leaf) -> ServerTls {
    ServerTls::new(&identity(leaf)).unwrap()
}

fn identity(leaf: &Leaf) -> Identity {
    Identity::from_pem(leaf.certificate.as_bytes(), leaf.key.as_bytes()).unwrap()
}

fn framed(question: &str) -> Vec<u8> {
    let octets = Ask::new(question).octets;
    [&(octets.len() as u16).to_be_bytes(), &octets[..]].concat()
}

async fn message(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut octets = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut octets).await?;
    Ok(octets)
}

/// Records of a transfer, until there are as many as the zone has, or an answer without any.
async fn transferred(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> usize {
    stream
        .write_all(&framed("example. AXFR +tcp"))
        .await
        .unwrap();
    let mut records = 0;
    while records < HOSTS + 4 {
        let octets = message(stream).await.unwrap();
        match Message::new(&octets).unwrap().header().answers {
            0 => break,
            some => records += usize::from(some),
        }
    }
    records
}

#[tokio::test]
async fn questions_and_transfers_are_answered_over_tls() {
    let authority = Authority::ed25519();
    let tls = server(&authority.certify(NAME));
    let running = Running::start(&tls, "127.0.0.0/8", Options::default());
    let client = client(&authority, None);
    let mut stream = connect(running.encrypted, &client).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"dot"[..]));
    // Several at once, as over TCP.
    let questions = [framed("ns.example. A"), framed("host7.example. A")].concat();
    stream.write_all(&questions).await.unwrap();
    for name in ["ns", "host7"] {
        let answer = render(&message(&mut stream).await.unwrap());
        assert_eq!(
            answer.lines().next_back(),
            Some(format!("{name}.example. 60 IN A 192.0.2.1").as_str()),
        );
    }
    assert_eq!(transferred(&mut stream).await, HOSTS + 4);
    assert_eq!(running.responder.counters().tls_requests.value(), 3);
    assert_eq!(running.responder.counters().tcp_requests.value(), 0);
}

#[tokio::test]
async fn transfers_may_be_for_tls_alone() {
    let authority = Authority::ed25519();
    let tls = server(&authority.certify(NAME));
    let running = Running::start(&tls, "tls:127.0.0.0/8", Options::default());
    let mut stream = connect(running.encrypted, &client(&authority, None))
        .await
        .unwrap();
    assert_eq!(transferred(&mut stream).await, HOSTS + 4);
    let mut plain = TcpStream::connect(running.plain).await.unwrap();
    assert_eq!(transferred(&mut plain).await, 0);
}

#[tokio::test]
async fn clients_without_the_right_certificate_get_nothing_where_one_is_asked_for() {
    let (authority, clients) = (Authority::ed25519(), Authority::ed25519());
    let leaf = authority.certify(NAME);
    let believed = Authorities::from_pem(clients.pem.as_bytes()).unwrap();
    let tls = ServerTls::mutual(&identity(&leaf), &believed).unwrap();
    let running = Running::start(&tls, "tls", Options::default());
    let (ours, foreign) = (clients.certify("ours"), authority.certify("foreign"));
    let mut stream = connect(running.encrypted, &client(&authority, Some(&ours)))
        .await
        .unwrap();
    assert_eq!(transferred(&mut stream).await, HOSTS + 4);
    for leaf in [None, Some(&foreign)] {
        // The handshake of TLS 1.3 is over on the client's side before the server has judged.
        let said = async {
            let mut stream = connect(running.encrypted, &client(&authority, leaf)).await?;
            stream.write_all(&framed("ns.example. A")).await?;
            message(&mut stream).await
        };
        assert!(said.await.is_err());
    }
    assert_eq!(running.responder.counters().tls_requests.value(), 1);
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_from_then_on_and_open_connections_go_on() {
    let (old, new) = (Authority::ed25519(), Authority::ed25519());
    let tls = server(&old.certify(NAME));
    let running = Running::start(&tls, "tls", Options::default());
    let mut before = connect(running.encrypted, &client(&old, None))
        .await
        .unwrap();
    tls.replace(&server(&new.certify(NAME)));
    assert_eq!(transferred(&mut before).await, HOSTS + 4);
    assert!(
        connect(running.encrypted, &client(&old, None))
            .await
            .is_err()
    );
    let mut after = connect(running.encrypted, &client(&new, None))
        .await
        .unwrap();
    assert_eq!(transferred(&mut after).await, HOSTS + 4);
}

#[tokio::test]
async fn sessions_are_resumed() {
    let authority = Authority::ed25519();
    let tls = server(&authority.certify(NAME));
    let running = Running::start(&tls, "tls", Options::default());
    let client = client(&authority, None);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(running.encrypted, &client).await.unwrap();
        assert_eq!(transferred(&mut stream).await, HOSTS + 4);
        kinds.extend(stream.get_ref().1.handshake_kind());
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn who_does_not_begin_tls_or_says_nothing_over_it_is_let_go() {
    let authority = Authority::ed25519();
    let tls = server(&authority.certify(NAME));
    let options = Options {
        idle_timeout: Duration::from_millis(300),
        ..Options::default()
    };
    let running = Running::start(&tls, "tls", options);
    let mut silent = TcpStream::connect(running.encrypted).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    let mut plain = TcpStream::connect(running.encrypted).await.unwrap();
    plain.write_all(&framed("ns.example. A")).await.unwrap();
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard).await;
    assert!(heard.len() < 10, "an alert at most: {heard:?}");
    // The end of TLS is told as one, so that it is no error here. Whoever is slow to begin may be let go before.
    let mut tries = 0;
    let mut idle = loop {
        match connect(running.encrypted, &client(&authority, None)).await {
            Ok(stream) => break stream,
            Err(error) => assert!(tries < 100, "TLS never begins: {error}"),
        }
        tries += 1;
    };
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(running.responder.counters().tls_requests.value(), 0);
}

#[tokio::test]
async fn a_server_that_is_stopped_ends_tls_too() {
    let authority = Authority::ed25519();
    let tls = server(&authority.certify(NAME));
    let running = Running::start(&tls, "tls", Options::default());
    let mut stream = connect(running.encrypted, &client(&authority, None))
        .await
        .unwrap();
    stream.write_all(&framed("ns.example. A")).await.unwrap();
    message(&mut stream).await.unwrap();
    let _beginning = TcpStream::connect(running.encrypted).await.unwrap();
    running.stopper.stop();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}
