//! What the node counts, as `/metrics` shows it. Label sets are bounded: no zone and no client is a label, and of primaries
//! only those with most zones are.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use zonekit_model::{
    PrimaryOutcome, PrimaryStatus, SecondaryZone, Standing, Timestamp, TransferFigures,
    VisitOutcome,
};

use crate::charge::Charge;
use crate::node::Node;

/// Counted as it happens.
pub(crate) struct Counts {
    visits: Family<OutcomeLabel, Counter>,
    visit_seconds: Durations<OutcomeLabel>,
    transfer_seconds: Durations<TransferLabel>,
    failures: Family<KindLabel, Counter>,
    transfers: Family<TransferLabel, Counter>,
    octets: Counter,
    records: Counter,
}

/// How long things took, by what they were.
type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// From a millisecond to an hour and more.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 12))
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            visits: Family::default(),
            visit_seconds: Family::new_with_constructor(durations),
            transfer_seconds: Family::new_with_constructor(durations),
            failures: Family::default(),
            transfers: Family::default(),
            octets: Counter::default(),
            records: Counter::default(),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct KindLabel {
    kind: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct TransferLabel {
    kind: &'static str,
}

impl Counts {
    /// A visit has ended that took so long; `failures` are the kinds of what went wrong at its primaries.
    pub(crate) fn visit(
        &self,
        outcome: VisitOutcome,
        milliseconds: u64,
        failures: impl IntoIterator<Item = String>,
    ) {
        let outcome = match outcome {
            VisitOutcome::UpToDate => "up_to_date",
            VisitOutcome::Transferred => "transferred",
            VisitOutcome::NotTaken => "not_taken",
            VisitOutcome::Failed => "failed",
        };
        let label = OutcomeLabel { outcome };
        self.visits.get_or_create(&label).inc();
        let seconds = self.visit_seconds.get_or_create(&label);
        seconds.observe(milliseconds as f64 / 1000.0);
        for kind in failures {
            self.failures.get_or_create(&KindLabel { kind }).inc();
        }
    }

    /// A version was published.
    pub(crate) fn transfer(&self, figures: &TransferFigures) {
        let kind = figures.kind.as_str();
        let label = TransferLabel { kind };
        self.transfers.get_or_create(&label).inc();
        let seconds = self.transfer_seconds.get_or_create(&label);
        seconds.observe(figures.duration as f64 / 1000.0);
        self.octets.inc_by(figures.octets);
        self.records.inc_by(figures.records);
    }
}

/// The registry of everything that this node counts.
pub(crate) fn registry(counts: &Counts, node: Weak<Node>) -> Registry {
    let mut registry = Registry::default();
    registry.register(
        "zonekit_visits",
        "Visits to the primaries of a zone, by outcome",
        counts.visits.clone(),
    );
    registry.register(
        "zonekit_visit_duration_seconds",
        "How long visits took, by outcome",
        counts.visit_seconds.clone(),
    );
    registry.register(
        "zonekit_transfer_duration_seconds",
        "How long the transfers of published versions took, by kind of transfer",
        counts.transfer_seconds.clone(),
    );
    registry.register(
        "zonekit_primary_failures",
        "Primaries that failed in a visit, by kind of failure",
        counts.failures.clone(),
    );
    registry.register(
        "zonekit_transfers",
        "Versions published, by kind of transfer",
        counts.transfers.clone(),
    );
    registry.register(
        "zonekit_transfer_octets",
        "Octets of the transfers published",
        counts.octets.clone(),
    );
    registry.register(
        "zonekit_transfer_records",
        "Records of the transfers published",
        counts.records.clone(),
    );
    registry.register_collector(Box::new(Present {
        node,
        found: Mutex::default(),
    }));
    registry
}

/// How many zones are looked at while the table is held, for which DNS waits too.
const STRETCH: usize = 512;
/// How long what was found of them is good for.
const FRESH: Duration = Duration::from_secs(1);

/// What is looked at when it is asked for. Whoever asks while others have it looked at waits for what they find.
struct Present {
    node: Weak<Node>,
    found: Mutex<Option<(Instant, Arc<Figures>)>>,
}

/// What all zones together say.
#[derive(Debug, Default)]
struct Figures {
    standings: [i64; 4],
    records: u64,
    failing: i64,
    expiry: Option<Timestamp>,
    primaries: HashMap<SocketAddr, AtPrimary>,
}

impl Figures {
    /// Looks at all zones, a stretch at a time.
    fn of(node: &Node, stretch: usize) -> Self {
        let mut figures = Self::default();
        let zones: Vec<Arc<SecondaryZone>> = node.book.registry().zones().cloned().collect();
        for stretch in zones.chunks(stretch) {
            let table = node.zones.lock();
            for zone in stretch {
                if let Some(charge) = table.get(&zone.name) {
                    figures.add(charge);
                }
            }
            drop(table);
            std::thread::yield_now(); // others have waited for it
        }
        figures
    }

    fn add(&mut self, charge: &Charge) {
        let place = match charge.brief().standing {
            Standing::NeverLoaded => 0,
            Standing::Current => 1,
            Standing::Stale => 2,
            Standing::Expired => 3,
        };
        if let Some(count) = self.standings.get_mut(place) {
            *count += 1;
        }
        self.records += charge.brief().records;
        self.failing += i64::from(charge.brief().failures > 0);
        let expiry = self.expiry.into_iter().chain(charge.brief().expires_at);
        self.expiry = expiry.min();
        for primary in charge.known().status.primaries {
            let at = self.primaries.entry(primary.address).or_default();
            at.add(&primary);
        }
    }
}

impl Present {
    fn figures(&self, node: &Node) -> Arc<Figures> {
        let found = self.found.lock();
        let mut found = found.unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*found {
            Some((at, figures)) if at.elapsed() < FRESH => Arc::clone(figures),
            _ => {
                let figures = Arc::new(Figures::of(node, STRETCH));
                *found = Some((Instant::now(), Arc::clone(&figures)));
                figures
            }
        }
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present").finish_non_exhaustive()
    }
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(node) = self.node.upgrade() else {
            return Ok(());
        };
        let figures = self.figures(&node);
        let Figures {
            standings,
            records,
            failing,
            expiry,
            ref primaries,
        } = *figures;
        let gauge = |encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        for (name, help, value) in [
            (
                "zonekit_zones_never_loaded",
                "Zones of which nothing was ever transferred",
                standings[0],
            ),
            (
                "zonekit_zones_current",
                "Zones that a primary has confirmed",
                standings[1],
            ),
            (
                "zonekit_zones_stale",
                "Zones whose last visit failed",
                standings[2],
            ),
            (
                "zonekit_zones_expired",
                "Zones that are too old to be answered from",
                standings[3],
            ),
            (
                "zonekit_zones_failing",
                "Zones with failed visits since the last good one",
                failing,
            ),
            (
                "zonekit_next_expiry_timestamp_seconds",
                "When the first zone expires, if no primary confirms it before; 0: no zone is held",
                seconds(expiry),
            ),
            (
                "zonekit_records",
                "Records held",
                i64::try_from(records).unwrap_or(i64::MAX),
            ),
            (
                "zonekit_catalogs_held_back",
                "Catalogs that take away too many zones to be followed without an order",
                i64::try_from(node.held_back.count()).unwrap_or(i64::MAX),
            ),
            (
                "zonekit_visits_running",
                "Visits under way",
                i64::try_from(node.visits_running()).unwrap_or(i64::MAX),
            ),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
        encode_primaries(&mut encoder, primaries)?;
        let counters = node.responder.counters();
        for (name, help, counter) in [
            (
                "zonekit_dns_udp_requests",
                "Requests over UDP",
                &counters.udp_requests,
            ),
            (
                "zonekit_dns_tcp_requests",
                "Requests over TCP",
                &counters.tcp_requests,
            ),
            (
                "zonekit_dns_tls_requests",
                "Requests over TLS",
                &counters.tls_requests,
            ),
            (
                "zonekit_dns_dropped",
                "Messages left without an answer",
                &counters.dropped,
            ),
            (
                "zonekit_dns_truncated",
                "Answers that did not fit",
                &counters.truncated,
            ),
            (
                "zonekit_dns_tsig_rejected",
                "Requests whose signature did not pass",
                &counters.tsig_rejected,
            ),
            (
                "zonekit_notifies_accepted",
                "NOTIFY requests believed",
                &counters.notifies_accepted,
            ),
            (
                "zonekit_notifies_refused",
                "NOTIFY requests refused",
                &counters.notifies_refused,
            ),
            (
                "zonekit_axfr_out",
                "AXFR streams begun",
                &counters.axfr_begun,
            ),
            (
                "zonekit_ixfr_out",
                "IXFR answers made of differences",
                &counters.ixfr_begun,
            ),
            (
                "zonekit_transfers_out_refused",
                "Transfers asked for and not given",
                &counters.transfers_refused,
            ),
            (
                "zonekit_transfers_out_put_off",
                "Transfers asked for and put off, because too many were on their way",
                &counters.transfers_put_off,
            ),
            (
                "zonekit_connections",
                "TCP connections accepted",
                &counters.connections,
            ),
            (
                "zonekit_connections_refused",
                "TCP connections closed at once because their client had too many",
                &counters.connections_refused,
            ),
            (
                "zonekit_connections_displaced",
                "TCP connections closed to make room for others",
                &counters.connections_displaced,
            ),
        ] {
            let counter = ConstCounter::new(counter.value());
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

/// Primaries that have metrics of their own: those with most zones. The rest are summed up.
const PRIMARIES: usize = 100;

/// What the zones of a primary say of it.
#[derive(Clone, Copy, Debug, Default)]
struct AtPrimary {
    zones: i64,
    failing: i64,
    clear_text: i64,
    last_check: Option<Timestamp>,
    last_success: Option<Timestamp>,
}

impl AtPrimary {
    fn add(&mut self, primary: &PrimaryStatus) {
        self.join(&Self {
            zones: 1,
            failing: (primary.outcome == PrimaryOutcome::Error).into(),
            clear_text: primary.clear_text.is_some().into(),
            last_check: primary.last_check,
            last_success: primary.last_success,
        });
    }

    fn join(&mut self, other: &Self) {
        self.zones += other.zones;
        self.failing += other.failing;
        self.clear_text += other.clear_text;
        self.last_check = self.last_check.max(other.last_check);
        self.last_success = self.last_success.max(other.last_success);
    }
}

/// Those with most zones by their addresses, and the rest as one.
fn by_label(primaries: &HashMap<SocketAddr, AtPrimary>) -> Vec<(String, AtPrimary)> {
    let mut all: Vec<(SocketAddr, AtPrimary)> = { primaries.iter() }
        .map(|(address, at)| (*address, *at))
        .collect();
    all.sort_by_key(|(address, at)| (Reverse(at.zones), *address));
    let rest = all.split_off(all.len().min(PRIMARIES));
    let mut labelled: Vec<(String, AtPrimary)> = { all.into_iter() }
        .map(|(address, at)| (address.to_string(), at))
        .collect();
    if !rest.is_empty() {
        let mut sum = AtPrimary::default();
        rest.iter().for_each(|(_, at)| sum.join(at));
        labelled.push(("other".to_owned(), sum));
    }
    labelled
}

fn encode_primaries(
    encoder: &mut DescriptorEncoder<'_>,
    primaries: &HashMap<SocketAddr, AtPrimary>,
) -> Result<(), fmt::Error> {
    type Value = fn(&AtPrimary) -> i64;
    let labelled = by_label(primaries);
    let families: [(&str, &str, Value); 5] = [
        ("zonekit_primary_zones", "Zones of a primary", |at| at.zones),
        (
            "zonekit_primary_zones_failing",
            "Zones of a primary that it last failed",
            |at| at.failing,
        ),
        (
            "zonekit_primary_zones_clear_text",
            "Zones for which a primary was last spoken with in clear text though TLS is wanted",
            |at| at.clear_text,
        ),
        (
            "zonekit_primary_last_check_timestamp_seconds",
            "When a primary was last asked for any of its zones; 0: never",
            |at| seconds(at.last_check),
        ),
        (
            "zonekit_primary_last_success_timestamp_seconds",
            "When a primary last answered for any of its zones as it should; 0: never",
            |at| seconds(at.last_success),
        ),
    ];
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (label, at) in &labelled {
            let labels = [("primary", label.as_str())];
            ConstGauge::new(value(at)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn seconds(at: Option<Timestamp>) -> i64 {
    at.map_or(0, |at| i64::try_from(at.as_seconds()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trials;

    #[test]
    fn of_many_primaries_those_with_most_zones_are_labels_and_the_rest_is_one() {
        let address = |number: u16| SocketAddr::from(([192, 0, 2, 1], number));
        let at = |zones: i64| AtPrimary {
            zones,
            failing: 1,
            clear_text: 0,
            last_check: Some(Timestamp(zones as u64)),
            last_success: None,
        };
        let primaries = (1..=300).map(|number| (address(number), at(number.into())));
        let labelled = by_label(&primaries.collect());
        assert_eq!(labelled.len(), PRIMARIES + 1);
        assert_eq!(labelled[0].0, "192.0.2.1:300");
        let (label, rest) = labelled.last().unwrap();
        assert_eq!((label.as_str(), rest.failing), ("other", 200));
        assert_eq!(rest.zones, (1..=200).sum::<i64>());
        assert_eq!(rest.last_check, Some(Timestamp(200)));
        assert_eq!(by_label(&HashMap::new()).len(), 0);
    }
    #[tokio::test]
    async fn all_zones_are_counted_in_whatever_stretches() {
        let down = "127.0.0.1:1".parse().unwrap();
        let tables: String = { 0..5 }
            .map(|number| trials::zone(&format!("z{number}.example"), down, ""))
            .collect();
        let trial = trials::Trial::start(&tables).await;
        for stretch in [1, 2, 5, 512] {
            let figures = Figures::of(trial.node(), stretch);
            assert_eq!(figures.standings, [5, 0, 0, 0], "{stretch}");
            let zones: Vec<_> = figures.primaries.values().map(|at| at.zones).collect();
            assert_eq!(zones, [5]);
        }
        trial.secondary.shutdown().await;
    }
}
