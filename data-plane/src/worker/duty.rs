//! Whether the worker serves: draining it as a whole, and serving again.
//!
//! A drained worker keeps its configuration, follows changes of it and probes; it only has no listening socket. Unlike
//! a stop, a drain can be taken back at any time.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use std::{fs, io};

use tidegate_shared::private_file;
use tidegate_shared::protocol::{Duty, DutyState, ToControlPlane, WorkerStatus};
use tidegate_shared::snapshot::DrainSpread;
use tokio::time::{Instant, sleep_until};

use super::Worker;
use super::gateway::Task;
use crate::backend::Drained;
use crate::drain;
use crate::drain_schedule as schedule;
use crate::threads::{Command, Threads};

/// The file in the data directory that says that the worker drains, so that it does not serve after a restart.
const FILE: &str = "drained";

/// The state of the worker's duty.
#[derive(Debug, Default)]
pub(super) struct DutyRecord {
    pub(super) duty: Duty,
    /// Ends the tunnels and requests of a worker that drains.
    ending: Option<Task>,
    /// The time of processors that the process had used at the last status, and when that was.
    cpu: Option<(Duration, Instant)>,
}

impl DutyRecord {
    /// The duty that the worker in this data directory had last.
    pub(super) fn of(data_dir: &Path) -> DutyRecord {
        let duty = if data_dir.join(FILE).exists() { Duty::Drain } else { Duty::Serve };
        DutyRecord { duty, ..DutyRecord::default() }
    }

    /// Sets the duty. One that cannot be saved holds until the process ends; the control plane repeats it then.
    fn set(&mut self, duty: Duty, data_dir: &Path) {
        self.duty = duty;
        let file = data_dir.join(FILE);
        let saved = match duty {
            Duty::Drain => private_file::write(&file, b""),
            Duty::Serve => fs::remove_file(&file),
        };
        if let Err(error) = saved.or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }) {
            tracing::warn!(%error, "whether the worker serves cannot be saved");
        }
    }
}

impl Worker {
    /// Begins to drain, or serves again. Returns what the control plane should know of it.
    pub(crate) async fn set_duty(&mut self, duty: Duty) -> Vec<ToControlPlane> {
        if self.duty.duty != duty {
            self.duty.set(duty, &self.config.data_dir);
            match duty {
                Duty::Drain => self.begin_to_drain(),
                Duty::Serve => self.serve_again().await,
            }
        }
        let mut messages = self.applied();
        messages.push(self.status().await);
        messages
    }

    fn begin_to_drain(&mut self) {
        tracing::info!(
            timeout_s = self.config.drain_timeout.as_secs(),
            "draining: no connections are accepted"
        );
        for gateway in self.gateways.values_mut() {
            gateway.current.load().end_connections(None);
            for close in std::mem::take(&mut gateway.sockets).into_values() {
                close.cancel();
            }
        }
        let ending = end_all(self.threads.clone(), self.config.drain_timeout);
        self.duty.ending = Some(Task(tokio::task::spawn_local(ending)));
    }

    async fn serve_again(&mut self) {
        tracing::info!("serving again");
        self.duty.ending = None;
        self.open_listeners().await;
    }

    /// Applies the snapshots of the gateways again that have no listening socket although they should. A failure is
    /// logged once, and tried again with the next heartbeat.
    pub(crate) async fn open_listeners(&mut self) {
        if self.duty.duty == Duty::Drain {
            return;
        }
        let is_closed = |gateway: &super::Gateway| {
            gateway.sockets.is_empty() && !gateway.current.load().bindings.is_empty()
        };
        let closed = self.gateways.values().filter(|gateway| is_closed(gateway));
        for snapshot in Vec::from_iter(closed.map(|gateway| gateway.snapshot.clone())) {
            let (gateway, generation) = (snapshot.gateway, snapshot.generation);
            match self.run(snapshot).await {
                Ok(_) => drop(self.rejected.remove(&gateway)),
                Err(error) => {
                    let reason = error.to_string();
                    if self.rejected.insert(gateway, reason.clone()).is_none_or(|before| before != reason) {
                        tracing::warn!(%gateway, %generation, %error, "its listeners cannot be opened again");
                    }
                }
            }
        }
    }

    /// Returns true if listeners are to be opened.
    pub(super) fn serves(&self) -> bool {
        self.duty.duty == Duty::Serve
    }

    /// Returns true while a drain of the worker is not complete.
    pub(crate) fn is_draining(&self) -> bool {
        self.duty.ending.is_some()
    }

    /// Returns the state of the worker as a message.
    pub(crate) async fn status(&mut self) -> ToControlPlane {
        let loads = self.threads.loads().await;
        let tunnels: usize = loads.iter().map(|load| load.tunnels).sum();
        let live: usize = loads.iter().map(|load| load.live).sum();
        // A listening socket counts as live.
        let sockets: usize = self.gateways.values().map(|gateway| gateway.sockets.len()).sum();
        let connections = live.saturating_sub(sockets * loads.len());
        let state = match self.duty.duty {
            Duty::Serve => DutyState::Serving,
            Duty::Drain if connections > 0 => DutyState::Draining,
            Duty::Drain => {
                self.duty.ending = None;
                DutyState::Drained
            }
        };
        ToControlPlane::Status(WorkerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state,
            tunnels: tunnels as u64,
            connections: connections as u64,
            cpu_permille: self.cpu_permille(),
        })
    }

    /// Returns the time of processors since the last call, in thousandths of the time that passed.
    fn cpu_permille(&mut self) -> u32 {
        let now = Instant::now();
        let used = processor_time();
        let Some((before, at)) = self.duty.cpu.replace((used, now)) else { return 0 };
        let passed = now.saturating_duration_since(at).as_micros().max(1);
        u32::try_from(used.saturating_sub(before).as_micros() * 1000 / passed).unwrap_or(u32::MAX)
    }
}

/// Returns the time that processors have spent on this process; zero where the system does not tell.
///
/// Linux counts it in ticks of 10 ms (proc(5)). The file is read, because rustix's clock reads the memory of the
/// kernel's own library, which Valgrind does not map.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may have any characters.
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = behind_name.split_ascii_whitespace().skip(11).take(2).flat_map(str::parse::<u64>);
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Ends the tunnels of the whole worker within `timeout`, spread as the policies of their pools say, and then what is
/// left of the requests.
async fn end_all(threads: Rc<Threads>, timeout: Duration) {
    let started = Instant::now();
    let gradually = |spread| {
        let threads = &threads;
        async move {
            let (from, until) = (started + schedule::undisturbed(spread, timeout), started + timeout);
            sleep_until(from).await;
            let tunnels = threads.loads().await.iter().map(|load| load.tunnels).sum();
            if schedule::is_spread(spread, tunnels) {
                drain::end_gradually(&Drained::Worker(Some(spread)), from, until, threads).await;
            }
        }
    };
    tokio::join!(gradually(DrainSpread::LastQuarter), gradually(DrainSpread::Even));
    sleep_until(started + timeout).await;
    threads.broadcast(|| Command::CloseTunnels(Drained::Worker(None))).await;
    threads.broadcast(|| Command::CloseRequests(Drained::Worker(None))).await;
}
