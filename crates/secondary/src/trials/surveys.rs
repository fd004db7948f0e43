//! Zones found by what they are asked for by are those that looking at every zone finds.

use zonekit_model::{
    Contract, Order, OrderBy, Standing, SurveyQuery, Timestamp, Trouble, ZoneName, ZoneStatus,
};

use super::Trial;
use crate::{clock, survey};

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
