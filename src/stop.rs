//! The signals of a process: to end in good order, to end at once, and to start a successor.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

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

/// SIGTERM, SIGINT, SIGHUP and, where there are successors, SIGUSR2, caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Starts a successor, as nginx's signal of that name does. None for commands that cannot be taken over from.
    succeed: Option<Signal>,
    /// What a successor is: this executable, at the path that it had when this process started.
    executable: PathBuf,
    terminate: Signal,
    interrupt: Signal,
    /// None where it is to be ignored, as `nohup` asks for.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Catches the signals. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn register(has_successors: bool) -> io::Result<Signals> {
        let succeed = has_successors.then(|| signal(SignalKind::user_defined2())).transpose()?;
        Ok(Signals {
            succeed,
            executable: std::env::current_exe()?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Passes signals on for ever: the first that ends a process asks, a SIGINT after that hurries. A second SIGTERM does not,
    /// since service managers may repeat it; nor does SIGHUP, which a terminal sends when it goes away.
    pub(crate) async fn drive(mut self, stop: &Stop) -> Infallible {
        loop {
            tokio::select! {
                () = next(self.succeed.as_mut()) => {
                    start_successor(&self.executable);
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

/// Starts this command once more. The new process takes over from this one, which learns of it as of any other.
fn start_successor(executable: &Path) {
    let mut command = Command::new(executable);
    // The successor is watched too, under a number of its own.
    command.args(std::env::args_os().skip(1)).env_remove("WATCHDOG_PID");
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return warn!("no successor can be started: {}: {error}", executable.display()),
    };
    info!(process.id = child.id(), "a successor was started");
    // This process ends before a successor that takes over.
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
