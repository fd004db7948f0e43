//! What the HTTP routes ask of the node.

use std::net::IpAddr;
use std::sync::Arc;

use zonekit_http::{
    Commanded, Content, EventId, EventStream, Readiness, Receipt, RecordsView, Service,
    ServiceError, Share, StatusView, TransferOrder, ZoneRef, ZoneView,
};
use zonekit_model::{
    Command, Contract, Cursor, Delegation, KeyQuery, OrderBy, Page, PageRequest, Quota,
    RecordQuery, Refusal, SecondaryZone, Selection, SurveyQuery, TsigKey, Uuid, ZoneDraft,
    ZoneFilter, ZoneName, ZoneQuery,
};
use zonekit_store::StoreError;
use zonekit_wire::Serial;

use crate::node::{About, Node, in_words};
use crate::{records, survey, versions};

/// The node as the routes see it.
pub(crate) struct Desk(pub(crate) Arc<Node>);

impl Service for Desk {
    async fn create(
        &self,
        contract: &Contract,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        // Version 7: ids in the order of their making lie side by side in every index.
        let id = Uuid::now_v7();
        self.write(Command::create(contract, id, draft)).await
    }

    async fn ensure(
        &self,
        contract: &Contract,
        id: Uuid,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        let view = self.write(Command::ensure(contract, id, draft)).await?;
        // Also when nothing has changed: whoever says it again wants to see it done.
        self.0.request_visit(&view.zone.name);
        Ok(view)
    }

    async fn remove(&self, contract: &Contract, id: Uuid) -> Result<(), ServiceError> {
        self.write(Command::remove(contract, id)).await?;
        Ok(())
    }

    async fn zone(&self, contract: &Contract, id: Uuid) -> Result<ZoneView, ServiceError> {
        Ok(self.view(self.find_id(contract, id)?))
    }

    async fn zones(
        &self,
        contract: &Contract,
        filter: ZoneFilter,
        page: PageRequest,
    ) -> Result<Page<ZoneView>, ServiceError> {
        let plain = ZoneFilter {
            state: filter.state,
            ..ZoneFilter::default()
        };
        if let Some(state) = filter.state.filter(|_| filter == plain) {
            let (names, total) = {
                let table = self.0.zones.lock();
                let zones = table.in_state(contract, state);
                let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
                let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
                let names = zones.into_iter().flat_map(|zones| zones.from(offset));
                let names: Vec<_> = names.take(limit).cloned().collect();
                (names, zones.map_or(0, |zones| zones.len() as u64))
            };
            let items = self.named(contract, &names);
            return Ok(Page { items, total });
        }
        let state_of = |zone: &SecondaryZone| self.0.zones.state(&zone.name);
        let page = { self.0.book.registry() }.list(contract, &filter, page, state_of);
        Ok(page.map(|zone| self.view(zone)))
    }

    async fn select(
        &self,
        contract: &Contract,
        query: ZoneQuery,
    ) -> Result<Selection<ZoneView>, ServiceError> {
        if let Some(found) = self.in_state(contract, &query) {
            return Ok(found);
        }
        let state_of = |zone: &SecondaryZone| self.0.zones.state(&zone.name);
        let selection = self.0.book.registry().select(contract, &query, state_of);
        Ok(selection.map(|zone| self.view(zone)))
    }

    async fn find(&self, contract: &Contract, zone: &ZoneRef) -> Result<ZoneView, ServiceError> {
        let name = match zone {
            ZoneRef::Id(id) => return Ok(self.view(self.find_id(contract, *id)?)),
            ZoneRef::Name(name) => name,
        };
        let zone = self.0.book.registry().zone_of(contract, name).cloned();
        Ok(self.view(zone.ok_or(Refusal::UnknownZone)?))
    }

    async fn command(
        &self,
        command: Command,
        receipt: Option<Receipt>,
    ) -> Result<Commanded, ServiceError> {
        let About { zone, key, told } = self.carry_out(command, receipt).await?;
        Ok(told.unwrap_or_else(|| Commanded {
            zone: zone.map(|zone| self.view(zone)),
            key,
        }))
    }

    fn kept(&self) -> Vec<(String, Vec<u8>)> {
        self.0.kept()
    }

    fn keep(&self, name: String, value: Option<Vec<u8>>) {
        self.0.note_kept(&name, value);
    }

