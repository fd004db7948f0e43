//! One server being told of one version, until it answers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{net::UdpSocket, time::timeout};
use zonekit_tsig::{ClientStream, Key, Signed, TsigError, sign_request};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageWriter, Name, NameBuf, Opcode, Rcode, Record, Rtype,
    Section, SoaBuf,
};

use super::{Manner, NotifyTarget};

/// One server being told of one version.
pub(super) struct Telling {
    pub(super) zone: NameBuf,
    pub(super) soa: SoaBuf,
    pub(super) target: NotifyTarget,
    pub(super) manner: Manner,
}

impl Telling {
    /// Sends again and again until there is an answer, or it has been often enough.
    pub(super) async fn run(&self) {
        let Self {
            zone,
            target: NotifyTarget { address, .. },
            manner: Manner { retry, counters },
            ..
        } = self;
        let mut wait = retry.first;
        for _ in 0..retry.attempts {
            match self.attempt(wait).await {
                Ok(Some(Rcode::NOERROR)) => {
                    counters.notifies_answered.count();
                    return tracing::debug!(%zone, %address, serial = self.soa.serial.0, "NOTIFY answered");
                }
                Ok(Some(rcode)) => {
                    counters.notifies_given_up.count();
                    return tracing::warn!(%zone, %address, %rcode, "NOTIFY refused");
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%zone, %address, %error, "sending NOTIFY");
                    tokio::time::sleep(wait).await;
                }
            }
            wait = wait.saturating_mul(2);
        }
        counters.notifies_given_up.count();
        tracing::warn!(%zone, %address, attempts = retry.attempts, "NOTIFY never answered");
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
        self.manner.counters.notifies_sent.count();
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

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
