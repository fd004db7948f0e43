//! What has been asked and answered, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use zonekit_wire::Rcode;

use crate::Transport;

/// Counts since the start, for `/metrics`. Every field only grows; fields are read one by one, so that sums of a moment
/// under load may differ by a few.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that came over UDP, whatever became of them.
    pub udp_requests: Counter,
    /// Requests that came over TCP, whatever became of them.
    pub tcp_requests: Counter,
    /// Requests that came over TLS, whatever became of them.
    pub tls_requests: Counter,
    /// Messages left without an answer: too short, or answers themselves.
    pub dropped: Counter,
    /// Answers that did not fit and said so (TC).
    pub truncated: Counter,
    /// Answers over UDP that were not given because the same had been told too often ([`RateLimit`](crate::RateLimit)):
    /// left out, or cut down to TC.
    pub rate_limited: Counter,
    /// Requests whose TSIG did not pass.
    pub tsig_rejected: Counter,
    /// NOTIFY requests believed and handed on.
    pub notifies_accepted: Counter,
    /// NOTIFY requests answered with REFUSED or NOTAUTH.
    pub notifies_refused: Counter,
    /// NOTIFY messages sent, repetitions included.
    pub notifies_sent: Counter,
    /// Servers told of a version that answered NOERROR.
    pub notifies_answered: Counter,
    /// Servers told of a version that refused, or never answered.
    pub notifies_given_up: Counter,
    /// AXFR streams begun, AXFR-style answers to IXFR included.
    pub axfr_begun: Counter,
    /// IXFR answers made of differences.
    pub ixfr_begun: Counter,
    /// Transfers asked for and not given: by access list, or no such zone here.
    pub transfers_refused: Counter,
    /// Transfers asked for and put off with SERVFAIL, because too many were on their way.
    pub transfers_put_off: Counter,
    /// Transfers whose last message was handed out.
    pub transfers_completed: Counter,
    /// TCP connections accepted.
    pub connections: Counter,
    /// TCP connections closed at once because their client had too many.
    pub connections_refused: Counter,
    /// TCP connections closed to make room for others, because too many were open in all.
    pub connections_displaced: Counter,
    rcodes: [Counter; 24],
}

impl Counters {
    /// Answers given with this rcode, transfers and extended rcodes (RFC 6891 §6.1.3) included. Rcodes above 23 are
    /// never answered.
    pub fn answers(&self, rcode: Rcode) -> u64 {
        self.rcodes
            .get(usize::from(rcode.0))
            .map_or(0, Counter::value)
    }

    /// Every rcode that has been answered with at least once, and how often.
    pub fn answers_by_rcode(&self) -> impl Iterator<Item = (Rcode, u64)> + '_ {
        (0u16..)
            .zip(&self.rcodes)
            .map(|(rcode, count)| (Rcode(rcode), count.value()))
            .filter(|&(_, count)| count > 0)
    }

    pub(crate) fn count_request(&self, transport: Transport) {
        match transport {
            Transport::Udp => self.udp_requests.count(),
            Transport::Tcp => self.tcp_requests.count(),
            Transport::Tls => self.tls_requests.count(),
        }
    }

    pub(crate) fn count_answer(&self, rcode: Rcode) {
        if let Some(counter) = self.rcodes.get(usize::from(rcode.0)) {
            counter.count();
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// How often so far.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}
