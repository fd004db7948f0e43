//! Routes on a socket.

use std::io;

use axum::Router;
use tokio::net::TcpListener;

/// Answers HTTP on a listener until `stop` is done, then ends once open requests are answered.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
}
