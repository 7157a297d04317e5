//! HTTP/2 frame by frame, for input that no conforming client would send.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::http2_client::offering_http2;
use crate::peer::Peer;
use crate::wait::within_deadline;

/// The client connection preface before SETTINGS (RFC 9113, section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113, section 6).
pub mod kind {
    #![allow(missing_docs)]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Frame flags.
pub mod flag {
    #![allow(missing_docs)]
    pub const NONE: u8 = 0;
    pub const ACK: u8 = 1;
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
    pub const WHOLE: u8 = END_STREAM | END_HEADERS;
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The frame type, one of [`kind`].
    pub kind: u8,
    /// The flags, of [`flag`].
    pub flags: u8,
    /// The stream ID; 0 for the connection.
    pub stream: u32,
    /// The payload.
    pub payload: Vec<u8>,
}

/// The reaction of a server to what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// GOAWAY with this error code; NO_ERROR is ignored.
    GoAway(u32),
    /// RST_STREAM for a stream with this error code.
    Reset(u32, u32),
    /// The head of a response on a stream, with its status; 0 if the status is not in HPACK's static table.
    Answer(u32, u16),
    /// The connection ended without GOAWAY.
    Closed,
}

/// A client that writes frames.
#[derive(Debug)]
pub struct FramePeer {
    peer: Peer,
}

/// Encodes a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).expect("frames are small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Encodes a header block without compression.
pub fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block
                .push(u8::try_from(text.len()).ok().filter(|&length| length < 127).expect("texts are short"));
            block.extend(text.as_bytes());
        }
    }
    block
}

impl FramePeer {
    /// Connects over TLS, and sends nothing yet.
    pub async fn connect_tls(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> FramePeer {
        FramePeer { peer: Peer::connect_tls(address, name, &offering_http2(config)).await }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The connection's error.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        within_deadline("room to write", self.peer.try_write(bytes)).await
    }

    /// The underlying connection.
    pub fn peer(&mut self) -> &mut Peer {
        &mut self.peer
    }

    /// Waits for the next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        within_deadline("a frame", self.peer.next_frame()).await.ok().flatten()
    }

    /// Waits for the first of the `wanted` reactions, or the end of the connection.
    pub async fn verdict(&mut self, wanted: impl Fn(Verdict) -> bool) -> Verdict {
        loop {
            let Some(frame) = self.next().await else { return Verdict::Closed };
            let code = |at: usize| {
                let bytes = frame.payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(u32::MAX, u32::from_be_bytes)
            };
            let verdict = match frame.kind {
                kind::GOAWAY if code(4) != 0 => Verdict::GoAway(code(4)),
                kind::RST_STREAM => Verdict::Reset(frame.stream, code(0)),
                kind::HEADERS => Verdict::Answer(frame.stream, status(&frame.payload)),
                _ => continue,
            };
            if wanted(verdict) || matches!(verdict, Verdict::GoAway(_)) {
                return verdict;
            }
        }
    }
}

/// Returns the status at the start of a header block, if it is in HPACK's static table.
fn status(block: &[u8]) -> u16 {
    match block.first() {
        Some(0x88) => 200,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        _ => 0,
    }
}
