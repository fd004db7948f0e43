//! One question to one server: who serves this zone?

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use zonekit_model::{NamedServers, ServerSaid};
use zonekit_wire::{
    Class, Compressor, Header, Message, MessageFull, MessageWriter, Name, NameBuf, OptRepr, Rcode,
    ReadError, Rtype, Section, Unpacker,
};

/// How often it is asked by datagram.
const TRIES: u32 = 2;
/// Octets of a message that are sent at most: a name, a header, EDNS.
const ROOM: usize = 512;

/// Why a server did not say who serves a zone.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("no answer in time")]
    TimedOut,
    #[error("cannot be asked: {0}")]
    Io(#[from] io::Error),
    #[error("the system gives no random octets")]
    NoChance,
    #[error("the name does not fit into a question")]
    Full(#[from] MessageFull),
    #[error("it answers with {0}")]
    Rcode(Rcode),
    #[error("its answer cannot be read: {0}")]
    Malformed(#[from] ReadError),
    #[error("over TCP, it answers something else than was asked")]
    OtherQuestion,
    #[error("it refers to the servers of {0}")]
    Elsewhere(NameBuf),
}

impl AskError {
    /// A short fixed word for it, where there is one the same as for primaries.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "connection refused"
            }
            Self::Io(_) => "unreachable",
            Self::NoChance | Self::Full(_) => "internal",
            Self::Rcode(Rcode::REFUSED) => "refused",
            Self::Rcode(_) => "error answer",
            Self::Malformed(_) | Self::OtherQuestion => "malformed",
            Self::Elsewhere(_) => "referred elsewhere",
        }
    }
}

/// Asks `server` for the NS records of `zone`: by datagram, and over TCP where the answer does not fit into one. Waits for
/// `patience` each time.
pub(super) async fn ask(
    server: SocketAddr,
    zone: &NameBuf,
    patience: Duration,
) -> Result<ServerSaid, AskError> {
    let mut last = AskError::TimedOut;
    for _ in 0..TRIES {
        let question = Question::new(zone)?;
        match timeout(patience, question.by_datagram(server)).await {
            Ok(Ok(answer)) if is_truncated(&answer) => {
                let question = Question::new(zone)?;
                let answer = timeout(patience, question.over_tcp(server)).await;
                return read(&answer.map_err(|_| AskError::TimedOut)??, zone.as_name());
            }
            Ok(Ok(answer)) => return read(&answer, zone.as_name()),
            Ok(Err(error)) => last = error,
            Err(_) => last = AskError::TimedOut,
        }
    }
    Err(last)
}

/// A question with an ID that nobody can guess.
struct Question<'n> {
    id: u16,
    zone: &'n NameBuf,
    octets: Vec<u8>,
}

impl<'n> Question<'n> {
    fn new(zone: &'n NameBuf) -> Result<Self, AskError> {
        let drawn = getrandom::u32().map_err(|_| AskError::NoChance)?;
        let id = (drawn >> 16) as u16;
        let (mut octets, mut compressor) = (Vec::new(), Compressor::new());
        let mut writer = MessageWriter::new(&mut octets, ROOM, &mut compressor);
        writer.set_header(Header {
            id,
            rd: true,
            ..Header::default()
        });
        writer.question(zone.as_name(), Rtype::NS, Class::IN)?;
        writer.opt(&OptRepr::default())?;
        writer.finish();
        Ok(Self { id, zone, octets })
    }

    /// Whether a message answers this question.
    fn is_answered_by(&self, message: &[u8]) -> bool {
        let Ok(message) = Message::new(message) else {
            return false;
        };
        let header = message.header();
        let asked = message.question().ok().flatten();
        header.qr
            && header.id == self.id
            && asked.is_some_and(|asked| {
                asked.name == self.zone.as_name()
                    && (asked.rtype, asked.class) == (Rtype::NS, Class::IN)
            })
    }

    async fn by_datagram(&self, server: SocketAddr) -> Result<Vec<u8>, AskError> {
        // The system gives it a port that nobody can guess.
        let socket = match server {
            SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?,
            SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await?,
        };
        socket.connect(server).await?;
        socket.send(&self.octets).await?;
        let mut datagram = vec![0; usize::from(OptRepr::default().udp_size)];
        loop {
            let length = socket.recv(&mut datagram).await?;
            let message = datagram.get(..length).unwrap_or_default();
            // Whatever else comes is from somebody else, or late.
            if self.is_answered_by(message) {
                return Ok(message.to_vec());
            }
        }
    }

    async fn over_tcp(&self, server: SocketAddr) -> Result<Vec<u8>, AskError> {
        let mut stream = TcpStream::connect(server).await?;
        let mut framed = (self.octets.len() as u16).to_be_bytes().to_vec(); // at most `ROOM`
        framed.extend(&self.octets);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; length.into()];
        stream.read_exact(&mut message).await?;
        match self.is_answered_by(&message) {
            true => Ok(message),
            false => Err(AskError::OtherQuestion),
        }
    }
}

fn is_truncated(message: &[u8]) -> bool {
    Message::new(message).is_ok_and(|message| message.header().tc)
}

/// What an answer says of who serves `zone`.
fn read(message: &[u8], zone: Name<'_>) -> Result<ServerSaid, AskError> {
    let message = Message::new(message)?;
    let header = message.header();
    let rcode = match message.opt()? {
        Some(opt) => opt.rcode(header.rcode),
        None => header.rcode,
    };
    match rcode {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Ok(ServerSaid::Nothing),
        other => return Err(AskError::Rcode(other)),
    }
    let (mut answered, mut referred, mut elsewhere) = (Vec::new(), Vec::new(), None);
    let mut unpacker = Unpacker::new();
    for item in message.records()? {
        let (section, packed) = item?;
        if (packed.rtype(), packed.class()) != (Rtype::NS, Class::IN) {
            continue;
        }
        let record = unpacker.unpack(packed)?;
        let names = match section {
            Section::Answer => &mut answered,
            Section::Authority => &mut referred,
            Section::Additional => continue,
        };
        if record.owner != zone {
            elsewhere.get_or_insert(record.owner.to_buf());
        } else if let Ok(name) = Name::from_octets(record.rdata) {
            names.push(name.into());
        }
    }
    match (answered.is_empty(), referred.is_empty(), elsewhere) {
        (false, _, _) => Ok(ServerSaid::Answer(NamedServers::new(answered))),
        (true, false, _) => Ok(ServerSaid::Referral(NamedServers::new(referred))),
        // Who is responsible for the parent or knows where to ask says otherwise that there is nothing.
        (true, true, Some(other)) if !header.aa => Err(AskError::Elsewhere(other)),
        (true, true, _) => Ok(ServerSaid::Nothing),
    }
}
