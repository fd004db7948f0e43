//! What the HTTP routes ask of the node.

use std::sync::Arc;

use zonekit_http::{Readiness, RecordsView, Service, ServiceError, StatusView, ZoneView};
use zonekit_model::{
    Command, Contract, Page, PageRequest, Quota, RecordView, Refusal, SecondaryZone, Uuid,
    ZoneDraft, ZoneFilter,
};

use crate::node::Node;

/// The node as the routes see it.
pub(crate) struct Desk(pub(crate) Arc<Node>);

impl Service for Desk {
    async fn create(
        &self,
        contract: &Contract,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        // Version 7: ids in the order of their making lie side by side in every index.
        let zone = self
            .write(Command::create(contract, Uuid::now_v7(), draft))
            .await?;
        Ok(self.view(zone))
    }

    async fn ensure(
        &self,
        contract: &Contract,
        id: Uuid,
        draft: ZoneDraft,
    ) -> Result<ZoneView, ServiceError> {
        let zone = self.write(Command::ensure(contract, id, draft)).await?;
        // Also when nothing has changed: whoever says it again wants to see it done.
        self.0.request_visit(&zone.name);
        Ok(self.view(zone))
    }

    async fn remove(&self, contract: &Contract, id: Uuid) -> Result<(), ServiceError> {
        self.write(Command::remove(contract, id)).await?;
        Ok(())
    }

    async fn zone(&self, contract: &Contract, id: Uuid) -> Result<ZoneView, ServiceError> {
        Ok(self.view(self.find(contract, id)?))
    }

    async fn zones(
        &self,
        contract: &Contract,
        filter: ZoneFilter,
        page: PageRequest,
    ) -> Result<Page<ZoneView>, ServiceError> {
        let state_of = |zone: &SecondaryZone| self.0.zones.state(&zone.name);
        let page = self
            .0
            .book
            .registry()
            .list(contract, &filter, page, state_of);
        Ok(page.map(|zone| self.view(zone)))
    }

    async fn records(
        &self,
        contract: &Contract,
        id: Uuid,
        page: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        let zone = self.find(contract, id)?;
        let Some(version) = self.0.version(&zone.name) else {
            let page = Page {
                items: Vec::new(),
                total: 0,
            };
            return Ok(RecordsView { zone, page });
        };
        // A page is a thousand records at most, but printing those takes longer than a task may.
        let page = tokio::task::spawn_blocking(move || {
            let mut records = version.iter_at(page.offset);
            let mut items = Vec::new();
            while items.len() < usize::try_from(page.limit).unwrap_or(usize::MAX)
                && let Some(record) = records.next()
            {
                items.push(RecordView::from(record));
            }
            let total = version.record_count();
            Page { items, total }
        })
        .await
        .map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(RecordsView { zone, page })
    }

    async fn status(&self, contract: &Contract, id: Uuid) -> Result<StatusView, ServiceError> {
        let zone = self.find(contract, id)?;
        let status = self.0.zones.status(&zone.name).unwrap_or_default();
        Ok(StatusView { zone, status })
    }

    async fn transfer_now(&self, contract: &Contract, id: Uuid) -> Result<(), ServiceError> {
        let zone = self.find(contract, id)?;
        self.0.request_visit(&zone.name);
        Ok(())
    }

    async fn quota(&self, contract: &Contract) -> Result<Quota, ServiceError> {
        Ok(self.0.book.registry().quota(contract))
    }

    fn nameservers(&self) -> Arc<[String]> {
        self.0.config().dns.nameservers.as_slice().into()
    }

    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}

impl Desk {
    /// Has a command judged and carried out; gives the zone that it was about.
    async fn write(&self, command: Command) -> Result<Arc<SecondaryZone>, ServiceError> {
        // On a task of its own: a client that hangs up does not leave a command half done.
        let node = Arc::clone(&self.0);
        tokio::spawn(async move { node.write(command).await })
            .await
            .map_err(|error| ServiceError::Internal(error.to_string()))?
    }

    fn find(&self, contract: &Contract, id: Uuid) -> Result<Arc<SecondaryZone>, ServiceError> {
        let registry = self.0.book.registry();
        let zone = registry.zone(contract, id).cloned();
        zone.ok_or_else(|| Refusal::UnknownZone.into())
    }

    fn view(&self, zone: Arc<SecondaryZone>) -> ZoneView {
        let state = self.0.zones.state(&zone.name);
        ZoneView { zone, state }
    }
}
