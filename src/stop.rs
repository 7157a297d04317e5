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

/// SIGTERM, SIGINT and SIGHUP, caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None where it is to be ignored, as `nohup` asks for.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Catches the three signals. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn register() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Passes signals on for ever: the first of any kind asks, a SIGINT after that hurries. A second SIGTERM does not,
    /// since service managers may repeat it; nor does SIGHUP, which a terminal sends when it goes away.
    pub(crate) async fn drive(mut self, stop: &Stop) -> Infallible {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                () = next(self.hang_up.as_mut()) => {}
                _ = self.interrupt.recv() => if stop.asked.is_cancelled() {
                    stop.hurried.cancel();
                }
            }
            stop.asked.cancel();
        }
    }
}

/// The next signal, or never.
async fn next(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored. To catch it nevertheless would undo that.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signals count from 1, bits from 0.
    ignored.is_some_and(|mask| mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1)
}
