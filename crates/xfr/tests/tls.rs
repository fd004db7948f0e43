//! The client over TLS: whom it believes, what it says of whom it does not, and that no end of a connection is the end of a
//! zone.

mod common;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Act, Copy, HELD, Host, axfr, message, one_by_one, soa_buf, zone};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use zonekit_script::{Authority, Leaf, nobody};
use zonekit_wire::{RecordBuf, Rtype};
use zonekit_xfr::{
    Client, ClientError, ErrorKind, Limits, Loss, Outcome, PemError, Primary, Report, Tls,
    TlsError, TlsFault, Transport, Visit, VisitError, visit,
};

const NAME: &str = "ns1.example.net";

/// TLS in front of a scripted primary.
struct Front {
    config: ServerConfig,
    /// Octets of answers after which TLS is ended as it should be.
    ends_after: Option<usize>,
    /// Every message of an answer is a record of TLS, so that the same is always as long.
    by_message: bool,
}

/// One that listens.
struct Standing {
    address: SocketAddr,
    /// How each connection's TLS came to stand.
    handshakes: Arc<Mutex<Vec<HandshakeKind>>>,
}

impl Front {
    fn new(leaf: &Leaf) -> Self {
        Self::with(leaf, None)
    }

    /// One that wants clients to show a certificate of this authority.
    fn mutual(leaf: &Leaf, clients: &Authority) -> Self {
        Self::with(leaf, Some(clients))
    }

    fn with(leaf: &Leaf, clients: Option<&Authority>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(pem(&authority.pem)).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let mut config = { builder }
            .with_single_cert(leaf.chain(), leaf.private_key())
            .unwrap();
        config.alpn_protocols = vec![b"dot".to_vec()];
        Self {
            config,
            ends_after: None,
            by_message: false,
        }
    }

    fn alpn(mut self, protocols: &[&str]) -> Self {
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
        self.config.alpn_protocols = protocols.collect();
        self
    }

    fn ending_after(self, octets: usize) -> Self {
        Self {
            ends_after: Some(octets),
            ..self
        }
    }

    fn by_message(self) -> Self {
        Self {
            by_message: true,
            ..self
        }
    }

    async fn listen(self, host: &Host) -> Standing {
        let behind = host.listen();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(self.config));
        let handshakes = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, noted) = (acceptor.clone(), Arc::clone(&noted));
                tokio::spawn(async move {
                    let mut tls = acceptor.accept(tcp).await.ok()?;
                    noted
                        .lock()
                        .unwrap()
                        .extend(tls.get_ref().1.handshake_kind());
                    let mut plain = TcpStream::connect(behind).await.ok()?;
                    match self.ends_after {
                        // Whoever has heard enough gets no more octets, so that they can be counted.
                        None if self.by_message => {
                            let (mut from_client, mut to_client) = tokio::io::split(tls);
                            let (mut from_host, mut to_host) = plain.split();
                            tokio::select! {
                                _ = copy(&mut from_client, &mut to_host) => {}
                                _ = copy_messages(&mut from_host, &mut to_client) => {}
                            }
                        }
                        None => {
                            let (mut from_client, mut to_client) = tokio::io::split(tls);
                            let (mut from_host, mut to_host) = plain.split();
                            tokio::select! {
                                _ = copy(&mut from_client, &mut to_host) => {}
                                _ = copy(&mut from_host, &mut to_client) => {}
                            }
                        }
                        Some(octets) => {
                            let mut query = [0; 512];
                            let length = tls.read(&mut query).await.ok()?;
                            plain.write_all(&query[..length]).await.ok()?;
                            let mut answer = vec![0; octets];
                            plain.read_exact(&mut answer).await.ok()?;
                            tls.write_all(&answer).await.ok()?;
                            tls.shutdown().await.ok()?;
                            let _ = tls.read(&mut query).await;
                        }
                    }
                    Some(())
                });
            }
        });
        Standing {
            address,
            handshakes,
        }
    }
}

