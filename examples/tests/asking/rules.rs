//! Where servers differ though none of them is broken, by rule: which of them, in what, and what decides it.
//!
//! A rule takes out of two answers what it is about, and only that: what is left has to be equal.

use std::collections::BTreeSet;

use zonekit_wire::{Rcode, Rtype};

use super::{Line, Query, Seen};
use crate::peers::Kind;

/// What we say and what somebody else says to the same question.
pub struct Pair<'q> {
    pub query: &'q Query,
    pub ours: Seen,
    pub theirs: Seen,
}

/// One class of difference.
pub struct Rule {
    /// Who differs from us so.
    pub who: &'static [Kind],
    /// What they do and what we do.
    pub what: &'static str,
    /// The section that decides it, or leaves it open.
    pub decided_by: &'static str,
    settle: fn(&mut Pair<'_>),
}

impl Rule {
    /// Takes what the rule is about out of both answers; true if there was something.
    pub fn settle(&self, kind: Kind, pair: &mut Pair<'_>) -> bool {
        if !self.who.contains(&kind) || pair.ours == pair.theirs {
            return false;
        }
        let before = (pair.ours.clone(), pair.theirs.clone());
        (self.settle)(pair);
        (&pair.ours, &pair.theirs) != (&before.0, &before.1)
    }
}

const EVERYBODY: &[Kind] = &[Kind::Nsd, Kind::Knot, Kind::Bind];

/// All of them, in the order in which they are applied.
pub const RULES: &[Rule] = &[
    Rule {
        who: EVERYBODY,
        what: "addresses that no referral needs: everybody adds others, or none",
        decided_by: "RFC 1034 §4.3.2 step 6 (useful, not needed); RFC 9471 §3 asks for those below the cut only",
        settle: |pair| {
            let is_needed = |seen: &Seen| {
                let cut = { seen.authority.iter() }
                    .find(|line| line.rtype == Rtype::NS && !seen.aa)
                    .map(|line| line.owner.clone());
                move |line: &Line| {
                    cut.as_ref().is_some_and(|cut| {
                        line.owner == *cut || line.owner.ends_with(&format!(".{cut}"))
                    })
                }
            };
            for seen in [&mut pair.ours, &mut pair.theirs] {
                let is_needed = is_needed(seen);
                seen.additional.retain(is_needed);
            }
        },
    },
    Rule {
        who: &[Kind::Bind],
        what: "the SOA of a negative answer to a question for SOA has TTL 0 (zero-no-soa-ttl)",
        decided_by: "RFC 2308 §3: the lower of the SOA's TTL and its minimum",
        settle: |pair| {
            if pair.query.rtype == Rtype::SOA {
                let of_ours = { pair.ours.authority.iter() }
                    .find(|line| line.rtype == Rtype::SOA)
                    .map(|line| line.ttl);
                for line in &mut pair.theirs.authority {
                    if line.covered() == Rtype::SOA && line.ttl == 0 {
                        line.ttl = of_ours.unwrap_or(0);
                    }
                }
                pair.theirs.authority.sort_unstable();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd, Kind::Knot],
        what: "OPT as a question gets data or none; from us FORMERR",
        decided_by: "RFC 6891 §6.1.1: OPT is no data of a zone; BIND answers as we do",
        settle: |pair| {
            if pair.query.rtype == Rtype::OPT && pair.ours.rcode == Rcode::FORMERR {
                pair.theirs = pair.ours.clone();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd, Kind::Knot],
        what: "ANY below a DNAME goes on behind the synthesised CNAME; with us it ends there",
        decided_by: "RFC 1034 §4.3.2 step 3a: a CNAME is followed unless the question's type matches it, and ANY does; BIND answers as we do",
        settle: |pair| {
            let ends = pair
                .ours
                .answer
                .iter()
                .any(|line| line.rtype == Rtype::DNAME);
            if pair.query.rtype == Rtype::ANY
                && ends
                && is_part(&pair.ours.answer, &pair.theirs.answer)
            {
                pair.theirs = pair.ours.clone();
            }
        },
    },
    Rule {
        who: EVERYBODY,
        what: "ANY and RRSIG get other RRsets",
        decided_by: "RFC 8482 §4.1, §7: any RRset of the name will do",
        settle: |pair| {
            let (ours, theirs) = (&pair.ours.answer, &pair.theirs.answer);
            let answered = !ours.is_empty() && !theirs.is_empty();
            if matches!(pair.query.rtype, Rtype::ANY | Rtype::RRSIG) && answered {
                let owners = |lines: &[Line]| {
                    lines
                        .iter()
                        .map(|line| line.owner.clone())
                        .collect::<BTreeSet<_>>()
                };
                if owners(ours) == owners(theirs) {
                    pair.theirs.answer = pair.ours.answer.clone();
                }
            }
        },
    },
    Rule {
        who: EVERYBODY,
        what: "NSEC3, and NSEC and RRSIG where the zone has none, do not follow a CNAME, or NSEC does where it has one",
        decided_by: "RFC 1034 §4.3.2 step 3a: what is not there follows; RFC 6840 §4.3: a proof that shows a CNAME is none",
        settle: |pair| {
            let first = name_of(pair.query);
            let follows = |seen: &Seen| {
                seen.answer
                    .iter()
                    .any(|line| line.rtype == Rtype::CNAME && line.owner == first)
            };
            let meta = matches!(pair.query.rtype, Rtype::NSEC | Rtype::RRSIG | Rtype::NSEC3);
            if meta && follows(&pair.ours) != follows(&pair.theirs) {
                pair.theirs = pair.ours.clone();
            }
        },
    },
    Rule {
        who: &[Kind::Bind],
        what: "NSEC at a zone cut is answered from above it, with AA; we refer",
        decided_by: "RFC 1034 §4.3.2 step 3b, RFC 4035 §3.1.4.1: DS is the only type for which the zone above speaks; NSD and Knot answer as we do",
        settle: |pair| {
            let refers = !pair.ours.aa
                && pair
                    .ours
                    .authority
                    .iter()
                    .any(|line| line.rtype == Rtype::NS);
            if pair.query.rtype == Rtype::NSEC && refers && pair.theirs.aa {
                pair.theirs = pair.ours.clone();
            }
        },
    },
    Rule {
        who: EVERYBODY,
        what: "a chain of CNAMEs that has no end is followed further or less far; BIND says SERVFAIL",
        decided_by: "RFC 1034 §3.6.2: such chains are no reason to fail; how far one goes is left open",
        settle: |pair| {
            if pair.ours.is_endless() {
                let (ours, theirs) = (&pair.ours.answer, &pair.theirs.answer);
                if is_part(ours, theirs) || is_part(theirs, ours) {
                    pair.theirs.answer = pair.ours.answer.clone();
                }
                if pair.theirs.rcode == Rcode::SERVFAIL {
                    pair.theirs.rcode = pair.ours.rcode;
                }
            }
        },
    },
    Rule {
        who: &[Kind::Nsd, Kind::Bind],
        what: "a referral lacks glue for which there is no room, and does not say so",
        decided_by: "RFC 9471 §3: all of it, or TC",
        settle: |pair| {
            let refers = !pair.ours.aa
                && pair
                    .ours
                    .authority
                    .iter()
                    .any(|line| line.rtype == Rtype::NS);
            if refers && is_part(&pair.theirs.additional, &pair.ours.additional) {
                pair.theirs.additional = pair.ours.additional.clone();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd],
        what: "behind a DNAME, proofs are short of a record or about another name",
        decided_by: "RFC 4035 §3.1.3, RFC 5155 §7.2: the proof is about the name that the chain has come to",
        settle: |pair| {
            if pair
                .ours
                .answer
                .iter()
                .any(|line| line.rtype == Rtype::DNAME)
            {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd],
        what: "owners of NSEC3 records exist, and are the closest enclosers of what is asked for below them",
        decided_by: "RFC 5155 §7.2.8: they do not, unless they have other types",
        settle: |pair| {
            let apex = { pair.ours.authority.iter() }.find(|line| line.rtype == Rtype::SOA);
            let apex = apex.map_or(0, |soa| soa.owner.split_terminator('.').count());
            let name = name_of(pair.query);
            let below_apex = name.split_terminator('.').rev().nth(apex);
            if below_apex.is_some_and(|label| label.len() == 32) {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd],
        what: "an empty non-terminal that opt-out leaves without NSEC3 is taken for the provable closest encloser",
        decided_by: "RFC 5155 §7.2.1: the closest provable encloser has a record that matches it",
        settle: |pair| {
            let name = name_of(pair.query);
            let hidden = ["org.tld.", "unsigned.tld.", "co.tld."];
            let is_below = |hidden: &str| name == hidden || name.ends_with(&format!(".{hidden}"));
            if hidden.into_iter().any(is_below) && pair.ours.opts_out() {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Nsd],
        what: "more is denied than needs to be",
        decided_by: "RFC 4035 §3.1.3, RFC 5155 §7.2: what each answer needs, without more",
        settle: |pair| {
            if is_part(&pair.ours.authority, &pair.theirs.authority) {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Bind],
        what: "SIG, KEY and NXT at a CNAME do not follow it, and SIG is denied without proof",
        decided_by: "RFC 3755 §3: these types are no part of DNSSEC any more, hence as any other (RFC 1034 §3.6.2)",
        settle: |pair| {
            let is_old = matches!(pair.query.rtype, Rtype(24 | 25 | 30));
            if is_old && is_part(&pair.theirs.answer, &pair.ours.answer) {
                pair.theirs = pair.ours.clone();
            }
        },
    },
    Rule {
        who: &[Kind::Bind],
        what: "where an asterisk is a label, another NSEC than the one that covers the name asked for",
        decided_by: "RFC 4035 §3.1.3: the one that covers it; RFC 4592 §2.1.1: an asterisk orders as any label",
        settle: |pair| {
            let mut labels = pair.query.name.as_name().labels();
            let same_number = proofs(&pair.ours) == proofs(&pair.theirs);
            if labels.any(|label| label == b"*") && same_number {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Knot],
        what: "an NSEC that a wildcard gives for another name is answered without proof",
        decided_by: "RFC 4035 §3.1.3.3: as any other type",
        settle: |pair| {
            let is_short = is_part(&pair.theirs.authority, &pair.ours.authority);
            if pair.query.rtype == Rtype::NSEC && is_short {
                pair.leave_proofs_out();
            }
        },
    },
    Rule {
        who: &[Kind::Knot],
        what: "a name that begins with an asterisk, and that a wildcard above stands for, is answered without proof",
        decided_by: "RFC 4035 §3.1.3.3: the proof that there is no closer match is needed for every expansion",
        settle: |pair| {
            let asterisk = pair.query.name.as_name().is_wildcard();
            if asterisk && is_part(&pair.theirs.authority, &pair.ours.authority) {
                pair.leave_proofs_out();
            }
        },
    },
];

impl Pair<'_> {
    fn leave_proofs_out(&mut self) {
        for seen in [&mut self.ours, &mut self.theirs] {
            seen.authority
                .retain(|line| !matches!(line.covered(), Rtype::NSEC | Rtype::NSEC3));
        }
    }
}

/// How many records deny something.
fn proofs(seen: &Seen) -> usize {
    let denies = |line: &&Line| matches!(line.rtype, Rtype::NSEC | Rtype::NSEC3);
    seen.authority.iter().filter(denies).count()
}

/// The question's name as lines have it.
fn name_of(query: &Query) -> String {
    query.name.to_string().to_ascii_lowercase()
}

fn is_part(part: &[Line], whole: &[Line]) -> bool {
    part.iter().all(|line| whole.contains(line))
}
