//! One end of a connection, byte by byte, for what a conforming client or server would not send or not show.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::byte_stream::{ByteStream, dial, dial_tls};
use crate::http2_frames::Frame;
use crate::wait::{DEADLINE, within_deadline};

/// The first line and the headers of a message.
#[derive(Clone, Debug)]
pub struct Head {
    /// The request line or status line.
    pub first_line: String,
    /// The headers in the order and spelling received.
    pub headers: Vec<(String, String)>,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a FIN, over TLS after close_notify.
    Eof,
    /// By a reset.
    Reset,
    /// Over TLS: without close_notify.
    Cut,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Peer {
    stream: Box<dyn ByteStream>,
    /// Bytes that were received but not yet taken.
    buffer: Vec<u8>,
}

impl Peer {
    /// Connects as a client without TLS.
    pub async fn connect(address: SocketAddr) -> Peer {
        Peer::over(dial(address).await)
    }

    /// Connects as a client over TLS.
    pub async fn connect_tls(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Peer {
        Peer::over(dial_tls(address, name, config).await)
    }

    /// Wraps either side of an existing connection.
    pub(crate) fn over(stream: Box<dyn ByteStream>) -> Peer {
        Peer { stream, buffer: Vec::new() }
    }

    /// Sends bytes.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within_deadline("room to write", self.try_write(bytes)).await.expect("the connection takes bytes");
    }

    /// Sends bytes on a connection that may be closed or full.
    ///
    /// # Errors
    /// The connection's error.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Sends the block repeatedly until nothing more is accepted for half a second because the other side does not
    /// read. Returns the number of whole blocks sent.
    pub async fn write_until_held_up(&mut self, block: &[u8]) -> usize {
        let fill = async {
            let mut blocks = 0;
            loop {
                match timeout(Duration::from_millis(500), self.try_write(block)).await {
                    Ok(written) => written.expect("the connection takes bytes"),
                    Err(_) => return blocks,
                }
                blocks += 1;
            }
        };
        within_deadline("a writer to be held up", fill).await
    }

    /// Sends all blocks as fast as they are accepted, and reads as many bytes at the same time.
    ///
    /// # Panics
    /// The bytes read differ from those sent.
    pub async fn write_and_read_back(&mut self, blocks: impl Iterator<Item = Vec<u8>> + Clone) {
        assert!(self.buffer.is_empty(), "nothing is left from before");
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let expected = blocks.clone();
        let write = async {
            for block in blocks {
                writer.write_all(&block).await?;
            }
            writer.flush().await
        };
        let read = async {
            let mut received = Vec::new();
            for (number, block) in expected.enumerate() {
                received.resize(block.len(), 0);
                reader.read_exact(&mut received).await?;
                assert!(received == block, "block {number} came back as another");
            }
            Ok(())
        };
        // A generous limit: the machine may be busy, and the code is not optimized.
        let both = timeout(4 * DEADLINE, async { tokio::try_join!(write, read) }).await;
        both.expect("everything goes out and comes back in time").expect("the connection lives");
    }

    /// Closes the sending side; reading continues.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("an open connection can be finished");
    }

    /// Reads the first line and headers of the next message.
    pub async fn read_head(&mut self) -> Head {
        within_deadline("the head of a message", self.next_head())
            .await
            .expect("the connection lives")
            .expect("a message rather than the end of the connection")
    }

    /// Like [`Peer::read_head`] without a deadline; `None` if the connection ends before.
    pub(crate) async fn next_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n\r\n") {
                let text: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(Some(Head::parse(&String::from_utf8_lossy(&text))));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads the body of a message, by its `Content-Length` or `Transfer-Encoding`; empty if neither is present.
    pub async fn read_body(&mut self, head: &Head) -> Vec<u8> {
        within_deadline("a body", self.body(head)).await.expect("the body is whole")
    }

    pub(crate) async fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk().await? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        let length =
            head.header("content-length").map_or(0, |value| value.parse().expect("a length is a number"));
        self.take(length).await
    }

    /// Reads the next chunk of a chunked body; `None` after the last one.
    pub async fn read_chunk(&mut self) -> Option<Vec<u8>> {
        within_deadline("a chunk", self.chunk()).await.expect("the chunk is whole")
    }

    async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line().await?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        if size == 0 {
            // Trailers, and the empty line behind them.
            while self.line().await?.len() > 2 {}
            return Ok(None);
        }
        let data = self.take(size).await?;
        self.take(2).await?;
        Ok(Some(data))
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill_some().await?;
        }
    }

    /// Reads exactly `count` bytes.
    pub async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        within_deadline("bytes", self.take(count)).await.expect("the connection brings that many bytes")
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill_some().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Reads everything up to the end, and returns how the connection ended.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, Ending) {
        let ending = within_deadline("the end of the connection", async {
            loop {
                match self.fill().await {
                    Ok(0) => return Ending::Eof,
                    Ok(_) => {}
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ending::Cut,
                    Err(_) => return Ending::Reset,
                }
            }
        });
        let ending = ending.await;
        (std::mem::take(&mut self.buffer), ending)
    }

    /// Returns true if nothing arrives for this time. Only for tests that are about time.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.buffer.is_empty() && timeout(time, self.fill()).await.is_err()
    }

    /// Resets the connection.
    pub fn reset(self) {
        let socket = SockRef::from(self.stream.tcp());
        socket.set_linger(Some(Duration::ZERO)).expect("an open socket takes options");
    }

    /// The address of this end.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.tcp().local_addr().expect("a connection has addresses")
    }

    /// Returns the stream, and the bytes that were received but not taken.
    pub(crate) fn into_parts(self) -> (Box<dyn ByteStream>, Vec<u8>) {
        (self.stream, self.buffer)
    }

    /// Reads the next HTTP/2 frame without a deadline; `None` at the end of the connection.
    pub(crate) async fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        while self.buffer.len() < 9 {
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
        let head = self.take(9).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Ok(Some(Frame { kind: head[3], flags: head[4], stream, payload: self.take(length).await? }))
    }

    async fn fill_some(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = vec![0; 64 * 1024];
        let count = self.stream.read(&mut chunk).await?;
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

impl Head {
    fn parse(text: &str) -> Head {
        let mut lines = text.trim_end().split("\r\n");
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Head { first_line, headers }
    }

    /// Returns the first value of a header; the case of the name is ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.first_line.split(' ').next().unwrap_or_default()
    }

    /// The target of a request.
    pub fn target(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    /// The status of a response.
    pub fn status(&self) -> u16 {
        let status = self.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("not a status line: {}", self.first_line))
    }

    /// Returns true for a WebSocket handshake.
    pub fn is_websocket(&self) -> bool {
        self.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
    }
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_spelt() {
        let head = Head::parse("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n");
        assert_eq!((head.method(), head.target()), ("GET", "/chat"));
        assert_eq!(head.header("HOST"), Some("a"));
        assert!(head.is_websocket());
        assert_eq!(Head::parse("HTTP/1.1 504 Gateway Timeout\r\n\r\n").status(), 504);
    }
}