/// Copies whole messages, each in one go.
async fn copy_messages(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    loop {
        let length = from.read_u16().await?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.resize(2 + usize::from(length), 0);
        from.read_exact(&mut framed[2..]).await?;
        to.write_all(&framed).await?;
        to.flush().await?;
    }
}

/// A way on which the server's octets are cut off after so many; counts them.
async fn cut(to: SocketAddr, after: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await.ok()?;
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let answers = async {
                    let mut octets = [0; 4096];
                    let mut left = after;
                    while left > 0 {
                        let most = octets.len().min(left);
                        let length = from_server.read(&mut octets[..most]).await.ok()?;
                        counted.fetch_add(length, Ordering::Relaxed);
                        to_client.write_all(&octets[..length]).await.ok()?;
                        left -= length;
                        if length == 0 {
                            return None;
                        }
                    }
                    Some(())
                };
                tokio::select! {
                    _ = answers => None::<()>,
                    _ = copy(&mut from_client, &mut to_server) => None,
                }
            });
        }
    });
    (address, count)
}

fn pem(text: &str) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(text.as_bytes()).unwrap()
}

fn strict(authority: &Authority) -> Tls {
    Tls::authenticated(authority.pem.as_bytes(), NAME).unwrap()
}

/// Whoever is to answer does.
fn patient() -> Limits {
    Limits {
        connect_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        ..Limits::default()
    }
}

fn client(address: SocketAddr, tls: Tls) -> Client {
    Client::new(address).tls(tls).limits(patient())
}

async fn fetch(client: &Client) -> Result<Vec<RecordBuf>, ClientError> {
    let mut transfer = client.axfr("example.org").await?;
    let mut records = Vec::new();
    while let Some(record) = transfer.next().await? {
        records.push(record.to_buf());
    }
    Ok(records)
}

async fn visited(primaries: Vec<Primary>, held: Option<u32>) -> (Report, Copy) {
    let mut copy = held.map_or_else(Copy::default, |serial| Copy::of(serial, &HELD));
    let order = Visit {
        held: held.map(soa_buf),
        held_records: 5,
        limits: patient(),
        ..Visit::new(zone(), primaries)
    };
    let report = visit(order, &mut copy).await;
    (report, copy)
}

fn primary(address: SocketAddr, tls: Tls) -> Primary {
    Primary {
        transport: Transport::Tls(tls),
        ..Primary::new(address)
    }
}

/// The transfer comes whole.
#[track_caller]
fn is_whole(result: Result<Vec<RecordBuf>, ClientError>) {
    assert_eq!(result.unwrap(), axfr(7)[..4]);
}

/// The transfer fails by this fault, and by this kind of error.
#[track_caller]
fn fails_by(result: Result<Vec<RecordBuf>, ClientError>, fault: TlsFault, kind: ErrorKind) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Some(kind), "{error:?}");
    let ClientError::Visit(VisitError::Connect(loss) | VisitError::Broken { records: 0, loss }) =
        error
    else {
        panic!("{error:?}");
    };
    assert_eq!(loss, Loss::Tls(fault));
}

#[tokio::test]
async fn a_primary_with_the_right_name_and_authority_is_believed() {
    let authority = Authority::ed25519();
    let front = Front::new(&authority.certify(NAME));
    let standing = front.listen(&Host::new(7)).await;
    is_whole(fetch(&client(standing.address, strict(&authority))).await);
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let authority = Authority::ed25519();
    let standing = Front::new(&authority.certify("127.0.0.1"))
        .listen(&Host::new(7))
        .await;
    let tls = Tls::authenticated(authority.pem.as_bytes(), "127.0.0.1").unwrap();
    is_whole(fetch(&client(standing.address, tls)).await);
}

#[tokio::test]
async fn a_certificate_that_is_not_the_primarys_is_told_by_what_is_wrong_with_it() {
    let (authority, other) = (Authority::ed25519(), Authority::ed25519());
    for (leaf, fault) in [
        (authority.certify("ns2.example.net"), TlsFault::WrongName),
        (authority.certify_for(NAME, 2001, 2002), TlsFault::Expired),
        (
            authority.certify_for(NAME, 2099, 2100),
            TlsFault::NotYetValid,
        ),
        (other.certify(NAME), TlsFault::UnknownAuthority),
    ] {
        let host = Host::new(7);
        let standing = Front::new(&leaf).listen(&host).await;
        let result = fetch(&client(standing.address, strict(&authority))).await;
        fails_by(result, fault, ErrorKind::Certificate);
        assert_eq!(host.story(), "", "{fault}: it was asked something");
    }
}

