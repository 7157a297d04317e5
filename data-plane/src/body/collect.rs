//! A collected request body: its beginning is in memory, the rest on disk. It can be sent any number of times.

use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::SizeHint;
use tidegate_http1::{Fault, Fields};
use tokio::time::timeout;

use super::chunk::{Chunk, Pieces, next};
use super::{IN_MEMORY, Progress};
use crate::spool::{PendingRead, SpoolError, SpoolFile, SpoolQuota};

/// The time and the bytes for which a rejected body is still read.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A collected body. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Collected(Rc<Parts>);

#[derive(Debug)]
struct Parts {
    /// The beginning of the body.
    memory: Bytes,
    /// The rest of the body.
    spool: Option<SpoolFile>,
    length: u64,
    trailers: Option<Fields>,
}

/// The reason why a body was not collected.
#[derive(Debug)]
pub(crate) enum CollectError {
    /// The body is larger than the whole disk quota of `limit` bytes.
    TooLarge { limit: u64 },
    /// The body could not be written to disk, or read back.
    Spool(SpoolError),
    /// The body ended early or is malformed.
    Broken,
    /// The client paused for `seconds`.
    Slow { seconds: u64 },
    /// The body violates a limit of every body: it is too large, or below the minimum rate.
    Refused(Fault),
}

impl From<SpoolError> for CollectError {
    fn from(error: SpoolError) -> CollectError {
        CollectError::Spool(error)
    }
}

/// Collects a body to its end. The client may pause for `pause`.
///
/// # Errors
/// The body is larger than the quota or than the remaining space, or it ends early or stalls.
pub(crate) async fn collect<B>(
    body: B,
    progress: Option<&Progress>,
    spool_quota: &SpoolQuota,
    pause: Duration,
) -> Result<Collected, CollectError>
where
    B: Pieces,
{
    if body.left().lower() > spool_quota.limit() {
        return Err(CollectError::TooLarge { limit: spool_quota.limit() });
    }
    let mut body = body;
    let collected = take_in(&mut body, progress, spool_quota, pause).await;
    if matches!(collected, Err(CollectError::TooLarge { .. } | CollectError::Spool(_))) {
        linger(&mut body).await;
    }
    collected
}

async fn take_in<B>(
    body: &mut B,
    progress: Option<&Progress>,
    spool_quota: &SpoolQuota,
    pause: Duration,
) -> Result<Collected, CollectError>
where
    B: Pieces,
{
    let mut collecting = Collecting::default();
    loop {
        let allowance = progress.and_then(Progress::allowance).unwrap_or(Duration::MAX);
        if let Some(progress) = progress {
            progress.measure(None);
        }
        let piece = timeout(pause.min(allowance), next(body)).await;
        let piece = piece.map_err(|_| match allowance < pause {
            true => CollectError::Refused(Fault::SlowBody),
            false => CollectError::Slow { seconds: pause.as_secs() },
        })?;
        match piece.transpose().map_err(|_| CollectError::Broken)? {
            Some(Chunk::Trailers(trailers)) => collecting.trailers = Some(trailers),
            Some(piece) => {
                let data = piece.bytes(&[]);
                if let Some(progress) = progress {
                    progress.add(data.len() as u64);
                    progress.measure(Some(data.len() as u64));
                    if progress.is_too_large() {
                        return Err(CollectError::Refused(Fault::BodyTooLarge));
                    }
                }
                collecting.take(data, spool_quota).await?;
            }
            None => break,
        }
    }
    collecting.finish(spool_quota).await
}

