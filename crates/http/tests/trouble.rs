//! What clients are told when the service behind the routes is slow, broken or not ready.

use std::{future::pending, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tower::ServiceExt;
use zonekit_http::{
    Commanded, Content, EventId, EventStream, Limits, Metrics, Readiness, Receipt, RecordsView,
    Rehearsal, Router, Service, ServiceError, StatusView, Token, Tokens, TransferOrder, ZoneRef,
    ZoneView, router, serve, serve_connection,
};
use zonekit_model::{
    Command, Contract, Delegation, KeyQuery, Page, PageRequest, Quota, RecordQuery, Selection,
    SurveyQuery, TsigKey, Uuid, ZoneDraft, ZoneFilter, ZoneQuery,
};

/// A service of which every call goes wrong in its own way.
struct Troubled;

impl Service for Troubled {
    async fn create(&self, _: &Contract, _: ZoneDraft) -> Result<ZoneView, ServiceError> {
        Err(ServiceError::Unavailable)
    }

    async fn ensure(&self, _: &Contract, _: Uuid, _: ZoneDraft) -> Result<ZoneView, ServiceError> {
        Err(ServiceError::Internal("secret detail: disk full".into()))
    }

    async fn remove(&self, _: &Contract, _: Uuid) -> Result<(), ServiceError> {
        panic!("a panic in a write")
    }

    async fn zone(&self, _: &Contract, _: Uuid) -> Result<ZoneView, ServiceError> {
        panic!("a panic in a read")
    }

    async fn zones(
        &self,
        _: &Contract,
        _: ZoneFilter,
        _: PageRequest,
    ) -> Result<Page<ZoneView>, ServiceError> {
        pending().await
    }

    async fn records(
        &self,
        _: &Contract,
        _: Uuid,
        _: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        pending().await
    }

    async fn status(&self, _: &Contract, _: Uuid) -> Result<StatusView, ServiceError> {
        pending().await
    }

    async fn survey(
        &self,
        _: &Contract,
        _: SurveyQuery,
    ) -> Result<Selection<StatusView>, ServiceError> {
        pending().await
    }

    async fn serials(&self, _: &Contract, _: Uuid) -> Result<Vec<u32>, ServiceError> {
        pending().await
    }

    async fn difference(
        &self,
        _: &Contract,
        _: Uuid,
        _: u32,
        _: Option<u32>,
    ) -> Result<Option<Content>, ServiceError> {
        pending().await
    }

    async fn transfer_now(
        &self,
        _: &Contract,
        _: Uuid,
        _: TransferOrder,
    ) -> Result<(), ServiceError> {
        pending().await
    }

    async fn delegation(&self, _: &Contract, _: Uuid) -> Result<Delegation, ServiceError> {
        pending().await
    }

    async fn quota(&self, _: &Contract) -> Result<Quota, ServiceError> {
        pending().await
    }

    fn kept(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    fn keep(&self, _: String, _: Option<Vec<u8>>) {}

    async fn command(&self, _: Command, _: Option<Receipt>) -> Result<Commanded, ServiceError> {
        Err(ServiceError::Unavailable)
    }

    async fn find(&self, _: &Contract, _: &ZoneRef) -> Result<ZoneView, ServiceError> {
        pending().await
    }

    async fn select(
        &self,
        _: &Contract,
        _: ZoneQuery,
    ) -> Result<Selection<ZoneView>, ServiceError> {
        pending().await
    }

    async fn select_records(
        &self,
        _: &Contract,
        _: Uuid,
        _: RecordQuery,
        _: PageRequest,
    ) -> Result<RecordsView, ServiceError> {
        pending().await
    }

    async fn content(&self, _: &Contract, _: Uuid) -> Result<Content, ServiceError> {
        pending().await
    }

    async fn key(&self, _: &Contract, _: Uuid) -> Result<Arc<TsigKey>, ServiceError> {
        pending().await
    }

    async fn select_keys(
        &self,
        _: &Contract,
        _: KeyQuery,
    ) -> Result<Selection<Arc<TsigKey>>, ServiceError> {
        pending().await
    }

    fn events(&self, _: &Contract, _: Option<EventId>) -> Result<EventStream, ServiceError> {
        Err(ServiceError::TooManyStreams)
    }

    fn transfer_addresses(&self) -> Arc<[IpAddr]> {
        Arc::from([])
    }

    fn notify_addresses(&self) -> Arc<[IpAddr]> {
        Arc::from([])
    }

    fn nameservers(&self) -> Arc<[String]> {
        Arc::from([])
    }

    fn readiness(&self) -> Readiness {
        Readiness::Waiting("zones are being loaded")
    }
}

fn troubled() -> Router {
    over(Troubled, Limits::default())
}

fn over(service: impl Service, limits: Limits) -> Router {
    let tokens = Tokens::new([Token::from_clear("one".parse().unwrap(), "token")]);
    router(
        Arc::new(service),
        tokens,
        Metrics::new(Registry::default()),
        limits,
    )
}

async fn check(method: &str, path: &str, status: u16, message: &str) {
    let body = r#"{"properties": {"zoneName": "example.org", "primaryIps": ["192.0.2.1"]}}"#;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", "Bearer token");
    let response = troubled()
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), status);
    assert_eq!(
        response.headers().get(header::CONTENT_TYPE).unwrap(),
        "application/json"
    );
    assert_eq!(
        response.headers().contains_key(header::RETRY_AFTER),
        status == 503
    );
    let body: Value =
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_eq!(body["httpStatus"], status);
    assert!(
        body["messages"][0]["message"]
            .as_str()
            .unwrap()
            .contains(message),
        "{body}"
    );
    assert!(!body.to_string().contains("secret detail") && !body.to_string().contains("panic"));
}

