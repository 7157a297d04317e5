//! A worker's process: started here, or taken back after an earlier supervisor was killed.

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

/// How often a survivor's lock is looked at. Nothing tells a process of the end of one that is not its child.
const LOOK: Duration = Duration::from_millis(200);

/// A running worker.
#[derive(Debug)]
pub(super) enum Process {
    /// A child of this process.
    Child(Child),
    /// Not a child of this process. It serves its slot.
    Survivor(Survivor),
    /// A survivor that was told to end. It may have given up its slot.
    Leaving(OwnedFd),
}

/// What is known of the end of a process that is not a child.
const NO_STATUS: &str = "it was started by an earlier process, so there is no exit status";

impl Process {
    /// Waits for its end and says how it came. May be cancelled and asked again.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Process::Child(child) => match child.wait().await {
                Ok(status) => return status.to_string(),
                Err(e) => return format!("cannot be waited for: {e}"),
            },
            Process::Survivor(survivor) => {
                while survivor.lives() {
                    tokio::time::sleep(LOOK).await;
                }
            }
            Process::Leaving(process) => {
                while !has_ended(process) {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
        NO_STATUS.to_owned()
    }

    /// Asks it to drain and end. Returns once it was told: a worker that is only just starting has not said yet what
    /// its process id is.
    pub(super) async fn ask_to_end(&mut self) {
        self.tell(Signal::TERM).await;
    }

    /// Ends it at once. Returns once it was told, as [`Process::ask_to_end`] does.
    pub(super) async fn kill(&mut self) {
        self.tell(Signal::KILL).await;
    }

    async fn tell(&mut self, signal: Signal) {
        while !self.signal(signal) && self.lives() {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn lives(&self) -> bool {
        match self {
            Process::Child(child) => child.id().is_some(),
            Process::Survivor(survivor) => survivor.lives(),
            Process::Leaving(process) => !has_ended(process),
        }
    }

    /// Whether there was a process to send it to.
    fn signal(&mut self, signal: Signal) -> bool {
        if let Process::Survivor(survivor) = self {
            // From now on it may give up its lock at any moment.
            let Some(process) = survivor.process() else { return false };
            *self = Process::Leaving(process);
        }
        // A child's id is given only until it has been waited for: the signal cannot reach a stranger that got the
        // number later.
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

/// Whether the process of a handle has ended. A handle that cannot be asked counts as ended.
fn has_ended(process: &OwnedFd) -> bool {
    let now = Timespec::default();
    poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&now)).map_or(true, |ready| ready > 0)
}

/// Starts a worker in a slot, which has been made ready for it.
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

/// What a worker is started with: the version of the channel, the executable and the arguments, each on a line. Two workers
/// with the same description need not replace each other. A package that puts another file in the place of the
/// executable changes its inode or its time of modification.
pub(super) fn description(plan: &WorkerPlan) -> Vec<u8> {
    let executable = std::fs::metadata(&plan.executable).map_or_else(
        |e| e.to_string(),
        |file| format!("{} {} {} {} {}", file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec()),
    );
    let mut text = format!("channel version {VERSION}\nexecutable {executable}\n").into_bytes();
    text.extend(arguments(plan).iter().flat_map(|argument| [argument.as_bytes(), b"\n"].concat()));
    text
}

/// What a worker is told on its command line, but for where its slot is. Holds no secret.
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
    // The command line says it all. A variable meant for this process must not reach the worker.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGATE_") {
            command.env_remove(name);
        }
    }
    // Only this process tells the service manager about the service.
    for name in service_manager::VARIABLES {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    // A Ctrl-C in the terminal goes to the whole group. Out of it, workers hear of a stop from their supervisor
    // alone, which asks them in good order; and they live on when the supervisor is killed.
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
    fn a_worker_is_told_what_up_was_told() {
        let told = "--port-offset 8000 --public-address 127.0.0.3 --threads 2 --drain-timeout 2s --access-log x/y \
                    --access-log-max-size 1MiB --access-log-keep 0 --metrics off --buffer-space 7MiB \
                    --otlp-endpoint http://127.0.0.1:4318 --dns-server 127.0.0.4:53,[::1]:53 \
                    --client-header-timeout 1s --client-body-timeout 2s --client-send-timeout 3s \
                    --keep-alive-timeout 4s --max-request-body 9MiB --min-client-rate 7 \
                    --min-client-rate-grace 9s --connections-per-address 11 --tunnel-buffer 64KiB";
        let cli = Cli::try_parse_from(std::iter::once("tidegate").chain(told.split_whitespace())).unwrap();
        let plan = WorkerPlan::new(&cli.up, "warn", None, "127.0.0.1:9444".parse().unwrap()).unwrap();
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
