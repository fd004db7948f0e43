//! Visits that share connections, against primaries on loopback that like it or not.

mod common;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{Copy, HELD, axfr, failure, message, one_by_one, rr, rrs, soa, soa_buf, zone};
use tokio::sync::Notify;
use zonekit_script::{deaf, nobody};
use zonekit_wire::{Message, Rcode, RecordBuf, Rtype};
use zonekit_xfr::{
    Apply, Change, ErrorKind, Limits, Lines, Outcome, Primary, Report, TransferKind, Visit,
};

/// A primary over TCP alone, whose connections are played by `play`, each on its own thread.
fn primary(
    play: impl Fn(Stream) -> Option<()> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, deaf) = loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(deaf) = deaf(listener.local_addr().unwrap()) {
            break (listener, deaf);
        }
    };
    let address = listener.local_addr().unwrap();
    let (count, play) = (Arc::<AtomicUsize>::default(), Arc::new(play));
    let connections = Arc::clone(&count);
    thread::spawn(move || {
        let _deaf = deaf;
        while let Ok((tcp, _)) = listener.accept() {
            tcp.set_nodelay(true).unwrap();
            let number = connections.fetch_add(1, Ordering::SeqCst);
            let play = Arc::clone(&play);
            thread::spawn(move || play(Stream { tcp, number }));
        }
    });
    (address, count)
}

struct Stream {
    tcp: TcpStream,
    /// How many there were before it.
    number: usize,
}

impl Stream {
    /// The next question; none when the other side has closed.
    fn question(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        self.tcp.read_exact(&mut length).ok()?;
        let mut request = vec![0; u16::from_be_bytes(length).into()];
        self.tcp.read_exact(&mut request).ok()?;
        Some(request)
    }

    fn say(&mut self, message: &[u8]) -> Option<()> {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.tcp.write_all(&[&length, message].concat()).ok()
    }

    /// Answers as it should.
    fn answer(&mut self, request: &[u8]) -> Option<()> {
        self.say(&answer(request))
    }
}

fn rtype(request: &[u8]) -> Rtype {
    let message = Message::new(request).unwrap();
    message.question().unwrap().unwrap().rtype
}

/// The small zone at serial 7, by AXFR.
fn answer(request: &[u8]) -> Vec<u8> {
    match rtype(request) {
        Rtype::AXFR => message(request, &axfr(7)),
        Rtype::SOA => message(request, &[soa(7)]),
        _ => failure(request, Rcode::NOTIMP),
    }
}

/// Longer than anybody has to wait here.
const LONG: Duration = Duration::from_secs(60);

/// How long a connection stays open that nobody uses, in seconds.
const UNUSED: u64 = 2;

fn bootstrap(primary: SocketAddr) -> Visit {
    Visit {
        straight: true,
        limits: Limits {
            connect_timeout: LONG,
            idle_timeout: LONG,
            ..Limits::default()
        },
        ..Visit::new(zone(), vec![Primary::new(primary)])
    }
}

async fn visit(lines: &Lines, visit: Visit) -> (Report, Copy) {
    let mut copy = visit
        .held
        .as_ref()
        .map_or_else(Copy::default, |held| Copy::of(held.serial.0, &HELD));
    let report = lines.visit(visit, &mut copy, std::future::pending()).await;
    (report, copy)
}

/// So many visits at a time, each of which has to bring the whole zone as if it were the only one; says how many had to
/// begin anew.
async fn all_are_current(lines: &Lines, primary: SocketAddr, count: usize) -> usize {
    all_come(lines, &bootstrap(primary), count).await
}

/// The same of such visits.
async fn all_come(lines: &Lines, order: &Visit, count: usize) -> usize {
    let visits: Vec<_> = (0..count)
        .map(|_| {
            let (lines, order) = (lines.clone(), order.clone());
            tokio::spawn(async move { visit(&lines, order).await })
        })
        .collect();
    let mut abandoned = 0;
    for visit in visits {
        let (report, copy) = visit.await.unwrap();
        assert!(
            matches!(report.outcome, Outcome::Transferred { .. }),
            "{report:?}"
        );
        assert_eq!((copy.serial, copy.commits), (Some(7), 1));
        // One transfer, and nothing that went wrong.
        assert_eq!(report.primaries[0].transfers.len(), 1, "{report:?}");
        assert!(report.error().is_none());
        abandoned += copy.abandoned;
    }
    abandoned
}

