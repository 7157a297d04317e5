//! A byte stream that counts the bytes that pass, to distinguish a slow peer from a silent one.
//!
//! A large message over a slow link may take longer than a peer may be silent. The time limit therefore applies to
//! the time since the last byte moved, not to the whole message. The stream lies below TLS, where bytes are counted
//! as they arrive.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

/// A stream whose bytes are counted in both directions.
#[derive(Debug)]
pub struct Metered<S> {
    stream: S,
    read: Arc<AtomicU64>,
    written: Arc<AtomicU64>,
}

/// Watches one direction of a [`Metered`] stream.
#[derive(Debug)]
pub struct Meter {
    moved: Arc<AtomicU64>,
    seen: u64,
    since: Instant,
}

/// No byte moved for this time.
#[derive(Debug, thiserror::Error)]
#[error("no byte moved for {} s", .0.as_secs())]
pub struct Stalled(pub Duration);

impl<S> Metered<S> {
    /// Wraps a stream, with both counts at zero.
    pub fn new(stream: S) -> Metered<S> {
        Metered { stream, read: Arc::default(), written: Arc::default() }
    }

    /// Returns a meter for the bytes that are read.
    pub fn reading(&self) -> Meter {
        Meter::of(&self.read)
    }

    /// Returns a meter for the bytes that are written.
    pub fn writing(&self) -> Meter {
        Meter::of(&self.written)
    }
}

impl Meter {
    fn of(moved: &Arc<AtomicU64>) -> Meter {
        Meter { moved: moved.clone(), seen: moved.load(Ordering::Relaxed), since: Instant::now() }
    }

    /// Restarts the time limit now. To be called when a direction was idle on purpose.
    pub fn restart(&mut self) {
        self.has_moved();
        self.since = Instant::now();
    }

    /// Waits for `work` for as long as bytes keep moving. A wait that is cancelled and started again keeps the time
    /// of the last byte. `work` is polled before the time is checked.
    ///
    /// # Errors
    /// No byte moved for `patience`. After bytes have moved, the error may come up to twice that time later.
    pub async fn watch<W: Future>(&mut self, patience: Duration, work: W) -> Result<W::Output, Stalled> {
        let mut work = pin!(work);
        loop {
            match timeout_at(self.since + patience, work.as_mut()).await {
                Ok(output) => {
                    self.has_moved();
                    return Ok(output);
                }
                Err(_) if self.has_moved() => {}
                Err(_) => return Err(Stalled(patience)),
            }
        }
    }

    fn has_moved(&mut self) -> bool {
        let moved = self.moved.load(Ordering::Relaxed);
        if moved == self.seen {
            return false;
        }
        (self.seen, self.since) = (moved, Instant::now());
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        count(&self.read, buffer.filled().len() - before);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = &polled {
            count(&self.written, *written);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        if let Poll::Ready(Ok(written)) = &polled {
            count(&self.written, *written);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn count(moved: &AtomicU64, bytes: usize) {
    moved.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::sleep;

    const TIMEOUT: Duration = Duration::from_secs(4);

    #[tokio::test(start_paused = true)]
    async fn slow_is_not_silent() {
        let (mut near, far) = tokio::io::duplex(1);
        let mut far = Metered::new(far);
        let (mut reading, mut bytes) = (far.reading(), [0; 16]);
        let began = Instant::now();
        let slowly = async {
            for byte in 0..16 {
                sleep(TIMEOUT / 8).await;
                near.write_all(&[byte]).await.unwrap();
            }
        };
        let (_, read) = tokio::join!(slowly, reading.watch(TIMEOUT, far.read_exact(&mut bytes)));
        read.unwrap().unwrap();
        assert!(began.elapsed() > TIMEOUT, "the whole took longer than the peer may be silent");
        assert_eq!(bytes[15], 15);

        let began = Instant::now();
        reading.watch(TIMEOUT, far.read_u8()).await.unwrap_err();
        assert!(began.elapsed() + TIMEOUT / 8 >= TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_begun_again_goes_on_and_one_that_is_restarted_does_not() {
        let (_near, far) = tokio::io::duplex(1);
        let mut far = Metered::new(far);
        let (mut reading, mut writing) = (far.reading(), far.writing());
        let mut times = 0;
        let given_up = async {
            while tokio::time::timeout(TIMEOUT / 4, reading.watch(TIMEOUT, far.read_u8())).await.is_err() {
                times += 1;
            }
        };
        tokio::time::timeout(TIMEOUT * 20, given_up).await.unwrap();
        assert!(times > 0);
        writing.restart();
        let began = Instant::now();
        writing.watch(TIMEOUT, far.write_all(b"two")).await.unwrap_err();
        assert!(began.elapsed() >= TIMEOUT);
    }
}
