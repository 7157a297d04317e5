//! The buffer of a response body between a fast backend and a slow client: read as fast as the backend sends,
//! written as fast as the client reads, in between in memory and then on disk.
//!
//! Nothing is delayed: available bytes go to a client that is ready for them, so event streams pass as they do
//! without a buffer. If the space is used up, the backend waits, also as without a buffer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::SizeHint;
use thiserror::Error;
use tidegate_http1::Fields;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::chunk::{Chunk, Pieces, PolledChunk, next};
use super::{BoxError, IN_MEMORY};
use crate::spool::{PendingRead, SpoolError, SpoolFile, SpoolQuota};

/// The reason why a response was truncated.
#[derive(Debug, Error)]
pub(crate) enum RelayError {
    #[error("the backend paused for {0} s within its response")]
    Paused(u64),
    #[error("{0}")]
    BrokenOff(String),
}

/// The state that the backend's side and the client's side share.
#[derive(Debug, Default)]
struct Shared {
    state: RefCell<RelayState>,
    /// Notified whenever the client's side has taken something.
    taken: Notify,
}

/// The buffered bytes, in this order: `front`, the unread part of the spool file, `back`, the trailers, the end.
#[derive(Debug, Default)]
struct RelayState {
    front: VecDeque<Bytes>,
    front_length: usize,
    spool: Option<Rc<SpoolFile>>,
    read: u64,
    written: u64,
    /// True while bytes are being written to the spool file: later bytes must not reach the client before them.
    is_writing: bool,
    back: BytesMut,
    trailers: Option<Fields>,
    end: Option<Result<(), BoxError>>,
    client: Option<Waker>,
}

/// The client's side. Dropping it ends the backend's side.
#[derive(Debug)]
pub(crate) struct Relay {
    shared: Rc<Shared>,
    reading: Option<ReadingOf>,
    left: SizeHint,
    is_ended: bool,
    pump: JoinHandle<()>,
}

struct ReadingOf(PendingRead);

impl std::fmt::Debug for ReadingOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading(…)")
    }
}

