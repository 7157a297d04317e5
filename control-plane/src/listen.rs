//! The listening sockets, and their common accept loop. Independent of the protocols of connections.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::start_error::StartError;

/// The pause after an accept that failed for a persistent reason, such as no free file descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets of a control plane. They outlive it: a successor may accept from the same queues.
#[derive(Debug)]
pub struct Listeners {
    /// The REST API over plain HTTP.
    pub management: StdListener,
    /// The REST API over HTTPS.
    pub management_tls: StdListener,
    /// The channel of the workers.
    pub channel: StdListener,
}

impl Listeners {
    /// Binds the addresses of a configuration. A socket in `inherited` is reused if it is bound to the same
    /// address, or to the same IP address if the configured port is 0.
    ///
    /// # Errors
    /// An unsafe configuration, or an error of the operating system, with the address and its purpose in the
    /// message.
    pub async fn bind(config: &Config, inherited: Option<Listeners>) -> Result<Listeners, StartError> {
        config.check()?;
        let (management, management_tls, channel) = match inherited {
            Some(Listeners { management, management_tls, channel }) => {
                (Some(management), Some(management_tls), Some(channel))
            }
            None => (None, None, None),
        };
        Ok(Listeners {
            management: bind(config.management, management, "management").await?,
            management_tls: bind(config.management_tls, management_tls, "management over TLS").await?,
            channel: bind(config.channel, channel, "workers").await?,
        })
    }

    /// Duplicates the descriptors; a socket is closed with its last duplicate.
    ///
    /// # Errors
    /// If the process cannot open more descriptors.
    pub fn try_clone(&self) -> io::Result<Listeners> {
        Ok(Listeners {
            management: self.management.try_clone()?,
            management_tls: self.management_tls.try_clone()?,
            channel: self.channel.try_clone()?,
        })
    }
}

async fn bind(address: SocketAddr, inherited: Option<StdListener>, what: &str) -> io::Result<StdListener> {
    let is_wanted = |bound: SocketAddr| {
        bound.ip() == address.ip() && (address.port() == 0 || bound.port() == address.port())
    };
    if let Some(socket) = inherited.filter(|socket| socket.local_addr().is_ok_and(is_wanted)) {
        return Ok(socket);
    }
    let bound = TcpListener::bind(address).await.and_then(TcpListener::into_std);
    bound.map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address} for {what}: {e}")))
}

/// Accepts until `stop`, each connection in a task of its own on `tracker`.
///
/// At most `limit` are open at once; further connections wait in the system's queue.
pub(crate) async fn accept<F, S>(
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
                // Messages are small, and delaying them has no benefit.
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
