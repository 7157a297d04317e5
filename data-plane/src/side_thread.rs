//! A thread beside the serving threads. It may block in a system call or on a peer when the process must end, so
//! the process waits for it for a limited time.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A running thread.
#[derive(Debug)]
pub(crate) struct SideThread {
    thread: JoinHandle<()>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl SideThread {
    /// Starts a thread with this name.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<SideThread> {
        let (running, ended) = sync_channel(0);
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _running = running;
            work();
        })?;
        Ok(SideThread { thread, ended })
    }

    /// Waits for the thread's end for at most `patience`; after that, the thread ends with the process.
    pub(crate) fn finish(self, patience: Duration) {
        let name = self.thread.thread().name().unwrap_or_default().to_owned();
        if self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(name, "a thread is stuck: its remaining work is lost");
        } else if self.thread.join().is_err() {
            tracing::error!(name, "a thread panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn who_ends_is_waited_for_and_who_is_stuck_is_not() {
        let done = Arc::new(AtomicBool::new(false));
        let seen = done.clone();
        let work = move || done.store(true, Ordering::Relaxed);
        SideThread::start("quick", work).unwrap().finish(Duration::from_secs(60));
        assert!(seen.load(Ordering::Relaxed));

        let (hold, held) = mpsc::channel::<()>();
        let wait = move || assert!(held.recv().is_err());
        SideThread::start("stuck", wait).unwrap().finish(Duration::from_millis(10));
        drop(hold);
    }
}
