//! Response rate limiting: nobody is told the same over UDP more often than a resolver could want to hear it.
//!
//! Whoever forges the source of a question has us answer to somebody else. What such answers have in common is that they
//! are the same, and go to one network: the name that speaks in them (the name asked for, a zone cut, a wildcard's place,
//! the apex where a name does not exist) and the rcode. So that, and not the client, is what is counted: a resolver that
//! asks for a thousand names is not slowed down. A real client that is caught in between gets every second answer cut
//! down to TC, and comes back over TCP.
//!
//! Who forges a source may ask for thousands of names that exist, too, of which none comes too often. So what goes to one
//! network is also counted all together, in octets, and only those by which answers are larger than their requests: that is
//! what such a forger gains. It is allowed far more than resolvers ask for, also where a carrier has many behind few
//! addresses.
//!
//! Counts leak: a second takes away as many as it allows. They stand in tables of fixed size, shared by all threads. Of the
//! same answers, what falls on the same place pushes out what was there, so that a flood of names costs no memory; of
//! networks, whoever has got something within the second stays, so that a flood is not forgotten for others' few answers.

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

/// Counts of the same answers, 8 octets each.
const PLACES: usize = 1 << 16;

/// Counts of what goes to networks: 32 KiB, which stay near a core that looks at one for every answer.
const NETWORKS: usize = 1 << 12;

/// How often anybody is told the same over UDP; see [`Config::rate_limit`](crate::Config::rate_limit).
///
/// Answers to requests with a valid cookie (RFC 7873) are not counted. Those to signed ones are: whoever has a key can sign, and
/// anybody repeat, a request that says to come from somewhere else.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Answers that are the same, per second and client network (an IPv4 /24, an IPv6 /56), up to 262,143. What is more is
    /// left out, but for every second one, which is TC without records. 0: no limit. Default 200.
    pub per_second: u32,
    /// Octets by which answers to one client network, of whatever kind, may be larger than their requests, per second, up to
    /// 268,435,455; what is more is left out or cut likewise. 0: no limit. Default 10,000,000: 80 Mbit/s, or 10,000 signed
    /// denials or 80,000 plain answers a second. A network that honestly wants more comes over TCP for the rest, shows
    /// cookies, or is made [`exempt`](Self::exempt).
    pub octets_per_second: u32,
    /// Networks that are never limited; keys in it mean nothing. Default: loopback.
    pub exempt: Acl,
}

impl Default for RateLimit {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self {
            per_second: 200,
            octets_per_second: 10_000_000,
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
    answers: OnceLock<Box<[AtomicU64]>>,
    networks: OnceLock<Box<[AtomicU64]>>,
    /// So that nobody can choose what falls on the same place.
    hasher: RandomState,
}

impl Rates {
    /// Counts an answer that is about to go to this client at `now`, in seconds, and is by so many octets larger than its
    /// request; `told` is the name that speaks in it, and its rcode.
    pub(crate) fn admit<'n>(
        &self,
        limit: &RateLimit,
        client: IpAddr,
        told: impl FnOnce() -> (Name<'n>, Rcode),
        gain: usize,
        now: u64,
    ) -> Admission {
        let counts_octets = limit.octets_per_second > 0 && gain > 0;
        if limit.per_second == 0 && !counts_octets || limit.exempt.admits(client, None) {
            return Admission::Whole;
        }
        let network = network(client);
        if limit.per_second > 0 {
            let (speaker, rcode) = told();
            let hash = self.hasher.hash_one((network, speaker, rcode));
            let admission = self.admit_answer(hash, limit.per_second, now);
            if admission != Admission::Whole {
                return admission;
            }
        }
        match counts_octets {
            true => self.admit_octets(network, gain as u64, limit.octets_per_second, now),
            false => Admission::Whole,
        }
    }

