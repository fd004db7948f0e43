//! A service that keeps zones in memory and transfers none.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::mpsc;
use zonekit_model::{
    Command, ContentVersion, Contract, Delegation, Event, KeyQuery, NamedServers, Page,
    PageRequest, Quota, QuotaLimits, RecordOrder, RecordQuery, RecordView, Refusal, Registry,
    SecondaryZone, Selection, ServerAnswer, ServerSaid, SurveyQuery, Timestamp, TsigKey, Uuid,
    ZoneDraft, ZoneFilter, ZoneId, ZoneName, ZoneQuery, ZoneStatus,
};

use crate::{
    Commanded, Content, EventFeed, EventId, EventStream, Readiness, Receipt, RecordsView, Service,
    ServiceError, StatusView, TransferOrder, ZoneRef, ZoneView,
};

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
    feeds: HashMap<Contract, EventFeed>,
    /// What is kept for the routes.
    kept: HashMap<String, Vec<u8>>,
}

#[derive(Debug, Default)]
struct Held {
    status: ZoneStatus,
    records: Vec<RecordView>,
    /// How often something was put in.
    count: u64,
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
        let held = state.held.entry(zone).or_default();
        *held = Held {
            status,
            records,
            count: held.count + 1,
        };
    }

    /// Tells an event to the streams of its contract.
    pub fn tell(&self, event: Event) {
        if let Some(contract) = event.contract.clone() {
            self.state().feed(contract).tell(Arc::new(event));
        }
    }

    /// How many transfers were ordered so far.
    pub fn orders(&self) -> usize {
        self.state().orders
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, command: Command) -> Result<ZoneView, ServiceError> {
        let zone = self.carry_out(command, None)?.zone;
        zone.ok_or_else(|| ServiceError::Internal("a command about a zone changed none".into()))
    }

    fn carry_out(
        &self,
        command: Command,
        receipt: Option<Receipt>,
    ) -> Result<Commanded, ServiceError> {
        let mut state = self.state();
        let changes = state.registry.judge(command, now())?;
        let (zone, key) = (changes.zone().cloned(), changes.key().cloned());
        state.registry.apply(changes.clone());
        let zone = zone.map(|zone| state.view(&zone));
        for change in changes {
            if let zonekit_model::Change::RemoveZone(zone) = change {
                state.held.remove(&zone.zone_id());
            }
        }
        let done = Commanded { zone, key };
        if let Some(receipt) = receipt {
            state.kept.extend(receipt(&done));
        }
        Ok(done)
    }
}

impl State {
    fn zone(&self, contract: &Contract, id: Uuid) -> Result<&Arc<SecondaryZone>, ServiceError> {
        Ok(self
            .registry
            .zone(contract, id)
            .ok_or(Refusal::UnknownZone)?)
    }

    fn feed(&mut self, contract: Contract) -> &mut EventFeed {
        { self.feeds.entry(contract) }.or_insert_with(|| EventFeed::new(1))
    }

    fn view(&self, zone: &Arc<SecondaryZone>) -> ZoneView {
        ZoneView {
            zone: Arc::clone(zone),
            state: self.status(zone).state(),
            serial: self.status(zone).serial,
            version: self.version(zone),
            keys: self.registry.key_ids(zone),
        }
    }

    fn version(&self, zone: &SecondaryZone) -> ContentVersion {
        let held = self.held.get(&zone.zone_id());
        ContentVersion {
            epoch: 0,
            count: held.map_or(0, |held| held.count),
        }
    }

    fn records(&self, zone: &SecondaryZone) -> &[RecordView] {
        let held = self.held.get(&zone.zone_id());
        held.map(|held| held.records.as_slice()).unwrap_or_default()
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
        self.select_records(contract, id, RecordQuery::default(), page)
            .await
    }

    async fn status(&self, contract: &Contract, id: Uuid) -> Result<StatusView, ServiceError> {
        let state = self.state();
        let zone = state.zone(contract, id)?;
        Ok(StatusView {
            zone: Arc::clone(zone),
            status: state.status(zone),
            version: state.version(zone),
        })
    }

    async fn survey(
        &self,
        contract: &Contract,
        query: SurveyQuery,
    ) -> Result<Selection<StatusView>, ServiceError> {
        let state = self.state();
        let now = now();
        let (mut found, mut after) = (Vec::new(), query.after.clone());
        loop {
            let part = state.registry.select(
                contract,
                &ZoneQuery::all(query.order, after, 1_000),
                |zone| state.status(zone).state(),
            );
            for zone in &part.items {
                let status = state.status(zone);
                if query.means(zone, &status, now) {
                    found.push(StatusView {
                        zone: Arc::clone(zone),
                        status,
                        version: state.version(zone),
                    });
                }
            }
            match part.next {
                Some(next) if found.len() <= query.limit => after = Some(next),
                _ => break,
            }
        }
        let is_last = found.len() <= query.limit;
        found.truncate(query.limit);
        let last = found.last().filter(|_| !is_last);
        Ok(Selection {
            next: last.map(|view| query.order.place(&view.zone)),
            total: state.registry.quota(contract).usage.secondary_zones,
            items: found,
        })
    }

    async fn serials(&self, contract: &Contract, id: Uuid) -> Result<Vec<u32>, ServiceError> {
        let state = self.state();
        let zone = state.zone(contract, id)?;
        Ok(state.status(zone).serial.into_iter().collect())
    }

