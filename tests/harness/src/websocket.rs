//! A WebSocket client over a stream of the test's choice.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request};
use rustls::ClientConfig;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::byte_stream::{ByteStream, dial, dial_tls};
use crate::wait::within_deadline;

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    stream: WebSocketStream<Box<dyn ByteStream>>,
    headers: HeaderMap,
}

/// The end of a WebSocket as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By a Close frame with this code.
    Closed(u16),
    /// By the end of the connection without a Close frame, which browsers report as 1006.
    WithoutCloseFrame,
    /// By a reset of the connection.
    Reset,
}

/// Returns a client's handshake as bytes, for use with a [`Peer`](crate::Peer). `more` are whole header lines.
pub fn handshake(host: &str, path: &str, more: &str) -> String {
    let key = generate_key();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{more}\r\n"
    )
}

impl WebSocket {
    /// Opens a `ws://` WebSocket.
    ///
    /// # Panics
    /// The handshake fails.
    pub async fn connect(address: SocketAddr, host: &str, path: &str) -> WebSocket {
        WebSocket::try_connect(address, host, path, &[]).await.expect("the handshake succeeds")
    }

    /// Opens a `wss://` WebSocket.
    ///
    /// # Panics
    /// The handshake fails.
    pub async fn connect_tls(
        address: SocketAddr,
        host: &str,
        path: &str,
        tls: &Arc<ClientConfig>,
    ) -> WebSocket {
        let stream = dial_tls(address, host, tls).await;
        WebSocket::over(stream, host, path, &[]).await.expect("the handshake succeeds")
    }

    /// Opens a `ws://` WebSocket with more headers.
    ///
    /// # Errors
    /// The status of a response other than 101; 0 if there was no response.
    pub async fn try_connect(
        address: SocketAddr,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<WebSocket, u16> {
        WebSocket::over(dial(address).await, host, path, headers).await
    }

    async fn over(
        stream: Box<dyn ByteStream>,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<WebSocket, u16> {
        let mut request = Request::builder()
            .uri(format!("ws://{host}{path}"))
            .header("host", host)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("tests write valid requests");
        match within_deadline("a WebSocket handshake", client_async(request, stream)).await {
            Ok((stream, response)) => Ok(WebSocket { stream, headers: response.headers().clone() }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Returns a header of the 101.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("tests send plain header values"))
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) {
        within_deadline("room to send", self.stream.send(Message::text(text)))
            .await
            .expect("the WebSocket is open");
    }

    /// Sends a ping and waits for the pong.
    pub async fn ping(&mut self) {
        let ping = self.stream.send(Message::Ping("tide".into()));
        within_deadline("room to send", ping).await.expect("the WebSocket is open");
        match within_deadline("a pong", self.stream.next()).await {
            Some(Ok(Message::Pong(_))) => {}
            other => panic!("not a pong: {other:?}"),
        }
    }

    /// Waits for the next text message.
    pub async fn receive(&mut self) -> String {
        match within_deadline("a message", self.stream.next()).await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("not a text message: {other:?}"),
        }
    }

    /// Sends a text and checks that it is echoed.
    pub async fn echo(&mut self, text: &str) {
        self.send(text).await;
        assert_eq!(self.receive().await, text);
    }

    /// Sends a text. Returns true if it is echoed, false if the WebSocket has ended.
    pub async fn lives(&mut self, text: &str) -> bool {
        if within_deadline("room to send", self.stream.send(Message::text(text))).await.is_err() {
            return false;
        }
        matches!(within_deadline("a message", self.stream.next()).await, Some(Ok(Message::Text(back))) if back == text)
    }

    /// Sends a Close frame with this code, and waits for the end.
    pub async fn close_with(mut self, code: u16) -> End {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::default() };
        within_deadline("room to close", self.stream.close(Some(frame)))
            .await
            .expect("the WebSocket is open");
        self.end().await
    }

    /// Sends a Close frame without a code, and waits for the end.
    pub async fn close(mut self) -> End {
        within_deadline("room to close", self.stream.close(None)).await.expect("the WebSocket is open");
        self.end().await
    }

    /// Reads until the end, and returns how the WebSocket ended.
    pub async fn end(&mut self) -> End {
        let end = within_deadline("the end of the WebSocket", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return End::Closed(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    None | Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                        return End::WithoutCloseFrame;
                    }
                    Some(Err(Error::Io(error))) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        return End::WithoutCloseFrame;
                    }
                    Some(Err(Error::Io(_))) => return End::Reset,
                    Some(Err(error)) => panic!("the WebSocket broke: {error}"),
                }
            }
        });
        end.await
    }
}
