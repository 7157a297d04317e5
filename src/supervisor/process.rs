//! The process of a worker: started here, or adopted after an earlier supervisor was killed.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};
use tidegate_shared::protocol::VERSION;
use tidegate_shared::service_manager;
use tokio::process::{Child, Command};
use tracing::warn;

use super::WorkerPlan;
use super::slot::{Slot, Survivor};
use crate::cli::{format_access_log, format_duration, format_metrics, format_tunnel_buffer};

/// The interval at which a survivor's lock is checked. A process is not notified of the end of one that is not its
/// child.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// A running worker.
#[derive(Debug)]
pub(super) enum Process {
    /// A child of this process.
    Child(Child),
    /// A process that is not a child of this one, and serves its slot.
    Survivor(Survivor),
    /// A survivor that was told to end. It may have released its slot.
    Leaving(OwnedFd),
}

/// The exit status of a process that is not a child.
const NO_STATUS: &str = "it was started by an earlier process, so there is no exit status";

impl Process {
    /// Waits for its end and returns its exit status as text. Cancel safe.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Process::Child(child) => match child.wait().await {
                Ok(status) => return status.to_string(),
                Err(e) => return format!("cannot be waited for: {e}"),
            },
            Process::Survivor(survivor) => {
                while survivor.lives() {
                    tokio::time::sleep(CHECK_INTERVAL).await;
                }
            }
            Process::Leaving(process) => {
                while !has_ended(process) {
                    tokio::time::sleep(CHECK_INTERVAL).await;
                }
            }
        }
        NO_STATUS.to_owned()
    }

    /// Asks it to drain and end. Returns once the signal was sent: a starting worker has not written its process ID
    /// yet.
    pub(super) async fn ask_to_end(&mut self) {
        self.signal_when_started(Signal::TERM).await;
    }

    /// Kills it. Returns once the signal was sent, like [`Process::ask_to_end`].
    pub(super) async fn kill(&mut self) {
        self.signal_when_started(Signal::KILL).await;
    }

    async fn signal_when_started(&mut self, signal: Signal) {
        while !self.signal(signal) && self.lives() {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    fn lives(&self) -> bool {
        match self {
            Process::Child(child) => child.id().is_some(),
            Process::Survivor(survivor) => survivor.lives(),
            Process::Leaving(process) => !has_ended(process),
        }
    }

    /// Sends a signal. Returns true if there was a process to send it to.
    fn signal(&mut self, signal: Signal) -> bool {
        if let Process::Survivor(survivor) = self {
            // From now on the worker may release its lock at any moment.
            let Some(process) = survivor.process() else { return false };
            *self = Process::Leaving(process);
        }
        // tokio returns a child's ID only until the child is reaped, so the signal cannot reach another process
        // that reuses the ID.
        let sent = match self {
            Process::Child(child) => match child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                Some(id) => kill_process(id, signal),
                None => return false,
            },
            Process::Leaving(process) => pidfd_send_signal(process, signal),
            Process::Survivor(_) => return false,
        };
        if let Err(e) = sent {
            warn!("cannot signal a worker: {e}");
        }
        true
    }
}

/// Returns true if the process of a pidfd has ended. A pidfd that cannot be polled counts as ended.
fn has_ended(process: &OwnedFd) -> bool {
    let now = Timespec::default();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&now)).map_or(true, |ready| ready > 0)
}

