//! Tests of the idle timeout with a paused clock.

use std::future::poll_fn;
use std::pin::pin;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::time::{advance, sleep_until};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Unread;

impl Tap for Unread {
    fn read(&mut self, _: &[u8]) {}
}

/// An end in memory, which has failed without notice if `failed` is set.
struct Pipe {
    stream: DuplexStream,
    failed: bool,
}

impl Peer for Pipe {
    fn socket(&self) -> Option<&Stream> {
        None
    }

    fn closes_in_order(&self) -> bool {
        false
    }

    fn failure(&mut self, _: &mut Context<'_>) -> Option<io::Error> {
        self.failed.then(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Traffic between two pipes of 16 bytes, and their far ends: the client's, then the backend's.
fn traffic() -> (Traffic<Pipe, Pipe, Unread>, DuplexStream, DuplexStream) {
    let (client_end, client) = duplex(16);
    let (backend, backend_end) = duplex(16);
    let end = |stream| Pipe { stream, failed: false };
    (Traffic::new((end(client), &Bytes::new()), (end(backend), &Bytes::new()), IDLE), client_end, backend_end)
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nothing_has_moved_for_the_idle_timeout_and_not_before() {
    let (mut traffic, mut client, mut backend) = traffic();
    let began = Instant::now();
    let carried = async {
        let mut alarm = pin!(sleep_until(traffic.due()));
        poll_fn(|cx| traffic.poll(cx, alarm.as_mut())).await
    };
    let used = async {
        for _ in 0..3 {
            tokio::time::sleep(IDLE - SECOND).await;
            client.write_all(b"ping").await.unwrap();
            backend.read_exact(&mut [0; 4]).await.unwrap();
        }
        // Neither end closes.
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        end = carried => end,
        () = used => unreachable!(),
    };
    assert!(matches!(end, End::Idle(IDLE)), "{end:?}");
    assert_eq!(began.elapsed().as_secs(), (3 * (IDLE - SECOND) + IDLE).as_secs());
    assert_eq!((traffic.received(), traffic.sent()), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_fails_unseen_is_found_while_bytes_wait_for_the_other() {
    let (mut traffic, mut client, _backend) = traffic();
    client.write_all(&[0; 16]).await.unwrap();
    let mut alarm = pin!(sleep_until(traffic.due()));
    let poll = async |traffic: &mut Traffic<Pipe, Pipe, Unread>, alarm: Pin<&mut Sleep>| {
        let mut alarm = alarm;
        poll_fn(|cx| Poll::Ready(traffic.poll(cx, alarm.as_mut()))).await
    };
    assert!(poll(&mut traffic, alarm.as_mut()).await.is_pending());
    // The backend has no room for these.
    client.write_all(&[0; 16]).await.unwrap();
    assert!(poll(&mut traffic, alarm.as_mut()).await.is_pending());
    traffic.client.failed = true;
    advance(SECOND + Duration::from_millis(1)).await;
    let polled = poll(&mut traffic, alarm.as_mut()).await;
    assert!(matches!(polled, Poll::Ready(End::Failed(Side::Client, _))), "{polled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_side_that_closes_may_still_receive() {
    let (mut traffic, mut client, mut backend) = traffic();
    let carried = async {
        let mut alarm = pin!(sleep_until(traffic.due()));
        poll_fn(|cx| traffic.poll(cx, alarm.as_mut())).await
    };
    let spoken = async {
        client.shutdown().await.unwrap();
        assert_eq!(backend.read(&mut [0; 1]).await.unwrap(), 0);
        tokio::time::sleep(SECOND).await;
        backend.write_all(b"last").await.unwrap();
        backend.shutdown().await.unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        received
    };
    let (end, received) = tokio::join!(carried, spoken);
    assert!(matches!(end, End::Closed(Side::Client)), "{end:?}");
    assert_eq!(received, b"last");
}
