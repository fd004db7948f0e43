//! Response rate limiting: nobody is told the same over UDP more often than a resolver could want to hear it.
//!
//! Whoever forges the source of a question has us answer to somebody else. What such answers have in common is that they
//! are the same, and go to one network: the name that speaks in them (the name asked for, a zone cut, a wildcard's place,
//! the apex where a name does not exist) and the rcode. So that, and not the client, is what is counted: a resolver that
//! asks for a thousand names is not slowed down. A real client that is caught in between gets every second answer cut
//! down to TC, and comes back over TCP.
//!
//! Counts leak: a second takes away as many as it allows. They stand in a table of fixed size, shared by all threads; what
//! falls on the same place pushes out what was there, so that a flood of names costs no memory.

use std::{
    hash::BuildHasher,
    net::IpAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use foldhash::fast::RandomState;
use zonekit_wire::{Name, Rcode};

use crate::{Acl, AclEntry};

/// Counts in the table, 8 octets each.
const PLACES: usize = 1 << 16;

/// How often anybody is told the same over UDP; see [`Config::rate_limit`](crate::Config::rate_limit).
///
/// Answers to requests with a valid cookie (RFC 7873) are not counted. Those to signed ones are: whoever has a key can sign, and
/// anybody repeat, a request that says to come from somewhere else.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Answers that are the same, per second and client network (an IPv4 /24, an IPv6 /56), up to 262,143. What is more is
    /// left out, but for every second one, which is TC without records. 0: no limit. Default 200.
    pub per_second: u32,
    /// Networks that are never limited; keys in it mean nothing. Default: loopback.
    pub exempt: Acl,
}

impl Default for RateLimit {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self {
            per_second: 200,
            exempt: { loopback.iter() }
                .filter_map(|network| network.parse::<AclEntry>().ok())
                .collect(),
        }
    }
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It is sent.
    Whole,
    /// It is cut down to TC.
    Cut,
    /// It is not sent.
    Nothing,
}

/// How often what was told to whom.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    table: OnceLock<Box<[AtomicU64]>>,
    /// So that nobody can choose what falls on the same place.
    hasher: RandomState,
}

impl Rates {
    /// Counts an answer that is about to go to this client at `now`, in seconds; `told` is the name that speaks in it, and
    /// its rcode.
    pub(crate) fn admit<'n>(
        &self,
        limit: &RateLimit,
        client: IpAddr,
        told: impl FnOnce() -> (Name<'n>, Rcode),
        now: u64,
    ) -> Admission {
        if limit.per_second == 0 || limit.exempt.admits(client, None) {
            return Admission::Whole;
        }
        let (speaker, rcode) = told();
        let hash = self.hasher.hash_one((network(client), speaker, rcode));
        let table = self
            .table
            .get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        let Some(place) = table.get(hash as usize % PLACES) else {
            return Admission::Whole;
        };
        let rate = u64::from(limit.per_second.min(MAX_LEVEL / 4));
        let mut level = 0;
        _ = place.fetch_update(Relaxed, Relaxed, |old| {
            let count = Count(old).and_one(hash >> 40, now, rate);
            level = count.level();
            Some(count.0)
        });
        match level {
            _ if level <= rate => Admission::Whole,
            _ if level % 2 == 0 => Admission::Cut,
            _ => Admission::Nothing,
        }
    }
}

/// What forged sources are likely to share.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & !0xff).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 72 << 72).into()),
    }
}

/// Who is counted (24 bits of a hash), the second of the last answer (20 bits), and how many are too near (20 bits).
#[derive(Clone, Copy)]
struct Count(u64);

/// One more than the largest level that a count holds.
const MAX_LEVEL: u32 = 1 << 20;

impl Count {
    fn level(self) -> u64 {
        self.0 & u64::from(MAX_LEVEL - 1)
    }

