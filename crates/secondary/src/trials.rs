//! A whole node on loopback, for tests that need all of it.

mod commands;
mod hooks;
mod live;
mod notifies;
mod past;
mod reads;
mod reloads;
mod surveys;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zonekit_model::{ZoneName, ZoneStatus};

use crate::node::Node;
use crate::{Config, Secondary, StartError};

/// A node with its directory.
pub(crate) struct Trial {
    pub(crate) secondary: Secondary,
    directory: TempDir,
}

impl Trial {
    /// Starts a node with these tables beside those that all have.
    pub(crate) async fn start(tables: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Self::config_in(&directory, tables);
        let secondary = Secondary::start(config).await.unwrap();
        Self {
            secondary,
            directory,
        }
    }

    /// Ends it, and starts it again with its data.
    pub(crate) async fn again(self, tables: &str) -> Self {
        self.secondary.shutdown().await;
        let began = Instant::now();
        let secondary = loop {
            let config = Self::config_in(&self.directory, tables);
            match Secondary::start(config).await {
                Ok(secondary) => break secondary,
                // What was being written may be so still: the data is in use for that long.
                Err(StartError::Open(_)) if began.elapsed() < Duration::from_secs(60) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        Self { secondary, ..self }
    }

    /// Its configuration with other tables.
    pub(crate) fn config(&self, tables: &str) -> Config {
        Self::config_in(&self.directory, tables)
    }

    fn config_in(directory: &TempDir, tables: &str) -> Config {
        let text = format!(
            "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n\
             [timers]\nmin_refresh = 1\nmin_retry = 1\nmax_retry = 1\n{tables}"
        );
        Config::parse(&text, &directory.path().join("secondary.toml")).unwrap()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.secondary.node
    }

    pub(crate) fn status(&self, zone: &str) -> ZoneStatus {
        let name: ZoneName = zone.parse().unwrap();
        self.node().zones.status(&name).unwrap()
    }

    /// Everything that `/metrics` shows.
    pub(crate) fn metrics(&self) -> String {
        let node = self.node();
        let registry = crate::metrics::registry(&node.counts, Arc::downgrade(node));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    /// The serial of the version that is served.
    pub(crate) fn serial(&self, zone: &str) -> Option<u32> {
        let name: ZoneName = zone.parse().unwrap();
        self.node().version(&name).map(|zone| zone.serial().0)
    }

    /// Has a zone visited at once.
    pub(crate) fn visit(&self, zone: &str) {
        self.node().request_visit(&zone.parse().unwrap());
    }
}

/// A `[[zone]]` with one primary, and more entries.
pub(crate) fn zone(name: &str, primary: std::net::SocketAddr, more: &str) -> String {
    format!("[[zone]]\nname = \"{name}\"\nprimaries = [{{ address = \"{primary}\" }}]\n{more}\n")
}

/// Waits for what has to come about.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain for {what}");
}
