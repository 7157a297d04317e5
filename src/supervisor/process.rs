//! A worker's process: started here, or taken back after an earlier supervisor was killed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tidegate_shared::private_file;
use tidegate_shared::token::JoinToken;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tracing::warn;

use super::WorkerPlan;
use super::slot::{Slot, Survivor};
use crate::cli::{format_access_log, format_duration};

/// How often a survivor's lock is looked at. Nothing tells a process of the end of one that is not its child.
const LOOK: Duration = Duration::from_millis(200);

/// A running worker.
#[derive(Debug)]
pub(super) enum Process {
    /// A child of this process.
    Child(Child),
    /// Not a child of this process.
    Survivor(Survivor),
}

impl Process {
    /// Waits for its end and says how it came. May be cancelled and asked again.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Process::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(e) => format!("cannot be waited for: {e}"),
            },
            Process::Survivor(survivor) => {
                while survivor.lives() {
                    tokio::time::sleep(LOOK).await;
                }
                "it was started by an earlier process, so there is no exit status".to_owned()
            }
        }
    }

    /// Asks it to drain and end.
    pub(super) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it at once.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // A child's id is given only until it has been waited for, a survivor's only while it holds its lock: the
        // signal cannot reach a stranger that got the number later.
        let id = match self {
            Process::Child(child) => child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
            Process::Survivor(survivor) => survivor.id(),
        };
        if let Some(id) = id
            && let Err(e) = kill_process(id, signal)
        {
            warn!(process.id = id.as_raw_nonzero(), "cannot signal a worker: {e}");
        }
    }
}

/// Starts a worker in a slot and hands it the token on its standard input, where no process list shows it.
///
/// # Errors
/// The slot's directory cannot be made, or the process cannot be started.
pub(super) async fn start(plan: &WorkerPlan, slot: &Slot, token: &JoinToken) -> io::Result<Child> {
    private_file::create_dir(slot.dir())?;
    let mut command = command(plan, slot.dir());
    if let Some(path) = &plan.output {
        let file = File::options().create(true).append(true).open(path)?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // If it has ended already, that is seen and said by whoever waits for it.
        let _ = input.write_all(token.encode().as_bytes()).await;
    }
    Ok(child)
}

fn command(plan: &WorkerPlan, data_dir: &Path) -> Command {
    let options = &plan.options;
    let mut command = Command::new(&plan.executable);
    command.arg("data-plane");
    command.arg("--control-plane").arg(plan.control_plane.to_string());
    command.arg("--data-dir").arg(data_dir);
    command.args(["--token-file", "-"]);
    command.arg("--public-address").arg(options.public_address.to_string());
    command.arg("--port-offset").arg(options.port_offset.to_string());
    if let Some(threads) = options.threads {
        command.arg("--threads").arg(threads.to_string());
    }
    command.arg("--drain-timeout").arg(format_duration(options.drain_timeout));
    command.arg("--access-log").arg(format_access_log(&options.access_log));
    command.arg("--log").arg(&plan.log);
    // The command line says it all. A variable meant for this process must not reach the worker.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEGATE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::piped());
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

    #[test]
    fn a_worker_is_told_what_up_was_told() {
        let told =
            "--port-offset 8000 --public-address 127.0.0.3 --threads 2 --drain-timeout 2s --access-log x/y";
        let cli = Cli::try_parse_from(std::iter::once("tidegate").chain(told.split_whitespace())).unwrap();
        let plan = WorkerPlan::new(&cli.up, "warn", None, "127.0.0.1:9444".parse().unwrap()).unwrap();
        let slot = Slot::new(&plan.workers_dir, 3);
        let command = command(&plan, slot.dir());
        let arguments = command.as_std().get_args();
        let worker = Cli::try_parse_from(std::iter::once("tidegate".as_ref()).chain(arguments)).unwrap();
        assert_eq!(worker.log, "warn");
        let Some(Parsed::DataPlane(worker)) = worker.command else { panic!("not a data plane") };
        assert_eq!(worker.control_plane, "127.0.0.1:9444");
        assert_eq!(worker.data_dir, Path::new("./tidegate-data/workers/3"));
        assert_eq!(worker.token_file.as_deref(), Some(Path::new("-")));
        assert_eq!(format!("{:?}", worker.worker), format!("{:?}", cli.up.worker));
    }
}
