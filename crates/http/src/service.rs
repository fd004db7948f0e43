//! What the routes ask of whoever runs the zones.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use tokio::sync::mpsc;
use zonekit_model::{
    Command, ContentVersion, Contract, Delegation, KeyQuery, Page, PageRequest, Primary, Quota,
    RecordQuery, RecordView, Refusal, SecondaryZone, Selection, SurveyQuery, TsigKey, Uuid,
    ZoneDraft, ZoneFilter, ZoneName, ZoneQuery, ZoneState, ZoneStatus,
};

use crate::{EventId, EventStream};

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

    /// A page of the contract's zones, by age, that are as the query says, each with its status.
    fn survey(
        &self,
        contract: &Contract,
        query: SurveyQuery,
    ) -> impl Future<Output = Result<Selection<StatusView>, ServiceError>> + Send;

    /// The serials of the versions that differences can be told between, the oldest first; the last is the one held.
    fn serials(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<Vec<u32>, ServiceError>> + Send;

    /// What leads from one version of a zone to another or the one held, as text; `None` if one of them is not known any
    /// more.
    fn difference(
        &self,
        contract: &Contract,
        id: Uuid,
        from: u32,
        to: Option<u32>,
    ) -> impl Future<Output = Result<Option<Content>, ServiceError>> + Send;

    /// Has the zone's primaries visited at once.
    fn transfer_now(
        &self,
        contract: &Contract,
        id: Uuid,
        order: TransferOrder,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Has the servers that the configuration names for that asked whether a zone is delegated to our name servers.
    fn delegation(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<Delegation, ServiceError>> + Send;

    /// What the contract may have and has.
    fn quota(
        &self,
        contract: &Contract,
    ) -> impl Future<Output = Result<Quota, ServiceError>> + Send;

    /// Has a command judged and carried out, of which the contract is part. What the receipt says is durable with the command,
    /// both or neither; it is made of exactly what the call then gives.
    fn command(
        &self,
        command: Command,
        receipt: Option<Receipt>,
    ) -> impl Future<Output = Result<Commanded, ServiceError>> + Send;

    /// All that is kept for the routes, by name: asked once, before the first request.
    fn kept(&self) -> Vec<(String, Vec<u8>)>;

    /// Keeps a value for the routes in the place of the one of that name, or forgets it. That is durable soon after.
    fn keep(&self, name: String, value: Option<Vec<u8>>);

    /// One zone, by its id or its name.
    fn find(
        &self,
        contract: &Contract,
        zone: &ZoneRef,
    ) -> impl Future<Output = Result<ZoneView, ServiceError>> + Send;

    /// The contract's zones that [`Registry::select`](zonekit_model::Registry::select) gives.
    fn select(
        &self,
        contract: &Contract,
        query: ZoneQuery,
    ) -> impl Future<Output = Result<Selection<ZoneView>, ServiceError>> + Send;

    /// A page of those records of a zone that are asked for, in the order asked for.
    fn select_records(
        &self,
        contract: &Contract,
        id: Uuid,
        query: RecordQuery,
        page: PageRequest,
    ) -> impl Future<Output = Result<RecordsView, ServiceError>> + Send;

    /// The content of a zone as a master file.
    fn content(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<Content, ServiceError>> + Send;

    /// One TSIG key.
    fn key(
        &self,
        contract: &Contract,
        id: Uuid,
    ) -> impl Future<Output = Result<Arc<TsigKey>, ServiceError>> + Send;

    /// The contract's keys that [`Registry::select_keys`](zonekit_model::Registry::select_keys) gives.
    fn select_keys(
        &self,
        contract: &Contract,
        query: KeyQuery,
    ) -> impl Future<Output = Result<Selection<Arc<TsigKey>>, ServiceError>> + Send;

    /// What happens to the contract's zones from now on, or since the event that was last seen.
    ///
    /// # Errors
    ///
    /// If it has as many streams of events as it may.
    fn events(
        &self,
        contract: &Contract,
        seen: Option<EventId>,
    ) -> Result<EventStream, ServiceError>;

    /// The addresses that zones are transferred from here, which primaries have to allow.
    fn transfer_addresses(&self) -> Arc<[IpAddr]>;

    /// The addresses that primaries have to send NOTIFY to.
    fn notify_addresses(&self) -> Arc<[IpAddr]>;

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
    /// The serial held, if any version is.
    pub serial: Option<u32>,
    /// Which version is held.
    pub version: ContentVersion,
    /// The ids of its contract's keys that its primaries are asked with, in their order.
    pub keys: Vec<Option<Uuid>>,
}

/// How a transfer is to be made. The default: from any primary, and only if it has something newer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TransferOrder {
    /// The whole zone, whatever its serial.
    pub whole: bool,
    /// From this primary of the zone only.
    pub primary: Option<Primary>,
}

/// How a zone is named by who asks for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ZoneRef {
    /// By its id.
    Id(Uuid),
    /// By its name.
    Name(ZoneName),
}

/// What a command was about, as it is now: of a removal, as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commanded {
    /// The zone, if it was about one.
    pub zone: Option<ZoneView>,
    /// The key, if it was about one.
    pub key: Option<Arc<TsigKey>>,
}

/// Makes the named values that are to be kept with a command, of what the command was about.
pub type Receipt = Box<dyn FnOnce(&Commanded) -> Vec<(String, Vec<u8>)> + Send>;

/// The content of a zone as a master file, or what changed in it, piece by piece: all of one version.
#[derive(Debug)]
pub struct Content {
    /// Which version.
    pub version: ContentVersion,
    /// Its text. A final `None` says that it is whole; whatever ends without was cut off.
    pub pieces: mpsc::Receiver<Option<Bytes>>,
}

/// A page of the records of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordsView {
    /// The zone.
    pub zone: Arc<SecondaryZone>,
    /// The page.
    pub page: Page<RecordView>,
    /// The version that the records are of.
    pub version: ContentVersion,
}

/// A zone and all that is known of its transfers.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusView {
    /// The zone.
    pub zone: Arc<SecondaryZone>,
    /// What is known.
    pub status: ZoneStatus,
    /// Which version is held.
    pub version: ContentVersion,
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
    /// The zone has too many records to be put in another order than its own.
    #[error("the zone has {0} records; only up to {most} are sorted by anything but their names", most = RecordQuery::SORTED)]
    TooManyToSort(u64),
    /// The configuration does not say who may be asked for delegations, or what they are to be.
    #[error("delegations cannot be checked: the configuration of the service has no {0}")]
    NoDelegations(&'static str),
    /// The contract asks for more checks of delegations than it may.
    #[error("delegations were checked too often; try again later")]
    TooManyChecks,
    /// Between the two versions more records changed than a difference may tell of.
    #[error("more than {0} records changed between these versions")]
    TooManyChanges(usize),
    /// The contract, or all together, have as many searches and differences under way as they may.
    #[error(
        "there are as many searches and differences under way as there may be; try again later"
    )]
    TooManyReads,
    /// The contract has as many streams of events as it may.
    #[error("there are as many streams of events as a contract may have")]
    TooManyStreams,
    /// There are as many zones, of all contracts together, as there may be.
    #[error("the service has as many zones as it may have; try again later")]
    Full,
    /// It cannot be done now, though the same request may succeed later: shutting down, or too busy.
    #[error("the service cannot do this now; try again later")]
    Unavailable,
    /// It went wrong inside; the client is not told how, the log is.
    #[error("{0}")]
    Internal(String),
}
