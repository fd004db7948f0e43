//! Who is visited when, and what becomes of it.
//!
//! ```text
//!  Schedule ─due─► visit ─► Sink ─whole─► publish: durable, then visible, then told onward
//!     ▲              │                       │
//!     └── finished ◄─┴──── status, history ◄─┘
//! ```
//!
//! A visit is a task; everything that it leaves behind goes through [`Node`] and only as long as the zone's settings are
//! still those that it began with.

mod press;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use self::press::Press;
pub(crate) use self::rules::Rules;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tracing::{debug, warn};
use zonekit_model::{
    Event, EventKind, Failure, PrimaryOutcome, Standing, VisitCause, VisitRecord, ZoneId, ZoneName,
    ZoneStatus,
};
use zonekit_store::{Generation, Timers, Zone};
use zonekit_wire::SoaBuf;
use zonekit_xfr::{Due, Finished as Ended, Limits, Reason, Visit};

use crate::charge::{Charge, UnderWay};
use crate::clock;
use crate::history::Finished;
use crate::node::{Edition, Node};
use crate::primaries::Unready;
use crate::sink::{Candidate, Sink};

/// Begins visits as they fall due, until `stop` says so.
pub(crate) async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    loop {
        while let Some(due) = node.next_due() {
            match due {
                Due::Visit {
                    zone,
                    reason,
                    force,
                    notifier,
                    expired,
                } => {
                    let order = Order {
                        cause: cause(reason),
                        force,
                        notifier,
                        expired,
                    };
                    begin(&node, zone, &order);
                }
                Due::Expired(zone) => expire(&node, &zone),
            }
        }
        let next = node.next_timer().map(tokio::time::Instant::from_std);
        tokio::select! {
            _ = stop.wait_for(|&stop| stop) => return,
            () = node.wake.notified() => {}
            () = async { match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            } } => {}
        }
    }
}

/// What the schedule wants of a visit.
struct Order {
    cause: VisitCause,
    force: bool,
    notifier: Option<IpAddr>,
    /// The version held has expired.
    expired: bool,
}

/// A visit that is about to be made.
struct Plan {
    name: ZoneName,
    /// Which zone of that name.
    id: ZoneId,
    /// The term of the zone's settings that it belongs to.
    term: u64,
    cause: VisitCause,
    /// The one primary that it is made to, if it is.
    only: Option<usize>,
    held: Option<Zone>,
    generation: Option<Generation>,
    rules: Rules,
    /// Says that the zone is to be visited again.
    hurry: Arc<Notify>,
}

fn begin(node: &Arc<Node>, name: ZoneName, order: &Order) {
    begin_with(node, name, order, |_| ());
}

/// Begins a visit with limits that may be others than the configured ones.
fn begin_with(node: &Arc<Node>, name: ZoneName, order: &Order, change: impl FnOnce(&mut Limits)) {
    let running = Running {
        node: Arc::clone(node),
        name: name.clone(),
        is_over: false,
    };
    let mut zones = node.zones.lock();
    if !zones.contains_key(&name) {
        return; // removed a moment ago; `running` says so to the schedule, once the table is let go
    }
    let not_begun = zones.change(&name, |charge| {
        begin_at(node, charge, running, order, change)
    });
    drop(zones);
    drop(not_begun); // says so to the schedule
}

/// The same with the zone at hand; gives back what does not begin.
fn begin_at(
    node: &Arc<Node>,
    charge: &mut Charge,
    running: Running,
    order: &Order,
    change: impl FnOnce(&mut Limits),
) -> Option<Running> {
    let (name, config) = (running.name.clone(), node.config());
    let primaries = match node.primaries_of(&config, &charge.zone, &charge.turns) {
        Ok(primaries) => primaries,
        Err(Unready::Unsettled) => return Some(running), // its turn comes with its settings
        Err(unready @ Unready::NoKey(_)) => {
            warn!(zone = %name, %unready, "not visited");
            charge.alter(|status| {
                for primary in &mut status.primaries {
                    primary.outcome = PrimaryOutcome::Error;
                    primary.failure = Some(Failure {
                        kind: "no key".to_owned(),
                        text: unready.to_string(),
                    });
                }
            });
            return Some(running);
        }
    };
    let rules = Rules::of(&config, &charge.zone);
    let mut limits = rules.limits.clone();
    change(&mut limits);
    let held = node.held(&name);
    // Whoever orders a visit to one primary wants to see how that one does, not the others.
    let only = match order.cause {
        VisitCause::Operator => charge.only.take(),
        _ => None,
    };
    let only = only.and_then(|only| {
        let mut addresses = primaries.iter().map(|primary| primary.address);
        addresses.position(|address| address == *only)
    });
    let preferred = order.notifier.and_then(|from| {
        let mut addresses = primaries.iter().map(|primary| primary.address.ip());
        addresses.position(|address| address == from)
    });
    // Whoever has just been heard of, or is to be asked by order, is asked.
    let mut out_of_reach = match (order.cause, only) {
        (_, Some(only)) => (0..primaries.len())
            .filter(|&index| index != only)
            .collect(),
        (VisitCause::Operator, None) => Vec::new(),
        _ => node.out_of_reach(&charge.zone.contract, &name, &primaries),
    };
    out_of_reach.retain(|primary| Some(*primary) != preferred);
    let version = held.as_ref().and_then(|held| held.zone.clone());
    // One of its own: what was said before this visit does not concern it.
    let hurry: Arc<Notify> = Arc::default();
    let questions = Visit {
        held: version.as_ref().map(Zone::soa),
        held_records: version.as_ref().map_or(0, Zone::record_count),
        preference: rules.preference,
        preferred,
        force: order.force,
        accept_lower: order.expired,
        straight: true,
        memory: charge.known().memory,
        out_of_reach,
        limits,
        ..Visit::new(name.to_name(), primaries)
    };
    let plan = Plan {
        hurry: Arc::clone(&hurry),
        id: charge.zone.zone_id(),
        term: charge.term,
        cause: order.cause,
        only,
        generation: held.map(|held| held.generation),
        held: version,
        rules: rules.clone(),
        name,
    };
    // The table is held, so that the task cannot end before it is known to be there.
    charge.visit = Some(Box::new(UnderWay {
        task: tokio::spawn(visit(running, plan, Box::new(questions))).abort_handle(),
        only,
        force: order.force,
        rules,
        hurry,
    }));
    None
}

