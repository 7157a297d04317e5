//! Signals to the processes of a [`Tidegate`]: ends in order, and kills.

use std::time::Duration;

use rustix::process::Signal;

use super::Tidegate;
use crate::process::{is_alive, signal};
use crate::wait::wait_for;

impl Tidegate {
    /// Kills a local worker with SIGKILL. Returns its process ID.
    pub async fn kill_worker(&self, slot: usize) -> u32 {
        let pid = self.worker_pid(slot).await;
        signal(pid, Signal::KILL);
        wait_for("a killed worker to be gone", async || (!is_alive(pid)).then_some(())).await;
        pid
    }

    /// Kills the control plane (with `up`, also the supervisor) with SIGKILL. Its workers continue.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it is running");
        process.kill();
    }

    /// Kills it after a time, in which it must not end by itself.
    pub async fn kill_after(&mut self, time: Duration) {
        let process = self.process.as_mut().expect("it is running");
        let ended = tokio::time::timeout(time, process.exit()).await;
        assert!(ended.is_err(), "it has ended by itself: {ended:?}");
        self.kill();
    }

    /// The process ID of the control plane (with `up`, also of the supervisor).
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it is running").pid()
    }

    /// Sends SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.process.as_ref().expect("it is running").terminate();
    }

    /// Sends SIGINT, as Ctrl-C does, without waiting.
    pub fn interrupt(&self) {
        signal(self.process.as_ref().expect("it is running").pid(), Signal::INT);
    }

    /// Sends SIGHUP, as a closed terminal does, without waiting.
    pub fn hang_up(&self) {
        signal(self.process.as_ref().expect("it is running").pid(), Signal::HUP);
    }
}