    async fn key(&self, contract: &Contract, id: Uuid) -> Result<Arc<TsigKey>, ServiceError> {
        let key = self.0.book.registry().key_of(contract, id).cloned();
        key.ok_or_else(|| Refusal::UnknownKey.into())
    }

    async fn select_keys(
        &self,
        contract: &Contract,
        query: KeyQuery,
    ) -> Result<Selection<Arc<TsigKey>>, ServiceError> {
        Ok(self.0.book.registry().select_keys(contract, &query))
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

    async fn select_records(
        &self,
        contract: &Contract,
        id: Uuid,
        query: RecordQuery,
        page: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let (version, held) = self.0.content(&zone.name);
        let page = match held {
            // A page takes little, but a search takes as long as the zone is large.
            Some(held) => {
                let share = match records::is_near(&held, &query) {
                    true => None,
                    false => Some(self.share(contract)?),
                };
                // On to its end also if nobody waits for it any more: so long it counts.
                let looking = move || {
                    let _share = share;
                    records::select(&held, &query, page)
                };
                let looking = tokio::task::spawn_blocking(looking).await;
                looking.map_err(|error| ServiceError::Internal(error.to_string()))??
            }
            None => Page {
                items: Vec::new(),
                total: 0,
            },
        };
        Ok(RecordsView {
            zone,
            page,
            version,
        })
    }

    async fn content(&self, contract: &Contract, id: Uuid) -> Result<Content, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let (version, held) = self.0.content(&zone.name);
        let pieces = records::text(held);
        Ok(Content { version, pieces })
    }

    async fn status(&self, contract: &Contract, id: Uuid) -> Result<StatusView, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let status = self.0.zones.status(&zone.name).unwrap_or_default();
        let (version, _) = self.0.content(&zone.name);
        Ok(StatusView {
            zone,
            status,
            version,
        })
    }

    async fn survey(
        &self,
        contract: &Contract,
        query: SurveyQuery,
    ) -> Result<Selection<StatusView>, ServiceError> {
        Ok(survey::survey(&self.0, contract, &query).await)
    }

    async fn serials(&self, contract: &Contract, id: Uuid) -> Result<Vec<u32>, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let serials = self.0.serials(&zone.name);
        Ok(serials.into_iter().map(|serial| serial.0).collect())
    }

    async fn difference(
        &self,
        contract: &Contract,
        id: Uuid,
        from: u32,
        to: Option<u32>,
    ) -> Result<Option<Content>, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let (version, held) = self.0.content(&zone.name);
        let Some(held) = held else {
            return Ok(None);
        };
        let share = self.share(contract)?;
        let node = Arc::clone(&self.0);
        let to = to.map_or(held.serial(), Serial);
        let reading = move || -> Result<_, StoreError> {
            let Some(steps) = node.journal(&zone.name, Serial(from))? else {
                return Ok(None);
            };
            let found = versions::difference(&steps, Serial(from), to, versions::MOST);
            Ok(Some((found, share)))
        };
        let read = { tokio::task::spawn_blocking(reading).await }
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        let read = read.map_err(|error| ServiceError::Internal(in_words(&error)))?;
        let Some((found, share)) = read else {
            return Ok(None);
        };
        let found = found.map_err(|_| ServiceError::TooManyChanges(versions::MOST))?;
        Ok(found.map(|found| Content {
            version,
            pieces: records::told(found, share),
        }))
    }

    async fn transfer_now(
        &self,
        contract: &Contract,
        id: Uuid,
        order: TransferOrder,
    ) -> Result<(), ServiceError> {
        let zone = self.find_id(contract, id)?;
        let only = match &order.primary {
            None => None,
            Some(primary) => {
                let place = { zone.primaries.iter() }
                    .position(|own| own == primary)
                    .ok_or(Refusal::Changed)?; // a moment ago it was there
                Some(self.0.config().way_to(&zone, place, primary).0)
            }
        };
        self.0.order_visit(&zone.name, order.whole, only);
        Ok(())
    }

    async fn delegation(&self, contract: &Contract, id: Uuid) -> Result<Delegation, ServiceError> {
        let zone = self.find_id(contract, id)?;
        let (config, (_, held)) = (self.0.config(), self.0.content(&zone.name));
        let checks = &self.0.delegations;
        { checks.check(&config.dns, contract, &zone.name, held.as_ref()) }.await
    }

    async fn quota(&self, contract: &Contract) -> Result<Quota, ServiceError> {
        Ok(self.0.book.registry().quota(contract))
    }

    fn events(
        &self,
        contract: &Contract,
        seen: Option<EventId>,
    ) -> Result<EventStream, ServiceError> {
        let stream = self.0.hub.listen(contract, seen);
        stream.ok_or(ServiceError::TooManyStreams)
    }

    fn transfer_addresses(&self) -> Arc<[IpAddr]> {
        self.0.config().dns.transfer_addresses.as_slice().into()
    }

    fn notify_addresses(&self) -> Arc<[IpAddr]> {
        self.0.config().dns.notify_addresses.as_slice().into()
    }

    fn nameservers(&self) -> Arc<[String]> {
        self.0.config().dns.nameservers.as_slice().into()
    }

    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}

