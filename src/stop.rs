//! How a process is asked to end: once for in good order, a second time for at once.

use std::convert::Infallible;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A request to stop, shared by all that must hear of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// Cancelled when the process should end in good order.
    pub(crate) asked: CancellationToken,
    /// Cancelled when whoever asked will not wait any longer.
    pub(crate) hurried: CancellationToken,
}

impl Stop {
    pub(crate) fn new() -> Stop {
        Stop::default()
    }
}

/// SIGTERM and SIGINT, caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches the two signals. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn register() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Passes signals on for ever: the first of either kind asks, a SIGINT after that hurries. A second SIGTERM does
    /// not, since service managers may repeat it.
    pub(crate) async fn drive(mut self, stop: &Stop) -> Infallible {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => if stop.asked.is_cancelled() {
                    stop.hurried.cancel();
                }
            }
            stop.asked.cancel();
        }
    }
}
