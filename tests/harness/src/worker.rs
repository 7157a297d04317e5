//! A worker that runs alone: `tidegate data-plane`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::access_log::AccessLog;
use crate::process::{Process, signal};
use crate::tidegate::Tidegate;
use crate::wait::wait_for;

/// A worker process with its own directory inside that of a [`Tidegate`].
#[derive(Debug)]
pub struct Worker {
    binary: PathBuf,
    directory: PathBuf,
    channel: SocketAddr,
    environment: Vec<(String, String)>,
    process: Process,
}

impl Worker {
    /// Starts a worker, with a token if it must join.
    pub fn start(tidegate: &Tidegate, name: &str, token: Option<&str>) -> Worker {
        Worker::start_with(tidegate, name, token, &[])
    }

    /// Starts a worker with environment variables.
    pub fn start_with(
        tidegate: &Tidegate,
        name: &str,
        token: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Worker {
        let directory = tidegate.directory().join(name);
        std::fs::create_dir_all(&directory).expect("a test can write to its directory");
        let binary = tidegate.binary().to_owned();
        let process = run(&binary, &directory, tidegate.channel(), token, environment);
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Worker { binary, directory, channel: tidegate.channel(), environment: environment.collect(), process }
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after its end, without a token.
    pub fn start_again(&mut self) {
        let environment = self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let environment: Vec<_> = environment.collect();
        self.process = run(&self.binary, &self.directory, self.channel, None, &environment);
    }

    /// Starts a successor, waits until it has taken over, and returns the first process.
    pub async fn start_successor(&mut self) -> Process {
        let successor = run(&self.binary, &self.directory, self.channel, None, &[]);
        let (lock, pid) = (self.data_dir().join("lock"), successor.pid().to_string());
        wait_for("the successor to take over", async || {
            (std::fs::read_to_string(&lock).ok()?.trim() == pid).then_some(())
        })
        .await;
        std::mem::replace(&mut self.process, successor)
    }

    /// Sends SIGTERM, without waiting.
    pub fn terminate(&self) {
        signal(self.process.pid(), Signal::TERM);
    }

    /// The process ID.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until it has ended by itself, and returns true if it succeeded.
    pub async fn exited_successfully(&mut self) -> bool {
        self.process.exit().await.success()
    }

    /// Returns true if it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Waits until its standard error contains this text.
    pub async fn says(&self, text: &str) {
        let path = self.directory.join("stderr.log");
        wait_for(&format!("the worker to say {text:?}"), async || {
            std::fs::read_to_string(&path).ok()?.contains(text).then_some(())
        })
        .await;
    }

    /// The worker's access log.
    pub fn access_log(&self) -> AccessLog {
        AccessLog::in_directory(&self.directory)
    }

    /// The worker's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("state")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.join("stderr.log")).unwrap_or_default();
            eprintln!("--- stderr.log of {} ---\n{log}", self.directory.display());
        }
    }
}

fn run(
    binary: &Path,
    directory: &Path,
    channel: SocketAddr,
    token: Option<&str>,
    environment: &[(&str, &str)],
) -> Process {
    let state = directory.join("state").display().to_string();
    let channel = channel.to_string();
    let mut arguments =
        vec!["data-plane", "--control-plane", &channel, "--data-dir", &state, "--threads", "1"];
    if token.is_some() {
        arguments.extend(["--token-file", "-"]);
    }
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    // Tests run in parallel: each worker serves its metrics at any free port.
    let environment = [&[("TIDEGATE_METRICS", "127.0.0.1:0")], environment].concat();
    Process::start(binary, &arguments, &environment, directory, token)
}
