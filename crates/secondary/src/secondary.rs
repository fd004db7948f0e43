//! A running node, from outside: start, addresses, reload, end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use zonekit_http::{Metrics, ServiceError};
use zonekit_model::Refusal;
use zonekit_serve::{BindError, Notification, Server, Stopper};
use zonekit_store::{OpenError, StoreError};

use crate::book::BookError;
use crate::control::Control;
use crate::node::Node;
use crate::service::Desk;
use crate::{Config, answering, catalogs, metrics, retelling, visits};

/// NOTIFYs that wait to be looked at; one that finds no room is not answered, and comes again.
const NOTIFICATIONS: usize = 1_024;
/// How long timers may be known in memory only: a crash brings those before back, which costs a check too many.
const KEEP: Duration = Duration::from_secs(1);
/// How often the store is told the time while nothing happens.
const TIME: Duration = Duration::from_secs(60);
/// How long those who are being answered may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// A secondary name server that runs: serves, visits primaries, answers the management API.
///
/// Dropping it ends it at once; [`shutdown`](Self::shutdown) lets answers under way finish. Either way nothing is lost
/// that was served.
///
/// ```no_run
/// use std::path::Path;
/// use zonekit_secondary::{Config, Secondary};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let path = Path::new("secondary.toml");
/// let node = Secondary::start(Config::load(path)?).await?;
/// // On SIGHUP: what is wrong with the new file leaves the node as it is.
/// if let Err(error) = node.reload(Config::load(path)?).await {
///     eprintln!("{error}");
/// }
/// node.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Secondary {
    pub(crate) node: Arc<Node>,
    dns: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    http: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    stopper: Stopper,
    tasks: JoinSet<()>,
}

impl Secondary {
    /// Opens the store, serves what is in it, and begins to keep it in step.
    ///
    /// # Errors
    ///
    /// If the data cannot be read or is in use, or an address cannot be bound. Nothing runs then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listen = config.dns.listen.clone();
        let options = answering::options(&config.dns);
        let dns_tls = config.dns.tls.clone();
        let http_listen = config.http.as_ref().map(|http| http.listen);
        let http_tls = config.http.as_ref().and_then(|http| http.tls.clone());
        let opening = tokio::task::spawn_blocking(move || Node::open(config));
        let node = opening.await.map_err(|_| StartError::Panicked)??;

        let mut server = Server::bind(&listen, node.responder.clone(), options)?;
        let dns = server.local_addresses().to_vec();
        let tls = match dns_tls {
            None => Vec::new(),
            Some(dns_tls) => server.bind_tls(&dns_tls.listen, &dns_tls.tls)?,
        };
        let stopper = server.stopper();
        let listener = match http_listen {
            None => None,
            Some(address) => Some(listen_http(address).await?),
        };
        let http = listener.as_ref().map(|(_, address)| *address);

