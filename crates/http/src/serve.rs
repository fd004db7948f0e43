//! Routes on a socket.

use std::{io, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use zonekit_tls::ServerTls;

use crate::{
    Limits,
    patient::Patient,
    shares::{Share, Shares, client},
};

/// That a request came over TLS: so links back to here begin with `https`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

/// Answers HTTP/1 on a listener until `stop` is done, then ends once the requests that are under way have been answered or
/// [`Limits::time`] is over. Whoever does not take its answer is let go after [`Limits::write`], and whoever has
/// [`Limits::connections_per_client`] is not let in.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    run(listener, None, router, limits, stop).await;
}

/// The same over TLS. Whoever has not begun it within [`Limits::head`] is let go.
pub async fn serve_tls(
    listener: TcpListener,
    tls: ServerTls,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let router = router.layer(Extension(OverTls));
    run(listener, Some(tls), router, limits, stop).await;
}

/// Answers on one connection until it or `stop` is done, or nothing is asked for [`Limits::head`]. Whatever it is, it is the
/// caller's to say who may ask there.
pub async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(router);
    let stream = TokioIo::new(Patient::new(stream, limits.write));
    let mut connection = pin!(protocol(&limits).serve_connection(stream, service));
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

async fn run(
    listener: TcpListener,
    tls: Option<ServerTls>,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let shares = Shares::new(limits.connections_per_client, usize::MAX);
    let open = GracefulShutdown::new();
    let http = protocol(&limits);

    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed, so there is always a slot in the end.
            let slot = Arc::clone(&slots).acquire_owned().await.ok();
            (accept(&listener).await, slot)
        };
        let ((stream, address), slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Some(share) = shares.take(client(address)) else {
            tracing::debug!(%address, "an HTTP client has as many connections as it may");
            continue;
        };
        let (place, stream) = ((slot, share), Patient::new(stream, limits.write));
        let service = TowerToHyperService::new(router.clone());
        let Some(tls) = &tls else {
            let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(until_end(connection, place));
            continue;
        };
        let (http, acceptor, watcher) = (http.clone(), tls.acceptor("http/1.1"), open.watcher());
        tokio::spawn(async move {
            match timeout(limits.head, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    until_end(watcher.watch(connection), place).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "TLS of an HTTP connection"),
                Err(_) => tracing::debug!("TLS of an HTTP connection does not come to stand"),
            }
        });
    }
    drop(listener);
    if timeout(limits.time, open.shutdown()).await.is_err() {
        tracing::warn!("HTTP requests were still under way when the service stopped");
    }
}

/// Octets of a request's head, at most; more get a 431. The signed requests of a vendor's clients have about 2,000.
const HEAD: usize = 32 * 1_024;

/// HTTP as it is spoken here.
fn protocol(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD);
    http
}

/// What a connection has until it ends: a slot, and a share of its client's.
type Place = (Option<OwnedSemaphorePermit>, Share<IpAddr>);

async fn until_end(connection: impl Future<Output = hyper::Result<()>>, place: Place) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
    drop(place);
}

/// The next connection, and whose it is. Errors of a single one pass; where the process lacks something, it is given time.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are small and written at once; an error here would only make them later.
                let _ = stream.set_nodelay(true);
                return (stream, address.ip());
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no HTTP connection can be accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
