//! The signals of a process: stop in order, stop at once, start a successor.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// A request to stop, shared by all tasks that must obey it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// Cancelled when the process must stop in order.
    pub(crate) asked: CancellationToken,
    /// Cancelled when the process must stop at once.
    pub(crate) hurried: CancellationToken,
}

impl Stop {
    pub(crate) fn new() -> Stop {
        Stop::default()
    }
}

/// The handlers of SIGTERM, SIGINT, SIGHUP and, for commands with successors, SIGUSR2, installed while this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    /// SIGUSR2 starts a successor, as it does in nginx, from this executable. `None` for commands that cannot be taken
    /// over.
    succeed: Option<(Signal, PathBuf)>,
    terminate: Signal,
    interrupt: Signal,
    /// `None` if SIGHUP must stay ignored, as under `nohup`.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Installs the handlers. `successor` is the executable of a successor, if this command can be taken over. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// The operating system's error.
    pub(crate) fn register(successor: Option<PathBuf>) -> io::Result<Signals> {
        let succeed = match successor {
            Some(executable) => Some((signal(SignalKind::user_defined2())?, executable)),
            None => None,
        };
        Ok(Signals {
            succeed,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Handles signals for ever. The first stop signal asks for a stop in order; a SIGINT after that hurries it. A
    /// second SIGTERM does not, because service managers may repeat it; nor does SIGHUP, which a terminal sends
    /// when it is closed.
    pub(crate) async fn drive(mut self, stop: &Stop) -> Infallible {
        loop {
            tokio::select! {
                executable = successor(self.succeed.as_mut()) => {
                    start_successor(executable);
                    continue;
                }
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

/// Starts the same command again. The new process takes over from this one by the usual handover.
fn start_successor(executable: &Path) {
    let mut command = Command::new(executable);
    // Without `WATCHDOG_PID`, the successor also notifies the watchdog.
    command.args(std::env::args_os().skip(1)).env_remove("WATCHDOG_PID");
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return warn!("no successor can be started: {}: {error}", executable.display()),
    };
    info!(process.id = child.id(), "a successor was started");
    // A successor that ends while this process still runs has failed.
    let wait = move || {
        let mut child = child;
        match child.wait() {
            Ok(status) => warn!("the successor has ended: {status}"),
            Err(error) => warn!("the successor cannot be waited for: {error}"),
        }
    };
    if let Err(error) = std::thread::Builder::new().name("successor".to_owned()).spawn(wait) {
        warn!("the successor cannot be waited for: {error}");
    }
}

/// Waits for the next signal that starts a successor, and returns the executable; for ever without one.
async fn successor(succeed: Option<&mut (Signal, PathBuf)>) -> &Path {
    match succeed {
        Some((signal, executable)) => {
            signal.recv().await;
            executable
        }
        None => std::future::pending().await,
    }
}

/// Waits for the next signal; for ever without one.
async fn next(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}

/// Returns true if this process was started with SIGHUP ignored, which a handler would undo.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signals are numbered from 1, bits from 0.
    ignored.is_some_and(|mask| mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1)
}
