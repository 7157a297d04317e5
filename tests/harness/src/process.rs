//! A process of the binary under test, with its output in files.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal as signal_unix};

use crate::wait::{wait_for, within_deadline};

/// A running process. It is killed on drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts the binary. Its output is appended to `stdout.log` and `stderr.log` in the directory; `input` is its
    /// standard input.
    pub(crate) fn start(
        binary: &Path,
        arguments: &[String],
        environment: &[(&str, &str)],
        output: &Path,
        input: Option<&str>,
    ) -> Process {
        let mut command = Command::new(binary);
        heed_signals();
        command.args(arguments);
        clear_options(&mut command);
        command.envs(environment.iter().copied());
        if let Some(filter) = std::env::var_os("TIDEGATE_LOG") {
            command.env("TIDEGATE_LOG", filter);
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(append(&output.join("stdout.log")));
        command.stderr(append(&output.join("stderr.log")));
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", binary.display()));
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            // A process that ends at once is noticed by the code that waits for it.
            let _ = pipe.write_all(text.as_bytes());
        }
        Process { child }
    }

    /// The process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        signal(self.pid(), Signal::TERM);
    }

    /// Sends SIGKILL, and waits until the process has ended.
    pub fn kill(&mut self) {
        // The process may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns its exit status, if it has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits until it has ended.
    pub async fn exit(&mut self) -> ExitStatus {
        wait_for("the end of a process", async || self.exit_status()).await
    }
}

/// Runs the binary to its end, within the deadline, and returns its output.
pub async fn run(binary: impl AsRef<Path>, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary.as_ref());
    command.args(arguments).stdin(Stdio::null());
    clear_options(&mut command);
    command.envs(environment.iter().copied());
    let output = tokio::process::Command::from(command).kill_on_drop(true).output();
    within_deadline(&format!("the end of {arguments:?}"), output).await.expect("the binary can be started")
}

/// Lets processes that are started from now on receive the signals that this process ignores, for example under
/// `nohup`: a child inherits ignored signals, but not handlers. Must be called within a tokio runtime.
fn heed_signals() {
    for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate(), SignalKind::child()]
    {
        if is_ignored(kind) {
            // The handler stays installed after the drop.
            drop(signal_unix(kind).expect("these can be caught"));
        }
    }
}

fn is_ignored(kind: SignalKind) -> bool {
    let mask =
        status_field(std::process::id(), "SigIgn:").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    // Signals are numbered from 1, bits from 0.
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// Removes every variable that would be read as an option.
pub(crate) fn clear_options(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGATE_") {
            command.env_remove(name);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process that this test started, directly or indirectly.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("the number of a process is positive");
    // The process may already have ended.
    let _ = kill_process(pid, signal);
}

/// Sends SIGSTOP, and waits until the process has stopped. It keeps its sockets, whose queues the kernel continues
/// to fill.
pub async fn suspend(pid: u32) {
    signal(pid, Signal::STOP);
    wait_for("a process to stand still", async || stands_still(pid).then_some(())).await;
}

/// Sends SIGCONT, after [`suspend`].
pub fn resume(pid: u32) {
    signal(pid, Signal::CONT);
}

fn stands_still(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut states = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
    states.all(|status| status.contains("\nState:\tT"))
}

/// Returns true if a process has not ended. A zombie counts as ended, unless one of its threads is still running:
/// its sockets are then open, even though its first thread is a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Some(state) = status_field(pid, "State:") else { return false };
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads > 1 || !state.starts_with(['Z', 'X'])
}

/// Returns the processes whose command line contains the directory.
pub(crate) fn processes_in(directory: &Path) -> Vec<u32> {
    let name = directory.to_string_lossy();
    let entries = std::fs::read_dir("/proc").expect("Linux has /proc");
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id() && String::from_utf8_lossy(&command).contains(&*name)
    })
    .collect()
}

/// The resident memory of a process in KiB.
pub fn memory_kib(pid: u32) -> u64 {
    kib(pid, "VmRSS:")
}

/// The peak resident memory of a process since [`reset_peak_memory`], in KiB.
pub fn peak_memory_kib(pid: u32) -> u64 {
    kib(pid, "VmHWM:")
}

/// Resets the peak to the present value. Tidegate's processes hide their memory from other processes of the same
/// user, so that only root can do this; for other users the peak is that of the whole life.
pub fn reset_peak_memory(pid: u32) {
    match std::fs::write(format!("/proc/{pid}/clear_refs"), "5") {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
        done => done.expect("own processes can be reset"),
    }
}

fn kib(pid: u32, field: &str) -> u64 {
    let value = status_field(pid, field).unwrap_or_else(|| panic!("process {pid} is gone"));
    let number = value.split_whitespace().next().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("not a size: {value}"))
}

fn status_field(pid: u32, field: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    Some(line[field.len()..].trim().to_owned())
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("a test can write to its directory")
}
