//! The questions that a secondary asks.

use zonekit_tsig::{ClientStream, Key, sign_request};
use zonekit_wire::{Class, EdnsOption, Header, NameBuf, Opcode, Rtype, SoaBuf};

/// Octets that we take in one datagram: what fits everywhere without fragments.
const UDP_SIZE: u16 = 1232;

/// One question on its way: its octets, signed if there is a key, and what is needed to know its answer.
///
/// ```
/// use zonekit_wire::{Message, NameBuf, Rtype};
/// use zonekit_xfr::Query;
///
/// let zone: NameBuf = "example.org".parse()?;
/// let query = Query::axfr(4711, &zone, None, 1_800_000_000);
/// let question = Message::new(query.octets())?.question()?.expect("it asks");
/// assert_eq!((query.id(), question.rtype), (4711, Rtype::AXFR));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Query {
    pub(crate) id: u16,
    pub(crate) opcode: Opcode,
    pub(crate) zone: NameBuf,
    pub(crate) rtype: Rtype,
    pub(crate) signatures: Option<ClientStream>,
    /// Whether it offers EDNS, and asks for EXPIRE in it.
    pub(crate) has_edns: bool,
    octets: Vec<u8>,
}

impl Query {
    /// Asks for the zone's SOA.
    pub fn soa(id: u16, zone: &NameBuf, key: Option<&Key>, now: u64) -> Self {
        Self::ask(id, zone, Rtype::SOA, Extra::default(), key, now)
    }

    /// Asks for the whole zone (RFC 5936).
    pub fn axfr(id: u16, zone: &NameBuf, key: Option<&Key>, now: u64) -> Self {
        Self::ask(id, zone, Rtype::AXFR, Extra::default(), key, now)
    }

    /// Asks for what changed since `held` (RFC 1995).
    pub fn ixfr(id: u16, zone: &NameBuf, held: &SoaBuf, key: Option<&Key>, now: u64) -> Self {
        let extra = Extra {
            soa: Some(held),
            ..Extra::default()
        };
        Self::ask(id, zone, Rtype::IXFR, extra, key, now)
    }

    /// Asks for `rtype` (SOA, AXFR, or IXFR since `held`), perhaps with EDNS (RFC 6891): then the answer may be larger than
    /// 512 octets in a datagram, which a signed one easily is, and says when the zone expires there (RFC 7314 §2).
    pub(crate) fn ask(
        id: u16,
        zone: &NameBuf,
        rtype: Rtype,
        extra: Extra<'_>,
        key: Option<&Key>,
        now: u64,
    ) -> Self {
        Self::new(id, Opcode::QUERY, zone, rtype, extra, key, now)
    }

    /// Says that the zone has changed, with the new SOA as a hint (RFC 1996).
    pub fn notify(
        id: u16,
        zone: &NameBuf,
        soa: Option<&SoaBuf>,
        key: Option<&Key>,
        now: u64,
    ) -> Self {
        Self::new(
            id,
            Opcode::NOTIFY,
            zone,
            Rtype::SOA,
            Extra {
                soa,
                ..Extra::default()
            },
            key,
            now,
        )
    }

    fn new(
        id: u16,
        opcode: Opcode,
        zone: &NameBuf,
        rtype: Rtype,
        extra: Extra<'_>,
        key: Option<&Key>,
        now: u64,
    ) -> Self {
        let has_soa = extra.soa.is_some();
        let header = Header {
            id,
            opcode,
            aa: opcode == Opcode::NOTIFY,
            questions: 1,
            answers: u16::from(opcode == Opcode::NOTIFY && has_soa),
            authorities: u16::from(opcode != Opcode::NOTIFY && has_soa),
            additionals: u16::from(extra.has_edns),
            ..Header::default()
        };
        // One name twice at most: a compressor would cost more lines than it saves octets.
        let mut octets = Vec::with_capacity(512);
        octets.extend(header.to_octets());
        octets.extend(zone.as_name().as_octets());
        octets.extend(rtype.0.to_be_bytes());
        octets.extend(Class::IN.0.to_be_bytes());
        if let Some(soa) = extra.soa {
            let mut rdata = Vec::new();
            soa.as_soa().write(&mut rdata);
            let length = rdata.len() as u16; // two names and five numbers: at most 530
            octets.extend(zone.as_name().as_octets());
            octets.extend(Rtype::SOA.0.to_be_bytes());
            octets.extend(Class::IN.0.to_be_bytes());
            octets.extend(0_u32.to_be_bytes());
            octets.extend(length.to_be_bytes());
            octets.extend(rdata);
        }
        if extra.has_edns {
            octets.push(0);
            octets.extend(Rtype::OPT.0.to_be_bytes());
            octets.extend(UDP_SIZE.to_be_bytes());
            octets.extend([0; 4]); // version 0, no flags
            let options = [EdnsOption::EXPIRE, EdnsOption::KEEPALIVE];
            let count = if extra.over_tcp { 2 } else { 1 };
            octets.extend([0, 4 * count]);
            for option in options.iter().take(count.into()) {
                octets.extend(option.to_be_bytes());
                octets.extend([0; 2]); // empty: that asks
            }
        }
        let signatures = key.map(|key| sign_request(key, &mut octets, now));
        Self {
            id,
            opcode,
            zone: zone.clone(),
            rtype,
            signatures,
            has_edns: extra.has_edns,
            octets,
        }
    }

    /// The message to send, without the two octets of length that TCP wants.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The message ID.
    pub fn id(&self) -> u16 {
        self.id
    }
}

/// What a question has beside the question.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extra<'a> {
    /// Ours, or the new one.
    pub(crate) soa: Option<&'a SoaBuf>,
    /// EDNS, asking for EXPIRE.
    pub(crate) has_edns: bool,
    /// Then it asks for how long the connection may be idle, too (RFC 7828 §3.2.1).
    pub(crate) over_tcp: bool,
}

/// Message IDs that cannot be guessed from outside, from a seed that the caller draws.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next ID (SplitMix64, of which 16 bits show).
    pub(crate) fn draw(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.0) >> 48) as u16
    }
}

/// The finaliser of SplitMix64: spreads every bit of the argument over the result.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