#[tokio::test]
async fn a_pinned_key_is_believed_whoever_certified_it_and_another_is_not() {
    let leaf = Authority::ed25519().certify_for("whatever.example", 2001, 2002);
    let standing = Front::new(&leaf).listen(&Host::new(7)).await;
    let other = Authority::ed25519().certify(NAME);
    let [right, wrong] = [&leaf, &other].map(|leaf| leaf.pin().parse().unwrap());
    let both = Tls::pinned([wrong, right]).unwrap();
    is_whole(fetch(&client(standing.address, both)).await);
    let result = fetch(&client(standing.address, Tls::pinned([wrong]).unwrap())).await;
    fails_by(result, TlsFault::WrongKey, ErrorKind::Certificate);
}

#[tokio::test]
async fn anybody_is_believed_where_that_is_wanted() {
    let leaf = Authority::ed25519().certify_for("whatever.example", 2001, 2002);
    let standing = Front::new(&leaf).listen(&Host::new(7)).await;
    let tls = Tls::opportunistic().unwrap().server_name(NAME).unwrap();
    is_whole(fetch(&client(standing.address, tls)).await);
}

#[tokio::test]
async fn a_primary_that_wants_a_certificate_is_shown_ours() {
    let (authority, clients) = (Authority::ed25519(), Authority::ed25519());
    let front = || Front::mutual(&authority.certify(NAME), &clients);
    let standing = front().listen(&Host::new(7)).await;
    let with = |leaf: Leaf| {
        { strict(&authority) }
            .certificate(leaf.certificate.as_bytes(), leaf.key.as_bytes())
            .unwrap()
    };
    let ours = clients.certify("secondary.example.net");
    is_whole(fetch(&client(standing.address, with(ours))).await);
    let result = fetch(&client(standing.address, strict(&authority))).await;
    fails_by(result, TlsFault::CertificateWanted, ErrorKind::Tls);
    let foreign = authority.certify("secondary.example.net");
    let result = fetch(&client(standing.address, with(foreign))).await;
    fails_by(result, TlsFault::CertificateRefused, ErrorKind::Tls);
}

#[tokio::test]
async fn alpn_has_to_be_agreed_upon_unless_that_is_waived() {
    let authority = Authority::ed25519();
    let leaf = authority.certify(NAME);
    let host = Host::new(7);
    let silent = Front::new(&leaf).alpn(&[]).listen(&host).await;
    let result = fetch(&client(silent.address, strict(&authority))).await;
    fails_by(result, TlsFault::NoAlpn, ErrorKind::Tls);
    assert_eq!(host.story(), "", "it was asked something");
    let waived = strict(&authority).without_alpn().unwrap();
    is_whole(fetch(&client(silent.address, waived.clone())).await);
    // One that says it is a server of another kind is none of ours in any case.
    let other = Front::new(&leaf).alpn(&["http/1.1"]).listen(&host).await;
    let result = fetch(&client(other.address, waived)).await;
    fails_by(result, TlsFault::NoAlpn, ErrorKind::Tls);
}

#[tokio::test]
async fn a_primary_without_tls_1_3_is_told_apart_from_one_without_tls() {
    let answering = |octets: &'static [u8]| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap();
            stream.write_all(octets).unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        });
        address
    };
    // RFC 8446 §6: alert, fatal, protocol_version.
    let old = answering(&[0x15, 3, 3, 0, 2, 2, 70]);
    let result = fetch(&client(old, Tls::opportunistic().unwrap())).await;
    fails_by(result, TlsFault::Version, ErrorKind::Tls);
    let none = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let result = fetch(&client(none, Tls::opportunistic().unwrap())).await;
    fails_by(result, TlsFault::NotTls, ErrorKind::Tls);
}

