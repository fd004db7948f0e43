//! Our zones under hickory-server (feature `hickory`): its [`ZoneHandler`], answered by a [`Responder`].

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use hickory_server::dnssec::NxProofKind;
use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::{self, LowerName, RecordType, TSigResponseContext};
use hickory_server::server::{Request, RequestInfo};
use hickory_server::zone_handler::{
    AuthLookup, AxfrPolicy, LookupControlFlow, LookupError, LookupOptions, LookupRecords,
    Nsec3QueryInfo, ZoneHandler, ZoneTransfer, ZoneType,
};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, OptRepr, Rcode, Rtype,
    Section, Unpacker,
};

use zonekit_wire::hickory::HickoryError;

use crate::lock::lock;
use crate::{Action, Holding, Peer, Responder, Transport, Worker, Zones};

/// One zone of a [`Responder`], for the catalog of a hickory-server.
///
/// What is found, and how denial is proven, is what the responder says: names are looked up in the store's pages, and a new
/// version is told as soon as the store has it.
///
/// ```no_run
/// use std::sync::Arc;
/// use hickory_server::{Server, zone_handler::Catalog};
/// use zonekit_serve::{Config, HickoryZone, Responder};
/// use zonekit_store::{Options, Store};
/// use zonekit_wire::NameBuf;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(Store::open("zones.redb", Options::default())?);
/// let responder = Responder::new(store.clone(), Config::default());
///
/// let apex: NameBuf = "example.org".parse()?;
/// let zone = HickoryZone::new(store, &responder, apex.as_name())?;
/// let mut catalog = Catalog::new();
/// catalog.upsert(zone.origin(), vec![Arc::new(zone)]);
///
/// let mut server = Server::new(catalog);
/// server.register_socket(tokio::net::UdpSocket::bind("127.0.0.1:5300").await?);
/// # Ok(())
/// # }
/// ```
///
/// # What hickory-server makes of it
///
/// It puts answers together by itself, and some of what a [`Responder`] says has no place there:
///
/// - AA is set on referrals too, and NS records asked for below a cut stand in the answer section.
/// - A chain of CNAMEs that ends at a name that does not exist is NOERROR with the chain.
/// - That a zone has no DS comes with its own SOA and proof, also where its parent is held beside it, whose they should be
///   (RFC 4035 §3.1.4.1): hickory asks the handler of the zone itself for them. A DS that there is comes from the parent.
/// - ANY brings all RRsets over UDP, too, and a name that a DNAME makes too long SERVFAIL.
/// - Transfers are refused: it sends a zone in one message. [`Server`](crate::Server) beside it hands zones on.
/// - A zone that is expired or not loaded yet is skipped, which is SERVFAIL where no other handler has it.
pub struct HickoryZone {
    apex: NameBuf,
    origin: LowerName,
    zones: Arc<dyn Zones>,
    responder: Responder,
    /// Those that are not answering at the moment: as many as there were ever questions at a time.
    idle: Mutex<Vec<Worker>>,
}

/// What is asked in hickory's stead comes from here: no limit of size or rate applies to it.
const SELF: Peer = Peer {
    address: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53),
    transport: Transport::Tcp,
};

/// That one type is missing is proven as it is of any other: here, of one that nobody has.
const ANY_TYPE: RecordType = RecordType::Unknown(65_280);

/// One answer of ours, taken apart.
struct Found {
    rcode: Rcode,
    answer: Vec<rr::Record>,
    authority: Vec<rr::Record>,
    additional: Vec<rr::Record>,
}

impl HickoryZone {
    /// The zone with this apex among `zones`, which are those that `responder` answers from. An error only if hickory has no
    /// such name.
    pub fn new(
        zones: Arc<dyn Zones>,
        responder: &Responder,
        apex: Name<'_>,
    ) -> Result<Self, HickoryError> {
        Ok(Self {
            apex: apex.to_buf(),
            origin: LowerName::from(rr::Name::try_from(apex)?),
            zones,
            responder: responder.clone(),
            idle: Mutex::default(),
        })
    }

