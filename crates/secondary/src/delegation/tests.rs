//! Against servers that say what a test has them say.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use zonekit_model::ServerSaid;
use zonekit_script::{Reply, framed, rr};
use zonekit_wire::{Header, Rcode, Section};

use super::*;

#[test]
fn a_contract_has_ten_checks_in_a_row_and_then_one_a_second() {
    let (checks, start) = (Delegations::default(), Instant::now());
    let [one, two] = ["one", "two"].map(|name| name.parse().unwrap());
    for _ in 0..IN_A_ROW {
        assert!(checks.take_turn(&one, start));
    }
    assert!(!checks.take_turn(&one, start));
    assert!(checks.take_turn(&two, start));
    assert!(!checks.take_turn(&one, start + ONE_MORE / 2));
    assert!(checks.take_turn(&one, start + ONE_MORE));
    assert!(!checks.take_turn(&one, start + ONE_MORE));
    let later = start + ONE_MORE * 100;
    let times = { 0..20 }.filter(|_| checks.take_turn(&one, later)).count();
    assert_eq!(times, 10);
}

/// More than any answer takes, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

type Said = Vec<Vec<u8>>;

/// A server that answers each question by datagram with these messages, and over TCP with the first of those.
async fn server(
    by_datagram: impl Fn(&[u8]) -> Said + Send + 'static,
    over_tcp: impl Fn(&[u8]) -> Said + Send + 'static,
) -> SocketAddr {
    // The same port for both, as far as the system has one left for both.
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (tcp, udp);
        }
    };
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut request).await {
            for message in by_datagram(&request[..length]) {
                udp.send_to(&message, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let mut request = vec![0; stream.read_u16().await.unwrap().into()];
            stream.read_exact(&mut request).await.unwrap();
            for message in over_tcp(&request) {
                stream.write_all(&framed(&message)).await.unwrap();
            }
        }
    });
    address
}

/// An answer with these records, in whichever section.
fn reply(request: &[u8], change: impl FnOnce(&mut Header), records: &[(Section, &str)]) -> Vec<u8> {
    let mut reply = Reply::to(request)
        .header(|header| header.aa = false)
        .header(change);
    let records = records.iter().map(|(section, text)| (*section, rr(text)));
    reply.records.extend(records);
    reply.octets()
}

fn referral(request: &[u8]) -> Vec<u8> {
    let records = [
        (Section::Authority, "@ 60 NS NS2.example.net."),
        (Section::Authority, "@ 60 NS ns1.example.net."),
        (Section::Additional, "ns1.example.net. 60 A 192.0.2.1"),
    ];
    reply(request, |_| {}, &records)
}

fn nothing(_: &[u8]) -> Said {
    Vec::new()
}

/// What a server with this script is taken to say.
async fn said(
    by_datagram: impl Fn(&[u8]) -> Said + Send + 'static,
    over_tcp: impl Fn(&[u8]) -> Said + Send + 'static,
) -> Result<ServerSaid, String> {
    let server = server(by_datagram, over_tcp).await;
    let said = ask::ask(server, &zonekit_script::zone(), LONG).await;
    said.map_err(|error| format!("{}: {error}", error.kind()))
}

fn two() -> NamedServers {
    NamedServers::new(["ns1.example.net", "ns2.example.net"].map(|name| name.parse().unwrap()))
}

#[tokio::test]
async fn a_referral_is_told_from_an_answer_and_from_nothing() {
    let found = said(|request| vec![referral(request)], nothing).await;
    assert_eq!(found, Ok(ServerSaid::Referral(two())));
    let answer = |request: &[u8]| {
        let records = [
            (Section::Answer, "@ 60 NS ns1.example.net."),
            (Section::Answer, "@ 60 NS ns2.example.net."),
            (Section::Answer, "@ 60 NS ns2.example.net."),
        ];
        vec![reply(request, |header| header.ra = true, &records)]
    };
    assert_eq!(said(answer, nothing).await, Ok(ServerSaid::Answer(two())));
    let absent =
        |request: &[u8]| vec![reply(request, |header| header.rcode = Rcode::NXDOMAIN, &[])];
    assert_eq!(said(absent, nothing).await, Ok(ServerSaid::Nothing));
    let empty = |request: &[u8]| vec![reply(request, |_| {}, &[])];
    assert_eq!(said(empty, nothing).await, Ok(ServerSaid::Nothing));
}

