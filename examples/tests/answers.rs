//! What we answer beside what NSD, Knot and BIND answer to the same questions about the same zones, and what a validator
//! makes of it.
//!
//! `ZONEKIT_QUERIES=200000` asks so many questions over all zones instead of 5,000.

mod asking;
mod peers;
mod support;

use std::collections::BTreeMap;

use asking::{
    Asker, Denial, Line, Pair, Query, RULES, SIGNERS, Seen, Server, TestZone, Validator, rich,
    root, tld,
};
use peers::{Hosted, Kind, Primary, Setup};
use support::{Node, Settings, eventually, free_port, peer_program, serial_of};
use tempfile::TempDir;
use zonekit_wire::{Rcode, Rtype};

/// Whom we are compared with.
const RIVALS: [Kind; 3] = [Kind::Nsd, Kind::Knot, Kind::Bind];
/// How many zones share the questions.
const ZONES: usize = 5;
/// How many of the questions are also put to the validator: one in so many.
const VALIDATED: usize = 4;

#[test]
fn the_root_zone_is_answered_for_as_by_others() {
    check(root);
}

#[test]
fn a_registry_with_opt_out_is_answered_for_as_by_others() {
    check(|| tld("tld."));
}

#[test]
fn a_zone_of_everything_is_answered_for_as_by_others() {
    check(|| rich("plain.test.", Denial::Unsigned));
}

#[test]
fn a_zone_of_everything_with_nsec_is_answered_for_as_by_others() {
    check(|| rich("nsec.test.", Denial::Nsec));
}

#[test]
fn a_zone_of_everything_with_nsec3_is_answered_for_as_by_others() {
    check(|| rich("nsec3.test.", Denial::Nsec3));
}

/// Asks everybody about the zone, holds the answers against each other, and has ours validated.
fn check(zone: impl FnOnce() -> TestZone) {
    let programs = SIGNERS.iter().chain(&["unbound"]);
    let installed = |name: &&&str| peer_program(name).is_some();
    if programs.clone().filter(installed).count() < programs.count()
        || !RIVALS.iter().all(|kind| kind.is_installed())
    {
        return;
    }
    let count =
        std::env::var("ZONEKIT_QUERIES").map_or(5000, |count| count.parse().unwrap()) / ZONES;
    let zone = zone();
    let servers = Servers::start(&zone);
    servers.compare(&zone, count);
    if !zone.anchors.is_empty() {
        servers.validate(&zone, count / VALIDATED);
    }
}

/// Everybody, each with the zone.
struct Servers {
    rivals: Vec<Primary>,
    node: Node,
    _directory: TempDir,
}

impl Servers {
    /// We have the zone by transfer from the first of the others.
    fn start(zone: &TestZone) -> Self {
        let start = |kind| {
            Primary::start(Setup {
                kind,
                zones: &[Hosted {
                    zone: zone.apex,
                    text: &zone.text,
                    key: None,
                }],
                notify: None,
                port: free_port(),
            })
        };
        let rivals: Vec<Primary> = RIVALS.map(|kind| start(kind).unwrap()).into();
        let directory = TempDir::new().unwrap();
        let more = support::declared(zone.apex, rivals[0].address(), None);
        let node = Node::start(
            directory.path(),
            &Settings {
                timers: "",
                more: &more,
                ..Settings::default()
            },
        );
        eventually("the zone", || serial_of(node.dns, zone.apex));
        Self {
            rivals,
            node,
            _directory: directory,
        }
    }

    fn compare(&self, zone: &TestZone, count: usize) {
        let mut us = Server::at(self.node.dns).unwrap();
        let rivals = self.rivals.iter();
        let mut them: Vec<Server> = rivals
            .map(|rival| Server::at(rival.address()).unwrap())
            .collect();
        let mut asker = Asker::new(zone.apex, &zone.text, 1);
        let mut settled = BTreeMap::<(&str, &str), usize>::new();
        let mut unsettled = Vec::new();
        for number in 0..count {
            let query = asker.next();
            let (id, request) = (number as u16, query.request(number as u16));
            us.send(&request).unwrap();
            for server in &them {
                server.send(&request).unwrap();
            }
            let datagram = us.receive(id).unwrap().to_vec();
            let mut ours = Seen::read(&datagram);
            let receive = |server: &mut Server| Seen::read(server.receive(id).unwrap());
            let mut theirs: Vec<Seen> = them.iter_mut().map(receive).collect();
            if ours.tc || theirs.iter().any(|seen| seen.tc) {
                // What fits a datagram depends on how names are compressed; what is said in all does not.
                let whole = us.ask_by_tcp(&request).unwrap();
                judge_size(&query, &datagram, whole);
                ours = Seen::read(whole);
                let ask = |server: &mut Server| Seen::read(server.ask_by_tcp(&request).unwrap());
                theirs = them.iter_mut().map(ask).collect();
            }
            for (kind, theirs) in RIVALS.into_iter().zip(theirs) {
                let ours = ours.clone();
                let mut pair = Pair {
                    query: &query,
                    ours,
                    theirs,
                };
                for rule in RULES {
                    if rule.settle(kind, &mut pair) {
                        *settled.entry((rule.what, rule.decided_by)).or_default() += 1;
                    }
                }
                if pair.ours != pair.theirs {
                    let Pair { ours, theirs, .. } = pair;
                    unsettled.push(format!("{query:?}\n{kind}: {theirs:#?}\nwe: {ours:#?}"));
                }
            }
        }
        for ((what, decided_by), count) in settled {
            eprintln!("{}: {count} times: {what}\n    {decided_by}", zone.apex);
        }
        let first = unsettled.first().map_or("", String::as_str);
        assert!(
            unsettled.is_empty(),
            "{} differences that no rule decides, the first:\n{first}",
            unsettled.len()
        );
    }

