//! From the octets of a request to the octets of its answer.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Cache};
use zonekit_store::Zone;
use zonekit_tsig::{ServerStream, check_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, Opcode, PackedRecord,
    Question, Rcode, Rtype, Section, Serial, Soa, Unpacker,
};

use crate::{
    Config, Counters, Holding, Notification, OutgoingTransfer, Peer, Transport, Zones,
    answer::{self, Memory, Query, Verdict},
    chaos,
    edns::{Edns, Told, ZoneVersion},
    extended_error::ExtendedError,
    rate::{Admission, Rates},
    reply::Reply,
    request::{Extras, Malformed},
    transfer::{Frame, steps_between},
};

/// How many times smaller names may make a message than its records are: differences that are larger than so many
/// datagrams are not even read to see whether they fit one.
const PACKING: usize = 4;

/// Answers requests from a table of zones. A clone answers from the same.
#[derive(Clone)]
pub struct Responder {
    shared: Arc<Shared>,
}

struct Shared {
    zones: Arc<dyn Zones>,
    config: Arc<ArcSwap<Config>>,
    counters: Arc<Counters>,
    rates: Rates,
}

impl Responder {
    /// Answers from `zones`, as `config` has it.
    pub fn new(zones: Arc<dyn Zones>, config: Config) -> Self {
        let config = Arc::new(ArcSwap::from_pointee(config.clamped()));
        Self {
            shared: Arc::new(Shared {
                zones,
                config,
                counters: Arc::default(),
                rates: Rates::default(),
            }),
        }
    }

    /// Answers as `config` has it from the next request on.
    pub fn configure(&self, config: Config) {
        self.shared.config.store(Arc::new(config.clamped()));
    }