#[tokio::test]
async fn who_does_not_know_is_not_taken_for_a_no() {
    let refused =
        |request: &[u8]| vec![reply(request, |header| header.rcode = Rcode::REFUSED, &[])];
    let found = said(refused, nothing).await;
    assert_eq!(found, Err("refused: it answers with REFUSED".to_owned()));
    let upward = |request: &[u8]| {
        let records = [(Section::Authority, ". 60 NS a.root-servers.net.")];
        vec![reply(request, |_| {}, &records)]
    };
    let found = said(upward, nothing).await;
    let elsewhere = "referred elsewhere: it refers to the servers of .";
    assert_eq!(found, Err(elsewhere.to_owned()));
    // Who talks with itself only has the port, but is not there for others.
    let itself = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let closed = itself.local_addr().unwrap();
    itself.connect(closed).await.unwrap();
    let found = ask::ask(closed, &zonekit_script::zone(), LONG).await;
    assert_eq!(found.unwrap_err().kind(), "connection refused");
}

#[tokio::test]
async fn answers_to_other_questions_are_passed_over() {
    let forged = |request: &[u8]| {
        let other = |change: fn(&mut Reply)| {
            let mut reply = Reply::to(request);
            change(&mut reply);
            reply.octets()
        };
        vec![
            other(|reply| reply.header.id ^= 1),
            other(|reply| reply.header.qr = false),
            other(|reply| reply.question = None),
            other(|reply| reply.question.as_mut().unwrap().1 = Rtype::A),
            other(|reply| reply.question.as_mut().unwrap().0 = "example.net".parse().unwrap()),
            b"no message".to_vec(),
            referral(request),
        ]
    };
    let found = said(forged, nothing).await;
    assert_eq!(found, Ok(ServerSaid::Referral(two())));
}

#[tokio::test]
async fn what_fits_no_datagram_is_asked_over_tcp() {
    let truncated = |request: &[u8]| vec![reply(request, |header| header.tc = true, &[])];
    let found = said(truncated, |request| vec![referral(request)]).await;
    assert_eq!(found, Ok(ServerSaid::Referral(two())));
    let found = said(truncated, |request| {
        vec![reply(request, |header| header.id ^= 1, &[])]
    });
    assert!(found.await.unwrap_err().starts_with("malformed: "));
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_holds_up_nobody_for_long() {
    let silent = server(nothing, nothing).await;
    let dns = "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\nnameservers = [\"ns1.example.net\"]";
    let config = |more: &str| {
        let config = crate::Config::parse(&format!("{dns}\n{more}"), "secondary.toml".as_ref());
        config.unwrap().dns
    };
    let (checks, one) = (Delegations::default(), "one".parse().unwrap());
    let zone = "example.org".parse().unwrap();
    let begin = tokio::time::Instant::now();
    let asked = config(&format!("resolvers = [\"{silent}\", \"{silent}\"]"));
    let found = checks.check(&asked, &one, &zone, None).await.unwrap();
    assert!(begin.elapsed() <= PATIENCE);
    for answer in &found.answers {
        assert_eq!(answer.said.as_ref().unwrap_err().kind, "timeout");
    }
    assert_eq!((found.answers.len(), found.apex), (2, None));
    let unasked = checks.check(&config(""), &one, &zone, None).await;
    let error = unasked.unwrap_err().to_string();
    assert!(error.ends_with("has no [dns] resolvers"), "{error}");
}
