//! What is done to a [`Tidegate`] by signals: ends in order, and ends that no process can prepare for.

use std::time::Duration;

use rustix::process::Signal;

use super::Tidegate;
use crate::process::{is_alive, signal};
use crate::wait::wait_for;

impl Tidegate {
    /// kill -9 of a local worker. Returns its number.
    pub async fn kill_worker(&self, slot: usize) -> u32 {
        let pid = self.worker_pid(slot).await;
        signal(pid, Signal::KILL);
        wait_for("a killed worker to be gone", async || (!is_alive(pid)).then_some(())).await;
        pid
    }

    /// kill -9 of the control plane (with `up`, of the supervisor too). Its workers go on.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it is running");
        process.kill();
    }

    /// The same after a time. When that is, is what the test asks about.
    pub async fn kill_after(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        self.kill();
    }

    /// The number of the control plane's process (with `up`, of the supervisor).
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it is running").pid()
    }

    /// SIGTERM; returns at once.
    pub fn terminate(&self) {
        self.process.as_ref().expect("it is running").terminate();
    }

    /// SIGINT, as from the keyboard; returns at once.
    pub fn interrupt(&self) {
        signal(self.process.as_ref().expect("it is running").pid(), Signal::INT);
    }

    /// SIGHUP, as when its terminal goes away; returns at once.
    pub fn hang_up(&self) {
        signal(self.process.as_ref().expect("it is running").pid(), Signal::HUP);
    }
}
