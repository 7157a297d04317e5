//! The connections of a scripted backend.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Behaviour, Shared, Then, is_probe};
use crate::byte_stream::accept;
use crate::peer::{Head, Peer};

pub(super) async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if matches!(shared.behaviour(), Behaviour::ResetOnAccept) {
            // Without the option the connection would only be closed.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            continue;
        }
        let shared = shared.clone();
        connections.spawn(async move {
            let Some(stream) = accept(stream, shared.tls.as_ref()).await else { return };
            // An error means that the other side has ended the connection.
            let _ = serve(Peer::over(stream), &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut peer: Peer, shared: &Shared) -> io::Result<()> {
    let mut first = true;
    while let Some(head) = peer.next_head().await? {
        if is_probe(&head) {
            shared.probes.fetch_add(1, Ordering::SeqCst);
            let status = shared.probe_status.load(Ordering::SeqCst);
            peer.try_write(format!("HTTP/1.1 {status} Probed\r\nContent-Length: 0\r\n\r\n")).await?;
            continue;
        }
        if std::mem::take(&mut first) {
            shared.connections.fetch_add(1, Ordering::SeqCst);
        }
        match shared.behaviour() {
            Behaviour::Serve => {}
            Behaviour::Held => {
                let body = peer.body(&head).await?;
                shared.record(&head, body.clone());
                shared.released().await;
                if head.is_websocket() {
                    return echo_messages(peer, &head).await;
                }
                account(&mut peer, &head, &body).await?;
                continue;
            }
            Behaviour::Hang => {
                shared.record(&head, Vec::new());
                return hold(peer).await;
            }
            Behaviour::ResetOnAccept => {
                shared.record(&head, Vec::new());
                peer.reset();
                return Ok(());
            }
            Behaviour::CloseOnRequest => {
                let body = peer.body(&head).await?;
                shared.record(&head, body);
                return Ok(());
            }
            Behaviour::Drip => {
                shared.record(&head, Vec::new());
                peer.try_write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await?;
                shared.released().await;
                peer.try_write("4\r\nlast\r\n0\r\n\r\n").await?;
                continue;
            }
            Behaviour::Literal { response, then } => {
                let body = peer.body(&head).await?;
                shared.record(&head, body);
                match literal(peer, &head, &response, then).await? {
                    Some(next) => peer = next,
                    None => return Ok(()),
                }
                continue;
            }
        }
        let body = peer.body(&head).await?;
        shared.record(&head, body.clone());
        if head.is_websocket() {
            return echo_messages(peer, &head).await;
        }
        account(&mut peer, &head, &body).await?;
    }
    Ok(())
}

/// Replies 200 with a description of the request.
async fn account(peer: &mut Peer, head: &Head, body: &[u8]) -> io::Result<()> {
    let account = json!({
        "backend": peer.local_address().ip().to_string(),
        "method": head.method(),
        "target": head.target(),
        "headers": head.headers,
        "body": String::from_utf8_lossy(body),
    })
    .to_string();
    let length = account.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{account}"
    );
    peer.try_write(response).await
}

async fn echo_messages(mut peer: Peer, head: &Head) -> io::Result<()> {
    let accept = derive_accept_key(head.header("sec-websocket-key").unwrap_or_default().as_bytes());
    let protocol = head.header("sec-websocket-protocol").and_then(|offered| offered.split(',').next());
    let protocol =
        protocol.map(|name| format!("Sec-WebSocket-Protocol: {}\r\n", name.trim())).unwrap_or_default();
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    peer.try_write(response).await?;
    let (stream, early) = peer.into_parts();
    let mut socket = WebSocketStream::from_partially_read(stream, early, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Sends the bytes; returns the connection if another request may follow on it.
async fn literal(mut peer: Peer, head: &Head, response: &str, then: Then) -> io::Result<Option<Peer>> {
    let accept = derive_accept_key(head.header("sec-websocket-key").unwrap_or_default().as_bytes());
    peer.try_write(response.replace("{accept}", &accept)).await?;
    match then {
        Then::Next => return Ok(Some(peer)),
        Then::Close => {}
        Then::Reset => peer.reset(),
        Then::Hold => hold(peer).await?,
        Then::EchoBytes => echo_bytes(peer).await?,
    }
    Ok(None)
}

/// Reads until the end, and sends nothing.
async fn hold(peer: Peer) -> io::Result<()> {
    let (mut stream, _) = peer.into_parts();
    let mut buffer = vec![0; 16 * 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn echo_bytes(peer: Peer) -> io::Result<()> {
    let (mut stream, early) = peer.into_parts();
    stream.write_all(&early).await?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            count => stream.write_all(&buffer[..count]).await?,
        }
    }
}
