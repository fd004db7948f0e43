//! One POST over HTTP/1, in the clear on loopback or over TLS.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zonekit_model::Uuid;
use zonekit_tls::{Authorities, PemError};

use crate::config::{Webhook, WebhookUrl};

/// How long one try may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends to one address.
pub(super) struct Sender {
    url: WebhookUrl,
    tls: Option<TlsConnector>,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("connecting: {0}")]
    Connect(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("answered with {0}")]
    Status(StatusCode),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

impl Sender {
    pub(super) fn new(settings: &Webhook) -> Result<Self, PemError> {
        let tls = |authorities: &Authorities| {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(PemError::Unusable)?
                .with_root_certificates(authorities.roots()?)
                .with_no_client_auth();
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            url: settings.url.clone(),
            tls: settings.authorities.as_ref().map(tls).transpose()?,
        })
    }

    /// Sends a body once.
    pub(super) async fn send(
        &self,
        body: &str,
        delivery: &Uuid,
        signature: &str,
    ) -> Result<(), SendError> {
        let sending = self.connect_and_send(body, delivery, signature);
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        match sent.map_err(|_| SendError::TimedOut)?? {
            status if status.is_success() => Ok(()),
            status => Err(SendError::Status(status)),
        }
    }

    async fn connect_and_send(
        &self,
        body: &str,
        delivery: &Uuid,
        signature: &str,
    ) -> Result<StatusCode, SendError> {
        let WebhookUrl {
            host,
            port,
            authority,
            path,
            ..
        } = &self.url;
        let request = Request::post(path)
            .header(HOST, authority)
            .header(USER_AGENT, concat!("zonekit/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("zonekit-delivery", delivery.to_string())
            .header("zonekit-signature", signature)
            .body(body.to_owned())?;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|error| io::Error::other(error.to_string()))?;
                exchange(tls.connect(name, stream).await?, request).await
            }
        }
    }
}

/// Sends the request on a fresh connection and reads the head of the answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<String>,
) -> Result<StatusCode, SendError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer?,
        // Whoever answers may close at once: the answer is there all the same.
        ended = connection => {
            ended?;
            answer.await?
        }
    };
    Ok(answer.status())
}