    /// Whether the same was not told too often.
    fn admit_answer(&self, hash: u64, per_second: u32, now: u64) -> Admission {
        let Some(place) = table(&self.answers, PLACES).get(hash as usize % PLACES) else {
            return Admission::Whole;
        };
        let rate = u64::from(per_second.min(MAX_LEVEL / 4));
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

    /// Whether a network has not been told too much.
    fn admit_octets(&self, network: u64, gain: u64, per_second: u32, now: u64) -> Admission {
        let hash = self.hasher.hash_one(network);
        let Some(place) = table(&self.networks, NETWORKS).get(hash as usize % NETWORKS) else {
            return Admission::Whole;
        };
        let rate = u64::from(per_second).min(MAX_OCTETS);
        let mut admission = Admission::Whole;
        _ = place.fetch_update(Relaxed, Relaxed, |old| {
            let (next, what) = Octets(old).and(hash >> 44, gain, now, rate);
            admission = what;
            Some(next.0)
        });
        admission
    }
}

fn table(table: &OnceLock<Box<[AtomicU64]>>, places: usize) -> &[AtomicU64] {
    table.get_or_init(|| (0..places).map(|_| AtomicU64::new(0)).collect())
}

/// What forged sources are likely to share: the upper 24 bits of an IPv4 address, 56 of an IPv6 one.
fn network(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(address) => u64::from(u32::from(address) >> 8) | 1 << 63,
        IpAddr::V6(address) => (u128::from(address) >> 72) as u64,
    }
}

/// Which network is counted (20 bits of a hash), whether the last one too many was cut down (1 bit), the second of the last
/// answer (15 bits), and how many octets the network has had (28 bits).
#[derive(Clone, Copy)]
struct Octets(u64);

/// The most octets that a count holds.
const MAX_OCTETS: u64 = (1 << 28) - 1;

impl Octets {
    /// The count after an answer to the network with this tag, and what becomes of the answer. What is not sent is not
    /// counted: whoever asks for a little too much gets all but a little.
    fn and(self, tag: u64, gain: u64, now: u64, rate: u64) -> (Self, Admission) {
        let second = now & 0x7fff;
        let elapsed = second.wrapping_sub(self.0 >> 28) & 0x7fff;
        let level = (self.0 & MAX_OCTETS).saturating_sub(rate.saturating_mul(elapsed));
        let (is_same, was_cut) = (self.0 >> 44 == tag, self.0 >> 43 & 1);
        if !is_same && level > 0 {
            return (self, Admission::Whole);
        }
        let at = |was_cut: u64, level| Self(tag << 44 | was_cut << 43 | second << 28 | level);
        match level + gain {
            level if level <= rate => (at(was_cut, level), Admission::Whole),
            _ if was_cut == 0 => (at(1, level), Admission::Cut),
            _ => (at(0, level), Admission::Nothing),
        }
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
                    100,
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
        let told = || (name.as_name(), Rcode::NXDOMAIN);
        let other = rates.admit(&limit, client, told, 100, START);
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

    /// How many octets this network gains by so many answers that are all about other names.
    fn gained(
        rates: &Rates,
        limit: &RateLimit,
        client: &str,
        gains: impl Iterator<Item = usize>,
        now: u64,
    ) -> usize {
        let client = client.parse().unwrap();
        let admitted = gains.enumerate().filter(|&(number, gain)| {
            let name = name(&format!("n{number}.example"));
            let told = || (name.as_name(), Rcode::NOERROR);
            rates.admit(limit, client, told, gain, now) == Admission::Whole
        });
        admitted.map(|(_, gain)| gain).sum()
    }

    #[test]
    fn a_network_gains_so_many_octets_a_second_and_no_more_whatever_it_is_told() {
        let rates = Rates::default();
        let limit = RateLimit {
            octets_per_second: 10_000,
            ..limit(200)
        };
        let gained = |client, count, now| {
            let gains = (0..count).map(|number| 300 + number % 700);
            gained(&rates, &limit, client, gains, now)
        };
        for second in 0..5 {
            let all = gained("192.0.2.1", 500, START + second);
            assert!((9_000..=10_000).contains(&all), "{all} in second {second}");
        }
        assert!(
            gained("192.0.2.77", 5, START + 4) < 1_000,
            "of the same network"
        );
        assert_eq!(gained("192.0.3.1", 5, START + 4), 1510, "of another");
        assert_eq!(
            gained("127.0.0.1", 500, START + 4),
            500 * 300 + 500 * 499 / 2
        );
    }

    #[test]
    fn what_a_network_gets_too_much_is_cut_and_left_out_in_turns() {
        let rates = Rates::default();
        let limit = RateLimit {
            octets_per_second: 100,
            ..limit(0)
        };
        let client = "2001:db8::1".parse().unwrap();
        let told = || (Name::ROOT, Rcode::NOERROR);
        let [first, others @ ..] = [(); 5].map(|()| rates.admit(&limit, client, told, 60, START));
        use Admission::{Cut, Nothing, Whole};
        assert_eq!((first, others), (Whole, [Cut, Nothing, Cut, Nothing]));
        assert_eq!(
            rates.admit(&limit, client, told, 0, START),
            Whole,
            "nothing gained"
        );
        assert_eq!(
            rates.admit(&limit, client, told, 40, START),
            Whole,
            "the rest"
        );
    }

    #[test]
    fn who_is_told_little_does_not_have_a_flood_forgotten() {
        let (now, rate) = (START, 1000);
        let flood = Octets(0).and(1, 900, now, rate).0;
        let (after, admission) = flood.and(2, 50, now, rate);
        assert_eq!((after.0, admission), (flood.0, Admission::Whole));
        assert_eq!(after.and(1, 900, now, rate).1, Admission::Cut);
        assert_eq!(
            after.and(2, 50, now + 1, rate).0.0 >> 44,
            2,
            "a second later"
        );
        assert_eq!(
            after.and(1, 900, now - 5, rate).1,
            Admission::Whole,
            "the clock was set back"
        );
    }
}
