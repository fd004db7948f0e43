//! What a zone says to a question ([RFC 1034 §4.3.2]), over all the zones that we hold.
//!
//! ```text
//!              ┌────────────── CNAME, DNAME: another name ◄──────────────┐
//!              ▼                                                         │
//!  name ─► closest zone ─► cut above or at it? ─no─► node, wildcard? ─yes┴─► the RRset, or no data
//!              │ none          │ yes                     │ neither
//!              ▼               ▼                         ▼
//!           REFUSED         referral            empty non-terminal: no data; else NXDOMAIN
//! ```
//!
//! A zone is answered for as it was received: nothing is signed here, and a proof that the zone lacks is left out.
//!
//! [RFC 1034 §4.3.2]: https://www.rfc-editor.org/rfc/rfc1034#section-4.3.2

use std::mem;

use zonekit_store::{Finding, Node, Place, RrSet, Zone};
use zonekit_wire::{MessageFull, Name, NameBuf, Rcode, Rtype, Section};

use crate::{
    Holding, Transport, Zones,
    denial::{self, Denial},
    edns::ZoneVersion,
    extended_error::ExtendedError,
    names::NameList,
    reply::Reply,
};

/// How many names a chain of CNAMEs and DNAMEs may visit before the client is left to follow the rest.
const MAX_HOPS: usize = 16;

/// A question of class IN, and what else about the request decides the answer.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q> {
    pub(crate) name: Name<'q>,
    pub(crate) rtype: Rtype,
    pub(crate) transport: Transport,
    /// Whether signatures and proofs are wanted (DO).
    pub(crate) dnssec: bool,
}

/// What the header, and OPT, are to say about an answer whose records are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) rcode: Rcode,
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
    pub(crate) extended: Option<ExtendedError>,
    /// The version of the zone closest to the name asked for, if it is ours and served.
    pub(crate) version: Option<ZoneVersion>,
    /// Octets at the end of the name asked for that make up the name which speaks: itself, a zone cut, the place of a
    /// wildcard, or the apex where there is nothing. Other questions below that name are answered the same.
    pub(crate) speaker: usize,
}

impl Verdict {
    pub(crate) const fn of(rcode: Rcode) -> Self {
        Self {
            rcode,
            authoritative: false,
            truncated: false,
            extended: None,
            version: None,
            speaker: 0,
        }
    }

    /// The apex speaks, and there is nothing wrong.
    pub(crate) fn on_apex(apex: Name<'_>) -> Self {
        Self {
            authoritative: true,
            speaker: apex.as_octets().len(),
            ..Self::of(Rcode::NOERROR)
        }
    }

    pub(crate) const fn because(rcode: Rcode, extended: ExtendedError) -> Self {
        Self {
            extended: Some(extended),
            ..Self::of(rcode)
        }
    }
}

/// Memory that answers use again and again, so that they need none of their own.
#[derive(Default)]
pub(crate) struct Memory {
    /// The name that the chain has come to.
    name: NameBuf,
    /// The name that it goes on to.
    target: NameBuf,
    /// The names that it has passed.
    visited: NameList,
    /// The DNAMEs that it has said: two names may be below the same.
    said: NameList,
    proofs: denial::Memory,
    expansions: Vec<Expansion>,
}

/// A wildcard that stood in for a name, to be proven once the answer section is closed.
struct Expansion {
    zone: Zone,
    name: NameBuf,
    closest_encloser_labels: usize,
}

/// Writes the records that answer a question and says what the header is to be.
pub(crate) fn answer(
    zones: &dyn Zones,
    query: Query<'_>,
    memory: &mut Memory,
    reply: &mut Reply<'_>,
) -> Verdict {
    memory.said.clear();
    memory.proofs.clear();
    memory.expansions.clear();
    let mut search = Search {
        zones,
        query,
        memory,
        reply,
        verdict: Verdict::of(Rcode::NOERROR),
    };
    search.verdict.truncated = search.run().is_err();
    search.verdict
}

/// One question on its way through our zones.
struct Search<'s, 'b> {
    zones: &'s dyn Zones,
    query: Query<'s>,
    memory: &'s mut Memory,
    reply: &'s mut Reply<'b>,
    verdict: Verdict,
}

