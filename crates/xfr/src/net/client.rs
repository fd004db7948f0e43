//! A client for one server: transfers, SOA, NOTIFY, each by itself.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use zonekit_tsig::Key;
use zonekit_wire::{NameBuf, NameError, Rcode, Serial, SoaBuf};

use super::{TransferStream, datagrams, drive, now, seed, unix_now};
use crate::answer::{Answer, AnswerError};
use crate::limits::bounded;
use crate::query::Ids;
use crate::transfer::bare_soa;
use crate::{ErrorKind, Limits, Loss, Primary, Query, Transfer, Visit, VisitError};

/// Asks one server.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use zonekit_xfr::Client;
///
/// let client = Client::new("192.0.2.1:53".parse()?).key("transfer.example.:c2VjcmV0".parse()?);
/// let mut transfer = client.axfr("example.org").await?;
/// while let Some(record) = transfer.next().await? {
///     println!("{record}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    primary: Primary,
    limits: Limits,
}

impl Client {
    /// Asks the server at this address, unsigned.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            primary: Primary::new(address),
            limits: Limits::default(),
        }
    }

    /// Signs what is asked; what is answered must be signed too then.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.primary.key = Some(key);
        self
    }

    /// Asks over TLS ([RFC 9103]): the address is that of the port for it, 853 as a rule.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use zonekit_xfr::{Client, Tls};
    ///
    /// let tls = Tls::authenticated(&std::fs::read("ca.pem")?, "ns1.example.net")?;
    /// let client = Client::new("192.0.2.1:853".parse()?).tls(tls);
    /// println!("serial {}", client.soa("example.org").await?.serial);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [RFC 9103]: https://www.rfc-editor.org/rfc/rfc9103
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.primary.transport = crate::Transport::Tls(tls);
        self
    }

    /// Asks from this address of ours.
    #[must_use]
    pub fn source(mut self, source: IpAddr) -> Self {
        self.primary.source = Some(source);
        self
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Asks for a whole zone (RFC 5936).
    ///
    /// # Errors
    ///
    /// When the name is none, or there is no connection. What the server answers shows with the first record.
    pub async fn axfr<Z>(&self, zone: Z) -> Result<TransferStream, ClientError>
    where
        Z: TryInto<NameBuf>,
        ClientError: From<Z::Error>,
    {
        let zone = zone.try_into()?;
        let id = Ids::new(seed()).draw();
        let query = Query::axfr(id, &zone, self.primary.key.as_ref(), unix_now());
        let transfer = Transfer::axfr(zone.as_name());
        TransferStream::open(&self.primary, query, transfer, &self.limits).await
    }

    /// Asks for what changed since `held` (RFC 1995). The server may answer with the whole zone.
    ///
    /// # Errors
    ///
    /// As [`axfr`](Self::axfr).
    pub async fn ixfr<Z>(&self, zone: Z, held: SoaBuf) -> Result<TransferStream, ClientError>
    where
        Z: TryInto<NameBuf>,
        ClientError: From<Z::Error>,
    {
        let zone = zone.try_into()?;
        let id = Ids::new(seed()).draw();
        let query = Query::ixfr(id, &zone, &held, self.primary.key.as_ref(), unix_now());
        let transfer = Transfer::ixfr(zone.as_name(), held);
        TransferStream::open(&self.primary, query, transfer, &self.limits).await
    }

    /// Asks for what changed since a version of which only the serial is known (RFC 1995). The server may answer with the
    /// whole zone.
    ///
    /// # Errors
    ///
    /// As [`axfr`](Self::axfr).
    pub async fn ixfr_since<Z>(
        &self,
        zone: Z,
        serial: Serial,
    ) -> Result<TransferStream, ClientError>
    where
        Z: TryInto<NameBuf>,
        ClientError: From<Z::Error>,
    {
        let zone = zone.try_into()?;
        let id = Ids::new(seed()).draw();
        let key = self.primary.key.as_ref();
        let query = Query::ixfr(id, &zone, &bare_soa(serial), key, unix_now());
        let transfer = Transfer::ixfr_since(zone.as_name(), serial);
        TransferStream::open(&self.primary, query, transfer, &self.limits).await
    }

    /// Asks for a zone's SOA: over UDP, and over TCP where that is cut off or not answered; over TLS if there is to be.
    ///
    /// # Errors
    ///
    /// When no SOA of the zone comes back.
    pub async fn soa<Z>(&self, zone: Z) -> Result<SoaBuf, ClientError>
    where
        Z: TryInto<NameBuf>,
        ClientError: From<Z::Error>,
    {
        let visit = Visit {
            limits: self.limits.clone(),
            ..Visit::new(zone.try_into()?, vec![self.primary.clone()])
        };
        let report = drive::ask(visit).await;
        let duration = report.duration;
        match report
            .primaries
            .into_iter()
            .next()
            .map(|primary| (primary.soa, primary.error))
        {
            Some((Some(soa), _)) => Ok(soa),
            Some((None, Some(error))) => Err(error.into()),
            _ => Err(VisitError::NoAnswer(duration).into()),
        }
    }

    /// Says that a zone has changed, with its new SOA as a hint (RFC 1996), and waits for the answer: three datagrams at
    /// most, [`Limits::query_timeout`] after the first, and twice as long after each further one. Over TLS there are none: a
    /// client for the clear-text port does this.
    ///
    /// With a key, a datagram whose signature does not prove that it is from the server does not end the waiting: anybody may
    /// have sent it (RFC 5452 §9.1). What it says is told when nothing better comes.
    ///
    /// # Errors
    ///
    /// When nothing comes back, or something that is no answer. A refusal is an answer.
    pub async fn notify<Z>(&self, zone: Z, soa: Option<&SoaBuf>) -> Result<NotifyReply, ClientError>
    where
        Z: TryInto<NameBuf>,
        ClientError: From<Z::Error>,
    {
        const TRIES: u32 = 3;
        let zone = zone.try_into()?;
        let id = Ids::new(seed()).draw();
        let mut query = Query::notify(id, &zone, soa, self.primary.key.as_ref(), unix_now());
        let mut answer = Answer::new(&mut query, 0);
        let begin = now();
        let unreachable = |error| VisitError::Connect(Loss::from(&error));
        if !self.primary.transport.has_datagrams() {
            return Err(unreachable(std::io::ErrorKind::Unsupported.into()).into());
        }
        let socket = datagrams(&self.primary).map_err(unreachable)?;
        let reply = |rcode, sent| NotifyReply {
            rcode,
            sent,
            duration: now().saturating_duration_since(begin),
        };
        // The first thing said that is not proven: perhaps by the server, perhaps by somebody else.
        let mut doubt = None;
        let mut octets = vec![0; 4096];
        for sent in 1..=TRIES {
            socket.send(query.octets()).await.map_err(unreachable)?;
            let wait = { self.limits.query_timeout }.saturating_mul(1 << (sent - 1));
            let deadline = Instant::now() + bounded(wait);
            while let Ok(received) = timeout_at(deadline, socket.recv(&mut octets)).await {
                let length = received.map_err(unreachable)?;
                let message = octets.get(..length).unwrap_or_default();
                if !answer.is_ours(message) {
                    continue;
                }
                let said = match answer.check(message, unix_now()) {
                    Ok(_) => Ok(reply(Rcode::NOERROR, sent)),
                    Err(AnswerError::Rcode(rcode)) => Ok(reply(rcode, sent)),
                    Err(error) => Err(VisitError::Answer { message: 1, error }.into()),
                };
                if answer.is_verified() {
                    return said;
                }
                doubt.get_or_insert(said);
            }
        }
        if let Some(said) = doubt {
            return said;
        }
        Err(VisitError::NoAnswer(now().saturating_duration_since(begin)).into())
    }
}