    /// The apex, as a catalog knows it.
    pub fn origin(&self) -> LowerName {
        self.origin.clone()
    }

    /// Asks the responder. Nothing if the zone cannot be told now, or hickory cannot hold what it says.
    fn ask(&self, name: &LowerName, rtype: RecordType, dnssec: bool) -> Option<Found> {
        let name = NameBuf::try_from(&rr::Name::from(name)).ok()?;
        let (mut request, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut request, 512, &mut compressor);
        writer.set_header(Header::default());
        writer
            .question(name.as_name(), rtype.into(), Class::IN)
            .ok()?;
        if dnssec {
            let opt = OptRepr {
                do_bit: true,
                ..OptRepr::default()
            };
            writer.opt(&opt).ok()?;
        }
        writer.finish();

        let mut worker = lock(&self.idle)
            .pop()
            .unwrap_or_else(|| self.responder.worker());
        let mut response = Vec::new();
        // Nothing here is signed, so it does not matter when it is.
        let action = worker.respond(&request, SELF, 0, &mut response);
        lock(&self.idle).push(worker);
        match action {
            Action::Reply => Found::read(&response),
            _ => None,
        }
    }

    /// What a question finds, in the forms in which hickory tells one from the other.
    fn look_up(
        &self,
        name: &LowerName,
        rtype: RecordType,
        dnssec: bool,
    ) -> LookupControlFlow<AuthLookup> {
        let Some(found) = self.ask(name, rtype, dnssec) else {
            return LookupControlFlow::Skip;
        };
        let answers = match found.rcode {
            Rcode::YXDOMAIN => return LookupControlFlow::Skip,
            _ if !found.answer.is_empty() => found.answer,
            Rcode::NOERROR if found.is_referral() => found.authority,
            Rcode::NOERROR => return LookupControlFlow::Continue(Err(LookupError::NameExists)),
            Rcode::NXDOMAIN => {
                let missing = LookupError::ResponseCode(ResponseCode::NXDomain);
                return LookupControlFlow::Continue(Err(missing));
            }
            Rcode::REFUSED => {
                let refused = LookupError::ResponseCode(ResponseCode::Refused);
                return LookupControlFlow::Break(Err(refused));
            }
            _ => return LookupControlFlow::Skip,
        };
        LookupControlFlow::Continue(Ok(AuthLookup::answers(
            LookupRecords::Section(answers),
            Some(LookupRecords::Section(found.additional)),
        )))
    }

    /// The SOA as it goes with a denial: kept for no longer than the denial itself (RFC 2308 §3).
    fn soa_of_denial(&self, options: LookupOptions) -> LookupControlFlow<AuthLookup> {
        let Some(mut found) = self.ask(&self.origin, RecordType::SOA, options.dnssec_ok) else {
            return LookupControlFlow::Skip;
        };
        let minimum = { found.answer.iter() }.find_map(|record| match &record.data {
            rr::RData::SOA(soa) => Some(soa.minimum),
            _ => None,
        });
        for record in &mut found.answer {
            record.ttl = record.ttl.min(minimum.unwrap_or(u32::MAX));
        }
        LookupControlFlow::Continue(Ok(AuthLookup::from(LookupRecords::Section(found.answer))))
    }

    /// The proofs in the answer to a question: its authority section without SOA and delegation.
    fn proofs(
        &self,
        name: &LowerName,
        rtype: RecordType,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        if !options.dnssec_ok {
            return LookupControlFlow::Continue(Ok(AuthLookup::Empty));
        }
        let Some(found) = self.ask(name, rtype, true) else {
            return LookupControlFlow::Skip;
        };
        let is_referral = found.answer.is_empty() && found.is_referral();
        if is_referral && rtype == ANY_TYPE {
            return self.proofs(name, RecordType::DS, options); // all that can be missing at a cut
        }
        let mut proofs = found.authority;
        if is_referral {
            proofs.clear(); // they are in it already
        }
        // A signature of the SOA would come twice, and not behind it.
        proofs.retain(|record| {
            matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3)
                || covers_denial(record)
        });
        LookupControlFlow::Continue(Ok(AuthLookup::from(LookupRecords::Section(proofs))))
    }
}

