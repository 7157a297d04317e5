//! Takeovers of the running process by a successor.

use std::process::ExitStatus;

use rustix::process::Signal;

use super::Tidegate;
use crate::process::signal;
use crate::wait::wait_for;

impl Tidegate {
    /// Starts a successor, waits until it has taken over and the first process has ended, and returns the exit
    /// status of the first.
    pub async fn take_over(&mut self) -> ExitStatus {
        let status = self.replace().await;
        wait_for("the control plane to be ready", async || {
            (self.management().send("GET", "/readyz", &[], "").await.status == 200).then_some(())
        })
        .await;
        self.all_connected().await;
        status
    }

    /// Starts a successor, waits until the first process has ended, and returns the exit status of the first.
    pub async fn replace(&mut self) -> ExitStatus {
        let successor = self.spawn();
        let mut first = self.process.replace(successor).expect("it is running");
        first.exit().await
    }

    /// Sends SIGUSR2: the process starts a successor.
    pub fn signal_successor(&self) {
        signal(self.pid(), Signal::USR2);
    }

    /// Waits until the process that was started here has ended, and returns the process ID of its successor.
    pub async fn successor(&mut self) -> u32 {
        let first = self.process.as_mut().expect("it is running");
        assert!(first.exit().await.success(), "the first one has failed");
        let is_successor = |pid: &u32| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.split(|byte| *byte == 0).nth(1) == Some(self.builder.subcommand.as_bytes())
        };
        let successors: Vec<u32> = self.processes().into_iter().filter(is_successor).collect();
        assert_eq!(successors.len(), 1, "one has taken over");
        successors[0]
    }

    /// Sends SIGTERM to the process that has taken over.
    pub fn terminate_successor(&self, pid: u32) {
        assert!(self.processes().contains(&pid), "it is not one of this directory");
        signal(pid, Signal::TERM);
    }
}
