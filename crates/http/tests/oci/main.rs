//! The face of OCI's DNS API, called in process by a client that signs as the vendor's do.

#[path = "../common/mod.rs"]
mod common;
mod face;
mod keys;
mod records;
mod signatures;
mod writes;
mod zones;

use std::time::{Duration, SystemTime};

use common::Answer;

/// Waits until the next second begins, so that what is signed from then on is not what was signed before.
async fn next_second() {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    tokio::time::sleep(Duration::from_nanos(
        1_000_000_000 - u64::from(since.subsec_nanos()),
    ))
    .await;
}

fn ids(answer: &Answer) -> Vec<&str> {
    let items = answer.body.as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}