/// A zone that no primary has confirmed for too long is no longer answered from.
fn expire(node: &Node, name: &ZoneName) {
    let has_expired = node.zones.with(name, |charge| {
        // The schedule was asked a moment ago: a primary may have confirmed it since, and whoever notes that has told the
        // schedule before, and waits for us now.
        let timing = node.timing(name);
        if timing.is_none_or(|timing| timing.expires.is_some()) {
            return false;
        }
        charge.alter(|status| {
            status.standing = Standing::Expired;
            status.expires_at = None;
        });
        node.note_standing(name, Standing::Expired, 0);
        let (kind, serial) = (EventKind::Expired, charge.brief().serial);
        let event = Event::of(kind, clock::now(), &charge.zone, serial);
        node.hub.tell(event);
        true
    });
    if has_expired == Some(true) {
        warn!(zone = %name, "expired: no primary has confirmed it for longer than its SOA allows");
    }
}

async fn visit(mut running: Running, plan: Plan, questions: Box<Visit>) {
    let node = Arc::clone(&running.node);
    let quota = {
        // For whoever is far beyond it, before anything else is done; what counts is decided when it is published.
        let (node, id) = (Arc::clone(&node), plan.id.clone());
        move |records| node.book.registry().judge_records(&id, records)
    };
    let (sink, candidate) = Sink::new(
        questions.zone.clone(),
        plan.held.clone(),
        plan.rules.zone_limits,
        plan.rules.checks,
        plan.rules.zonemd,
        quota,
    );
    let hook = plan.rules.verify.clone();
    let sink = sink.verified_by(hook.map(|hook| (hook, plan.name.clone())));
    let began = clock::now();
    let from = plan.held.as_ref().map(Zone::serial);
    debug!(zone = %plan.name, cause = ?plan.cause, serial = from.map(|serial| serial.0), "visiting");
    let visiting = {
        let hurry = plan.hurry.notified();
        let lines = node.lines.clone();
        let (node, name) = (Arc::clone(&node), plan.name.clone());
        let contract = plan.id.contract.clone();
        // In a box, which goes as soon as nobody is asked any more: thousands of small visits wait together for what they
        // brought to be kept, and the holes that they leave in the heap are not filled again.
        Box::pin(async move {
            let mut sink = sink;
            let report = lines.visit(*questions, &mut sink, hurry).await;
            // Before there is a slot for the next zone of theirs, however long it takes to keep what has come.
            let ask_again = node.note_reach(&contract, &name, &report.primaries);
            // What is large takes up its place until it is kept, so that not too much waits for the disk.
            let octets = { report.transfer() }.map_or(0, |transfer| transfer.statistics.octets);
            if octets < press::LARGE {
                node.settles(&name);
            }
            (report, ask_again)
        })
    };
    // Published as soon as it is whole: the visit may go on waiting for the word of other primaries.
    let publishing = async {
        match candidate.await {
            Ok(candidate) => publish(&node, &plan, candidate).await.err(),
            Err(_) => None,
        }
    };
    let ((report, ask_again), unpublished) = tokio::join!(visiting, publishing);
    let finished = Finished {
        report: &report,
        cause: plan.cause,
        only: plan.only,
        began,
        ended: clock::now(),
        from,
        unpublished,
    };
    conclude(&mut running, &plan, &finished, ask_again);
}

/// Makes a version durable, then visible, then tells of it; says what kept it from that.
async fn publish(node: &Arc<Node>, plan: &Plan, candidate: Candidate) -> Result<(), Failure> {
    let edition = Edition {
        name: plan.name.clone(),
        id: plan.id.clone(),
        term: plan.term,
        generation: plan.generation,
        candidate,
    };
    press::publish(node, edition).await
}