        node.renew_webhooks();

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let (notifications, notified) = mpsc::channel(NOTIFICATIONS);
        let serving = server.serve(notifications); // here, for the priority of this thread
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                error!(%error, "answering DNS");
            }
        });
        let mut api = None;
        if let Some((listener, _)) = listener {
            let metrics = Metrics::new(metrics::registry(&node.counts, Arc::downgrade(&node)));
            let router = zonekit_http::router(
                Arc::new(Desk(Arc::clone(&node))),
                node.access.clone(),
                metrics,
                zonekit_http::Limits::default(),
            );
            let mut stopped = stopped.clone();
            let stop = async move {
                let _ = stopped.wait_for(|&stop| stop).await;
            };
            let limits = zonekit_http::Limits::default();
            api = Some(router.clone());
            tasks.spawn(async move {
                match http_tls {
                    None => zonekit_http::serve(listener, router, limits, stop).await,
                    Some(tls) => zonekit_http::serve_tls(listener, tls, router, limits, stop).await,
                }
            });
        }
        match Control::bind(&node.config().data_dir) {
            Ok(control) => {
                tasks.spawn(control.serve(Arc::clone(&node), api, stopped.clone()));
            }
            Err(error) => warn!(%error, "no control socket: no backup while this runs"),
        }
        tasks.spawn(listen_to(Arc::clone(&node), notified));
        tasks.spawn(keep(Arc::clone(&node), stopped.clone()));
        tasks.spawn(catalogs::run(Arc::clone(&node), stopped.clone()));
        tasks.spawn(retelling::run(Arc::clone(&node), stopped.clone()));
        tasks.spawn(visits::run(Arc::clone(&node), stopped));
        let zones = node.zones.lock().len();
        info!(
            dns = listed(&dns),
            tls = Some(&tls)
                .filter(|tls| !tls.is_empty())
                .map(|tls| listed(tls)),
            http = http.map(|http| http.to_string()),
            zones,
            "listening"
        );
        Ok(Self {
            node,
            dns,
            tls,
            http,
            stop,
            stopper,
            tasks,
        })
    }

    /// Where DNS is answered, in the order of the configuration, with the ports that the system picked.
    pub fn dns_addresses(&self) -> &[SocketAddr] {
        &self.dns
    }

    /// Where DNS is answered over TLS, likewise.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls
    }

    /// Where HTTP is answered, over TLS or not, if it is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Waits until all zones rest after very many were taken in or visited: a moment at which a program may have its allocator
    /// give back what that took. One waits at a time.
    pub async fn rested(&self) {
        self.node.rested.notified().await;
    }

    /// Takes another configuration: zones, keys, certificates, access lists, tokens, limits, timers and quotas change at once,
    /// transfers under way that they concern end without trace. Addresses and `data_dir` change at the next start.
    ///
    /// # Errors
    ///
    /// If the zones and keys that it declares collide with those made over the API, or the store fails.
    pub async fn reload(&self, config: Config) -> Result<(), ReloadError> {
        self.node.reload(config).await.map_err(|error| match error {
            ServiceError::Refused(refusal) => ReloadError::Declared(refusal),
            other => ReloadError::Store(other.to_string()),
        })
    }

    /// Ends: no visit begins, those under way end without trace, answers under way get a moment to finish. What is being written is
    /// written to its end, so that the data can be opened again when this returns; only if that takes longer than a moment, not yet.
    pub async fn shutdown(mut self) {
        self.node.end();
        self.stop.send_replace(true);
        self.stopper.stop();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(GRACE, ended).await;
        let closing = async move {
            self.tasks.shutdown().await;
            let store = self.node.shared_store();
            last(&self.node).await;
            drop(self);
            last(&store).await;
        };
        let _ = timeout(GRACE / 2, closing).await;
    }
}

/// Waits until nobody else has it.
async fn last<T>(shared: &Arc<T>) {
    while Arc::strong_count(shared) > 1 {
        sleep(Duration::from_millis(2)).await;
    }
}

impl Drop for Secondary {
    fn drop(&mut self) {
        self.node.end();
        self.stopper.stop();
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The directory for the data cannot be made.
    #[error("making the directory {}", path.display())]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file with the data cannot be opened.
    #[error("opening the data")]
    Open(#[from] OpenError),
    /// The file with the data cannot be read or written.
    #[error("reading the data")]
    Store(#[from] StoreError),
    /// What it says of zones and keys cannot be read.
    #[error("restoring zones and keys")]
    Book(#[from] BookError),
    /// The zones and keys of the configuration collide with those made over the API.
    #[error("declaring the zones of the configuration")]
    Declared(#[from] Refusal),
    /// An address for DNS cannot be bound.
    #[error(transparent)]
    Dns(#[from] BindError),
    /// The address for HTTP cannot be bound.
    #[error("binding {address} for HTTP")]
    Http {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Opening panicked; the log has the place.
    #[error("opening the data failed within")]
    Panicked,
}

/// Why another configuration does not come into force, or not in whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The zones and keys that it declares collide with those made over the API.
    #[error("declaring the zones of the configuration")]
    Declared(#[source] Refusal),
    /// The store failed.
    #[error("keeping what is declared: {0}")]
    Store(String),
}

async fn listen_http(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Http { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn listen_to(node: Arc<Node>, mut notifications: mpsc::Receiver<Notification>) {
    while let Some(notification) = notifications.recv().await {
        node.notified(&notification);
    }
}

/// Brings what is noted into the file soon after, and at the end. While nothing is, nothing is done.
async fn keep(node: Arc<Node>, mut stopped: watch::Receiver<bool>) {
    let mut is_behind = false;
    loop {
        let due = async {
            if is_behind || timeout(TIME, node.noted.notified()).await.is_ok() {
                sleep(KEEP).await;
            }
        };
        let ended = tokio::select! {
            _ = stopped.wait_for(|&stop| stop) => true,
            () = due => false,
        };
        node.note_time();
        let flushing = Arc::clone(&node);
        let flushed = tokio::task::spawn_blocking(move || flushing.flush()).await;
        if ended {
            return;
        }
        is_behind = !flushed.unwrap_or(false);
        node.note_rest();
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    texts.join(" ")
}
