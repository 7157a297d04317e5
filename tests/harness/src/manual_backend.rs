//! A backend whose connections the test controls byte by byte.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::address::{BACKEND_PORT, loopback};
use crate::backend::is_probe;
use crate::byte_stream::accept;
use crate::peer::{Head, Peer};
use crate::wait::within_deadline;

/// Listens, answers health probes with 200, and passes every other connection to the test after its first request
/// head.
#[derive(Debug)]
pub struct ManualBackend {
    address: SocketAddr,
    arrivals: mpsc::Receiver<(Head, Peer)>,
    _tasks: JoinSet<()>,
}

impl ManualBackend {
    /// Starts at its own address.
    pub async fn start() -> ManualBackend {
        let listener =
            TcpListener::bind((loopback(), BACKEND_PORT)).await.expect("the address is nobody else's");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (arrived, arrivals) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept_all(listener, arrived));
        ManualBackend { address, arrivals, _tasks: tasks }
    }

    /// The IP address it listens at.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Waits for the next connection other than a probe's, and returns it with its first request head.
    pub async fn accept(&mut self) -> (Head, Peer) {
        within_deadline("a connection to the backend", self.arrivals.recv())
            .await
            .expect("the backend listens")
    }

    /// Accepts a WebSocket handshake with a valid 101, and returns the backend's end of the tunnel.
    pub async fn accept_websocket(&mut self) -> Peer {
        let (head, mut peer) = self.accept().await;
        peer.write(switching_protocols(&head)).await;
        peer
    }
}

/// Returns a valid 101 for a handshake.
pub fn switching_protocols(head: &Head) -> String {
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
    let accept = derive_accept_key(head.header("sec-websocket-key").unwrap_or_default().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

async fn accept_all(listener: TcpListener, arrived: mpsc::Sender<(Head, Peer)>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let arrived = arrived.clone();
        connections.spawn(async move {
            let Some(stream) = accept(stream, None).await else { return };
            let mut peer = Peer::over(stream);
            while let Ok(Some(head)) = peer.next_head().await {
                if !is_probe(&head) {
                    // The channel is full or closed: the test accepts no more connections.
                    let _ = arrived.send((head, peer)).await;
                    return;
                }
                if peer.try_write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.is_err() {
                    return;
                }
            }
        });
    }
}