impl Desk {
    /// Has a command about a zone carried out; gives the zone.
    async fn write(&self, command: Command) -> Result<ZoneView, ServiceError> {
        let zone = self.carry_out(command, None).await?.zone;
        let zone = zone.ok_or_else(|| ServiceError::Internal("a command without a zone".into()))?;
        Ok(self.view(zone))
    }

    /// Has a command judged and carried out; gives what it was about.
    async fn carry_out(
        &self,
        command: Command,
        receipt: Option<Receipt>,
    ) -> Result<About, ServiceError> {
        // On a task of its own: a client that hangs up does not leave a command half done.
        let node = Arc::clone(&self.0);
        tokio::spawn(async move { node.change_with(command, receipt).await })
            .await
            .map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    /// The contract's share of what takes long.
    fn share(&self, contract: &Contract) -> Result<Share<Contract>, ServiceError> {
        let share = self.0.reads.take(contract.clone());
        share.ok_or(ServiceError::TooManyReads)
    }

    fn find_id(&self, contract: &Contract, id: Uuid) -> Result<Arc<SecondaryZone>, ServiceError> {
        let registry = self.0.book.registry();
        let zone = registry.zone(contract, id).cloned();
        zone.ok_or_else(|| Refusal::UnknownZone.into())
    }

    /// The zones that are asked for, if that is by their state alone and by age: then no others are looked at.
    fn in_state(&self, contract: &Contract, query: &ZoneQuery) -> Option<Selection<ZoneView>> {
        let state = query.state?;
        let rest = ZoneQuery {
            state: None,
            ..query.clone()
        };
        if query.order.by != OrderBy::Created || !self.0.book.registry().means_all(contract, &rest)
        {
            return None;
        }
        let after = query.after.as_ref().and_then(Cursor::created);
        let most = query.limit.saturating_add(1); // one more tells that there is a next page
        let (mut names, total) = match self.0.zones.lock().in_state(contract, state) {
            None => (Vec::new(), 0),
            Some(zones) => {
                // What lies behind the place, or in front of it the other way round.
                let names: Vec<_> = match (after, query.order.descending) {
                    (None, false) => zones.from(0).take(most).cloned().collect(),
                    (Some(after), false) => {
                        let from = zones.rank_behind(&after);
                        zones.from(from).take(most).cloned().collect()
                    }
                    (None, true) => zones.back_from(zones.len()).take(most).cloned().collect(),
                    (Some(after), true) => {
                        let before = zones.rank(&after);
                        zones.back_from(before).take(most).cloned().collect()
                    }
                };
                (names, zones.len() as u64)
            }
        };
        let is_last = names.len() <= query.limit;
        names.truncate(query.limit);
        let items = self.named(contract, &names);
        let last = items.last().filter(|_| !is_last);
        Some(Selection {
            next: last.map(|view| query.order.place(&view.zone)),
            total,
            items,
        })
    }

    /// The zones of these names, as far as they are there.
    fn named(&self, contract: &Contract, names: &[ZoneName]) -> Vec<ZoneView> {
        let zones: Vec<_> = {
            let registry = self.0.book.registry();
            let zone = |name| registry.zone_of(contract, name).cloned();
            names.iter().filter_map(zone).collect()
        };
        zones.into_iter().map(|zone| self.view(zone)).collect()
    }

    fn view(&self, zone: Arc<SecondaryZone>) -> ZoneView {
        self.0.view(zone)
    }
}