    /// The count after one more answer. What is over the limit is forgotten as soon as what is not.
    fn and_one(self, tag: u64, now: u64, rate: u64) -> Self {
        let second = now & 0xf_ffff;
        let elapsed = second.wrapping_sub(self.0 >> 20) & 0xf_ffff;
        let level = match self.0 >> 40 == tag {
            true => self.level().saturating_sub(rate.saturating_mul(elapsed)),
            false => 0,
        };
        // Two steps up and one down at the top keep even and odd taking turns there.
        let level = match level + 1 {
            more if more > 2 * rate + 1 => 2 * rate,
            more => more,
        };
        Self(tag << 40 | second << 20 | level)
    }
}

#[cfg(test)]
mod tests {
    use zonekit_wire::NameBuf;

    use super::*;

    const START: u64 = 1_800_000_000;

    fn limit(per_second: u32) -> RateLimit {
        RateLimit {
            per_second,
            ..RateLimit::default()
        }
    }

    fn name(text: &str) -> NameBuf {
        text.parse().unwrap()
    }

    /// How many of so many answers go out whole and cut.
    fn told(
        rates: &Rates,
        limit: &RateLimit,
        client: &str,
        about: &str,
        count: usize,
        now: u64,
    ) -> (usize, usize) {
        let name = name(about);
        let outcomes: Vec<_> = (0..count)
            .map(|_| {
                rates.admit(
                    limit,
                    client.parse().unwrap(),
                    || (name.as_name(), Rcode::NOERROR),
                    now,
                )
            })
            .collect();
        let of = |kind| outcomes.iter().filter(|&&outcome| outcome == kind).count();
        (of(Admission::Whole), of(Admission::Cut))
    }

    #[test]
    fn what_is_over_the_limit_is_cut_every_second_time_and_left_out_else() {
        let rates = Rates::default();
        let (whole, cut) = told(&rates, &limit(50), "192.0.2.1", "a.example", 1050, START);
        assert_eq!(whole, 50);
        assert!((499..=501).contains(&cut), "{cut}");
    }

    #[test]
    fn a_second_allows_as_many_again() {
        let (rates, limit) = (Rates::default(), limit(50));
        told(&rates, &limit, "192.0.2.1", "a.example", 50, START);
        assert_eq!(
            told(&rates, &limit, "192.0.2.1", "a.example", 100, START + 1).0,
            50
        );
        assert_eq!(
            told(&rates, &limit, "192.0.2.1", "a.example", 100, START + 3).0,
            50
        );
    }

    #[test]
    fn another_name_rcode_or_network_is_counted_for_itself() {
        let (rates, limit) = (Rates::default(), limit(1));
        for (client, about, whole) in [
            ("192.0.2.1", "a.example", 1),
            ("192.0.2.200", "A.example", 0),
            ("192.0.3.1", "a.example", 1),
            ("192.0.2.1", "b.example", 1),
            ("2001:db8::1", "a.example", 1),
            ("2001:db8:0:ff::1", "a.example", 0),
            ("2001:db8:0:100::1", "a.example", 1),
        ] {
            let (told, _) = told(&rates, &limit, client, about, 1, START);
            assert_eq!(told, whole, "{client} {about}");
        }
        let (client, name) = ("192.0.2.1".parse().unwrap(), name("a.example"));
        let other = rates.admit(&limit, client, || (name.as_name(), Rcode::NXDOMAIN), START);
        assert_eq!(other, Admission::Whole);
    }

    #[test]
    fn nobody_is_limited_without_a_limit_and_loopback_never() {
        let rates = Rates::default();
        assert_eq!(
            told(&rates, &limit(0), "192.0.2.1", "a.example", 1000, START).0,
            1000
        );
        assert_eq!(
            told(&rates, &limit(1), "127.9.9.9", "a.example", 1000, START).0,
            1000
        );
        assert_eq!(
            told(&rates, &limit(1), "::1", "a.example", 1000, START).0,
            1000
        );
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (rates, limit) = (Rates::default(), limit(10));
        told(&rates, &limit, "192.0.2.1", "a.example", 1000, START);
        assert_eq!(
            told(&rates, &limit, "192.0.2.1", "a.example", 10, START - 5).0,
            10
        );
    }
}