const ZONE: &str = "/secondaryzones/9203580f-16ec-40a1-acb6-6e4c49463e65";

#[tokio::test]
async fn a_fault_inside_is_500_and_tells_no_detail() {
    check("PUT", ZONE, 500, "its log tells more").await;
}

#[tokio::test]
async fn a_panic_is_500_in_json() {
    check("GET", ZONE, 500, "its log tells more").await;
    check("DELETE", ZONE, 500, "its log tells more").await;
}

#[tokio::test]
async fn a_service_that_cannot_now_is_503_with_retry_after() {
    check("POST", "/secondaryzones", 503, "try again later").await;
    check("GET", "/readyz", 503, "zones are being loaded").await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_too_long_is_504() {
    check("GET", "/secondaryzones", 504, "took too long").await;
    check("PUT", &format!("{ZONE}/axfr"), 504, "took too long").await;
}

/// A rehearsal on a socket, for one connection.
struct Connection {
    client: TcpStream,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Connection {
    async fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = over(Rehearsal::default(), limits);
        let server = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        Self {
            client,
            stop,
            server,
        }
    }

    /// Sends octets and gives all that comes back until the connection is closed.
    async fn exchange(mut self, octets: &str) -> String {
        self.client.write_all(octets.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.client.read_to_string(&mut answer).await.unwrap();
        drop(self.stop);
        self.server.await.unwrap();
        answer
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let head = "POST /secondaryzones HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token\r\ncontent-length: 9\r\n\r\n{";
    let limits = Limits {
        time: Duration::from_millis(150),
        ..Limits::default()
    };
    let answer = Connection::open(limits).await.exchange(head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("content-type: application/json"));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let limits = Limits {
        head: Duration::from_millis(50),
        ..Limits::default()
    };
    let answer = Connection::open(limits)
        .await
        .exchange("GET /quota HTTP/1.1\r\nhost: x\r\n")
        .await;
    assert!(!answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let check = async |lines: usize, octets: usize| {
        let line = format!("x-more: {}\r\n", "x".repeat(octets));
        let head = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".to_owned();
        let head = head + &line.repeat(lines) + "\r\n";
        // Not a socket: one that is closed before all was read may take the answer back.
        let (mut client, stream) = tokio::io::duplex(1 << 20);
        client.write_all(head.as_bytes()).await.unwrap();
        let limits = Limits::default();
        let router = over(Rehearsal::default(), limits);
        serve_connection(stream, router, limits, pending()).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(check(1, 30_000).await.as_deref(), Some("200"));
    assert_eq!(check(1, 100_000).await.as_deref(), Some("431"));
    assert_eq!(check(90, 1).await.as_deref(), Some("200"));
    assert_eq!(check(100, 1).await.as_deref(), Some("431"));
}

#[tokio::test]
async fn a_client_that_closes_each_connection_is_answered() {
    let request = "GET /quota HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token\r\nconnection: close\r\n\r\n";
    let answer = Connection::open(Limits::default())
        .await
        .exchange(request)
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_service_from_stopping() {
    let Connection {
        mut client,
        stop,
        server,
    } = Connection::open(Limits::default()).await;
    client
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 15];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    drop(stop);
    server.await.unwrap();
}

/// An answer that is far larger than what the system keeps of it for a client, and a small one.
fn large_and_small() -> Router {
    use axum::routing::get;
    Router::new()
        .route("/large", get(|| async { vec![0; 64 << 20] }))
        .route("/small", get(|| async { "small" }))
}

#[tokio::test]
async fn a_client_that_takes_nothing_loses_its_place() {
    let limits = Limits {
        write: Duration::from_millis(200),
        connections: 1,
        ..Limits::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, large_and_small(), limits, pending()));

    let mut reader = TcpStream::connect(address).await.unwrap();
    let request = b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
    reader.write_all(request).await.unwrap();
    reader.read_exact(&mut [0; 15]).await.unwrap(); // it has the only place, and reads no more

    let mut next = TcpStream::connect(address).await.unwrap();
    let request = b"GET /small HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    next.write_all(request).await.unwrap();
    let mut answer = String::new();
    let reading = next.read_to_string(&mut answer);
    { tokio::time::timeout(Duration::from_secs(30), reading).await }
        .expect("the place of whoever reads nothing")
        .unwrap();
    assert!(answer.ends_with("small"), "{answer}");
    server.abort();
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_no_more() {
    let limits = Limits {
        connections_per_client: 2,
        ..Limits::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, large_and_small(), limits, pending()));
    let open = async || {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET /small HTTP/1.1\r\nhost: x\r\n\r\n";
        let _ = client.write_all(request).await;
        let mut begin = [0; 15];
        let answered = client.read_exact(&mut begin).await.is_ok();
        (client, answered)
    };
    let ((one, first), (_two, second), (_, third)) = (open().await, open().await, open().await);
    assert_eq!((first, second, third), (true, true, false));
    drop(one);
    let again = async { while !open().await.1 {} };
    { tokio::time::timeout(Duration::from_secs(30), again).await }.expect("a place that is free");
    server.abort();
}
