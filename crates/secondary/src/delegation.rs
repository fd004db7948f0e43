//! Whether zones are delegated to our name servers: asked on demand, of nobody but the configured `resolvers`.

mod ask;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use zonekit_http::ServiceError;
use zonekit_model::{Contract, Delegation, Failure, NamedServers, ServerAnswer, ZoneName};
use zonekit_store::Zone;
use zonekit_wire::{Name, Rtype};

use self::ask::AskError;
use crate::clock;
use crate::config::Dns;

/// How long a check may take: less than a request.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a server is waited for, each time that it is asked.
const ANSWER: Duration = Duration::from_secs(2);
/// Questions under way at a time, of all contracts.
const AT_ONCE: usize = 16;
/// Checks that a contract may have one after the other.
const IN_A_ROW: u32 = 10;
/// So often, it may have one more.
const ONE_MORE: Duration = Duration::from_secs(1);

/// What checks share.
pub(crate) struct Delegations {
    slots: Arc<Semaphore>,
    /// For each contract, when it has all of its checks back. There are as many as the configuration names.
    rested: Mutex<HashMap<Contract, Instant>>,
}

impl Default for Delegations {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            rested: Mutex::default(),
        }
    }
}

impl Delegations {
    /// Asks all resolvers about a zone of a contract, of which this version is held.
    pub(crate) async fn check(
        &self,
        dns: &Dns,
        contract: &Contract,
        zone: &ZoneName,
        held: Option<&Zone>,
    ) -> Result<Delegation, ServiceError> {
        let wanted: Vec<ZoneName> = { dns.nameservers.iter() }
            .filter_map(|name| name.parse().ok())
            .collect();
        if wanted.is_empty() {
            return Err(ServiceError::NoDelegations("[dns] nameservers"));
        }
        if dns.resolvers.is_empty() {
            return Err(ServiceError::NoDelegations("[dns] resolvers"));
        }
        if !self.take_turn(contract, Instant::now()) {
            return Err(ServiceError::TooManyChecks);
        }
        Ok(Delegation {
            at: clock::now(),
            wanted,
            answers: self.ask(&dns.resolvers, zone).await,
            apex: held.map(apex),
        })
    }

    /// Counts a check of a contract; `false` if it has had too many.
    fn take_turn(&self, contract: &Contract, now: Instant) -> bool {
        let mut rested = self.rested.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = rested.entry(contract.clone()).or_insert(now);
        let then = (*rested).max(now) + ONE_MORE;
        let is_allowed = then.duration_since(now) <= ONE_MORE * IN_A_ROW;
        if is_allowed {
            *rested = then;
        }
        is_allowed
    }

    /// Asks all of them at once, as far as there is room; gives what they said in their order.
    async fn ask(&self, servers: &[SocketAddr], zone: &ZoneName) -> Vec<ServerAnswer> {
        let zone = zone.to_name();
        let mut asking = JoinSet::new(); // which ends with whoever waits for it
        for (place, &server) in servers.iter().enumerate() {
            let (slots, zone) = (Arc::clone(&self.slots), zone.clone());
            let said = async move {
                let _slot = slots.acquire_owned().await;
                ask::ask(server, &zone, ANSWER).await
            };
            asking.spawn(async move {
                let said = timeout(PATIENCE, said).await;
                let said = said.unwrap_or(Err(AskError::TimedOut));
                let said = said.map_err(|error| Failure {
                    kind: error.kind().to_owned(),
                    text: error.to_string(),
                });
                (place, ServerAnswer { server, said })
            });
        }
        let mut answers = asking.join_all().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// The name servers that a version names for its zone.
fn apex(zone: &Zone) -> NamedServers {
    let set = zone.rrset(zone.apex(), Rtype::NS);
    let names = set.into_iter().flat_map(|set| set.rdatas());
    NamedServers::new(names.filter_map(|rdata| Some(Name::from_octets(rdata).ok()?.into())))
}

#[cfg(test)]
mod tests;