    /// Has our answers validated, and what proves a referral as the answer for DS, which is the same.
    fn validate(&self, zone: &TestZone, count: usize) {
        let mut us = Server::at(self.node.dns).unwrap();
        let validator =
            Validator::start(zone.apex, self.node.dns, &zone.anchors, zone.date).unwrap();
        let mut judge = Server::at(validator.address).unwrap();
        let mut asker = Asker::new(zone.apex, &zone.text, 2);
        let (mut secure, mut insecure, mut id) = (0, 0, 0);
        for _ in 0..count {
            let mut query = Query {
                edns: Some(4096),
                dnssec: true,
                ..asker.next()
            };
            id += 2;
            let mut ours = Seen::read(us.ask_by_tcp(&query.request(id)).unwrap());
            if let Some(cut) = ours.cut() {
                query = Query {
                    name: cut.parse().unwrap(),
                    rtype: Rtype::DS,
                    ..query
                };
                let whether_signed = Seen::read(us.ask_by_tcp(&query.request(id)).unwrap());
                assert_eq!(
                    ours.proof_of_ds(),
                    whether_signed.proof_of_ds(),
                    "{query:?}"
                );
                ours = whether_signed;
            }
            if !can_be_validated(&query, &ours, zone.apex) {
                continue;
            }
            let mut judged_of = |id: u16| Seen::read(&judge.ask(&query.request(id), id).unwrap());
            let mut judged = judged_of(id + 1);
            if judged.rcode == Rcode::SERVFAIL && ours.rcode != Rcode::SERVFAIL {
                judged = judged_of(id + 1); // it may have given us up because the machine is busy
            }
            assert_eq!(
                judged.rcode,
                ours.rcode,
                "{query:?}: {ours:#?}\n{}",
                validator.log()
            );
            assert!(
                judged.ad || ours.opts_out(),
                "{query:?} is not secure: {ours:#?}\n{}",
                validator.log()
            );
            *if judged.ad {
                &mut secure
            } else {
                &mut insecure
            } += 1;
        }
        eprintln!(
            "{}: {secure} answers are secure, {insecure} not (opt-out)",
            zone.apex
        );
        assert!(secure + insecure > count / 3 && secure > count / 10);
    }
}

/// Whether our validator, which may ask nobody else, can judge the answer: nothing in it leads out of the zone, into a
/// delegation or in circles, and the type has signatures of its own and is not asked for above the zone. Unbound 1.17
/// does not find the signature of a synthesised CNAME where CNAME or DNAME was asked for, and follows a CNAME that it
/// has seen where NSEC is.
fn can_be_validated(query: &Query, ours: &Seen, apex: &str) -> bool {
    let stays = |name: &str| apex == "." || name == apex || name.ends_with(&format!(".{apex}"));
    ours.aa
        && matches!(ours.rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
        && !matches!(
            query.rtype,
            Rtype::ANY | Rtype::RRSIG | Rtype::NSEC | Rtype::OPT
        )
        && (query.rtype != Rtype::DS || query.name.to_string().to_ascii_lowercase() != apex)
        && !(matches!(query.rtype, Rtype::CNAME | Rtype::DNAME)
            && ours.answer.iter().any(|line| line.rtype == Rtype::DNAME))
        && ours.authority.iter().all(|line| line.rtype != Rtype::NS)
        && ours
            .answer
            .iter()
            .all(|line| line.rtype != Rtype::CNAME || stays(&line.rdata))
        && !ours.answer.iter().any(is_expanded_asterisk)
        && !query.name.to_string().to_ascii_lowercase().contains("loop")
}

/// Whether it is the signature of a name that begins with an asterisk and that a wildcard further up stands for: unbound 1.17
/// leaves the asterisk out when it counts the labels, and so takes another wildcard for what was signed.
fn is_expanded_asterisk(line: &Line) -> bool {
    let signed_labels = || line.rdata.split(' ').nth(2)?.parse::<usize>().ok();
    line.rtype == Rtype::RRSIG
        && line.owner.starts_with("*.")
        && signed_labels().is_some_and(|signed| signed + 1 < line.owner.matches('.').count())
}

/// An answer over UDP is no larger than allowed, whole RRsets of the whole answer, and cut only if that is too large.
fn judge_size(query: &Query, datagram: &[u8], whole: &[u8]) {
    let limit = query.edns.map_or(512, |size| size.clamp(512, 1232)) as usize;
    assert!(
        datagram.len() <= limit,
        "{query:?}: {} octets",
        datagram.len()
    );
    if matches!(query.rtype, Rtype::ANY | Rtype::RRSIG) {
        return; // these are other answers over TCP
    }
    let (part, all) = (Seen::read(datagram), Seen::read(whole));
    let fits = whole.len() <= limit;
    assert!(
        !part.tc || !fits,
        "{query:?}: cut though {} octets fit {limit}",
        whole.len()
    );
    for (part, all) in part.sections().into_iter().zip(all.sections()) {
        for line in part {
            let of_this_set = |lines: &[_]| {
                let belongs = |other: &&_| line.is_in_one_set_with(other);
                lines.iter().filter(belongs).count()
            };
            assert_eq!(
                of_this_set(part),
                of_this_set(all),
                "{query:?}: half a set: {line:?}"
            );
        }
    }
    if !part.tc {
        assert!(
            part.answer == all.answer && part.authority == all.authority,
            "{query:?}: cut, and not said so"
        );
    }
}