/// Where the search stands after a name was looked up.
enum Step {
    /// All is said.
    Done,
    /// `memory.target` is asked next.
    Follow,
}

impl Search<'_, '_> {
    fn run(&mut self) -> Result<(), MessageFull> {
        let mut current = mem::take(&mut self.memory.name);
        let end = self.follow(&mut current);
        self.memory.name = current;
        end?;
        self.prove_expansions()
    }

    /// Goes from the name asked for to where no alias leads on, by way of `current`.
    fn follow(&mut self, current: &mut NameBuf) -> Result<(), MessageFull> {
        let query = self.query;
        for hop in 0..MAX_HOPS {
            let name = match hop {
                0 => query.name,
                _ => current.as_name(),
            };
            let zone = match self.closest_zone(name) {
                Some(Holding::Served(zone)) => zone,
                _ if hop > 0 => break, // what the chain has shown stands; the client asks on
                Some(Holding::NotLoaded) => {
                    return self.give_up(Rcode::SERVFAIL, ExtendedError::NotReady);
                }
                Some(Holding::Expired) => {
                    return self.give_up(Rcode::SERVFAIL, ExtendedError::InvalidData);
                }
                None => return self.give_up(Rcode::REFUSED, ExtendedError::NotAuthoritative),
            };
            self.verdict.authoritative = true;
            if hop == 0 {
                self.verdict.version = Some(ZoneVersion::of(&zone));
            }
            if let Step::Done = self.look_up(&zone, name, hop)? {
                break;
            }
            if hop == 0 {
                self.memory.visited.clear();
                self.memory.visited.insert(name);
            }
            if !self.memory.visited.insert(self.memory.target.as_name()) {
                break; // a chain that bites its tail is said once
            }
            mem::swap(current, &mut self.memory.target);
        }
        Ok(())
    }

    fn give_up(&mut self, rcode: Rcode, reason: ExtendedError) -> Result<(), MessageFull> {
        self.verdict = Verdict::because(rcode, reason);
        Ok(())
    }

    /// The zone that speaks for the name: for DS the one above a cut, where we hold it (RFC 4035 §3.1.4.1). One that is
    /// further up, and would only refer to it, does not.
    fn closest_zone(&self, name: Name<'_>) -> Option<Holding> {
        if self.query.rtype == Rtype::DS
            && let Some(parent) = name.parent()
            && self.zones.zone(name).is_some()
            && let Some(above) = self.zones.enclosing(parent)
        {
            let is_parent = match &above {
                Holding::Served(zone) => zone.find(parent).cut.is_none(),
                Holding::NotLoaded | Holding::Expired => true,
            };
            if is_parent {
                return Some(above);
            }
        }
        self.zones.enclosing(name)
    }

    fn look_up(&mut self, zone: &Zone, name: Name<'_>, hop: usize) -> Result<Step, MessageFull> {
        let Finding {
            cut,
            dname,
            labels,
            place,
        } = zone.find(name);
        if let Some(cut) = cut {
            let owner = name.ancestor(labels); // spelled as asked, so that it compresses
            self.spoken_by(owner, hop);
            if owner != name || self.query.rtype != Rtype::DS {
                self.verdict.authoritative = hop > 0; // AA speaks of the first name in the answer
                return self.refer(zone, &cut, owner);
            }
        }
        if let Some(dname) = dname
            && let Some(redirection) = dname.rrset(Rtype::DNAME)
        {
            let owner = name.ancestor(labels);
            self.spoken_by(owner, hop);
            return self.redirect(owner, &redirection, name);
        }
        self.spoken_by(
            match &place {
                Place::Node(_) | Place::EmptyNonTerminal => name,
                Place::Wildcard {
                    closest_encloser_labels,
                    ..
                }
                | Place::EmptyWildcard {
                    closest_encloser_labels,
                } => name.ancestor(*closest_encloser_labels),
                Place::Missing { .. } => zone.apex(),
            },
            hop,
        );
        match place {
            Place::Node(node) => self.answer_from(zone, &node, name, None),
            Place::Wildcard {
                source,
                closest_encloser_labels,
            } => self.answer_from(zone, &source, name, Some(closest_encloser_labels)),
            Place::EmptyNonTerminal => {
                self.negative_soa(zone)?;
                self.prove(|denial| denial.no_data(name), zone)?;
                Ok(Step::Done)
            }
            Place::EmptyWildcard {
                closest_encloser_labels,
            } => {
                self.negative_soa(zone)?;
                self.prove(
                    |denial| denial.no_data_at_wildcard(name, closest_encloser_labels),
                    zone,
                )?;
                Ok(Step::Done)
            }
            Place::Missing {
                closest_encloser_labels,
            } => {
                self.verdict.rcode = Rcode::NXDOMAIN;
                self.negative_soa(zone)?;
                self.prove(|denial| denial.no_name(name, closest_encloser_labels), zone)?;
                Ok(Step::Done)
            }
        }
    }

