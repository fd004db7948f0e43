//! One server being told of one version.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, time::timeout};
use zonekit_tsig::{ClientStream, Key, Signed, TsigError, sign_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, Opcode, Rcode, Record, Rtype,
    Section, SoaBuf,
};

use super::NotifyTarget;
use crate::Counters;
use crate::clock::now;

/// One server being told of one version, once.
pub(super) struct Telling {
    pub(super) zone: NameBuf,
    pub(super) soa: SoaBuf,
    pub(super) target: NotifyTarget,
    pub(super) counters: Arc<Counters>,
}

impl Telling {
    /// The rcode of the answer, if there is one in time.
    pub(super) async fn run(&self, wait: Duration) -> Option<Rcode> {
        self.attempt(wait).await.unwrap_or_else(|error| {
            let (zone, address) = (&self.zone, self.target.address);
            tracing::debug!(%zone, %address, %error, "sending NOTIFY");
            None
        })
    }

    /// Sends once and waits; the rcode of the answer, or none in time.
    async fn attempt(&self, wait: Duration) -> io::Result<Option<Rcode>> {
        let unspecified = match self.target.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((self.target.source.unwrap_or(unspecified), 0)).await?;
        socket.connect(self.target.address).await?; // answers from elsewhere do not reach us
        let request = Request::new(
            self.zone.as_name(),
            &self.soa,
            self.target.key.as_ref(),
            now(),
        )?;
        self.counters.notifies_sent.count();
        socket.send(&request.octets).await?;
        let mut buffer = [0; 4096];
        let answer = timeout(wait, async {
            loop {
                let len = socket.recv(&mut buffer).await?;
                if let Some(rcode) = request.accept(buffer.get(..len).unwrap_or_default(), now()) {
                    return Ok(rcode);
                }
            }
        });
        answer.await.ok().transpose()
    }
}

/// A NOTIFY, and what its answer must be like.
struct Request {
    id: u16,
    octets: Vec<u8>,
    signature: Option<ClientStream>,
}

impl Request {
    fn new(zone: Name<'_>, soa: &SoaBuf, key: Option<&Key>, now: u64) -> io::Result<Self> {
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let id = u16::from_be_bytes(id);
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, 65_535, &mut compressor);
        writer.set_header(Header {
            id,
            opcode: Opcode::NOTIFY,
            aa: true,
            ..Header::default()
        });
        let mut rdata = Vec::new();
        soa.as_soa().write(&mut rdata);
        let hint = Record {
            owner: zone,
            rtype: Rtype::SOA,
            class: Class::IN,
            ttl: 0,
            rdata: &rdata,
        };
        writer
            .question(zone, Rtype::SOA, Class::IN)
            .map_err(io::Error::other)?;
        writer
            .record(Section::Answer, &hint)
            .map_err(io::Error::other)?;
        writer.finish();
        let signature = key.map(|key| sign_request(key, &mut octets, now));
        Ok(Self {
            id,
            octets,
            signature,
        })
    }

    /// The rcode, if these octets are the answer; with a key, only if it is signed, or says why our signature did not
    /// pass.
    fn accept(&self, octets: &[u8], now: u64) -> Option<Rcode> {
        let header = Message::new(octets).ok()?.header();
        if header.id != self.id || !header.qr || header.opcode != Opcode::NOTIFY {
            return None;
        }
        match self
            .signature
            .clone()
            .map(|mut signature| signature.check(octets, now))
        {
            None | Some(Ok(Signed::Yes) | Err(TsigError::Peer { .. })) => Some(header.rcode),
            Some(_) => None,
        }
    }
}
