//! A backend that sends the same bytes on every connection, also in reply to health probes and TLS handshakes.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::address::{BACKEND_PORT, loopback};

/// The bytes after the first ones.
#[derive(Clone, Debug)]
pub enum Rest {
    /// The connection is closed.
    Close,
    /// Nothing; the connection stays open.
    Hold,
    /// These bytes, repeated.
    Repeat(Vec<u8>),
}

/// Reads once from each connection, and replies with the same bytes.
#[derive(Debug)]
pub struct CannedBackend {
    address: SocketAddr,
    heard: Arc<Mutex<String>>,
    _tasks: JoinSet<()>,
}

impl CannedBackend {
    /// Starts at its own address.
    pub async fn start(first: &str, rest: Rest) -> CannedBackend {
        CannedBackend::start_at((loopback(), BACKEND_PORT).into(), first, rest).await
    }

    /// Starts at this address; port 0 for any free port.
    pub async fn start_at(address: SocketAddr, first: &str, rest: Rest) -> CannedBackend {
        let listener = TcpListener::bind(address).await.expect("the address is nobody else's");
        let address = listener.local_addr().expect("a bound socket has an address");
        let heard = Arc::new(Mutex::default());
        let (first, hears) = (first.as_bytes().to_vec(), heard.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(lie(stream, first.clone(), rest.clone(), hears.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        CannedBackend { address, heard, _tasks: tasks }
    }

    /// Returns a response with status 200 and this body.
    pub fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// The IP address it listens at.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// The address it listens at, with the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes it has read last, as text.
    pub fn heard(&self) -> String {
        self.heard.lock().expect("no task panics with the lock").clone()
    }
}

/// Serves one connection. An error means that the other side has ended the connection.
async fn lie(mut stream: TcpStream, first: Vec<u8>, rest: Rest, heard: Arc<Mutex<String>>) -> Option<()> {
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).await.ok()?;
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    *heard.lock().expect("no task panics with the lock") = text;
    stream.write_all(&first).await.ok()?;
    match rest {
        Rest::Close => {}
        Rest::Hold => while stream.read(&mut buffer).await.ok()? > 0 {},
        Rest::Repeat(block) => loop {
            stream.write_all(&block).await.ok()?;
        },
    }
    Some(())
}