    /// Remembers who speaks to the name asked for, rather than to one that a chain led to.
    fn spoken_by(&mut self, speaker: Name<'_>, hop: usize) {
        if hop == 0 {
            self.verdict.speaker = speaker.as_octets().len();
        }
    }

    /// A node speaks for a name: its own, or one that a wildcard stands for (with the closest encloser's labels).
    fn answer_from(
        &mut self,
        zone: &Zone,
        node: &Node<'_>,
        name: Name<'_>,
        wildcard: Option<usize>,
    ) -> Result<Step, MessageFull> {
        let found = match self.query.rtype {
            Rtype::ANY => self.any(node, name)?,
            Rtype::RRSIG => self.signatures(node, name)?,
            rtype => match node.rrset(rtype) {
                Some(found) => {
                    if rtype != Rtype::DNAME || self.memory.said.insert(name) {
                        self.reply.rrset(Section::Answer, name, &found)?;
                    }
                    true
                }
                None => false,
            },
        };
        if found {
            self.expanded(zone, name, wildcard);
            self.prove_expansions()?;
            if self.query.rtype == Rtype::NS
                && let Some(servers) = node.rrset(Rtype::NS)
            {
                self.courtesy(zone, targets(&servers)); // priming asks for it: RFC 9609 §4.2
            }
            return Ok(Step::Done);
        }
        // Also for NSEC and RRSIG where the zone has none: RFC 6840 §4.3 takes a proof that shows a CNAME for none.
        if let Some(alias) = node.rrset(Rtype::CNAME) {
            self.reply.rrset(Section::Answer, name, &alias)?;
            self.expanded(zone, name, wildcard);
            return Ok(match alias.rdatas().next().map(Name::from_octets) {
                Some(Ok(target)) => {
                    self.memory.target.assign(target);
                    Step::Follow
                }
                _ => Step::Done,
            });
        }
        self.negative_soa(zone)?;
        self.prove(
            |denial| match wildcard {
                Some(labels) => denial.no_data_at_wildcard(name, labels),
                None => denial.no_data(name),
            },
            zone,
        )?;
        Ok(Step::Done)
    }

    /// Everything at a node that fits, or over UDP one RRset of it ([RFC 8482 §4.1]): an answer in bulk is what forgers
    /// ask for. A subset is an answer, and needs no TC; nothing at all does.
    ///
    /// [RFC 8482 §4.1]: https://www.rfc-editor.org/rfc/rfc8482#section-4.1
    fn any(&mut self, node: &Node<'_>, name: Name<'_>) -> Result<bool, MessageFull> {
        let mut found = false;
        for set in node.rrsets().filter(|set| !set.is_empty()) {
            let written = match self.query.transport {
                Transport::Udp => self.reply.rrset(Section::Answer, name, &set),
                Transport::Tcp | Transport::Tls => {
                    self.reply.rrset_and_signatures(Section::Answer, name, &set)
                }
            };
            match written {
                Ok(()) => found = true,
                Err(_) if found => break,
                Err(full) => return Err(full),
            }
            if self.query.transport == Transport::Udp {
                break;
            }
        }
        Ok(found)
    }

