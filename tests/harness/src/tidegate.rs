//! The binary under test: a control plane, with local workers or without, in its own directory.

mod signals;
mod succession;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::access_log::AccessLog;
use crate::address::loopback;
use crate::clock::Clock;
use crate::files::files_below;
use crate::management::Management;
use crate::pki::client_trusting_pem;
use crate::process::{Process, is_alive, processes_in, run, signal};
use crate::wait::wait_for;

/// The options with which a [`Tidegate`] is started.
#[derive(Clone, Debug)]
pub struct TidegateBuilder {
    binary: PathBuf,
    subcommand: &'static str,
    workers: usize,
    threads: usize,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running `tidegate up` (or `tidegate control-plane`). All its processes are killed on drop.
#[derive(Debug)]
pub struct Tidegate {
    builder: TidegateBuilder,
    directory: TempDir,
    process: Option<Process>,
    endpoints: Endpoints,
}

/// The addresses it listens at; the same after a restart.
#[derive(Clone, Copy, Debug)]
struct Endpoints {
    management: SocketAddr,
    management_tls: SocketAddr,
    channel: SocketAddr,
}

impl TidegateBuilder {
    /// Sets the number of local workers; default 1.
    pub fn workers(self, workers: usize) -> TidegateBuilder {
        TidegateBuilder { workers, ..self }
    }

    /// Sets the number of data threads of a worker; default 1.
    pub fn threads(self, threads: usize) -> TidegateBuilder {
        TidegateBuilder { threads, ..self }
    }

    /// Starts `tidegate control-plane`, which has no workers.
    pub fn control_plane_alone(self) -> TidegateBuilder {
        TidegateBuilder { subcommand: "control-plane", ..self }
    }

