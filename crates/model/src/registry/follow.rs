//! Zones that come and go with a catalog.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::Registry;
use crate::{
    CatalogMember, Change, Changes, Description, FollowedZone, Labels, Membership, NotifySources,
    SecondaryZone, Timestamp, ZoneName, ZonemdPolicy,
};

impl Registry {
    /// Which of these zones are not the catalog's to have: made over an API, declared by the configuration, reserved, or
    /// members of another catalog that does not give them away ([RFC 9432 §5.2]). They stay as they are. A catalog that gives
    /// a zone away itself takes it from nobody: else two that name each other would have it in turns, for ever.
    ///
    /// [RFC 9432 §5.2]: https://www.rfc-editor.org/rfc/rfc9432#section-5.2
    pub fn clashes<'m>(
        &self,
        catalog: &ZoneName,
        members: impl IntoIterator<Item = &'m CatalogMember>,
    ) -> impl Iterator<Item = &'m CatalogMember> {
        let mut members = members.into_iter();
        std::iter::from_fn(move || members.find(|member| !self.may_have(catalog, member)))
    }

    /// Keeps a name from being that of any zone but one that is made here: a catalog that is published, say.
    pub fn reserve(&mut self, names: impl IntoIterator<Item = ZoneName>) {
        self.reserved = names.into_iter().collect();
    }

    pub(super) fn is_reserved(&self, name: &ZoneName) -> bool {
        self.reserved.contains(name)
    }

    /// The catalogs that zones are members of, each with how many.
    pub fn followed(&self) -> HashMap<&ZoneName, usize> {
        let mut followed = HashMap::new();
        for member in self.zones().filter_map(|zone| zone.member.as_deref()) {
            *followed.entry(&member.catalog).or_default() += 1;
        }
        followed
    }

    /// How many zones would go if a catalog had these members: those that are named no more, and those that are another zone by
    /// their label.
    pub fn leaving(&self, catalog: &ZoneName, members: &[CatalogMember]) -> usize {
        let named = members.iter().map(|member| (&member.zone, &member.label));
        let named: HashMap<_, _> = named.collect();
        let leaves = |zone: &&Arc<SecondaryZone>| {
            let member = zone.member.as_deref();
            member.is_some_and(|member| {
                member.catalog == *catalog && named.get(&zone.name) != Some(&&member.label)
            })
        };
        self.zones().filter(leaves).count()
    }

    pub(super) fn judge_followed(
        &self,
        catalog: &ZoneName,
        zones: Vec<FollowedZone>,
        at: Timestamp,
    ) -> Changes {
        let generation = self.next_generation(at);
        let mut names = HashSet::new();
        let (mut removals, mut puts) = (Vec::new(), Vec::new());
        for FollowedZone {
            contract,
            id,
            member,
            primaries,
        } in zones
        {
            if !self.may_have(catalog, &member) || !names.insert(member.zone.clone()) {
                continue;
            }
            let membership = Membership {
                catalog: catalog.clone(),
                label: member.label,
                change_of_ownership: member.change_of_ownership,
            };
            let known = self.by_name.get(&member.zone);
            // Under another label it is another zone, and so it is in another contract: nothing of it stays (§5.6).
            let known = match known {
                Some(zone)
                    if zone.contract != contract || { zone.member.as_ref() }
                        .is_some_and(|before| before.label != membership.label) =>
                {
                    removals.push(Change::RemoveZone(Arc::clone(zone)));
                    None
                }
                known => known,
            };
            let is_same = |zone: &&Arc<SecondaryZone>| {
                zone.member.as_deref() == Some(&membership) && zone.primaries == primaries
            };
            if known.is_some_and(|zone| is_same(&zone)) {
                continue;
            }
            puts.push(Change::PutZone(Arc::new(SecondaryZone {
                id: known.map_or(id, |zone| zone.id),
                contract,
                name: member.zone,
                description: Description::default(),
                primaries,
                zonemd: ZonemdPolicy::default(),
                notify_sources: NotifySources::default(),
                created: known.map_or(at, |zone| zone.created),
                modified: at,
                generation,
                declared: true,
                labels: known.map_or_else(Labels::default, |zone| zone.labels.clone()),
                retry: None,
                member: Some(Box::new(membership)),
            })));
        }
        let gone = self.zones().filter(|zone| {
            let member = zone.member.as_ref();
            member.is_some_and(|member| member.catalog == *catalog) && !names.contains(&zone.name)
        });
        removals.extend(gone.map(|zone| Change::RemoveZone(Arc::clone(zone))));
        removals.into_iter().chain(puts).collect()
    }

    fn may_have(&self, catalog: &ZoneName, member: &CatalogMember) -> bool {
        let name = &member.zone;
        if self.is_reserved(name) || name == catalog {
            return false;
        }
        let Some(zone) = self.by_name.get(name) else {
            return true;
        };
        zone.member.as_ref().is_some_and(|owned| {
            let is_given = owned.change_of_ownership.as_ref() == Some(catalog);
            owned.catalog == *catalog || (is_given && member.change_of_ownership.is_none())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Contract, Primaries, Primary, Uuid, ZoneDraft};

    fn name(text: &str) -> ZoneName {
        text.parse().unwrap()
    }

    fn primaries(address: &str) -> Primaries {
        Primaries::new(vec![Primary::from(
            address.parse::<std::net::IpAddr>().unwrap(),
        )])
        .unwrap()
    }

    /// Follows a catalog whose members are written `label=zone`, `label=zone>successor`; what that changes, in words.
    fn follow(registry: &mut Registry, catalog: &str, members: &str) -> Vec<String> {
        let zones = { members.split_whitespace() }
            .map(|text| {
                let (label, rest) = text.split_once('=').unwrap();
                let (zone, successor) = rest
                    .split_once('>')
                    .map_or((rest, None), |(zone, to)| (zone, Some(name(to))));
                FollowedZone {
                    contract: None,
                    id: Uuid::now_v7(),
                    member: CatalogMember {
                        change_of_ownership: successor,
                        ..CatalogMember::new(label.parse().unwrap(), name(zone))
                    },
                    primaries: primaries("192.0.2.1"),
                }
            })
            .collect();
        let command = Command::Follow {
            catalog: name(catalog),
            zones,
        };
        let changes = registry.judge(command, Timestamp(1)).unwrap();
        let told = { changes.iter() }
            .map(|change| match change {
                Change::PutZone(zone) => format!("+{}", zone.name),
                Change::RemoveZone(zone) => format!("-{}", zone.name),
                other => format!("{other:?}"),
            })
            .collect();
        registry.apply(changes);
        told
    }

    #[test]
    fn members_come_and_go_with_their_catalog() {
        let mut registry = Registry::default();
        assert_eq!(
            follow(&mut registry, "cat.example", "a=one.example b=two.example"),
            ["+one.example", "+two.example"]
        );
        assert_eq!(
            follow(&mut registry, "cat.example", "a=one.example b=two.example"),
            [""; 0]
        );
        assert_eq!(
            follow(&mut registry, "cat.example", "a=one.example c=new.example"),
            ["-two.example", "+new.example"]
        );
        assert_eq!(registry.followed(), [(&name("cat.example"), 2)].into());
        let member = |label: &str, zone| CatalogMember::new(label.parse().unwrap(), name(zone));
        for (members, leaving) in [
            (vec![], 2),
            (
                vec![member("a", "one.example"), member("c", "new.example")],
                0,
            ),
            (
                vec![member("b", "one.example"), member("c", "new.example")],
                1,
            ),
            (
                vec![member("a", "one.example"), member("d", "more.example")],
                1,
            ),
        ] {
            let found = registry.leaving(&name("cat.example"), &members);
            assert_eq!(found, leaving, "{members:?}");
        }
        assert_eq!(registry.leaving(&name("other.example"), &[]), 0);
        assert_eq!(follow(&mut registry, "cat.example", "").len(), 2);
        assert_eq!(registry.zone_count(), 0);
    }

    #[test]
    fn under_another_label_a_member_is_another_zone() {
        let mut registry = Registry::default();
        follow(&mut registry, "cat.example", "a=one.example");
        let before = registry.zone_named(&name("one.example")).unwrap().id;
        assert_eq!(
            follow(&mut registry, "cat.example", "b=one.example"),
            ["-one.example", "+one.example"]
        );
        assert_ne!(
            registry.zone_named(&name("one.example")).unwrap().id,
            before
        );
    }

    #[test]
    fn what_is_somebody_elses_stays() {
        let mut registry = Registry::default();
        registry.reserve([name("ours.example")]);
        let contract: Contract = "demo".parse().unwrap();
        let draft = ZoneDraft::from_primaries(name("api.example"), primaries("192.0.2.2"));
        let create = Command::create(&contract, Uuid::from_u128(1), draft.clone());
        let changes = registry.judge(create, Timestamp(1)).unwrap();
        registry.apply(changes);
        follow(&mut registry, "first.example", "a=one.example");
        let clashing = "a=one.example b=api.example c=ours.example d=second.example e=free.example";
        assert_eq!(
            follow(&mut registry, "second.example", clashing),
            ["+free.example"]
        );
        assert_eq!(
            follow(&mut registry, "second.example", ""),
            ["-free.example"]
        );
        assert_eq!(registry.zone_count(), 2);
    }

    #[test]
    fn nobody_else_gets_a_name_that_is_reserved_and_the_api_changes_no_member() {
        let mut registry = Registry::default();
        registry.reserve([name("ours.example")]);
        follow(&mut registry, "cat.example", "a=one.example");
        let contract: Contract = "demo".parse().unwrap();
        for taken in ["ours.example", "one.example"] {
            let draft = ZoneDraft::from_primaries(name(taken), primaries("192.0.2.2"));
            let refused = registry.judge(
                Command::create(&contract, Uuid::from_u128(1), draft),
                Timestamp(1),
            );
            assert_eq!(refused.unwrap_err(), crate::Refusal::NameTaken(name(taken)));
        }
        // The configuration, read again, has nothing against members.
        let declare = Command::Declare {
            zones: Vec::new(),
            keys: Vec::new(),
        };
        assert!(registry.judge(declare, Timestamp(2)).unwrap().is_empty());
    }

    #[test]
    fn a_member_that_is_given_away_keeps_what_is_known_of_it_under_the_same_label() {
        let mut registry = Registry::default();
        follow(
            &mut registry,
            "old.example",
            "a=one.example>new.example b=two.example>new.example",
        );
        let before = registry.zone_named(&name("one.example")).unwrap().id;
        assert_eq!(
            follow(&mut registry, "new.example", "a=one.example x=two.example"),
            ["-two.example", "+one.example", "+two.example"]
        );
        assert_eq!(
            registry.zone_named(&name("one.example")).unwrap().id,
            before
        );
        assert_eq!(
            follow(&mut registry, "old.example", "a=one.example"),
            [""; 0],
            "it is gone from here"
        );
    }

    #[test]
    fn what_two_catalogs_give_each_other_stays_with_the_one_that_has_it() {
        let mut registry = Registry::default();
        let first = "a=one.example>second.example";
        let second = "a=one.example>first.example b=two.example>first.example";
        follow(&mut registry, "first.example", first);
        assert_eq!(
            follow(&mut registry, "second.example", second),
            ["+two.example"]
        );
        for _ in 0..2 {
            assert_eq!(follow(&mut registry, "first.example", first), [""; 0]);
            assert_eq!(follow(&mut registry, "second.example", second), [""; 0]);
        }
        // Who wants it has to say so.
        assert_eq!(
            follow(&mut registry, "second.example", "a=one.example"),
            ["-two.example", "+one.example"]
        );
    }
}
