//! Runs an exchange: does what it asks for, tells it what happens.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;

use super::lines::Lines;
use super::sockets::{Happening, Sockets};
use super::{now, seed, unix_now};
use crate::{Apply, Change, Event, Exchange, Report, Transport, Visit};

/// Octets taken in a row before others on this thread get their turn.
const TURN: usize = 512 * 1024;

/// Reads in a row, however little they bring, before others on this thread get their turn.
const READS: usize = 32;

/// Makes one visit: asks all primaries, takes what is newer, says what came of it. Records go to `sink` as they arrive.
///
/// Memory does not grow with the zone, and nothing is copied between the socket and `sink`. While `sink` works, nothing is
/// read, and the clocks of [`Limits`](crate::Limits) that wait for the primary stand still. Dropping the future ends the
/// visit and its connections; the pending edit is the caller's to drop then.
///
/// ```
/// # use zonekit_xfr::{Apply, Change};
/// use zonekit_xfr::{Outcome, Primary, Visit, visit};
///
/// # struct Nothing;
/// # impl Apply for Nothing {
/// #     type Error = std::convert::Infallible;
/// #     fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     fn abandon(&mut self) {}
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut sink = Nothing;
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed again by now
/// let report = visit(Visit::new("example.org".parse()?, vec![Primary::new(nobody)]), &mut sink).await;
/// match report.outcome {
///     Outcome::Transferred { serial, .. } => println!("serial {serial}"),
///     Outcome::Failed => println!("{}", report.error().expect("a reason")),
///     outcome => println!("{outcome:?}"),
/// }
/// # assert_eq!(report.outcome, Outcome::Failed);
/// # Ok(())
/// # }
/// ```
pub async fn visit<A: Apply + Send>(visit: Visit, sink: &mut A) -> Report {
    visit_until_hurried(visit, sink, pending()).await
}

/// The same, by somebody who may be told meanwhile that the zone is to be visited again: after `hurry`, primaries that
/// have not answered when a version is committed are not waited upon.
///
/// ```
/// # use zonekit_xfr::{Apply, Change};
/// use std::sync::Arc;
/// use tokio::sync::Notify;
/// use zonekit_xfr::{Outcome, Primary, Visit, visit_until_hurried};
///
/// # struct Nothing;
/// # impl Apply for Nothing {
/// #     type Error = std::convert::Infallible;
/// #     fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     fn abandon(&mut self) {}
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut sink = Nothing;
/// let again = Arc::new(Notify::new()); // whoever hears of a NOTIFY says so here
/// # let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let visit = Visit::new("example.org".parse()?, vec![Primary::new(nobody)]);
/// let report = visit_until_hurried(visit, &mut sink, again.notified()).await;
/// # assert_eq!(report.outcome, Outcome::Failed);
/// # Ok(())
/// # }
/// ```
pub async fn visit_until_hurried<A: Apply + Send>(
    visit: Visit,
    sink: &mut A,
    hurry: impl Future<Output = ()> + Send,
) -> Report {
    run_visit(visit, sink, pin!(hurry), None).await
}

/// The same, over connections that others use too, if there are such.
pub(super) async fn run_visit<A: Apply + Send>(
    visit: Visit,
    sink: &mut A,
    hurry: Pin<&mut (impl Future<Output = ()> + Send)>,
    lines: Option<Lines>,
) -> Report {
    let sockets = Sockets::new(&visit, lines);
    let transports = { visit.primaries.iter() }.map(|primary| primary.transport.clone());
    let transports: Vec<Transport> = transports.collect();
    let exchange = Exchange::new(visit, now(), unix_now(), seed());
    let mut report = run(exchange, sockets, sink, hurry).await;
    for (primary, transport) in report.primaries.iter_mut().zip(&transports) {
        // Of whom nothing was heard, nobody knows how it would have been spoken with.
        let why = transport.why_clear_text(primary.address, now());
        primary.clear_text = why.filter(|_| primary.is_reached == Some(true));
    }
    report
}

/// Asks all primaries for their SOA.
pub(super) async fn ask(visit: Visit) -> Report {
    let sockets = Sockets::new(&visit, None);
    let exchange = Exchange::ask(visit, now(), unix_now(), seed());
    run(exchange, sockets, &mut Nobody, pin!(pending())).await
}

async fn run<A: Apply + Send>(
    mut exchange: Exchange,
    mut sockets: Sockets,
    sink: &mut A,
    hurry: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Report {
    let mut hurry = Some(hurry);
    let (mut taken, mut reads) = (0, 0);
    let mut is_judged = false;
    loop {
        while let Some(transmit) = exchange.poll_transmit() {
            if let Some(event) = sockets.transmit(transmit).await {
                exchange.handle_event(event, now(), sink);
            }
        }
        if exchange.has_committed() && !is_judged {
            // The connection has been given back by now: nobody else waits for this.
            match sink.judge().await {
                Ok(()) => is_judged = true,
                Err(error) => exchange.refuse(Arc::new(error), now()),
            }
            continue;
        }
        if let Some(report) = exchange.poll(now()) {
            return report;
        }
        match sockets.happening(exchange.poll_timeout(), &mut hurry).await {
            Happening::Hurry => exchange.hurry(now()),
            Happening::Time => exchange.handle_timeout(now(), sink),
            Happening::Datagram { primary, length } => {
                let octets = sockets.datagram.get(..length).unwrap_or_default();
                exchange.handle_event(Event::Datagram { primary, octets }, now(), sink);
            }
            Happening::Event(event) => exchange.handle_event(event, now(), sink),
            Happening::Mail(mail) => {
                taken += sockets.open(mail, &mut exchange, sink);
                reads += 1;
                if taken >= TURN || reads >= READS {
                    (taken, reads) = (0, 0);
                    tokio::task::yield_now().await;
                }
                continue;
            }
            Happening::Octets { stream, octets } => {
                if let Some(stream) = sockets.streams.get_mut(stream) {
                    taken += stream.take(octets, &mut exchange, sink);
                }
                reads += 1;
                if taken >= TURN || reads >= READS {
                    (taken, reads) = (0, 0);
                    tokio::task::yield_now().await;
                }
                // A sink may be slow: what is silent meanwhile is not the primary.
                continue;
            }
        }
        // Octets that wait are told before time runs out, so that only true silence counts.
        exchange.handle_timeout(now(), sink);
    }
}

/// Takes nothing: for visits that only ask.
struct Nobody;

impl Apply for Nobody {
    type Error = std::convert::Infallible;

    fn apply(&mut self, _: Change<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn abandon(&mut self) {}
}
