//! Commands that come together: decided as if they had come one after the other, and durable by the time they are answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use zonekit_http::ServiceError;
use zonekit_model::{Command, Contract, Uuid, ZoneDraft, ZoneName};

use super::Trial;

fn names(trial: &Trial) -> Vec<String> {
    let registry = trial.node().book.registry();
    let mut names: Vec<String> = registry.zones().map(|zone| zone.name.to_string()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_commands_that_come_together_each_gets_its_own_answer() {
    let trial = Trial::start("[quota]\nsecondary_zones = 20\n").await;
    let contract: Contract = "one".parse().unwrap();
    let draft =
        |name: &str| ZoneDraft::at_addresses(name.parse().unwrap(), ["127.0.0.1".parse().unwrap()]);
    let mut tasks = JoinSet::new();
    // Three want each name; of the 24 names, 20 are within the quota.
    for number in 0..72_u128 {
        let node = Arc::clone(trial.node());
        let name = format!("z{}.example", number % 24);
        let create = Command::create(&contract, Uuid::from_u128(number), draft(&name));
        tasks.spawn(async move { (name, node.change(create).await.is_ok()) });
    }
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(task) = tasks.join_next().await {
        let (name, is_made) = task.unwrap();
        *made.entry(name).or_default() += usize::from(is_made);
    }
    assert!(made.values().all(|&times| times <= 1), "{made:?}");
    made.retain(|_, times| *times == 1);
    let made: Vec<String> = made.into_keys().collect();
    assert_eq!((made.len(), names(&trial)), (20, made.clone()));

    // Removed and made anew under the same name, all at once: in whatever order, each name is there once or not at all.
    let ids: Vec<Uuid> = {
        let registry = trial.node().book.registry();
        registry.zones().map(|zone| zone.id).collect()
    };
    for id in ids {
        let node = Arc::clone(trial.node());
        let remove = Command::remove(&contract, id);
        tasks.spawn(async move { (String::new(), node.change(remove).await.is_ok()) });
    }
    for (number, name) in made.iter().enumerate() {
        let node = Arc::clone(trial.node());
        let id = Uuid::from_u128(1_000 + number as u128);
        let create = Command::create(&contract, id, draft(name));
        let name = name.clone();
        tasks.spawn(async move { (name, node.change(create).await.is_ok()) });
    }
    let mut left = Vec::new();
    while let Some(task) = tasks.join_next().await {
        let (name, is_done) = task.unwrap();
        match name.is_empty() {
            true => assert!(is_done),
            false if is_done => left.push(name),
            false => {}
        }
    }
    left.sort();
    assert_eq!(names(&trial), left);
    let held = |name: &String| {
        trial
            .node()
            .held(&name.parse::<ZoneName>().unwrap())
            .is_some()
    };
    assert!(left.iter().all(held));
    let trial = trial.again("").await;
    assert_eq!(names(&trial), left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_all_zones_that_there_may_be_is_no_fault_of_the_service() {
    let trial = Trial::start("[limits]\nmax_zones = 1\n").await;
    let contract: Contract = "one".parse().unwrap();
    let create = |name: &str, id| {
        let address = "127.0.0.1".parse().unwrap();
        let draft = ZoneDraft::at_addresses(name.parse().unwrap(), [address]);
        trial
            .node()
            .change(Command::create(&contract, Uuid::from_u128(id), draft))
    };
    assert!(create("one.example", 1).await.is_ok());
    assert!(matches!(
        create("two.example", 2).await,
        Err(ServiceError::Full)
    ));
    assert_eq!(names(&trial), ["one.example"]);
}