impl Relay {
    /// Starts to read `body`, which may pause for `read_timeout`. At its end `finished` is called; `describe`
    /// gives the text of an error.
    pub(crate) fn start<B, E>(
        body: B,
        spool_quota: SpoolQuota,
        read_timeout: Duration,
        describe: impl Fn(E) -> String + 'static,
        finished: impl FnOnce() + 'static,
    ) -> Relay
    where
        B: Pieces<Error = E> + 'static,
        E: 'static,
    {
        let shared = Rc::new(Shared::default());
        let left = body.left();
        let pump = Pump { shared: shared.clone(), spool_quota };
        let pump = tokio::task::spawn_local(async move {
            let outcome = pump.run(body, read_timeout, describe).await;
            if outcome.is_ok() {
                finished();
            }
            pump.end(outcome);
        });
        Relay { shared, reading: None, left, is_ended: false, pump }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// The backend's side.
struct Pump {
    shared: Rc<Shared>,
    spool_quota: SpoolQuota,
}

impl Pump {
    async fn run<B, E>(
        &self,
        mut body: B,
        read_timeout: Duration,
        describe: impl Fn(E) -> String,
    ) -> Result<(), RelayError>
    where
        B: Pieces<Error = E>,
    {
        loop {
            let piece = timeout(read_timeout, next(&mut body)).await;
            let piece = piece.map_err(|_| RelayError::Paused(read_timeout.as_secs()))?;
            match piece.transpose().map_err(|error| RelayError::BrokenOff(describe(error)))? {
                Some(Chunk::Trailers(trailers)) => self.shared.state.borrow_mut().trailers = Some(trailers),
                Some(Chunk::Owned(data)) => self.take(data).await,
                Some(other) => self.take(Bytes::copy_from_slice(other.bytes(&[]))).await,
                None => return Ok(()),
            }
            if body.has_ended() {
                return Ok(());
            }
        }
    }

    fn end(&self, outcome: Result<(), RelayError>) {
        let mut state = self.shared.state.borrow_mut();
        state.end = Some(outcome.map_err(BoxError::from));
        state.wake_client();
    }

    /// Buffers one piece, and waits until there is space for the next.
    async fn take(&self, data: Bytes) {
        {
            let mut state = self.shared.state.borrow_mut();
            if state.has_room_in_front() {
                state.front_length += data.len();
                state.front.push_back(data);
            } else {
                state.back.extend_from_slice(&data);
            }
            state.wake_client();
        }
        while self.shared.state.borrow().back.len() >= IN_MEMORY {
            if !self.spill().await {
                self.shared.taken.notified().await;
            }
        }
    }

    /// Moves `back` to disk, if there is space. A failing disk counts as full.
    async fn spill(&self) -> bool {
        let spool = self.shared.state.borrow().spool.clone();
        let spool = match spool {
            Some(spool) => spool,
            None => match SpoolFile::create(&self.spool_quota).await {
                Ok(spool) => Rc::new(spool),
                Err(error) => return give_up(&error.into()),
            },
        };
        let (bytes, at) = {
            let mut state = self.shared.state.borrow_mut();
            state.spool = Some(spool.clone());
            state.is_writing = true;
            // While the file was created, the client may have taken these bytes.
            (state.back.split().freeze(), state.written)
        };
        let written = spool.write(at, bytes.clone()).await;
        let mut state = self.shared.state.borrow_mut();
        state.is_writing = false;
        match written {
            Ok(()) => {
                state.written = at + bytes.len() as u64;
                state.wake_client();
                true
            }
            Err(error) => {
                // Only this task adds bytes, so none have come after these.
                state.back = BytesMut::from(bytes);
                state.wake_client();
                drop(state);
                give_up(&error)
            }
        }
    }
}

fn give_up(error: &SpoolError) -> bool {
    tracing::debug!(%error, "a response waits for its client");
    false
}

impl RelayState {
    /// Returns true if the next bytes may go to `front`, because no earlier bytes wait behind it.
    fn has_room_in_front(&self) -> bool {
        self.front_length < IN_MEMORY && self.read == self.written && self.back.is_empty()
    }

    fn wake_client(&mut self) {
        if let Some(waker) = self.client.take() {
            waker.wake();
        }
    }
}

impl Relay {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> PolledChunk {
        let shared = self.shared.clone();
        {
            let mut state = shared.state.borrow_mut();
            if let Some(data) = state.front.pop_front() {
                state.front_length -= data.len();
                return Poll::Ready(Some(Ok(Chunk::Owned(data))));
            }
            if state.read < state.written {
                let Some(spool) = state.spool.clone() else { return Poll::Ready(None) };
                let length = usize::try_from(state.written - state.read).unwrap_or(IN_MEMORY).min(IN_MEMORY);
                let at = state.read;
                drop(state);
                let reading = self.reading.get_or_insert_with(|| ReadingOf(spool.read(at, length)));
                let read = ready!(reading.0.as_mut().poll(cx));
                self.reading = None;
                let mut state = shared.state.borrow_mut();
                let bytes = match read {
                    Ok(bytes) => bytes,
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                };
                state.read += bytes.len() as u64;
                if state.read == state.written && !state.is_writing {
                    (state.read, state.written) = (0, 0);
                }
                return Poll::Ready(Some(Ok(Chunk::Owned(bytes))));
            }
            if !state.is_writing && !state.back.is_empty() {
                let data = state.back.split().freeze();
                return Poll::Ready(Some(Ok(Chunk::Owned(data))));
            }
            if !state.is_writing {
                if let Some(end) = state.end.take() {
                    self.is_ended = true;
                    return match (end, state.trailers.take()) {
                        (Err(error), _) => Poll::Ready(Some(Err(error))),
                        (Ok(()), Some(trailers)) => Poll::Ready(Some(Ok(Chunk::Trailers(trailers)))),
                        (Ok(()), None) => Poll::Ready(None),
                    };
                }
                if self.is_ended {
                    return Poll::Ready(None);
                }
            }
            state.client = Some(cx.waker().clone());
            Poll::Pending
        }
    }
}

impl Pieces for Relay {
    type Error = BoxError;

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> PolledChunk {
        let piece = ready!(self.poll_next(cx));
        if let Some(Ok(Chunk::Owned(data))) = &piece {
            self.shared.taken.notify_one();
            if let Some(left) = self.left.exact() {
                self.left = SizeHint::with_exact(left.saturating_sub(data.len() as u64));
            }
        }
        Poll::Ready(piece)
    }

    fn has_ended(&self) -> bool {
        self.is_ended
    }

    fn left(&self) -> SizeHint {
        self.left
    }
}

#[cfg(test)]
mod tests;