/// Starts a worker in a prepared slot.
///
/// # Errors
/// The process cannot be started.
pub(super) fn start(plan: &WorkerPlan, slot: &Slot) -> io::Result<Child> {
    let mut command = command(plan, slot);
    if let Some(path) = &plan.output {
        let file = File::options().create(true).append(true).open(path)?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    command.spawn()
}

/// Describes how a worker is started: the version of the channel, the executable and the arguments, each on a line.
/// Two workers with the same description need not replace each other. A package upgrade changes the inode or the
/// modification time of the executable.
pub(super) fn description(plan: &WorkerPlan) -> Vec<u8> {
    let executable = std::fs::metadata(&plan.executable).map_or_else(
        |e| e.to_string(),
        |file| format!("{} {} {} {} {}", file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec()),
    );
    let mut text = format!("channel version {VERSION}\nexecutable {executable}\n").into_bytes();
    text.extend(arguments(plan).iter().flat_map(|argument| [argument.as_bytes(), b"\n"].concat()));
    text
}

/// Returns the command line of a worker except for its slot. It holds no secret.
fn arguments(plan: &WorkerPlan) -> Vec<OsString> {
    let options = &plan.options;
    let mut arguments = Vec::new();
    let mut option = |name: &str, value: OsString| arguments.extend([OsString::from(name), value]);
    option("--control-plane", plan.control_plane.to_string().into());
    option("--public-address", options.public_address.to_string().into());
    option("--port-offset", options.port_offset.to_string().into());
    for server in &options.dns_server {
        option("--dns-server", server.to_string().into());
    }
    if let Some(threads) = options.threads {
        option("--threads", threads.to_string().into());
    }
    option("--drain-timeout", format_duration(options.drain_timeout).into());
    for (name, timeout) in options.downstream.named_timeouts() {
        option(name, format_duration(timeout).into());
    }
    option("--min-client-rate", options.downstream.min_client_rate.to_string().into());
    if let Some(most) = options.downstream.connections_per_address {
        option("--connections-per-address", most.to_string().into());
    }
    option("--max-request-body", options.downstream.max_request_body.to_string().into());
    option("--tunnel-buffer", format_tunnel_buffer(options.tunnel_buffer).into());
    option("--tunnel-history", options.tunnel_history.to_string().into());
    option("--buffer-space", options.buffer_space.to_string().into());
    option("--access-log", format_access_log(&options.access_log).into());
    option("--access-log-max-size", options.access_log_max_size.to_string().into());
    option("--access-log-keep", options.access_log_keep.to_string().into());
    option("--metrics", format_metrics(options.metrics).into());
    if let Some(endpoint) = &options.otlp_endpoint {
        option("--otlp-endpoint", endpoint.into());
    }
    option("--log", plan.log.clone().into());
    arguments
}

fn command(plan: &WorkerPlan, slot: &Slot) -> Command {
    let mut command = Command::new(&plan.executable);
    command.arg("data-plane").args(arguments(plan)).arg("--data-dir").arg(slot.dir());
    // The command line is complete. A variable for this process must not reach the worker.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGATE_") {
            command.env_remove(name);
        }
    }
    // Only this process notifies the service manager.
    for name in service_manager::VARIABLES {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    // Ctrl-C in a terminal signals the whole process group. Workers are outside it, so that only their supervisor
    // stops them, in order, and so that they continue when the supervisor is killed.
    command.process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command as Parsed};
    use clap::Parser;
    use std::path::Path;

    #[test]
    fn a_worker_gets_the_options_of_up() {
        let options = "--port-offset 8000 --public-address 127.0.0.3 --threads 2 --drain-timeout 2s --access-log x/y \
                    --access-log-max-size 1MiB --access-log-keep 0 --metrics off --buffer-space 7MiB \
                    --otlp-endpoint http://127.0.0.1:4318 --dns-server 127.0.0.4:53,[::1]:53 \
                    --client-header-timeout 1s --client-body-timeout 2s --client-send-timeout 3s \
                    --keep-alive-timeout 4s --max-request-body 9MiB --min-client-rate 7 \
                    --min-client-rate-grace 9s --connections-per-address 11 --tunnel-buffer 64KiB";
        let cli = Cli::try_parse_from(std::iter::once("tidegate").chain(options.split_whitespace())).unwrap();
        let channel = "127.0.0.1:9444".parse().unwrap();
        let plan = WorkerPlan::new(&cli.up, "warn", Path::new("tidegate"), None, channel);
        let slot = Slot::new(&plan.workers_dir, 3);
        let command = command(&plan, &slot);
        let arguments = command.as_std().get_args();
        let worker = Cli::try_parse_from(std::iter::once("tidegate".as_ref()).chain(arguments)).unwrap();
        assert_eq!(worker.log, "warn");
        let Some(Parsed::DataPlane(worker)) = worker.command else { panic!("not a data plane") };
        assert_eq!(worker.control_plane, "127.0.0.1:9444");
        assert_eq!(worker.data_dir, Path::new("./tidegate-data/workers/3"));
        assert!(worker.token_file.is_none() && worker.token.is_none(), "it finds its token in the slot");
        assert_eq!(format!("{:?}", worker.worker), format!("{:?}", cli.up.worker));
    }
}