    /// What has been asked and answered so far, by all workers together.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// One that answers on one thread, with memory of its own that it uses again for every request.
    pub fn worker(&self) -> Worker {
        Worker {
            shared: Arc::clone(&self.shared),
            config: Cache::new(Arc::clone(&self.shared.config)),
            tools: Tools::default(),
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("config", &*self.shared.config.load())
            .finish_non_exhaustive()
    }
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Action {
    /// Nothing is to be sent: it was no request.
    Drop,
    /// The answer is written and is to be sent.
    Reply,
    /// The answer is written and is to be sent; and somebody says that a zone has changed.
    Notify(Notification),
    /// Nothing is written yet: the answer is a stream of messages, to be asked for one by one.
    Transfer(Box<OutgoingTransfer>),
}

/// Answers requests, one at a time; made by [`Responder::worker`].
pub struct Worker {
    shared: Arc<Shared>,
    /// The configuration, looked at for every request and counted up and down only when it is another.
    config: Cache<Arc<ArcSwap<Config>>, Arc<Config>>,
    tools: Tools,
}

/// What a worker uses again for every request.
#[derive(Default)]
struct Tools {
    memory: Memory,
    compressor: Compressor,
    /// What clients over TCP are told, in tenths of a second.
    keepalive: Option<u16>,
}

impl Worker {
    /// The same for one connection, whose client is told, if it asks ([RFC 7828]), that it may be idle for so long: up to
    /// 6,553.5 s, in tenths of a second.
    ///
    /// [RFC 7828]: https://www.rfc-editor.org/rfc/rfc7828
    pub fn keeping_alive(mut self, idle: Duration) -> Self {
        let tenths = idle.as_millis() / 100;
        self.tools.keepalive = Some(u16::try_from(tenths).unwrap_or(u16::MAX));
        self
    }

    /// Judges one request and writes the answer to `out`, whose content goes first.
    ///
    /// `request` is one DNS message without the two octets that TCP puts before it, and need not be well-formed; `now`
    /// is in seconds since 1970 and judges TSIG. A plain answer costs no allocation once `out` and this worker have
    /// grown to their size.
    pub fn respond(&mut self, request: &[u8], peer: Peer, now: u64, out: &mut Vec<u8>) -> Action {
        out.clear();
        let counters = &self.shared.counters;
        counters.count_request(peer.transport);
        let message = match Message::new(request) {
            Ok(message) if !message.header().qr => message,
            _ => {
                counters.dropped.count();
                return Action::Drop;
            }
        };
        let mut exchange = Exchange {
            shared: &self.shared,
            config: self.config.load(),
            tools: &mut self.tools,
            peer,
            now,
            header: message.header(),
            name: Name::ROOT,
            question: None,
            edns: None,
            signer: None,
            asked: request.len(),
            out,
        };
        exchange.respond(message)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// One request and the answer to it in the making.
struct Exchange<'x> {
    shared: &'x Shared,
    config: &'x Arc<Config>,
    tools: &'x mut Tools,
    peer: Peer,
    now: u64,
    header: Header,
    /// The name in question, once that has been read.
    name: Name<'x>,
    /// Type and class, likewise.
    question: Option<(Rtype, Class)>,
    /// What the request says by EDNS.
    edns: Option<Edns>,
    signer: Option<ServerStream>,
    /// Octets of the request.
    asked: usize,
    out: &'x mut Vec<u8>,
}

impl<'x> Exchange<'x> {
    fn respond(&mut self, message: Message<'x>) -> Action {
        let known = matches!(self.header.opcode, Opcode::QUERY | Opcode::NOTIFY);
        let question = message.question().ok().flatten();
        match question.and_then(|question| Some((question.name.as_flat()?, question))) {
            Some((name, Question { rtype, class, .. })) => {
                self.name = name;
                self.question = Some((rtype, class));
            }
            None if known && !self.asks_nothing() => {
                return self.say(Verdict::of(Rcode::FORMERR)); // RFC 9619: no more than one
            }
            None => {}
        }
        let extras = match Extras::read(message) {
            Ok(extras) => extras,
            Err(Malformed) if known => return self.say(Verdict::of(Rcode::FORMERR)),
            Err(Malformed) => return self.say(Verdict::of(Rcode::NOTIMP)),
        };
        self.edns = extras.opt.map(Edns::bare);
        if extras.signed {
            match check_request(&self.config.keys, message.octets(), self.now) {
                Ok(signer) => self.signer = signer,
                Err(rejected) => {
                    self.counters().tsig_rejected.count();
                    let action = self.say(Verdict::of(rejected.rcode()));
                    if matches!(action, Action::Reply) {
                        rejected.sign_reply(self.out, self.now);
                    }
                    return action;
                }
            }
        }
        if !known {
            return self.say(Verdict::of(Rcode::NOTIMP));
        }
        if let (Some(opt), Some(edns)) = (extras.opt, self.edns) {
            if opt.version() > 0 {
                return self.say(Verdict::of(Rcode::BADVERS));
            }
            let client = (self.peer.ip(), self.peer.transport);
            match edns.with_options(opt, self.config, client, self.now) {
                Ok(edns) => self.edns = Some(edns),
                Err(Malformed) => return self.say(Verdict::of(Rcode::FORMERR)),
            }
        }
        let Some((rtype, class)) = self.question else {
            return self.say(Verdict::of(
                self.edns.map_or(Rcode::FORMERR, Edns::cookie_alone),
            ));
        };
        match (self.header.opcode, rtype) {
            (Opcode::NOTIFY, _) => self.notify(rtype, class, &extras),
            _ if class == Class::CH => self.chaos(rtype),
            _ if class != Class::IN => self.say(Verdict::because(
                Rcode::REFUSED,
                ExtendedError::NotAuthoritative,
            )),
            (_, Rtype::AXFR) => self.axfr(),
            (_, Rtype::IXFR) => self.ixfr(&extras),
            (_, Rtype::OPT) => self.say(Verdict::of(Rcode::FORMERR)),
            (_, Rtype(128)) => self.say(Verdict::of(Rcode::FORMERR)), // NXNAME: RFC 9824 §3.5
            (_, Rtype(129..=254)) => self.say(Verdict::of(Rcode::NOTIMP)), // other questions that are not types
            _ => self.query(rtype),
        }
    }

    /// Whether it is a query without a question, with which a client gets a cookie ([RFC 7873 §5.4]).
    ///
    /// [RFC 7873 §5.4]: https://www.rfc-editor.org/rfc/rfc7873#section-5.4
    fn asks_nothing(&self) -> bool {
        (self.header.opcode, self.header.questions) == (Opcode::QUERY, 0)
    }

    /// Whether the name asked for is in a zone that is not for this client.
    fn is_kept_from_client(&self) -> bool {
        let is_in = |apex: &NameBuf| self.name.is_at_or_below(apex.as_name());
        self.config.private_zones.iter().any(is_in) && {
            let key = self.signer.as_ref().map(|signer| signer.key().name());
            !self.config.allow_transfer.admits_peer(self.peer, key)
        }
    }

    /// Looks a name up.
    fn query(&mut self, rtype: Rtype) -> Action {
        if self.is_kept_from_client() {
            return self.say(Verdict::because(Rcode::REFUSED, ExtendedError::Prohibited));
        }
        let zones = &*self.shared.zones;
        let transport = self.peer.transport;
        let dnssec = self.edns.is_some_and(|edns| edns.dnssec_ok);
        self.write(self.limit(), |name, memory, reply| {
            answer::answer(
                zones,
                Query {
                    name,
                    rtype,
                    transport,
                    dnssec,
                },
                memory,
                reply,
            )
        })
    }

    /// Says what is asked about the server.
    fn chaos(&mut self, rtype: Rtype) -> Action {
        let config = self.config;
        self.write(self.limit(), |name, _, reply| {
            chaos::answer(name, rtype, config, reply)
        })
    }

    /// Hears that a zone has changed ([RFC 1996 §3.8-3.10]).
    ///
    /// [RFC 1996 §3.8-3.10]: https://www.rfc-editor.org/rfc/rfc1996#section-3
    fn notify(&mut self, rtype: Rtype, class: Class, extras: &Extras<'_>) -> Action {
        if (rtype, class) != (Rtype::SOA, Class::IN) {
            return self.say(Verdict::of(Rcode::FORMERR));
        }
        let Ok(serial) = self.serial_in(extras.answer_soa) else {
            return self.say(Verdict::of(Rcode::FORMERR));
        };
        let name = self.name;
        if self.shared.zones.zone(name).is_none() {
            self.counters().notifies_refused.count();
            return self.say(Verdict::because(
                Rcode::NOTAUTH,
                ExtendedError::NotAuthoritative,
            ));
        }
        let key = self.signer.as_ref().map(ServerStream::key).cloned();
        if !self
            .config
            .notify_sources
            .may_notify(name, self.peer.ip(), key.as_ref())
        {
            self.counters().notifies_refused.count();
            return self.say(Verdict::because(Rcode::REFUSED, ExtendedError::Prohibited));
        }
        self.counters().notifies_accepted.count();
        let zone = name.to_buf();
        let limit = self.limit();
        let verdict = self.compose(limit, |_, _, _| Verdict {
            authoritative: true,
            ..Verdict::of(Rcode::NOERROR)
        });
        self.send(limit, verdict, Admission::Whole); // who may say this is known, and is not limited
        Action::Notify(Notification {
            zone,
            source: self.peer,
            serial,
            key,
        })
    }

    /// The serial that the client has in mind, if it says so by an SOA record: the error is that this is broken, or not
    /// that of the zone in question.
    fn serial_in(&self, soa: Option<PackedRecord<'_>>) -> Result<Option<Serial>, Malformed> {
        match soa {
            Some(record) if record.owner() != self.name || record.class() != Class::IN => {
                Err(Malformed)
            }
            Some(record) => Ok(Some(serial(record)?)),
            None => Ok(None),
        }
    }

    /// Begins to hand over a whole zone ([RFC 5936]).
    ///
    /// [RFC 5936]: https://www.rfc-editor.org/rfc/rfc5936
    fn axfr(&mut self) -> Action {
        if self.peer.transport == Transport::Udp {
            return self.say(Verdict::of(Rcode::FORMERR)); // §4.2: not defined
        }
        match self.transferable() {
            Ok(zone) => {
                let frame = self.frame(&zone);
                Action::Transfer(Box::new(OutgoingTransfer::whole(zone, frame)))
            }
            Err(refusal) => self.say(refusal),
        }
    }

    /// Begins to hand over what has changed since the client's version ([RFC 1995]), or the whole where that is not
    /// known any more.
    ///
    /// [RFC 1995]: https://www.rfc-editor.org/rfc/rfc1995
    fn ixfr(&mut self, extras: &Extras<'_>) -> Action {
        let Ok(Some(held)) = self.serial_in(extras.authority_soa) else {
            return self.say(Verdict::of(Rcode::FORMERR));
        };
        let zone = match self.transferable() {
            Ok(zone) => zone,
            Err(refusal) => return self.say(refusal),
        };
        if !zone.serial().is_newer_than(held) {
            return self.current_soa(&zone, None);
        }
        let zones = &self.shared.zones;
        let octets = zones
            .differences_octets(zone.apex(), held)
            .filter(|&octets| octets < zone.octets());
        match (self.peer.transport, octets) {
            (Transport::Tcp | Transport::Tls, Some(_)) => {
                let zones = Arc::clone(zones);
                let frame = self.frame(&zone);
                let transfer = OutgoingTransfer::steps_since(held, zone, zones, frame);
                Action::Transfer(Box::new(transfer))
            }
            (Transport::Tcp | Transport::Tls, None) => {
                let frame = self.frame(&zone);
                Action::Transfer(Box::new(OutgoingTransfer::whole(zone, frame)))
            }
            (Transport::Udp, Some(octets)) if octets <= (PACKING * self.limit()) as u64 => {
                let frame = Frame {
                    limit: self.limit(),
                    ..self.frame(&zone)
                };
                let admission = self.admission(&Verdict::on_apex(self.name), self.limit());
                if admission == Admission::Whole
                    && let Some(differences) =
                        steps_between(&**zones, held, &zone, self.config.condensed_ixfr)
                    && OutgoingTransfer::steps(zone.clone(), differences, frame)
                        .only_message(self.now, self.out)
                {
                    return Action::Reply;
                }
                self.current_soa(&zone, Some(admission))
            }
            (Transport::Udp, _) => self.current_soa(&zone, None), // RFC 1995 §2: the client comes back over TCP
        }
    }
}

impl Exchange<'_> {
    fn say(&mut self, verdict: Verdict) -> Action {
        self.write(self.limit(), |_, _, _| verdict)
    }

    /// Writes an answer and judges whether it is sent.
    fn write(
        &mut self,
        limit: usize,
        records: impl FnOnce(Name<'_>, &mut Memory, &mut Reply<'_>) -> Verdict,
    ) -> Action {
        let mut verdict = self.compose(limit, records);
        if verdict.truncated && verdict.authoritative && self.peer.transport != Transport::Udp {
            // What no message has room for: there is nowhere to come back to.
            let failure = Verdict::because(Rcode::SERVFAIL, ExtendedError::Other);
            verdict = self.compose(limit, |_, _, _| failure);
        }
        let admission = self.admission(&verdict, self.out.len());
        self.send(limit, verdict, admission)
    }

    /// Leaves what is written as it is, cuts it down, or takes it back; signs what is left.
    fn send(&mut self, limit: usize, verdict: Verdict, admission: Admission) -> Action {
        let counters = &self.shared.counters;
        match admission {
            Admission::Whole => {
                counters.count_answer(verdict.rcode);
                if verdict.truncated {
                    counters.truncated.count();
                }
            }
            Admission::Cut => {
                counters.rate_limited.count();
                self.compose(limit, |_, _, _| Verdict {
                    truncated: true,
                    ..verdict
                });
            }
            Admission::Nothing => {
                counters.rate_limited.count();
                self.out.clear();
                return Action::Drop;
            }
        }
        // Not before: one answer is signed, the one that goes out (RFC 8945 §5.3).
        if let Some(signer) = &mut self.signer {
            signer.sign(self.out, self.now);
        }
        Action::Reply
    }

    /// Whether the client has been told the same too often, or its network too much; `octets` are those of the answer. Whoever
    /// is where it says is not limited; a signature does not say where that is.
    fn admission(&self, verdict: &Verdict, octets: usize) -> Admission {
        if self.peer.transport != Transport::Udp || self.edns.is_some_and(|edns| edns.is_proven) {
            return Admission::Whole;
        }
        let speaker = || {
            let name = self.name.as_octets();
            let start = name.len().checked_sub(verdict.speaker)?;
            Name::from_octets(name.get(start..)?).ok()
        };
        self.shared.rates.admit(
            &self.config.rate_limit,
            self.peer.ip(),
            || (speaker().unwrap_or(Name::ROOT), verdict.rcode),
            octets.saturating_sub(self.asked),
            self.now,
        )
    }

    /// Writes header, question, the records that the closure adds, and OPT; leaves room for TSIG.
    fn compose(
        &mut self,
        limit: usize,
        records: impl FnOnce(Name<'_>, &mut Memory, &mut Reply<'_>) -> Verdict,
    ) -> Verdict {
        let expire = self.expiry_of_question();
        let name = self.name;
        let Tools {
            memory,
            compressor,
            keepalive,
        } = &mut *self.tools;
        let mut writer = MessageWriter::new(self.out, limit, compressor);
        writer.reserve(
            self.signer
                .as_ref()
                .map_or(0, |signer| signer.key().tsig_len()),
        );
        writer.reserve(self.edns.map_or(0, |edns| edns.room(self.config)));
        if let Some((rtype, class)) = self.question {
            _ = writer.question(name, rtype, class); // the limit leaves room for it
        }
        let mut reply = Reply::new(writer, self.edns.is_some_and(|edns| edns.dnssec_ok));
        let verdict = records(name, memory, &mut reply);
        let mut writer = reply.into_writer();
        if let Some(edns) = self.edns {
            let told = Told {
                reason: verdict.extended,
                expire: expire.filter(|_| verdict.authoritative && verdict.rcode == Rcode::NOERROR),
                version: verdict.version,
                keepalive: *keepalive,
            };
            edns.write(self.config, verdict.rcode, told, &mut writer); // its room is reserved
        }
        writer.set_header(Header {
            aa: verdict.authoritative,
            tc: verdict.truncated,
            rcode: verdict.rcode,
            ..self.header.reply()
        });
        writer.finish();
        verdict
    }

    /// Seconds until the zone asked about expires, if that is asked for, in a question that has it ([RFC 7314 §3.2]).
    ///
    /// [RFC 7314 §3.2]: https://www.rfc-editor.org/rfc/rfc7314#section-3.2
    fn expiry_of_question(&self) -> Option<u32> {
        let (Rtype::SOA | Rtype::IXFR, Class::IN) = self.question? else {
            return None;
        };
        if !self.edns?.asks_expire || self.header.opcode != Opcode::QUERY {
            return None;
        }
        match self.shared.zones.zone(self.name)? {
            Holding::Served(zone) => self.expiry(&zone),
            _ => None,
        }
    }

    fn expiry(&self, zone: &Zone) -> Option<u32> {
        let asked = self.edns?.asks_expire;
        asked.then(|| self.shared.zones.expires_in(zone, self.now))
    }

    /// The zone in question, if this client may have it whole.
    fn transferable(&self) -> Result<Zone, Verdict> {
        let key = self.signer.as_ref().map(|signer| signer.key().name());
        let refusal = if self.config.allow_transfer.admits_peer(self.peer, key) {
            match self.shared.zones.zone(self.name) {
                Some(Holding::Served(zone)) => return Ok(zone),
                Some(Holding::NotLoaded) => {
                    Verdict::because(Rcode::SERVFAIL, ExtendedError::NotReady)
                }
                Some(Holding::Expired) => {
                    Verdict::because(Rcode::SERVFAIL, ExtendedError::InvalidData)
                }
                None => Verdict::because(Rcode::NOTAUTH, ExtendedError::NotAuthoritative),
            }
        } else {
            Verdict::because(Rcode::REFUSED, ExtendedError::Prohibited)
        };
        self.counters().transfers_refused.count();
        Err(refusal)
    }

    fn frame(&self, zone: &Zone) -> Frame {
        let told = Told {
            expire: self.expiry(zone),
            version: Some(ZoneVersion::of(zone)),
            keepalive: self.tools.keepalive,
            reason: None,
        };
        Frame {
            header: self.header,
            name: self.name.to_buf(),
            rtype: self.question.map_or(Rtype::AXFR, |(rtype, _)| rtype),
            edns: self.edns.map(|edns| (edns, told)),
            config: Arc::clone(self.config),
            signer: self.signer.clone(),
            limit: self.config.transfer_message_size.into(),
            utmost: u16::MAX.into(),
            counters: Arc::clone(self.counters()),
        }
    }

    /// The SOA alone: nothing newer, or (over UDP) too much to say. Whether it is sent may be decided already.
    fn current_soa(&mut self, zone: &Zone, admission: Option<Admission>) -> Action {
        let limit = self.limit();
        let verdict = self.compose(limit, |name, _, reply| {
            let soa = zone.rrset(zone.apex(), Rtype::SOA);
            let truncated =
                soa.is_some_and(|soa| reply.rrset(Section::Answer, name, &soa).is_err());
            Verdict {
                truncated,
                version: Some(ZoneVersion::of(zone)),
                ..Verdict::on_apex(name)
            }
        });
        let admission = admission.unwrap_or_else(|| self.admission(&verdict, self.out.len()));
        self.send(limit, verdict, admission)
    }

    /// How many octets the answer may have. Header, question, OPT and TSIG go in any case: they are what the request
    /// had, so that nobody gains by asking.
    fn limit(&self) -> usize {
        let allowed = match (self.peer.transport, self.edns) {
            (Transport::Tcp | Transport::Tls, _) => u16::MAX,
            (Transport::Udp, Some(edns)) => edns.udp_size.clamp(512, self.config.max_udp_size),
            (Transport::Udp, None) => 512,
        };
        let signature = self
            .signer
            .as_ref()
            .map_or(0, |signer| signer.key().tsig_len());
        let opt = self.edns.map_or(0, |edns| edns.room(self.config));
        let least = 12 + self.name.as_octets().len() + 4 + opt + signature;
        usize::from(allowed).max(least)
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }
}

/// The serial of an SOA record as it lies in a request.
fn serial(record: PackedRecord<'_>) -> Result<Serial, Malformed> {
    let mut unpacker = Unpacker::new();
    Ok(Soa::read(unpacker.unpack(record)?.rdata)?.serial)
}
