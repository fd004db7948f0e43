//! What the node counts, as `/metrics` shows it. Label sets are bounded: no zone, address or client is a label.

use std::sync::Weak;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use zonekit_model::{Standing, TransferFigures, VisitOutcome};

use crate::node::Node;

/// Counted as it happens.
#[derive(Default)]
pub(crate) struct Counts {
    visits: Family<OutcomeLabel, Counter>,
    failures: Family<KindLabel, Counter>,
    transfers: Family<TransferLabel, Counter>,
    octets: Counter,
    records: Counter,
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
    /// A visit has ended; `failures` are the kinds of what went wrong at its primaries.
    pub(crate) fn visit(&self, outcome: VisitOutcome, failures: impl IntoIterator<Item = String>) {
        let outcome = match outcome {
            VisitOutcome::UpToDate => "up_to_date",
            VisitOutcome::Transferred => "transferred",
            VisitOutcome::NotTaken => "not_taken",
            VisitOutcome::Failed => "failed",
        };
        self.visits.get_or_create(&OutcomeLabel { outcome }).inc();
        for kind in failures {
            self.failures.get_or_create(&KindLabel { kind }).inc();
        }
    }

    /// A version was published.
    pub(crate) fn transfer(&self, figures: &TransferFigures) {
        let kind = figures.kind.as_str();
        self.transfers.get_or_create(&TransferLabel { kind }).inc();
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
    registry.register_collector(Box::new(Present(node)));
    registry
}

/// What is looked at when it is asked for.
#[derive(Debug)]
struct Present(Weak<Node>);

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(node) = self.0.upgrade() else {
            return Ok(());
        };
        let mut standings = [0_i64; 4];
        let mut records = 0;
        for charge in node.zones.lock().values() {
            let place = match charge.status.standing {
                Standing::NeverLoaded => 0,
                Standing::Current => 1,
                Standing::Stale => 2,
                Standing::Expired => 3,
            };
            if let Some(count) = standings.get_mut(place) {
                *count += 1;
            }
            records += charge.status.records;
        }
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
                "zonekit_records",
                "Records held",
                i64::try_from(records).unwrap_or(i64::MAX),
            ),
            (
                "zonekit_visits_running",
                "Visits under way",
                i64::try_from(node.visits_running()).unwrap_or(i64::MAX),
            ),
        ] {
            gauge(&mut encoder, name, help, value)?;
        }
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
