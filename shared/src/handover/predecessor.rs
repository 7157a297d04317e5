//! The predecessor's side: its thread talks with successors, and decides whether one was in time. The process decides what
//! is passed on, and when.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Connection, Listener};
use super::{Message, TIMEOUT};

/// How long the successor may keep the connection once it serves.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// A successor that asks. Dropped, it is told that this process ends.
#[derive(Debug)]
pub struct Request<H> {
    answer: oneshot::Sender<Result<H, String>>,
    taken: oneshot::Receiver<bool>,
}

impl<H> Request<H> {
    /// Refuses, and says why.
    pub fn refuse(self, reason: String) {
        // The thread waits for the answer.
        let _ = self.answer.send(Err(reason));
    }

    /// Passes on what the process holds. True once the successor serves, false if it has failed.
    pub async fn grant(self, handover: H) -> bool {
        self.answer.send(Ok(handover)).is_ok() && self.taken.await.unwrap_or(false)
    }
}

/// A process that can be succeeded. `H` is everything that a successor gets.
#[derive(Debug)]
pub struct Predecessor<H> {
    requests: mpsc::Receiver<Request<H>>,
    path: PathBuf,
}

impl<H: Send + 'static> Predecessor<H> {
    /// Waits at `path` for successors from now on. `parts` sends the parts of what was granted, by [`Parts::send`].
    ///
    /// # Errors
    /// The socket cannot be bound, as in a directory that cannot be written.
    pub fn listen<T, F>(path: &Path, parts: F) -> io::Result<Predecessor<H>>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(&Parts<'_, T>, &H) -> io::Result<()> + Send + 'static,
    {
        let listener = Listener::bind(path)?;
        let (send, requests) = mpsc::channel(1);
        let wait = move || {
            loop {
                match listener.accept().and_then(|successor| serve(&successor, &send, &parts)) {
                    Ok(true) => return,
                    Ok(false) if send.is_closed() => return,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a successor has not taken over");
                        // An accept that fails for want of descriptors fails again at once.
                        thread::park_timeout(PAUSE);
                    }
                }
            }
        };
        thread::Builder::new().name("handover".to_owned()).spawn(wait)?;
        Ok(Predecessor { requests, path: path.to_owned() })
    }

    /// The next successor that asks. Cancel safe. Pending for ever once one has taken over.
    pub async fn request(&mut self) -> Request<H> {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    /// Removes the socket. To be called before the process gives up its lock, since the path may be a successor's after
    /// that; and this must be dropped after the lock, since a successor that asked in vain tries the lock again.
    pub fn close(&self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a socket cannot be removed");
        }
    }
}

/// Sends parts of what a process passes on.
#[derive(Debug)]
pub struct Parts<'a, T>(&'a Connection, std::marker::PhantomData<T>);

impl<T: Serialize> Parts<'_, T> {
    /// Sends one, with copies of at most [`super::MAX_DESCRIPTORS`] descriptors.
    ///
    /// # Errors
    /// The successor is gone, or takes nothing.
    pub fn send(&self, part: T, descriptors: &[std::os::fd::BorrowedFd<'_>]) -> io::Result<()> {
        self.0.send(&Message::Part(part), descriptors)
    }
}

/// True if the successor has taken over.
fn serve<T, H, F>(successor: &Connection, requests: &mpsc::Sender<Request<H>>, parts: F) -> io::Result<bool>
where
    T: Serialize + DeserializeOwned,
    F: Fn(&Parts<'_, T>, &H) -> io::Result<()>,
{
    let (Message::<T>::TakeOver, _) = successor.receive(TIMEOUT)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first message is not TakeOver"));
    };
    // It may have waited behind another one, and given up.
    if !successor.is_open() {
        return Ok(false);
    }
    let (answer, answered) = oneshot::channel();
    let (tell, taken) = oneshot::channel();
    // A process that ends takes no request. The closed connection tells the successor to try the lock again.
    if requests.blocking_send(Request { answer, taken }).is_err() {
        return Ok(false);
    }
    let outcome = match answered.blocking_recv() {
        Ok(Ok(handover)) => pass_on(successor, handover, parts),
        Ok(Err(reason)) => successor.send(&Message::<T>::Refused(reason), &[]).map(|()| false),
        Err(_) => Ok(false),
    };
    // The process may drain already because it was asked to stop.
    let _ = tell.send(matches!(outcome, Ok(true)));
    outcome
}

fn pass_on<T, H, F>(successor: &Connection, handover: H, parts: F) -> io::Result<bool>
where
    T: Serialize + DeserializeOwned,
    F: Fn(&Parts<'_, T>, &H) -> io::Result<()>,
{
    parts(&Parts(successor, std::marker::PhantomData), &handover)?;
    successor.send(&Message::<T>::Whole, &[])?;
    // Copies that stayed would keep a socket open that a later change closes.
    drop(handover);
    let (Message::<T>::Serving, _) = successor.receive(TIMEOUT)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the second message is not Serving"));
    };
    // From here on the place is the successor's, even if it does not hear of it: it sees that this process ends.
    if successor.send(&Message::<T>::Draining, &[]).is_ok() {
        // Nothing more comes but the end of the connection.
        let _ = successor.receive::<Message<T>>(CLOSE_TIMEOUT);
    }
    Ok(true)
}