    /// The signatures at a node, all that fit or over UDP those of one RRset, as for ANY (RFC 8482 §7).
    fn signatures(&mut self, node: &Node<'_>, name: Name<'_>) -> Result<bool, MessageFull> {
        let mut found = false;
        for set in node.rrsets() {
            match self.reply.signatures(Section::Answer, name, &set) {
                Ok(written) => found |= written,
                Err(_) if found => break,
                Err(full) => return Err(full),
            }
            if found && self.query.transport == Transport::Udp {
                break;
            }
        }
        Ok(found)
    }

    /// A DNAME above the name: itself, once however often a chain comes by ([RFC 2181 §5]), and the CNAME that follows
    /// from it ([RFC 6672 §3.1]).
    ///
    /// [RFC 2181 §5]: https://www.rfc-editor.org/rfc/rfc2181#section-5
    /// [RFC 6672 §3.1]: https://www.rfc-editor.org/rfc/rfc6672#section-3.1
    fn redirect(
        &mut self,
        owner: Name<'_>,
        set: &RrSet<'_>,
        name: Name<'_>,
    ) -> Result<Step, MessageFull> {
        if self.memory.said.insert(owner) {
            self.reply.rrset(Section::Answer, owner, set)?;
        }
        let Some(Ok(target)) = set.rdatas().next().map(Name::from_octets) else {
            return Ok(Step::Done);
        };
        if !substitute(name, owner, target, &mut self.memory.target) {
            self.verdict.rcode = Rcode::YXDOMAIN; // the new name is too long to be one
            return Ok(Step::Done);
        }
        self.reply
            .cname(name, set.ttl(), self.memory.target.as_name())?;
        Ok(match self.query.rtype {
            Rtype::CNAME | Rtype::ANY => Step::Done,
            _ => Step::Follow,
        })
    }

    /// Names the servers of a zone below ours, with what it takes to reach them and to trust them.
    fn refer(&mut self, zone: &Zone, cut: &Node<'_>, owner: Name<'_>) -> Result<Step, MessageFull> {
        let last = if self.query.dnssec {
            Rtype::DS
        } else {
            Rtype::NS
        };
        let (mut servers, mut ds) = (None, None);
        for set in cut
            .rrsets()
            .take_while(|set| set.rtype() <= last || set.rtype() == Rtype::SOA)
        {
            match set.rtype() {
                Rtype::NS if !set.is_empty() => servers = Some(set),
                Rtype::DS if !set.is_empty() => ds = Some(set),
                _ => {}
            }
        }
        let Some(servers) = servers else {
            return Ok(Step::Done);
        };
        self.reply.rrset(Section::Authority, owner, &servers)?;
        match ds {
            _ if !self.query.dnssec => {}
            Some(ds) if ds.signature_records(owner).next().is_none() => {} // proves nothing: RFC 4035 §3.1.4
            Some(ds) => self.reply.rrset(Section::Authority, owner, &ds)?,
            None => self.prove(|denial| denial.no_data(owner), zone)?,
        }
        self.prove_expansions()?;
        self.glue(zone, cut, owner, &servers)?;
        Ok(Step::Done)
    }

    /// Addresses of a delegation's servers: those below the cut must fit, or the answer is truncated ([RFC 9471 §3]);
    /// those elsewhere in our zone are a courtesy.
    ///
    /// [RFC 9471 §3]: https://www.rfc-editor.org/rfc/rfc9471#section-3
    fn glue(
        &mut self,
        zone: &Zone,
        cut: &Node<'_>,
        owner: Name<'_>,
        servers: &RrSet<'_>,
    ) -> Result<(), MessageFull> {
        let (mut below, mut elsewhere) = (None, false);
        let apex = zone.apex();
        for server in targets(servers) {
            if !server.is_at_or_below(owner) {
                elsewhere |= server.is_at_or_below(apex);
                continue;
            }
            let below = below.get_or_insert_with(|| zone.below(cut, owner));
            let Some(node) = below.node(server) else {
                continue;
            };
            for set in addresses(&node) {
                self.reply.rrset(Section::Additional, server, &set)?;
            }
        }
        if elsewhere {
            self.courtesy(
                zone,
                targets(servers).filter(|name| !name.is_at_or_below(owner)),
            );
        }
        Ok(())
    }