fn play_well(mut stream: Stream) -> Option<()> {
    loop {
        let request = stream.question()?;
        stream.answer(&request)?;
    }
}

#[tokio::test]
async fn many_zones_share_few_connections() {
    let (address, connections) = primary(play_well);
    let (lines, began) = (Lines::default(), Instant::now());
    for _ in 0..5 {
        assert_eq!(all_are_current(&lines, address, 30).await, 0);
    }
    let connections = connections.load(Ordering::SeqCst);
    // Four, each of which may have been unused for too long meanwhile.
    let most = 4 * (1 + (began.elapsed().as_secs() / UNUSED) as usize);
    assert!((1..=most).contains(&connections), "{connections}");
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let (address, connections) = primary(|mut stream| {
        loop {
            let requests: Vec<_> = (0..5).map_while(|_| stream.question()).collect();
            for request in requests.iter().rev() {
                stream.answer(request)?;
            }
            if requests.len() < 5 {
                return None;
            }
        }
    });
    assert_eq!(all_are_current(&Lines::default(), address, 5).await, 0);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn messages_of_several_answers_may_alternate() {
    let (address, connections) = primary(|mut stream| {
        let requests: Vec<_> = (0..4).map_while(|_| stream.question()).collect();
        let answers = requests.iter().map(|request| one_by_one(request, &axfr(7)));
        let answers: Vec<_> = answers.collect();
        for place in 0..axfr(7).len() {
            for answer in &answers {
                stream.say(&answer[place])?;
            }
        }
        stream.question().map(drop)
    });
    assert_eq!(all_are_current(&Lines::default(), address, 4).await, 0);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn soa_and_transfer_go_over_one_connection() {
    let (address, connections) = primary(play_well);
    let held = Visit {
        held: Some(soa_buf(1)),
        straight: false,
        ..bootstrap(address)
    };
    // Nobody hears datagrams at that port. IXFR is not known there, and AXFR follows on a fresh connection.
    let (report, copy) = visit(&Lines::default(), held).await;
    assert!(copy.is(7, &["@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.80"]));
    assert_eq!(report.primaries[0].transfers.len(), 2);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// Whatever is wrong with sharing there, all is well in the end, and the next visits do not try it.
async fn check_ill_mannered(
    idle_timeout: Duration,
    play: impl Fn(Stream) -> Option<()> + Send + Sync + 'static,
) {
    let (address, connections) = primary(play);
    let (lines, mut order) = (Lines::default(), bootstrap(address));
    order.limits.idle_timeout = idle_timeout;
    all_come(&lines, &order, 6).await;
    let before = connections.load(Ordering::SeqCst);
    all_come(&lines, &order, 6).await;
    assert_eq!(connections.load(Ordering::SeqCst), before + 6);
}

#[tokio::test]
async fn a_primary_that_closes_after_one_answer_gets_a_connection_for_each() {
    check_ill_mannered(LONG, |mut stream| {
        let request = stream.question()?;
        if stream.number == 0 {
            // The others have arrived by then.
            for _ in 1..6 {
                stream.question()?;
            }
        }
        stream.answer(&request)
    })
    .await;
}

#[tokio::test]
async fn a_primary_that_answers_the_first_question_alone_gets_a_connection_for_each() {
    // Patience with others is a quarter of that.
    check_ill_mannered(Duration::from_secs(8), |mut stream| {
        let request = stream.question()?;
        stream.answer(&request)?;
        while stream.question().is_some() {}
        None
    })
    .await;
}

#[tokio::test]
async fn a_message_for_nobody_ends_the_sharing() {
    check_ill_mannered(LONG, |mut stream| {
        let requests: Vec<_> = (0..if stream.number == 0 { 6 } else { 1 })
            .map_while(|_| stream.question())
            .collect();
        if stream.number == 0 {
            let mut stray = answer(&requests[0]);
            let taken: Vec<_> = requests
                .iter()
                .map(|request| request[..2].to_vec())
                .collect();
            let mut free = (0..=u16::MAX).map(u16::to_be_bytes);
            let free = free.find(|id| !taken.contains(&id.to_vec())).unwrap();
            stray[..2].copy_from_slice(&free);
            stream.say(&stray)?;
        }
        for request in &requests {
            stream.answer(request)?;
        }
        stream.question().map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_an_answer_costs_no_visit_anything() {
    let (address, _) = primary(|mut stream| {
        if stream.number > 0 {
            return play_well(stream);
        }
        let requests: Vec<_> = (0..6).map_while(|_| stream.question()).collect();
        stream.answer(&requests[0])?;
        for message in &one_by_one(&requests[1], &axfr(7))[..3] {
            stream.say(message)?;
        }
        stream.tcp.write_all(&[1]).ok()
    });
    let abandoned = all_are_current(&Lines::default(), address, 6).await;
    assert_eq!(abandoned, 5);
}

#[tokio::test]
async fn one_that_is_refused_leaves_the_others_alone() {
    let (address, connections) = primary(|mut stream| {
        for number in 0.. {
            let request = stream.question()?;
            match (stream.number, number) {
                (0, 0) => stream.say(&failure(&request, Rcode::REFUSED))?,
                _ => stream.answer(&request)?,
            }
        }
        None
    });
    let (lines, began) = (Lines::default(), Instant::now());
    let (one, other) = tokio::join!(
        visit(&lines, bootstrap(address)),
        visit(&lines, bootstrap(address))
    );
    let kinds = [one.0, other.0].map(|report| report.error().map(|error| error.kind()));
    assert!(kinds.contains(&None) && kinds.contains(&Some(ErrorKind::Refused)));
    all_are_current(&lines, address, 6).await;
    // One, unless it has been unused for too long meanwhile.
    let most = 1 + (began.elapsed().as_secs() / UNUSED) as usize;
    let connections = connections.load(Ordering::SeqCst);
    assert!((1..=most).contains(&connections), "{connections}");
}

#[tokio::test]
async fn alone_on_a_connection_a_wrong_id_is_an_error_of_the_answer() {
    let (address, _) = primary(|mut stream| {
        let mut message = answer(&stream.question()?);
        message[0] ^= 1;
        stream.say(&message)?;
        stream.question().map(drop)
    });
    let (report, _) = visit(&Lines::default(), bootstrap(address)).await;
    let words = report.error().unwrap().in_words();
    assert!(words.contains("is not that of the question"), "{words}");
}

#[tokio::test]
async fn what_follows_the_closing_soa_is_an_error_on_a_shared_connection_too() {
    for more in [vec![0], b"\0\x0cwhatever it is".to_vec()] {
        let (address, _) = primary(move |mut stream| {
            let whole = answer(&stream.question()?);
            let length = u16::try_from(whole.len()).unwrap().to_be_bytes();
            let octets = [&length[..], &whole, &more].concat();
            stream.tcp.write_all(&octets).ok()?;
            stream.question().map(drop)
        });
        let (report, copy) = visit(&Lines::default(), bootstrap(address)).await;
        assert_eq!((report.outcome, copy.commits), (Outcome::Failed, 0));
    }
}

/// A zone that is large enough to have its connection for itself.
fn large() -> Vec<RecordBuf> {
    let text = "x".repeat(200);
    let middle = (0..4000).map(|number| rr(&format!("n{number} TXT {text}")));
    { [soa(7)].into_iter().chain(rrs(&["@ NS ns1"])) }
        .chain(middle)
        .chain([soa(7)])
        .collect()
}

/// Takes its time.
struct Slow(Copy);

impl Apply for Slow {
    type Error = <Copy as Apply>::Error;

    fn apply(&mut self, change: Change<'_>) -> Result<(), Self::Error> {
        if self
            .0
            .pending
            .as_ref()
            .is_some_and(|(_, records)| records.len() % 1000 == 999)
        {
            thread::sleep(Duration::from_millis(100));
        }
        self.0.apply(change)
    }

    fn abandon(&mut self) {
        self.0.abandon();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_behind_a_large_transfer_whose_records_all_arrive() {
    let records = Arc::new(large());
    let sent = records.len();
    let asked = Arc::new(Notify::new());
    let tells = Arc::clone(&asked);
    let (address, _) = primary(move |mut stream| {
        for number in 0.. {
            let request = stream.question()?;
            if (stream.number, number) != (0, 0) {
                stream.answer(&request)?;
                continue;
            }
            tells.notify_one();
            for (place, records) in records.chunks(100).enumerate() {
                // The others have asked by the time it turns out how large it is; they get no answer here.
                if place == 5 {
                    for _ in 0..6 {
                        stream.question()?;
                    }
                }
                stream.say(&message(&request, records))?;
            }
        }
        None
    });
    let lines = Lines::default();
    let first = tokio::spawn({
        let lines = lines.clone();
        async move {
            let mut slow = Slow(Copy::default());
            let visit = bootstrap(address);
            let report = lines.visit(visit, &mut slow, std::future::pending()).await;
            (report, slow.0)
        }
    });
    asked.notified().await;
    all_are_current(&lines, address, 6).await;
    let (report, copy) = first.await.unwrap();
    assert!(matches!(
        report.outcome,
        Outcome::Transferred {
            kind: TransferKind::Axfr,
            ..
        }
    ));
    assert_eq!(copy.records.len(), sent - 2);
}

#[tokio::test]
async fn a_visit_that_is_called_off_leaves_the_others_alone() {
    let asked = Arc::new(Notify::new());
    let (call_off, is_called_off) = mpsc::channel();
    let (tells, waits) = (Arc::clone(&asked), Mutex::new(is_called_off));
    let (address, connections) = primary(move |mut stream| {
        let requests: Vec<_> = (0..3).map_while(|_| stream.question()).collect();
        tells.notify_one();
        waits.lock().unwrap().recv().ok()?;
        for request in &requests {
            stream.answer(request)?;
        }
        play_well(stream)
    });
    let lines = Lines::default();
    let called_off = async {
        tokio::select! {
            _ = visit(&lines, bootstrap(address)) => panic!("nobody has answered yet"),
            () = asked.notified() => {}
        }
        call_off.send(()).unwrap();
    };
    let ((), others) = tokio::join!(called_off, all_are_current(&lines, address, 2));
    assert_eq!((others, connections.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn one_who_is_out_of_reach_is_so_for_all_who_would_share() {
    let address = nobody();
    let lines = Lines::default();
    let (one, other) = tokio::join!(
        visit(&lines, bootstrap(address)),
        visit(&lines, bootstrap(address))
    );
    for (report, _) in [one, other] {
        let primary = &report.primaries[0];
        assert_eq!(primary.is_reached, Some(false));
        let kind = report.error().unwrap().kind();
        assert_eq!(kind, ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn questions_in_datagrams_share_a_few_ports_and_are_each_answered() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    let uses = Arc::<Mutex<HashMap<SocketAddr, usize>>>::default();
    let ports = Arc::clone(&uses);
    thread::spawn(move || {
        let mut octets = [0; 4096];
        let mut seen = HashSet::new();
        while let Ok((length, from)) = udp.recv_from(&mut octets) {
            *ports.lock().unwrap().entry(from).or_default() += 1;
            let right = message(&octets[..length], &[soa(7)]);
            // Some about another zone, some twice, some not at the first time.
            let mut wrong = right.clone();
            wrong[13] ^= 1;
            if !seen.insert(octets[..2].to_vec()) || octets[1] % 8 != 0 {
                for octets in [&wrong, &right, &right] {
                    udp.send_to(octets, from).unwrap();
                }
            }
        }
    });
    let lines = Lines::default();
    let mut most = 0;
    for _ in 0..3 {
        uses.lock().unwrap().clear();
        let visits: Vec<_> = (0..100)
            .map(|_| {
                let mut held = Visit {
                    held: Some(soa_buf(7)),
                    straight: false,
                    ..bootstrap(address)
                };
                held.limits.query_tries = 100; // nobody is there over TCP
                let lines = lines.clone();
                tokio::spawn(async move { visit(&lines, held).await.0 })
            })
            .collect();
        for visit in visits {
            let report = visit.await.unwrap();
            assert_eq!(report.outcome, Outcome::UpToDate, "{report:?}");
        }
        most = most.max(uses.lock().unwrap().len());
    }
    // Eight at a time; one that has been used for long gives way to another.
    assert!((1..=16).contains(&most), "{most}");
}