    /// Adds an option with a value.
    pub fn option(mut self, name: &str, value: &str) -> TidegateBuilder {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Adds an option without a value.
    pub fn flag(mut self, name: &str) -> TidegateBuilder {
        self.arguments.push(name.to_owned());
        self
    }

    /// Makes it and its workers see this clock.
    pub fn clock(mut self, clock: &Clock) -> TidegateBuilder {
        self.environment.extend(clock.environment());
        self
    }

    /// Adds an environment variable.
    pub fn environment(mut self, name: &str, value: &str) -> TidegateBuilder {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it at free ports and waits until it is ready.
    pub async fn start(self) -> Tidegate {
        let directory = TempDir::with_prefix("tidegate-e2e-").expect("a test can have a directory");
        // Its own address, so that no other process gets its ports while it is restarted.
        let any = SocketAddr::from((loopback(), 0));
        let endpoints = Endpoints { management: any, management_tls: any, channel: any };
        let mut tidegate = Tidegate { builder: self, directory, process: None, endpoints };
        tidegate.start_again().await;
        tidegate
    }
}

impl Tidegate {
    /// Creates a builder for the binary at this path, with one worker of one thread.
    pub fn builder(binary: impl Into<PathBuf>) -> TidegateBuilder {
        TidegateBuilder {
            binary: binary.into(),
            subcommand: "up",
            workers: 1,
            threads: 1,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Starts it again after its end, in the same directory and at the same ports.
    pub async fn start_again(&mut self) {
        assert!(self.process.is_none(), "it is still running");
        // A file that a killed control plane left behind must not be mistaken for that of the new one.
        let _ = std::fs::remove_file(self.endpoints_file());
        let mut process = self.spawn();
        let file = self.endpoints_file();
        let endpoints = wait_for("the control plane to say where it listens", async || {
            if let Some(status) = process.exit_status() {
                let tail = self.tail();
                // Its ports were free for a moment, and another socket has got one of them.
                assert!(
                    tail.contains("Address already in use"),
                    "tidegate ended at its start: {status}\n{tail}"
                );
                process = self.spawn();
                return None;
            }
            serde_json::from_slice::<Value>(&std::fs::read(&file).ok()?).ok()
        })
        .await;
        self.endpoints = Endpoints::read(&endpoints);
        self.process = Some(process);
        wait_for("the control plane to be ready", async || {
            (self.management().send("GET", "/readyz", &[], "").await.status == 200).then_some(())
        })
        .await;
    }

    /// Starts it again after its end, and kills it after a time, ready or not.
    pub async fn start_and_kill_after(&mut self, time: Duration) {
        assert!(self.process.is_none(), "it is still running");
        let mut process = self.spawn();
        // It may have ended before: its ports were free for a moment.
        let _ = tokio::time::timeout(time, process.exit()).await;
        process.kill();
    }

    fn spawn(&self) -> Process {
        // Tests run in parallel: each worker serves its metrics at any free port.
        let mut environment = vec![("TIDEGATE_METRICS", "127.0.0.1:0")];
        environment
            .extend(self.builder.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Process::start(&self.builder.binary, &self.arguments(), &environment, self.directory.path(), None)
    }

    fn arguments(&self) -> Vec<String> {
        let Endpoints { management, management_tls, channel } = self.endpoints;
        let mut arguments = vec![self.builder.subcommand.to_owned()];
        let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        option("--data-dir", self.data_dir().display().to_string());
        option("--management", management.to_string());
        option("--management-tls", management_tls.to_string());
        option("--channel", channel.to_string());
        if self.builder.subcommand == "up" {
            option("--workers", self.builder.workers.to_string());
            option("--threads", self.builder.threads.to_string());
        }
        arguments.extend(self.builder.arguments.iter().cloned());
        arguments
    }

    /// Returns a client of the plain endpoint, with the administrator's token.
    pub fn management(&self) -> Management {
        Management::new(self.endpoints.management, None, Some(self.admin_token()))
    }

    /// Returns a client of the TLS endpoint that trusts the CA file, with the administrator's token.
    pub fn management_tls(&self) -> Management {
        Management::new(self.endpoints.management_tls, Some(self.ca_client()), Some(self.admin_token()))
    }

    /// Returns the configuration of a TLS client that trusts the control plane's CA file.
    pub fn ca_client(&self) -> Arc<ClientConfig> {
        let pem = std::fs::read(self.data_dir().join("ca.pem")).expect("the first start makes a CA");
        client_trusting_pem(&pem)
    }

    /// Returns the certificate (DER) that the TLS endpoint presents on a new connection; `None` if the CA file does
    /// not make it trusted.
    pub async fn shown_certificate(&self) -> Option<Vec<u8>> {
        let stream = TcpStream::connect(self.endpoints.management_tls).await.ok()?;
        let name = ServerName::from(self.endpoints.management_tls.ip());
        let stream = TlsConnector::from(self.ca_client()).connect(name, stream).await.ok()?;
        Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
    }

    /// The address of the plain endpoint.
    pub fn management_address(&self) -> SocketAddr {
        self.endpoints.management
    }

    /// The address of the TLS endpoint.
    pub fn management_tls_address(&self) -> SocketAddr {
        self.endpoints.management_tls
    }

    /// The address of the channel, where workers connect.
    pub fn channel(&self) -> SocketAddr {
        self.endpoints.channel
    }

    /// The administrator's token.
    pub fn admin_token(&self) -> String {
        let token = std::fs::read_to_string(self.data_dir().join("admin-token"));
        token.expect("the first start makes a token").trim().to_owned()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The directory that contains the data directory; removed on drop.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The path of the binary.
    pub fn binary(&self) -> &Path {
        &self.builder.binary
    }

    /// The access log of the local workers.
    pub fn access_log(&self) -> AccessLog {
        AccessLog::in_directory(self.directory.path())
    }

    /// Returns everything that it and its workers have written so far to standard output and standard error.
    pub fn output(&self) -> String {
        let read = |name| std::fs::read(self.directory.path().join(name)).unwrap_or_default();
        let both = [read("stdout.log"), read("stderr.log")].concat();
        String::from_utf8_lossy(&both).into_owned()
    }

    /// Returns the end of its output, for error messages.
    fn tail(&self) -> String {
        ["stdout.log", "stderr.log"]
            .map(|name| {
                let text = std::fs::read(self.directory.path().join(name)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let lines: Vec<&str> = text.lines().collect();
                let last = lines[lines.len().saturating_sub(60)..].join("\n");
                format!("--- the end of {name} ---\n{last}\n")
            })
            .concat()
    }

    /// Sets the number of workers for the next start.
    pub fn set_workers(&mut self, workers: usize) {
        self.builder.workers = workers;
    }

    /// Sets the number of data threads for the next start.
    pub fn set_threads(&mut self, threads: usize) {
        self.builder.threads = threads;
    }

    /// Adds an option with a value for the next start.
    pub fn add_option(&mut self, name: &str, value: &str) {
        self.builder.arguments.extend([name.to_owned(), value.to_owned()]);
    }

    /// Sets the value of an option for the next start, in place of an earlier one.
    pub fn set_option(&mut self, name: &str, value: &str) {
        let arguments = &mut self.builder.arguments;
        match arguments.iter().position(|argument| argument == name) {
            Some(at) => value.clone_into(&mut arguments[at + 1]),
            None => self.add_option(name, value),
        }
    }

    /// Sets the executable for the next start.
    pub fn set_binary(&mut self, binary: PathBuf) {
        self.builder.binary = binary;
    }

    /// Lets the next start use another port for the channel.
    pub fn change_channel(&mut self) {
        self.endpoints.channel.set_port(0);
    }

    /// Removes the data directory; all processes, including workers, must have ended.
    pub fn forget_everything(&self) {
        assert!(self.processes().is_empty(), "something is still running");
        std::fs::remove_dir_all(self.data_dir()).expect("a test can remove its own directory");
    }

    /// Waits for a live local worker in a slot, counted from 1, and returns its process ID.
    pub async fn worker_pid(&self, slot: usize) -> u32 {
        wait_for(&format!("worker {slot} to run"), async || self.live_worker(slot)).await
    }

    /// Returns the process ID of the live local worker in a slot, if there is one.
    pub fn live_worker(&self, slot: usize) -> Option<u32> {
        let lock = self.data_dir().join("workers").join(slot.to_string()).join("lock");
        let pid = std::fs::read_to_string(lock).ok()?.trim().parse().ok()?;
        is_alive(pid).then_some(pid)
    }

    /// Waits until all local workers are connected.
    pub async fn all_connected(&self) {
        if self.builder.subcommand != "up" {
            return;
        }
        wait_for("all workers to be connected", async || {
            (self.management().connected_workers().await >= self.builder.workers).then_some(())
        })
        .await;
    }

    /// Waits until another process is the worker of this slot.
    pub async fn worker_other_than(&self, slot: usize, old: u32) -> u32 {
        let find = async || self.live_worker(slot).filter(|&pid| pid != old);
        wait_for(&format!("worker {slot} to run again"), find).await
    }

    /// Waits until it has released its data directory, and gives the process to the caller, so that another one can
    /// be started in parallel.
    pub async fn leave(&mut self) -> Process {
        let file = self.endpoints_file();
        wait_for("the control plane to stop", async || (!file.exists()).then_some(())).await;
        self.process.take().expect("it is running")
    }

    /// Waits until it has ended by itself, and returns true if it succeeded.
    pub async fn exited_successfully(&mut self) -> bool {
        let mut process = self.process.take().expect("it is running");
        process.exit().await.success()
    }

    /// Returns its running processes, including workers.
    pub fn processes(&self) -> Vec<u32> {
        let processes = processes_in(&self.data_dir());
        processes.into_iter().filter(|&pid| is_alive(pid)).collect()
    }

    /// Returns a one-time token for a worker, as `tidegate worker token` prints it.
    pub async fn worker_token(&self) -> String {
        let data_dir = self.data_dir().display().to_string();
        let output = run(&self.builder.binary, &["worker", "token", "--data-dir", &data_dir], &[]).await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no worker token: {error}");
        String::from_utf8(output.stdout).expect("tokens are text").trim().to_owned()
    }

    fn endpoints_file(&self) -> PathBuf {
        self.data_dir().join("endpoints.json")
    }
}

impl Endpoints {
    fn read(json: &Value) -> Endpoints {
        let address = |key: &str, prefix: &str| {
            let text = json[key].as_str().and_then(|text| text.strip_prefix(prefix)).map(str::parse);
            text.and_then(Result::ok).unwrap_or_else(|| panic!("no {key} in endpoints.json: {json}"))
        };
        Endpoints {
            management: address("management", "http://"),
            management_tls: address("managementTls", "https://"),
            channel: address("channel", ""),
        }
    }
}

impl Drop for Tidegate {
    fn drop(&mut self) {
        // The supervisor comes first, so that it does not replace a killed worker.
        drop(self.process.take());
        for pid in processes_in(self.directory.path()) {
            signal(pid, Signal::KILL);
        }
        if std::thread::panicking() {
            return eprintln!("{}", self.tail());
        }
        for file in files_below(self.directory.path()) {
            if file.file_name().is_some_and(|name| name == "stderr.log") {
                let text = std::fs::read(&file).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                assert!(!text.contains("panicked at"), "{} tells of a panic:\n{text}", file.display());
            }
        }
    }
}