    /// Adds what fits, in order, and says nothing about the rest.
    fn courtesy<'n>(&mut self, zone: &Zone, names: impl Iterator<Item = Name<'n>>) {
        for name in names {
            let Some(node) = zone.node(name) else {
                continue; // or it is somebody else's
            };
            for set in addresses(&node) {
                if self.reply.rrset(Section::Additional, name, &set).is_err() {
                    return;
                }
            }
        }
    }

    /// The SOA of a negative answer; its TTL is how long the answer may be remembered ([RFC 2308 §3]).
    ///
    /// [RFC 2308 §3]: https://www.rfc-editor.org/rfc/rfc2308#section-3
    fn negative_soa(&mut self, zone: &Zone) -> Result<(), MessageFull> {
        let Some(set) = zone.apex_node().and_then(|apex| apex.rrset(Rtype::SOA)) else {
            return Ok(());
        };
        let minimum = set.rdatas().next().and_then(|rdata| rdata.last_chunk());
        let minimum = minimum.map_or(0, |octets| u32::from_be_bytes(*octets));
        self.reply.rrset_with_ttl(
            Section::Authority,
            zone.apex(),
            &set,
            set.ttl().min(minimum),
        )
    }

    /// Remembers that a wildcard stood in for a name, where that needs a proof.
    fn expanded(&mut self, zone: &Zone, name: Name<'_>, wildcard: Option<usize>) {
        if let Some(closest_encloser_labels) = wildcard
            && self.query.dnssec
        {
            let (zone, name) = (zone.clone(), name.to_buf());
            self.memory.expansions.push(Expansion {
                zone,
                name,
                closest_encloser_labels,
            });
        }
    }

    /// Proves for each wildcard used that nothing closer to the name was there (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
    #[inline]
    fn prove_expansions(&mut self) -> Result<(), MessageFull> {
        if self.memory.expansions.is_empty() {
            return Ok(()); // most answers need none
        }
        self.prove_each_expansion()
    }

    fn prove_each_expansion(&mut self) -> Result<(), MessageFull> {
        for Expansion {
            zone,
            name,
            closest_encloser_labels,
        } in mem::take(&mut self.memory.expansions)
        {
            self.prove(
                |denial| denial.no_closer_match(name.as_name(), closest_encloser_labels),
                &zone,
            )?;
        }
        Ok(())
    }

    fn prove(
        &mut self,
        claim: impl FnOnce(&mut Denial<'_, '_>) -> Result<(), MessageFull>,
        zone: &Zone,
    ) -> Result<(), MessageFull> {
        if !self.query.dnssec {
            return Ok(());
        }
        Denial::in_zone(zone, self.reply, &mut self.memory.proofs)
            .map_or(Ok(()), |mut denial| claim(&mut denial))
    }
}

/// The names that a set of NS records points at.
fn targets<'z>(set: &RrSet<'z>) -> impl Iterator<Item = Name<'z>> + use<'z> {
    set.rdatas()
        .filter_map(|rdata| Name::from_octets(rdata).ok())
}

/// The address records of a node, found in one pass over its sets, which stand in the order of their types.
fn addresses<'z>(node: &Node<'z>) -> impl Iterator<Item = RrSet<'z>> + use<'z> {
    node.rrsets()
        .take_while(|set| set.rtype() <= Rtype::AAAA)
        .filter(|set| matches!(set.rtype(), Rtype::A | Rtype::AAAA) && !set.is_empty())
}

/// Puts `target` in the place of `owner` at the end of `name`; false if that is no name any more (over 255 octets).
fn substitute(name: Name<'_>, owner: Name<'_>, target: Name<'_>, out: &mut NameBuf) -> bool {
    let mut octets = [0; 255];
    let (name, target) = (name.as_octets(), target.as_octets());
    let kept = name.len().saturating_sub(owner.as_octets().len());
    let Some((prefix, suffix)) = octets
        .get_mut(..kept + target.len())
        .and_then(|room| room.split_at_mut_checked(kept))
    else {
        return false;
    };
    prefix.copy_from_slice(name.get(..kept).unwrap_or_default());
    suffix.copy_from_slice(target);
    Name::from_octets(octets.get(..kept + target.len()).unwrap_or_default())
        .map(|name| out.assign(name))
        .is_ok()
}