    async fn difference(
        &self,
        contract: &Contract,
        id: Uuid,
        from: u32,
        to: Option<u32>,
    ) -> Result<Option<Content>, ServiceError> {
        let state = self.state();
        let zone = state.zone(contract, id)?;
        let held = state.status(zone).serial;
        // One version is all that there is: nothing leads from it to itself.
        let is_known = held == Some(from) && to.is_none_or(|to| to == from);
        Ok(is_known.then(|| {
            let (sender, pieces) = mpsc::channel(1);
            let _ = sender.try_send(None);
            Content {
                version: state.version(zone),
                pieces,
            }
        }))
    }

    async fn transfer_now(
        &self,
        contract: &Contract,
        id: Uuid,
        order: TransferOrder,
    ) -> Result<(), ServiceError> {
        let mut state = self.state();
        let zone = state.zone(contract, id)?;
        let is_known = |primary| zone.primaries.as_slice().contains(primary);
        if !order.primary.as_ref().is_none_or(is_known) {
            return Err(Refusal::Changed.into());
        }
        state.orders += 1;
        Ok(())
    }

    /// Nobody is asked: the delegation is as it should be.
    async fn delegation(&self, contract: &Contract, id: Uuid) -> Result<Delegation, ServiceError> {
        self.state().zone(contract, id)?;
        let names = ["ns1.example.net", "ns2.example.net"].into_iter();
        let wanted: Vec<ZoneName> = names.filter_map(|name| name.parse().ok()).collect();
        Ok(Delegation {
            at: now(),
            answers: vec![ServerAnswer {
                server: ([127, 0, 0, 1], 53).into(),
                said: Ok(ServerSaid::Referral(NamedServers::new(wanted.clone()))),
            }],
            apex: None,
            wanted,
        })
    }

    async fn quota(&self, contract: &Contract) -> Result<Quota, ServiceError> {
        Ok(self.state().registry.quota(contract))
    }

    async fn command(
        &self,
        command: Command,
        receipt: Option<Receipt>,
    ) -> Result<Commanded, ServiceError> {
        self.carry_out(command, receipt)
    }

    fn kept(&self) -> Vec<(String, Vec<u8>)> {
        self.state().kept.clone().into_iter().collect()
    }

    fn keep(&self, name: String, value: Option<Vec<u8>>) {
        let kept = &mut self.state().kept;
        match value {
            Some(value) => kept.insert(name, value),
            None => kept.remove(&name),
        };
    }

    async fn find(&self, contract: &Contract, zone: &ZoneRef) -> Result<ZoneView, ServiceError> {
        let state = self.state();
        let zone = match zone {
            ZoneRef::Id(id) => state.registry.zone(contract, *id),
            ZoneRef::Name(name) => state.registry.zone_of(contract, name),
        };
        Ok(state.view(zone.ok_or(Refusal::UnknownZone)?))
    }

    async fn select(
        &self,
        contract: &Contract,
        query: ZoneQuery,
    ) -> Result<Selection<ZoneView>, ServiceError> {
        let state = self.state();
        let state_of = |zone: &SecondaryZone| state.status(zone).state();
        let selection = state.registry.select(contract, &query, state_of);
        Ok(selection.map(|zone| state.view(&zone)))
    }

    async fn select_records(
        &self,
        contract: &Contract,
        id: Uuid,
        query: RecordQuery,
        page: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        let state = self.state();
        let zone = Arc::clone(state.zone(contract, id)?);
        let all = state.records(&zone);
        let count = all.len() as u64;
        if query.order != RecordOrder::Zone && count > RecordQuery::SORTED {
            return Err(ServiceError::TooManyToSort(count));
        }
        let is_meant = |record: &&RecordView| query.means_view(record);
        let mut records: Vec<_> = all.iter().filter(is_meant).cloned().collect();
        query.sort(&mut records);
        let total = records.len() as u64;
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let items = records.into_iter().skip(offset).take(limit).collect();
        Ok(RecordsView {
            page: Page { items, total },
            version: state.version(&zone),
            zone,
        })
    }

    async fn content(&self, contract: &Contract, id: Uuid) -> Result<Content, ServiceError> {
        let state = self.state();
        let zone = state.zone(contract, id)?;
        let line = |record: &RecordView| {
            let RecordView {
                owner,
                rtype,
                ttl,
                rdata,
            } = record;
            format!(
                "{owner}	{ttl}	IN	{rtype}	{rdata}
"
            )
        };
        let text: String = state.records(zone).iter().map(line).collect();
        let (sender, pieces) = mpsc::channel(2);
        for piece in [Some(text.into()), None] {
            // There is room for both.
            let _ = sender.try_send(piece);
        }
        Ok(Content {
            version: state.version(zone),
            pieces,
        })
    }

    async fn key(&self, contract: &Contract, id: Uuid) -> Result<Arc<TsigKey>, ServiceError> {
        let state = self.state();
        let key = state.registry.key_of(contract, id).cloned();
        Ok(key.ok_or(Refusal::UnknownKey)?)
    }

    async fn select_keys(
        &self,
        contract: &Contract,
        query: KeyQuery,
    ) -> Result<Selection<Arc<TsigKey>>, ServiceError> {
        Ok(self.state().registry.select_keys(contract, &query))
    }

    fn events(
        &self,
        contract: &Contract,
        seen: Option<EventId>,
    ) -> Result<EventStream, ServiceError> {
        Ok(self.state().feed(contract.clone()).listen(seen))
    }

    fn transfer_addresses(&self) -> Arc<[IpAddr]> {
        Arc::from([IpAddr::from([127, 0, 0, 1])])
    }

    fn notify_addresses(&self) -> Arc<[IpAddr]> {
        Arc::from([IpAddr::from([127, 0, 0, 1])])
    }

    fn nameservers(&self) -> Arc<[String]> {
        Arc::from(["ns1.example.net".into(), "ns2.example.net".into()])
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
