//! The accept loop that both kinds of endpoint share. It knows nothing of what is spoken on the connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait after an accept that failed for a reason that a retry does not cure (no file descriptor left).
const PAUSE: Duration = Duration::from_millis(100);

/// Binds an address.
///
/// # Errors
/// The system's, with the address and what it was for in the message.
pub async fn bind(address: SocketAddr, what: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address} for {what}: {e}")))
}

/// Accepts until `stop`, each connection in a task of its own on `tracker`.
///
/// At most `limit` are open at once; further connections wait in the system's queue.
pub async fn accept<F, S>(
    listener: TcpListener,
    limit: usize,
    stop: CancellationToken,
    tracker: TaskTracker,
    serve: F,
) where
    F: Fn(TcpStream, SocketAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let accepted = async {
            let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small messages in both directions: nothing is gained by holding them back.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "cannot switch off Nagle's algorithm");
                }
                let served = serve(stream, peer);
                tracker.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