/// Reads and discards for a moment: a client that still sends would otherwise get a reset before it has read the
/// response.
async fn linger<B>(body: &mut B)
where
    B: Pieces,
{
    let read_on = async {
        let mut left = LINGER_BYTES;
        while let Some(Ok(piece)) = next(body).await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    // A client that sends more than that, or more slowly, may miss the response.
    let _ = timeout(LINGER, read_on).await;
}

#[derive(Default)]
struct Collecting {
    memory: BytesMut,
    /// The bytes after it that are not yet on disk.
    next: BytesMut,
    spool: Option<SpoolFile>,
    spooled: u64,
    trailers: Option<Fields>,
}

impl Collecting {
    async fn take(&mut self, data: &[u8], spool_quota: &SpoolQuota) -> Result<(), CollectError> {
        let here = data.len().min(IN_MEMORY - self.memory.len());
        self.memory.extend_from_slice(&data[..here]);
        for piece in data[here..].chunks(IN_MEMORY) {
            self.next.extend_from_slice(piece);
            if self.next.len() >= IN_MEMORY {
                self.spill(spool_quota).await?;
            }
        }
        Ok(())
    }

    /// Writes the bytes that are not yet on disk.
    async fn spill(&mut self, spool_quota: &SpoolQuota) -> Result<(), CollectError> {
        let held = (self.memory.len() + self.next.len()) as u64 + self.spooled;
        if held > spool_quota.limit() {
            return Err(CollectError::TooLarge { limit: spool_quota.limit() });
        }
        let bytes = self.next.split().freeze();
        let spool = match self.spool.take() {
            Some(spool) => spool,
            None => SpoolFile::create(spool_quota).await.map_err(SpoolError::from)?,
        };
        let length = bytes.len() as u64;
        spool.write(self.spooled, bytes).await?;
        self.spooled += length;
        self.spool = Some(spool);
        Ok(())
    }

    async fn finish(mut self, spool_quota: &SpoolQuota) -> Result<Collected, CollectError> {
        if !self.next.is_empty() {
            self.spill(spool_quota).await?;
        }
        let memory = self.memory.freeze();
        let length = memory.len() as u64 + self.spooled;
        Ok(Collected(Rc::new(Parts { memory, spool: self.spool, length, trailers: self.trailers })))
    }
}

impl Collected {
    /// Returns the body from its beginning.
    pub(crate) fn replay(&self) -> Replay {
        Replay { body: self.clone(), at: 0, reading: None, trailers: self.0.trailers.clone() }
    }
}

/// A collected body on its way to a backend.
pub(crate) struct Replay {
    body: Collected,
    at: u64,
    reading: Option<PendingRead>,
    trailers: Option<Fields>,
}

impl Replay {
    /// Returns the same body from its beginning.
    pub(crate) fn again(&self) -> Replay {
        self.body.replay()
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replay({} of {})", self.at, self.body.0.length)
    }
}

impl Pieces for Replay {
    type Error = std::io::Error;

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, std::io::Error>>> {
        let parts = &self.body.0;
        let in_memory = parts.memory.len() as u64;
        if self.at == 0 && in_memory > 0 {
            self.at = in_memory;
            return Poll::Ready(Some(Ok(Chunk::Owned(parts.memory.clone()))));
        }
        if let Some(spool) = parts.spool.as_ref().filter(|_| self.at < parts.length) {
            let left = usize::try_from(parts.length - self.at).unwrap_or(IN_MEMORY).min(IN_MEMORY);
            let at = self.at - in_memory;
            let reading = self.reading.get_or_insert_with(|| spool.read(at, left));
            let read = ready!(reading.as_mut().poll(cx));
            self.reading = None;
            self.at += read.as_ref().map_or(0, |bytes| bytes.len() as u64);
            return Poll::Ready(Some(read.map(Chunk::Owned)));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Chunk::Trailers(trailers))))
    }

    fn has_ended(&self) -> bool {
        self.at == self.body.0.length && self.trailers.is_none()
    }

    /// A body with trailers has no exact length: HTTP/1.1 can carry trailers only in a chunked body.
    fn left(&self) -> SizeHint {
        let left = self.body.0.length - self.at;
        match self.trailers {
            None => SizeHint::with_exact(left),
            Some(_) => {
                let mut hint = SizeHint::new();
                hint.set_lower(left);
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests;
