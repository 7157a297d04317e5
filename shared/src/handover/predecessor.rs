//! The predecessor's side: its thread talks to successors, and decides whether one was in time. The process itself
//! decides what is passed on, and when.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use super::connection::{HandoverConnection, HandoverListener};
use super::{Message, TIMEOUT};

/// The time limit for the successor to close the connection once it serves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);

/// A request to take over. If it is dropped, the successor learns that this process is ending.
#[derive(Debug)]
pub struct TakeOverRequest<H> {
    answer: oneshot::Sender<Result<H, String>>,
    taken: oneshot::Receiver<bool>,
}

impl<H> TakeOverRequest<H> {
    /// Refuses the request with this reason.
    pub fn refuse(self, reason: String) {
        // The send cannot fail: the thread waits for the answer.
        let _ = self.answer.send(Err(reason));
    }

    /// Passes on what the process holds. Returns true once the successor serves, false if it has failed.
    pub async fn grant(self, handover: H) -> bool {
        self.answer.send(Ok(handover)).is_ok() && self.taken.await.unwrap_or(false)
    }
}

/// A process that can be succeeded. `H` is everything that is passed on to a successor.
#[derive(Debug)]
pub struct Predecessor<H> {
    requests: mpsc::Receiver<TakeOverRequest<H>>,
    path: PathBuf,
}

impl<H: Send + 'static> Predecessor<H> {
    /// Starts to listen for successors at `path`. `parts` sends the parts of a granted handover with
    /// [`Parts::send`].
    ///
    /// # Errors
    /// The socket cannot be bound, for example because the directory is not writable; or the thread cannot be
    /// started.
    pub fn listen<T, F>(path: &Path, parts: F) -> io::Result<Predecessor<H>>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(&Parts<'_, T>, &H) -> io::Result<()> + Send + 'static,
    {
        let listener = HandoverListener::bind(path)?;
        let (send, requests) = mpsc::channel(1);
        let wait = move || {
            loop {
                match listener.accept().and_then(|successor| serve(&successor, &send, &parts)) {
                    Ok(true) => return,
                    Ok(false) if send.is_closed() => return,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a successor has not taken over");
                        // An accept that fails because the process is out of descriptors fails again at once.
                        thread::park_timeout(PAUSE);
                    }
                }
            }
        };
        thread::Builder::new().name("handover".to_owned()).spawn(wait)?;
        Ok(Predecessor { requests, path: path.to_owned() })
    }

    /// Waits for the next request. Cancel safe. Never returns once a successor has taken over.
    pub async fn request(&mut self) -> TakeOverRequest<H> {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    /// Removes the socket. The caller must do so before it releases its lock, because a successor may own the path
    /// afterwards. The `Predecessor` itself must be dropped after the lock is released, because the drop sends
    /// waiting successors back to the lock.
    pub fn close(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a socket cannot be removed");
        }
    }
}

/// The connection on which a process sends the parts that it passes on.
#[derive(Debug)]
pub struct Parts<'a, T>(&'a HandoverConnection, std::marker::PhantomData<T>);

impl<T: Serialize> Parts<'_, T> {
    /// Sends one part with copies of at most [`super::MAX_DESCRIPTORS`] descriptors.
    ///
    /// # Errors
    /// The successor is gone, or does not read.
    pub fn send(&self, part: T, descriptors: &[std::os::fd::BorrowedFd<'_>]) -> io::Result<()> {
        self.0.send(&Message::Part(part), descriptors)
    }
}

/// Serves one successor. Returns true if it has taken over.
fn serve<T, H, F>(
    successor: &HandoverConnection,
    requests: &mpsc::Sender<TakeOverRequest<H>>,
    parts: F,
) -> io::Result<bool>
where
    T: Serialize + DeserializeOwned,
    F: Fn(&Parts<'_, T>, &H) -> io::Result<()>,
{
    let (Message::<T>::TakeOver, _) = successor.receive(TIMEOUT)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first message is not TakeOver"));
    };
    // This successor may have waited behind another one, and given up.
    if !successor.is_open() {
        return Ok(false);
    }
    let (answer, answered) = oneshot::channel();
    let (tell, taken) = oneshot::channel();
    // A process that is ending accepts no request. The closed connection tells the successor to try the lock again.
    if requests.blocking_send(TakeOverRequest { answer, taken }).is_err() {
        return Ok(false);
    }
    let outcome = match answered.blocking_recv() {
        Ok(Ok(handover)) => pass_on(successor, handover, parts),
        Ok(Err(reason)) => successor.send(&Message::<T>::Refused(reason), &[]).map(|()| false),
        Err(_) => Ok(false),
    };
    // The receiver may be gone: the process may already drain because of a signal.
    let _ = tell.send(matches!(outcome, Ok(true)));
    outcome
}

fn pass_on<T, H, F>(successor: &HandoverConnection, handover: H, parts: F) -> io::Result<bool>
where
    T: Serialize + DeserializeOwned,
    F: Fn(&Parts<'_, T>, &H) -> io::Result<()>,
{
    parts(&Parts(successor, std::marker::PhantomData), &handover)?;
    successor.send(&Message::<T>::Whole, &[])?;
    // Copies that stayed open here would keep a socket listening after a later change has closed it.
    drop(handover);
    let (Message::<T>::Serving, _) = successor.receive(TIMEOUT)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the second message is not Serving"));
    };
    // From here on the successor owns the sockets, even if this message is lost: it then sees that this process
    // ends.
    if successor.send(&Message::<T>::Draining, &[]).is_ok() {
        // The successor sends nothing more; this waits for the end of the connection.
        let _ = successor.receive::<Message<T>>(CLOSE_TIMEOUT);
    }
    Ok(true)
}