#[tokio::test]
async fn later_connections_resume_the_session() {
    let authority = Authority::ed25519();
    let standing = Front::new(&authority.certify(NAME))
        .listen(&Host::new(7))
        .await;
    let client = client(standing.address, strict(&authority));
    for _ in 0..3 {
        is_whole(fetch(&client).await);
    }
    let handshakes = standing.handshakes.lock().unwrap().clone();
    let resumed = HandshakeKind::Resumed;
    assert_eq!(handshakes, [HandshakeKind::Full, resumed, resumed]);
}

#[tokio::test]
async fn a_connection_cut_at_any_octet_of_tls_is_an_error() {
    let authority = Authority::ed25519();
    let standing = Front::new(&authority.certify(NAME))
        .by_message()
        .listen(&Host::new(7).tcp(Rtype::AXFR, |request| {
            { one_by_one(request, &axfr(7)).into_iter() }
                .map(Act::Say)
                .collect()
        }))
        .await;
    let (whole, count) = cut(standing.address, usize::MAX).await;
    is_whole(fetch(&client(whole, strict(&authority))).await);
    let count = count.load(Ordering::Relaxed);
    assert!(count > 500, "{count}");
    let places: Vec<usize> = (0..count).step_by(13).chain(count - 30..count).collect();
    for after in places {
        let (address, _) = cut(standing.address, after).await;
        // A session of its own, so that all have the same length.
        let error = fetch(&client(address, strict(&authority))).await;
        let error = error.expect_err(&format!("cut after {after} of {count}"));
        assert_eq!(error.kind(), Some(ErrorKind::Broken), "{after}: {error:?}");
    }
}

#[tokio::test]
async fn tls_that_is_ended_properly_before_the_closing_soa_is_an_error() {
    let authority = Authority::ed25519();
    let leaf = authority.certify(NAME);
    let probe = Arc::new(Mutex::new(0));
    let host = || {
        let length = Arc::clone(&probe);
        Host::new(7).tcp(Rtype::AXFR, move |request| {
            let messages = one_by_one(request, &axfr(7));
            *length.lock().unwrap() = messages.iter().map(|message| message.len() + 2).sum();
            messages.into_iter().map(Act::Say).collect()
        })
    };
    let whole = Front::new(&leaf).listen(&host()).await;
    is_whole(fetch(&client(whole.address, strict(&authority))).await);
    let length: usize = *probe.lock().unwrap();
    for octets in (0..length).step_by(5).chain([length - 1]) {
        let front = Front::new(&leaf).ending_after(octets);
        let standing = front.listen(&host()).await;
        let result = fetch(&client(standing.address, strict(&authority))).await;
        let error = result.expect_err(&format!("{octets} of {length}"));
        assert_eq!(error.kind(), Some(ErrorKind::Broken), "{octets}: {error:?}");
    }
    let front = Front::new(&leaf).ending_after(length);
    let standing = front.listen(&host()).await;
    is_whole(fetch(&client(standing.address, strict(&authority))).await);
}

#[tokio::test]
async fn data_behind_the_closing_soa_spoils_a_transfer_over_tls_too() {
    let authority = Authority::ed25519();
    let standing = Front::new(&authority.certify(NAME))
        .listen(&Host::new(7).tcp(Rtype::AXFR, |request| {
            let whole = message(request, &axfr(7));
            let length = u16::try_from(whole.len()).unwrap().to_be_bytes();
            vec![Act::Raw([&length, &whole[..], &[0, 12, 0]].concat())]
        }))
        .await;
    let result = fetch(&client(standing.address, strict(&authority))).await;
    assert_eq!(result.unwrap_err().kind(), Some(ErrorKind::OutOfPlace));
}

#[tokio::test]
async fn a_visit_asks_everything_over_tls_and_nothing_else() {
    let authority = Authority::ed25519();
    let host = Host::new(7);
    let standing = Front::new(&authority.certify(NAME)).listen(&host).await;
    let ours = vec![primary(standing.address, strict(&authority))];
    let (report, copy) = visited(ours, None).await;
    assert!(
        matches!(report.outcome, Outcome::Transferred { .. }),
        "{report:?}"
    );
    assert_eq!(copy.serial, Some(7));
    assert_eq!(host.story(), "SOA/tcp AXFR/tcp");
}

