//! Tests of the idle timeout with a paused clock.

use std::future::poll_fn;
use std::pin::Pin;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::net::TcpListener;
use tokio::time::{advance, timeout};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(30);

/// A tap that need not see anything.
#[derive(Debug, Default)]
pub(crate) struct Unread;

impl Tap for Unread {
    fn read(&mut self, _: &[u8]) -> u32 {
        0
    }

    fn unseen(&self, _: &[u8]) -> u64 {
        u64::MAX
    }

    fn pass(&mut self, _: u64) {}
}

impl Peer for DuplexStream {
    fn socket(&self) -> Option<&Stream> {
        None
    }

    fn closes_in_order(&self) -> bool {
        false
    }

    fn failure(&mut self, _: &mut Context<'_>) -> Option<io::Error> {
        None
    }
}

/// Both ends of a TCP connection.
pub(crate) async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// Carries the traffic to its end, and polls it twice a second too, as the scan of a thread does.
pub(crate) async fn carry<C: Peer, B: Peer, T: Tap>(traffic: &mut Traffic<C, B, T>, counts: &Counts) -> End {
    loop {
        if let Ok(end) = timeout(SECOND / 2, poll_fn(|cx| traffic.poll(cx, counts))).await {
            return end;
        }
    }
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
    let none = Bytes::new();
    let traffic = Traffic::new(
        (end(client), &none),
        (end(backend), &none),
        Timeouts::new(IDLE, 2 * IDLE),
        &Counts::default(),
    );
    (traffic, client_end, backend_end)
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nothing_has_moved_for_the_idle_timeout_and_not_before() {
    let (mut traffic, mut client, mut backend) = traffic();
    let (began, counts) = (Instant::now(), Counts::default());
    let carried = carry(&mut traffic, &counts);
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
    let due = 3 * (IDLE - SECOND) + IDLE;
    assert!(began.elapsed() >= due && began.elapsed() <= due + SECOND, "{:?}", began.elapsed());
    assert_eq!((counts.received(), counts.sent()), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_fails_unseen_is_found_while_bytes_wait_for_the_other() {
    let (mut traffic, mut client, _backend) = traffic();
    client.write_all(&[0; 16]).await.unwrap();
    let poll = async |traffic: &mut Traffic<Pipe, Pipe, Unread>| {
        poll_fn(|cx| Poll::Ready(traffic.poll(cx, &Counts::default()))).await
    };
    assert!(poll(&mut traffic).await.is_pending());
    // The backend has no room for these.
    client.write_all(&[0; 16]).await.unwrap();
    assert!(poll(&mut traffic).await.is_pending());
    traffic.client.failed = true;
    advance(SECOND + Duration::from_millis(1)).await;
    let polled = poll(&mut traffic).await;
    assert!(matches!(polled, Poll::Ready(End::Failed(Side::Client, _))), "{polled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_side_that_closes_may_still_receive() {
    let (mut traffic, mut client, mut backend) = traffic();
    let counts = Counts::default();
    let carried = carry(&mut traffic, &counts);
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

#[test]
fn timeouts_are_kept_in_seconds() {
    for (idle, peer) in [(1, 2), (240, 60), (86_400, 3600)] {
        let timeouts = Timeouts::new(idle * SECOND, peer * SECOND);
        assert_eq!((timeouts.idle(), timeouts.peer()), (idle * SECOND, peer * SECOND));
    }
}