impl Found {
    fn read(response: &[u8]) -> Option<Self> {
        let message = Message::new(response).ok()?;
        if message.header().tc {
            return None; // not all of it
        }
        let mut found = Self {
            rcode: message.header().rcode,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
        };
        let mut unpacker = Unpacker::new();
        for record in message.records().ok()? {
            let (section, record) = record.ok()?;
            if record.rtype() == Rtype::OPT {
                continue;
            }
            let record = unpacker.unpack(record).ok()?;
            let section = match section {
                Section::Answer => &mut found.answer,
                Section::Authority => &mut found.authority,
                Section::Additional => &mut found.additional,
            };
            section.push(record.try_into().ok()?);
        }
        Some(found)
    }

    fn is_referral(&self) -> bool {
        self.authority.first().is_some_and(is_type(RecordType::NS))
    }
}

fn is_type(rtype: RecordType) -> impl Fn(&rr::Record) -> bool {
    move |record| record.record_type() == rtype
}

/// Whether this is the signature of an NSEC or NSEC3.
fn covers_denial(record: &rr::Record) -> bool {
    use hickory_server::proto::dnssec::rdata::DNSSECRData;
    match &record.data {
        rr::RData::DNSSEC(DNSSECRData::RRSIG(signature)) => matches!(
            signature.input().type_covered,
            RecordType::NSEC | RecordType::NSEC3
        ),
        _ => false,
    }
}

#[async_trait]
impl ZoneHandler for HickoryZone {
    fn zone_type(&self) -> ZoneType {
        ZoneType::Secondary
    }

    fn axfr_policy(&self) -> AxfrPolicy {
        AxfrPolicy::Deny
    }

    fn origin(&self) -> &LowerName {
        &self.origin
    }

    async fn lookup(
        &self,
        name: &LowerName,
        rtype: RecordType,
        request: Option<&RequestInfo<'_>>,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        match rtype {
            // Nobody asks for it but the catalog, for a denial.
            RecordType::SOA if request.is_none() => self.soa_of_denial(options),
            _ => self.look_up(name, rtype, options.dnssec_ok),
        }
    }

    async fn search(
        &self,
        request: &Request,
        options: LookupOptions,
    ) -> (LookupControlFlow<AuthLookup>, Option<TSigResponseContext>) {
        let found = match request.request_info() {
            Ok(info) => {
                let query = info.query;
                self.look_up(query.name(), query.query_type(), options.dnssec_ok)
            }
            Err(error) => LookupControlFlow::Break(Err(error)),
        };
        (found, None)
    }

    async fn nsec_records(
        &self,
        name: &LowerName,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        self.proofs(name, ANY_TYPE, options)
    }

    async fn nsec3_records(
        &self,
        info: Nsec3QueryInfo<'_>,
        options: LookupOptions,
    ) -> LookupControlFlow<AuthLookup> {
        self.proofs(info.qname, info.qtype, options)
    }

    async fn zone_transfer(
        &self,
        _: &Request,
        _: LookupOptions,
        _: u64,
    ) -> Option<(
        Result<ZoneTransfer, LookupError>,
        Option<TSigResponseContext>,
    )> {
        Some((Err(LookupError::ResponseCode(ResponseCode::Refused)), None))
    }

    fn nx_proof_kind(&self) -> Option<&NxProofKind> {
        // Which of the two it is counts; the rest is known to whoever answers.
        static NSEC3: LazyLock<NxProofKind> = LazyLock::new(|| NxProofKind::Nsec3 {
            algorithm: Default::default(),
            salt: Arc::default(),
            iterations: 0,
            opt_out: false,
        });
        let Some(Holding::Served(zone)) = self.zones.zone(self.apex.as_name()) else {
            return None;
        };
        if zone.nsec3_parameters().is_some() {
            return Some(&NSEC3);
        }
        let has_nsec = zone.rrset(self.apex.as_name(), Rtype::NSEC).is_some();
        has_nsec.then_some(&NxProofKind::Nsec)
    }

    fn metrics_label(&self) -> &'static str {
        "zonekit"
    }
}