#[tokio::test]
async fn a_primary_that_is_not_believed_is_passed_over_for_the_next() {
    let (authority, other) = (Authority::ed25519(), Authority::ed25519());
    let (false_host, true_host) = (Host::new(9), Host::new(7));
    let front = Front::new(&other.certify(NAME)).listen(&false_host).await;
    let right = Front::new(&authority.certify(NAME))
        .listen(&true_host)
        .await;
    let tls = strict(&authority);
    let primaries = [front.address, right.address].map(|address| primary(address, tls.clone()));
    let (report, copy) = visited(primaries.to_vec(), None).await;
    assert_eq!(copy.serial, Some(7));
    let error = report.primaries[0].error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert_eq!(
        error.in_words(),
        "connecting: TLS: the primary's certificate is from an authority that is not known here"
    );
    assert_eq!(report.primaries[0].is_reached, Some(true), "it is there");
    assert_eq!(false_host.story(), "", "it was asked something");
}

#[tokio::test]
async fn clear_text_is_spoken_only_where_it_is_allowed_and_nothing_else_works() {
    let host = Host::new(7);
    let clear = host.listen();
    let address = nobody(); // at the port for TLS
    let authority = Authority::ed25519();
    for tls in [strict(&authority), Tls::opportunistic().unwrap()] {
        let (report, _) = visited(vec![primary(address, tls)], None).await;
        assert_eq!(report.outcome, Outcome::Failed);
    }
    assert_eq!(host.story(), "");
    let tls = Tls::opportunistic_or_clear_text(clear.port()).unwrap();
    let (report, copy) = visited(vec![primary(address, tls)], None).await;
    assert_eq!(copy.serial, Some(7), "{report:?}");
    assert_eq!(host.story(), "SOA/tcp AXFR/tcp", "no datagrams");
    assert_eq!(report.primaries[0].clear_text, Some(Loss::Refused));
}

#[tokio::test]
async fn tls_is_preferred_to_clear_text_where_both_are_there() {
    let host = Host::new(7);
    let leaf = Authority::ed25519().certify(NAME);
    let standing = Front::new(&leaf).listen(&host).await;
    let tls = Tls::opportunistic_or_clear_text(host.listen().port()).unwrap();
    is_whole(fetch(&client(standing.address, tls)).await);
    assert_eq!(standing.handshakes.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_notify_is_not_sent_to_a_port_for_tls() {
    let address = (Ipv4Addr::LOCALHOST, 853).into();
    let client = client(address, Tls::opportunistic().unwrap());
    assert!(client.notify("example.org", None).await.is_err());
}

#[test]
fn what_is_not_usable_is_told_when_it_is_given() {
    let (authority, other) = (Authority::ed25519(), Authority::ed25519());
    let pem = authority.pem.as_bytes();
    assert_eq!(
        Tls::authenticated(b"", NAME),
        Err(TlsError::Pem(PemError::NoCertificate))
    );
    assert_eq!(
        Tls::authenticated(pem, "a b"),
        Err(TlsError::Name("a b".to_owned()))
    );
    assert_eq!(Tls::pinned([]), Err(TlsError::NoPin));
    let leaf = other.certify(NAME);
    let tls = strict(&authority);
    assert_eq!(
        tls.clone().certificate(leaf.certificate.as_bytes(), b""),
        Err(TlsError::Pem(PemError::Key))
    );
    let foreign = other.certify(NAME).key;
    assert!(matches!(
        tls.clone()
            .certificate(leaf.certificate.as_bytes(), foreign.as_bytes()),
        Err(TlsError::Pem(PemError::Unusable(_)))
    ));
    assert_eq!(tls, strict(&authority), "made of the same");
    assert_ne!(tls, strict(&other));
    assert_ne!(tls.clone().without_alpn(), Ok(tls));
}