/// Enters what came of a visit into schedule, timers, status and history, and tells the log. The next one is due by
/// `ask_again` if that is said.
fn conclude(
    running: &mut Running,
    plan: &Plan,
    finished: &Finished<'_>,
    ask_again: Option<Instant>,
) {
    let node = Arc::clone(&running.node);
    let name = &plan.name;
    let soa = node.version(name).map(|zone| zone.soa());
    let (good, report) = (finished.is_good(), finished.report);
    let how = finished.how(soa.as_ref());
    let turned = node.zones.within(name, plan.term, |charge| {
        let primaries = &charge.zone.primaries;
        charge.turns.follow(primaries, &report.primaries)
    });
    if turned.is_some() {
        node.teller.tell(name, finished);
        node.count(finished);
    }
    // Another key may do: that is found out at once.
    let at_once = (turned == Some(true)).then(Instant::now);
    let ask_again = ask_again.into_iter().chain(at_once).min();
    let horizon = node.config().timers.expiring;
    // In one step with the end in the schedule: from then on the next visit may begin, which is to find what this one leaves,
    // and not to be overtaken by it.
    node.zones.within(name, plan.term, |charge| {
        charge.visit = None;
        let Some(timing) = running.end(how, ask_again) else {
            return;
        };
        let now = Instant::now();
        let mut known = charge.known();
        known.memory = finished.memory(&known.memory);
        let status = &mut known.status;
        // Nobody is told of what belongs to nobody.
        let is_told = charge.zone.contract.is_some();
        let before = is_told.then(|| told(status, known.visits.all().into_iter().next_back()));
        let visit = finished.enter(status);
        known.visits.add(visit.clone());
        // No timer runs while the zone waits in line: then it is tried as soon as there is a slot.
        status.next_try = Some(timing.next_check.map_or(clock::now(), clock::timestamp));
        status.expires_at = timing.expires.map(clock::timestamp);
        status.standing = match (soa.is_some(), good) {
            (false, _) => Standing::NeverLoaded,
            (true, true) => Standing::Current,
            (true, false) if timing.expires.is_none_or(|expires| expires <= now) => {
                Standing::Expired
            }
            (true, false) => Standing::Stale,
        };
        let (standing, failures) = (status.standing, status.failures);
        let mut events = Vec::new();
        if let Some(before) = before {
            let after = told(status, Some(visit));
            events = Event::of_visit(&charge.zone, &before, &after, finished.ended);
        }
        charge.keep(&known);
        let past = charge.past_octets().to_vec();
        node.note_past(&charge.zone.zone_id(), Some(past));
        let is_close = |soa: &SoaBuf| {
            let left = timing
                .expires
                .map(|expires| expires.saturating_duration_since(now));
            left.is_some_and(|left| left <= warning(soa, horizon))
        };
        let is_expiring = standing == Standing::Stale && soa.as_ref().is_some_and(is_close);
        if is_expiring && !charge.is_warned {
            let (kind, at) = (EventKind::Expiring, finished.ended);
            events.push(Event::of(kind, at, &charge.zone, known.status.serial));
        }
        charge.is_warned = is_expiring;
        for event in events {
            node.hub.tell(event);
        }
        let expires_at = timing.expires.map_or(0, clock::unix);
        node.note_standing(name, standing, expires_at);
        if soa.is_some() {
            node.note_timers(
                name,
                Timers {
                    next_check: timing
                        .next_check
                        .map_or(clock::now().as_seconds(), clock::unix),
                    expires_at,
                    failures,
                },
            );
        }
    });
    if !running.is_over {
        running.end(how, ask_again); // the settings are others by now: this visit leaves no trace
    }
}

/// A status, as far as events need to know: of the history, one visit.
fn told(status: &ZoneStatus, visit: Option<VisitRecord>) -> ZoneStatus {
    ZoneStatus {
        primaries: status.primaries.clone(),
        history: visit.into_iter().collect(),
        ..*status
    }
}

/// How long before a version expires that is told: a quarter of its time at most.
fn warning(soa: &SoaBuf, horizon: u32) -> Duration {
    Duration::from_secs((soa.expire / 4).min(horizon).into())
}

/// The schedule's place of a visit, given back however it ends.
struct Running {
    node: Arc<Node>,
    name: ZoneName,
    is_over: bool,
}

impl Running {
    /// Tells the schedule.
    fn end(&mut self, how: Ended<'_>, by: Option<Instant>) -> Option<zonekit_xfr::Timing> {
        self.is_over = true;
        self.node.finished(&self.name, how, by)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.end(Ended::Failed, None);
        }
    }
}

fn cause(reason: Reason) -> VisitCause {
    match reason {
        Reason::Operator => VisitCause::Operator,
        Reason::Notify => VisitCause::Notify,
        Reason::Refresh => VisitCause::Refresh,
        Reason::Bootstrap => VisitCause::Bootstrap,
    }
}
