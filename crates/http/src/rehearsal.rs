//! A service that keeps zones in memory and transfers none.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use zonekit_model::{
    Command, Contract, Page, PageRequest, Quota, QuotaLimits, RecordView, Refusal, Registry,
    SecondaryZone, Timestamp, Uuid, ZoneDraft, ZoneFilter, ZoneId, ZoneStatus,
};

use crate::{Readiness, RecordsView, Service, ServiceError, StatusView, ZoneView};

/// A service to try clients against: zones live in memory, and what a transfer would bring is put in by hand.
///
/// Commands are judged as in a real service, by a [`Registry`].
///
/// ```
/// use zonekit_http::Rehearsal;
/// use zonekit_model::{Command, QuotaLimits, Uuid, ZoneDraft};
///
/// let service = Rehearsal::new(QuotaLimits { secondary_zones: 10, ..QuotaLimits::default() });
/// let draft = ZoneDraft::at_addresses("example.org".parse()?, ["192.0.2.1".parse()?]);
/// service.run(Command::create(&"demo".parse()?, Uuid::from_u128(1), draft))?; // as if it came over the API
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Rehearsal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    registry: Registry,
    held: HashMap<ZoneId, Held>,
    /// How often a transfer was ordered.
    orders: usize,
}

#[derive(Debug, Default)]
struct Held {
    status: ZoneStatus,
    records: Vec<RecordView>,
}

impl Rehearsal {
    /// A service that allows each contract this much.
    pub fn new(limits: QuotaLimits) -> Self {
        Self(Mutex::new(State {
            registry: Registry::new(limits),
            ..State::default()
        }))
    }

    /// Has a command carried out that no route gives.
    ///
    /// # Errors
    ///
    /// The registry's refusal.
    pub fn run(&self, command: Command) -> Result<(), Refusal> {
        let mut state = self.state();
        let changes = state.registry.judge(command, now())?;
        state.registry.apply(changes);
        Ok(())
    }

    /// Puts in what a transfer would have brought.
    pub fn hold(&self, zone: ZoneId, status: ZoneStatus, records: Vec<RecordView>) {
        let mut state = self.state();
        state.registry.note_records(&zone, records.len() as u64);
        state.held.insert(zone, Held { status, records });
    }

    /// How many transfers were ordered so far.
    pub fn orders(&self) -> usize {
        self.state().orders
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, command: Command) -> Result<ZoneView, ServiceError> {
        let mut state = self.state();
        let changes = state.registry.judge(command, now())?;
        let zone = changes.zone().cloned();
        state.registry.apply(changes);
        let zone = zone
            .ok_or_else(|| ServiceError::Internal("a command about a zone changed none".into()))?;
        Ok(state.view(&zone))
    }
}

impl State {
    fn zone(&self, contract: &Contract, id: Uuid) -> Result<&Arc<SecondaryZone>, ServiceError> {
        Ok(self
            .registry
            .zone(contract, id)
            .ok_or(Refusal::UnknownZone)?)
    }

    fn view(&self, zone: &Arc<SecondaryZone>) -> ZoneView {
        ZoneView {
            zone: Arc::clone(zone),
            state: self.status(zone).state(),
        }
    }

    fn status(&self, zone: &SecondaryZone) -> ZoneStatus {
        self.held
            .get(&zone.zone_id())
            .map(|held| held.status.clone())
            .unwrap_or_default()
    }
}

impl Service for Rehearsal {
    async fn create(
        &self,
        contract: &Contract,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        self.change(Command::create(contract, Uuid::now_v7(), draft))
    }

    async fn ensure(
        &self,
        contract: &Contract,
        id: Uuid,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        self.change(Command::ensure(contract, id, draft))
    }

    async fn remove(&self, contract: &Contract, id: Uuid) -> Result<(), ServiceError> {
        self.change(Command::remove(contract, id))?;
        self.state().held.remove(&ZoneId::new(contract, id));
        Ok(())
    }

    async fn zone(&self, contract: &Contract, id: Uuid) -> Result<ZoneView, ServiceError> {
        let state = self.state();
        Ok(state.view(state.zone(contract, id)?))
    }

    async fn zones(
        &self,
        contract: &Contract,
        filter: ZoneFilter,
        page: PageRequest,
    ) -> Result<Page<ZoneView>, ServiceError> {
        let state = self.state();
        let zones = state
            .registry
            .list(contract, &filter, page, |zone| state.status(zone).state());
        Ok(zones.map(|zone| state.view(&zone)))
    }

    async fn records(
        &self,
        contract: &Contract,
        id: Uuid,
        page: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        let state = self.state();
        let zone = Arc::clone(state.zone(contract, id)?);
        let records = state
            .held
            .get(&zone.zone_id())
            .map(|held| held.records.as_slice())
            .unwrap_or_default();
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let items = records.iter().skip(offset).take(limit).cloned().collect();
        Ok(RecordsView {
            zone,
            page: Page {
                items,
                total: records.len() as u64,
            },
        })
    }

    async fn status(&self, contract: &Contract, id: Uuid) -> Result<StatusView, ServiceError> {
        let state = self.state();
        let zone = state.zone(contract, id)?;
        Ok(StatusView {
            zone: Arc::clone(zone),
            status: state.status(zone),
        })
    }

    async fn transfer_now(&self, contract: &Contract, id: Uuid) -> Result<(), ServiceError> {
        let mut state = self.state();
        state.zone(contract, id)?;
        state.orders += 1;
        Ok(())
    }

    async fn quota(&self, contract: &Contract) -> Result<Quota, ServiceError> {
        Ok(self.state().registry.quota(contract))
    }

    fn nameservers(&self) -> Arc<[String]> {
        Arc::from(["ns1.example.net".into(), "ns2.example.net".into()])
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
