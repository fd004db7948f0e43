//! What the routes ask of whoever runs the zones.

use std::sync::Arc;

use zonekit_model::{
    Contract, Page, PageRequest, Quota, RecordView, Refusal, SecondaryZone, Uuid, ZoneDraft,
    ZoneFilter, ZoneState, ZoneStatus,
};

/// The service behind the routes. Every call is made for one contract and must not tell anything of another.
///
/// A write is answered only once it is durable. Nothing here waits for a transfer. The future of a write is always driven
/// to its end, even if the client has gone; that of a read is dropped when nobody waits for it any more.
pub trait Service: Send + Sync + 'static {
    /// Makes a zone under a new id and begins to transfer it.
    fn create(
        &self,
        contract: &Contract,
        draft: ZoneDraft,
    ) -> impl Future<Output = Result<ZoneView, ServiceError>> + Send;

    /// Changes the zone of that id, or makes it under that id; either way its primaries are visited at once.
    fn ensure(
        &self,
        contract: &Contract,
        id: Uuid,
        draft: ZoneDraft,
    ) -> impl Future<Output = Result<ZoneView, ServiceError>> + Send;

    /// Removes a zone.
    fn remove(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// One zone.
    fn zone(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<ZoneView, ServiceError>> + Send;

    /// A page of the contract's zones, in the order that [`Registry::list`](zonekit_model::Registry::list) gives.
    fn zones(
        &self,
        contract: &Contract,
        filter: ZoneFilter,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<ZoneView>, ServiceError>> + Send;

    /// A page of a zone's records: the apex SOA first, then in canonical order. Empty while nothing is held.
    fn records(
        &self,
        contract: &Contract,
        id: Uuid,
        page: PageRequest,
    ) -> impl Future<Output = Result<RecordsView, ServiceError>> + Send;

    /// One zone with all that is known of its transfers.
    fn status(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<StatusView, ServiceError>> + Send;

    /// Has the zone's primaries visited at once.
    fn transfer_now(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// What the contract may have and has.
    fn quota(
        &self,
        contract: &Contract,
    ) -> impl Future<Output = Result<Quota, ServiceError>> + Send;

    /// The name servers that zones are to be delegated to.
    fn nameservers(&self) -> Arc<[String]>;

    /// Whether requests and queries can be answered yet.
    fn readiness(&self) -> Readiness;
}

/// A zone and the state that it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneView {
    /// The zone.
    pub zone: Arc<SecondaryZone>,
    /// Its state.
    pub state: ZoneState,
}

/// A page of the records of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordsView {
    /// The zone.
    pub zone: Arc<SecondaryZone>,
    /// The page.
    pub page: Page<RecordView>,
}

/// A zone and all that is known of its transfers.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusView {
    /// The zone.
    pub zone: Arc<SecondaryZone>,
    /// What is known.
    pub status: ZoneStatus,
}

/// Whether requests and queries can be answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Readiness {
    /// They can.
    Ready,
    /// They cannot yet, or no longer; the text says for what it waits.
    Waiting(&'static str),
}

/// Why the service did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// It may not be done; the client is told why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be done now, though the same request may succeed later: shutting down, or too busy.
    #[error("the service cannot do this now; try again later")]
    Unavailable,
    /// It went wrong inside; the client is not told how, the log is.
    #[error("{0}")]
    Internal(String),
}
