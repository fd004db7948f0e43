//! Zones found by what they are asked for by are those that looking at every zone finds.

use std::sync::Arc;

use zonekit_http::Service;
use zonekit_model::{
    Contract, Order, OrderBy, PageRequest, Standing, SurveyQuery, Timestamp, Trouble, ZoneFilter,
    ZoneName, ZoneQuery, ZoneState, ZoneStatus,
};

use super::Trial;
use crate::service::Desk;
use crate::{clock, survey};

#[tokio::test]
async fn a_list_by_state_follows_every_change_of_it() {
    let zone = |number: usize, contract: &str| {
        format!(
            "[[zone]]\nname = \"z{number}.example\"\n{contract}primaries = [{{ address = \"127.0.0.1:1\" }}]\n"
        )
    };
    let own: String = { 0..70 }
        .map(|number| zone(number, "contract = \"one\"\n"))
        .collect();
    let foreign = zone(98, "contract = \"two\"\n") + &zone(99, "");
    let trial = Trial::start(&format!("{own}{foreign}")).await;
    // With the next configuration some are gone, and others are somebody else's.
    let own: String = { 0..50 }
        .map(|number| zone(number, "contract = \"one\"\n"))
        .collect();
    let given: String = { 50..60 }
        .map(|number| zone(number, "contract = \"two\"\n"))
        .collect();
    let config = trial.config(&format!("{own}{given}{foreign}"));
    trial.secondary.reload(config).await.unwrap();
    let node = trial.node();
    node.end(); // nothing is visited while it is looked
    let one: Contract = "one".parse().unwrap();
    let desk = Desk(Arc::clone(node));
    let states = [
        ZoneState::Provisioning,
        ZoneState::Available,
        ZoneState::Failed,
    ];
    let check = async || {
        let mut all: Vec<_> = node.book.registry().zones().cloned().collect();
        all.retain(|zone| zone.contract.as_ref() == Some(&one));
        all.sort_by_key(|zone| (zone.created, zone.id));
        for state in states {
            let state_of = |name: &ZoneName| node.zones.with(name, |charge| charge.state());
            let mut expected = all.clone();
            expected.retain(|zone| state_of(&zone.name) == Some(state));
            let filter = ZoneFilter {
                name: None,
                state: Some(state),
            };
            let page = PageRequest {
                offset: 3,
                limit: 5,
            };
            let found = desk.zones(&one, filter, page).await.unwrap();
            assert_eq!(found.total, expected.len() as u64, "{state:?}");
            let items: Vec<_> = found.items.into_iter().map(|view| view.zone).collect();
            assert_eq!(
                items,
                expected.iter().skip(3).take(5).cloned().collect::<Vec<_>>()
            );

            for by in [OrderBy::Created, OrderBy::Name] {
                for descending in [false, true] {
                    let order = Order { by, descending };
                    let mut query = ZoneQuery {
                        state: Some(state),
                        ..ZoneQuery::all(order, None, 7)
                    };
                    expected.sort_by_key(|zone| order.place(zone));
                    if descending {
                        expected.reverse();
                    }
                    let mut items = Vec::new();
                    loop {
                        let found = desk.select(&one, query.clone()).await.unwrap();
                        assert_eq!(found.total, expected.len() as u64, "{query:?}");
                        items.extend(found.items.into_iter().map(|view| view.zone));
                        match found.next {
                            Some(next) => query.after = Some(next),
                            None => break,
                        }
                    }
                    assert_eq!(items, expected, "{query:?}");
                }
            }
        }
    };
    check().await;
    for number in 0..50_u32 {
        let name: ZoneName = format!("z{number}.example").parse().unwrap();
        node.zones.with(&name, |charge| {
            charge.alter(|status| {
                status.failures = number % 4 * 10;
                status.standing = match number % 3 {
                    0 => Standing::Current,
                    _ => Standing::NeverLoaded,
                };
            });
        });
    }
    check().await;
    let counted: usize = { states.iter() }
        .map(|state| {
            node.zones
                .lock()
                .in_state(&one, *state)
                .map_or(0, |zones| zones.len())
        })
        .sum();
    assert_eq!(counted, 50);
}

#[tokio::test]
async fn a_survey_by_trouble_or_name_is_that_of_looking_at_every_zone() {
    let tables: String = { 0..60 }
        .map(|number| {
            format!("[[zone]]\nname = \"z{number}.example\"\ncontract = \"one\"\nprimaries = [{{ address = \"127.0.0.1:1\" }}]\n")
        })
        .collect();
    let foreign = "[[zone]]\nname = \"z99.example\"\ncontract = \"two\"\nprimaries = [{ address = \"127.0.0.1:1\" }]\n";
    let trial = Trial::start(&format!("{tables}{foreign}")).await;
    let node = trial.node();
    node.end(); // nothing is visited while it is looked
    let now = clock::now();
    for number in 0..60_u64 {
        let name: ZoneName = format!("z{number}.example").parse().unwrap();
        node.zones.with(&name, |charge| {
            charge.alter(|status| {
                status.failures = u32::from(number % 3 == 0);
                status.standing = match number % 5 {
                    0 => Standing::Stale,
                    1 => Standing::Expired,
                    2 => Standing::NeverLoaded,
                    _ => Standing::Current,
                };
                let expires = Timestamp(now.0 + number * 3_600_000);
                status.expires_at = Some(expires).filter(|_| number % 5 > 2);
            });
        });
    }
    let contract: Contract = "one".parse().unwrap();
    let mut queries = Vec::new();
    for troubles in [
        vec![],
        vec![Trouble::Failing],
        vec![Trouble::Stale, Trouble::Expired],
        vec![Trouble::Expiring],
        vec![Trouble::NeverLoaded, Trouble::Expiring],
        vec![Trouble::Behind],
    ] {
        for part in [None, Some("Z1"), Some("example"), Some("none")] {
            for (by, descending) in [(OrderBy::Created, false), (OrderBy::Name, true)] {
                queries.push(SurveyQuery {
                    name_contains: part.map(Into::into),
                    troubles: troubles.clone(),
                    order: Order { by, descending },
                    limit: 7,
                    ..SurveyQuery::default()
                });
            }
        }
    }
    for mut query in queries {
        let zones: Vec<_> = node.book.registry().zones().cloned().collect();
        let mut expected: Vec<_> = zones
            .into_iter()
            .filter(|zone| {
                let status: ZoneStatus = node.zones.status(&zone.name).unwrap();
                zone.contract.as_ref() == Some(&contract) && query.means(zone, &status, now)
            })
            .collect();
        expected.sort_by_key(|zone| query.order.place(zone));
        if query.order.descending {
            expected.reverse();
        }
        let mut found = Vec::new();
        loop {
            let page = survey::survey(node, &contract, &query).await;
            assert!(page.items.len() <= query.limit);
            found.extend(page.items.into_iter().map(|view| view.zone));
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query:?}");
    }
}