/// What came back for a NOTIFY.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use zonekit_wire::Rcode;
/// use zonekit_xfr::Client;
///
/// let reply = Client::new("192.0.2.53:53".parse()?).notify("example.org", None).await?;
/// if reply.rcode != Rcode::NOERROR {
///     println!("it will not come: {}", reply.rcode);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotifyReply {
    /// NOERROR: the server knows the zone and has taken note.
    pub rcode: Rcode,
    /// Datagrams sent until it came.
    pub sent: u32,
    /// From the first of them until it came.
    pub duration: Duration,
}

/// Why a [`Client`] could not do what it was asked for.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use zonekit_xfr::{Client, ErrorKind};
///
/// let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?; // closed again by now
/// let error = Client::new(nobody).axfr("example.org").await.unwrap_err();
/// assert_eq!(error.kind(), Some(ErrorKind::ConnectionRefused));
/// let error = Client::new(nobody).axfr("no..name").await.unwrap_err();
/// assert_eq!(error.kind(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The zone's name is none.
    #[error("zone name")]
    Name(#[from] NameError),
    /// The server did not give it.
    #[error(transparent)]
    Visit(#[from] VisitError),
}

impl ClientError {
    /// The kind of the server's failure; none if it was not asked.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Name(_) => None,
            Self::Visit(error) => Some(error.kind()),
        }
    }
}

impl From<Infallible> for ClientError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
