//! Frames messages over any byte stream: each message is JSON behind its length in four bytes, big-endian.
//!
//! The framing is that of tokio-util. The caller brings the stream: TLS over TCP, or an in-memory duplex in tests.

use std::io;
use std::marker::PhantomData;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// The largest message in bytes. A connection whose peer announces a larger one is closed before any of it is
/// stored.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// The largest content of a snapshot, in bytes of JSON: well under [`MAX_MESSAGE`], so that everything that
/// compiles can be sent, and sent before a heartbeat is missed.
pub const MAX_SNAPSHOT: usize = 16 * 1024 * 1024;

/// The largest message in bytes before the peer is authenticated.
pub const MAX_UNAUTHENTICATED_MESSAGE: usize = 16 * 1024;

/// The sending half of a channel, from [`split`].
#[derive(Debug)]
pub struct Sender<S, T> {
    frames: FramedWrite<WriteHalf<S>, LengthDelimitedCodec>,
    message: PhantomData<fn(T)>,
}

/// The receiving half of a channel, from [`split`].
#[derive(Debug)]
pub struct Receiver<S, T> {
    frames: FramedRead<ReadHalf<S>, LengthDelimitedCodec>,
    message: PhantomData<fn() -> T>,
}

/// Splits a stream into a half that sends `Out` and one that receives `In`. No message may be larger than `limit`
/// bytes.
pub fn split<S, Out, In>(stream: S, limit: usize) -> (Sender<S, Out>, Receiver<S, In>)
where
    S: AsyncRead + AsyncWrite,
{
    let codec = || LengthDelimitedCodec::builder().max_frame_length(limit).new_codec();
    let (read, write) = tokio::io::split(stream);
    (
        Sender { frames: FramedWrite::new(write, codec()), message: PhantomData },
        Receiver { frames: FramedRead::new(read, codec()), message: PhantomData },
    )
}

impl<S: AsyncWrite, T: Serialize> Sender<S, T> {
    /// Sends one message and flushes it.
    ///
    /// # Errors
    /// The stream's error, or `InvalidInput` for a message over the limit. After `InvalidInput` nothing was sent,
    /// and the channel can still be used.
    pub async fn send(&mut self, message: &T) -> io::Result<()> {
        self.frames.send(Bytes::from(serde_json::to_vec(message)?)).await
    }

    /// Closes the sending direction; the peer then receives `None`.
    ///
    /// # Errors
    /// The stream's error.
    pub async fn close(&mut self) -> io::Result<()> {
        SinkExt::<Bytes>::close(&mut self.frames).await
    }
}

impl<S: AsyncRead, T: DeserializeOwned> Receiver<S, T> {
    /// Receives the next message, or `None` if the peer closed between two messages. Cancel safe.
    ///
    /// # Errors
    /// The stream's error; `InvalidData` for a frame over the limit or one that is not a message.
    pub async fn receive(&mut self) -> io::Result<Option<T>> {
        match self.frames.next().await {
            Some(frame) => serde_json::from_slice(&frame?).map(Some).map_err(io::Error::from),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RefusalCause, ToControlPlane, ToWorker};
    use tokio::io::AsyncWriteExt;

    fn refused(number: u32) -> ToWorker {
        ToWorker::Refused { cause: RefusalCause::Other, reason: number.to_string().repeat(200) }
    }

    #[tokio::test]
    async fn messages_arrive_in_order_and_the_end_is_seen() {
        let (a, b) = tokio::io::duplex(64);
        let (mut send, _keep) = split::<_, ToWorker, ToControlPlane>(a, MAX_MESSAGE);
        let (_other, mut receive) = split::<_, ToControlPlane, ToWorker>(b, MAX_MESSAGE);
        let sent = async {
            for i in 0..3 {
                send.send(&refused(i)).await.unwrap();
            }
            send.close().await.unwrap();
        };
        let received = async {
            for i in 0..3 {
                assert_eq!(receive.receive().await.unwrap(), Some(refused(i)));
            }
            assert_eq!(receive.receive().await.unwrap(), None);
        };
        tokio::join!(sent, received);
    }

    #[tokio::test]
    async fn a_message_that_is_too_large_is_not_sent_and_the_next_one_is() {
        let (a, b) = tokio::io::duplex(1024);
        let (mut send, _keep) = split::<_, ToWorker, ToControlPlane>(a, 100);
        let (_other, mut receive) = split::<_, ToControlPlane, ToWorker>(b, 100);
        let large = ToWorker::Refused { cause: RefusalCause::Other, reason: "x".repeat(100) };
        assert_eq!(send.send(&large).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        send.send(&ToWorker::Heartbeat).await.unwrap();
        assert_eq!(receive.receive().await.unwrap(), Some(ToWorker::Heartbeat));
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_or_of_no_message_is_an_error() {
        for bytes in [&[0, 1, 0, 1][..], &[0, 0, 0, 2, b'{', b'}'][..], &[0, 0, 0, 9, b'x'][..]] {
            let (mut a, b) = tokio::io::duplex(64);
            let (_, mut receive) = split::<_, ToControlPlane, ToWorker>(b, 1024);
            a.write_all(bytes).await.unwrap();
            drop(a);
            receive.receive().await.unwrap_err();
        }
    }
}
