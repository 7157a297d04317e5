//! `tidegate up`: a control plane in this process and local workers beside it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::Outcome;
use crate::cli::UpOptions;
use crate::control_plane::LocalControlPlane;
use crate::stop::Stop;
use crate::supervisor::{self, WorkerPlan};

/// Runs until asked to stop. Once the workers only drain, the control plane ends and gives up the data directory, so
/// that another one may start on it; then the workers are waited for.
pub(crate) async fn run(options: &UpOptions, log: &str, stop: &Stop) -> Outcome {
    let control_plane = LocalControlPlane::start(&options.control_plane).await?;
    let plan = WorkerPlan::new(options, log, None, control_plane.addresses().channel)?;
    let (tokens, draining) = (control_plane.tokens(), CancellationToken::new());
    let new_token = async || Ok(tokens.issue().await?);
    let workers = supervisor::run(&new_token, &plan, stop, draining.clone());
    let control_plane = async {
        draining.cancelled().await;
        info!("stopping the control plane, now that the workers only drain");
        control_plane.stop(stop).await
    };
    let (workers, stopped) = tokio::join!(workers, control_plane);
    stopped?;
    Ok(workers?)
}

impl WorkerPlan {
    /// What `up` was told about its workers. `output` takes the place of this process's own standard output and
    /// error.
    ///
    /// # Errors
    /// The path of the running executable cannot be found out.
    pub(crate) fn new(
        options: &UpOptions,
        log: &str,
        output: Option<PathBuf>,
        channel: SocketAddr,
    ) -> io::Result<WorkerPlan> {
        Ok(WorkerPlan {
            executable: std::env::current_exe()?,
            control_plane: reachable(channel),
            workers: options.workers,
            workers_dir: options.control_plane.data_dir.join("workers"),
            options: options.worker.clone(),
            log: log.to_owned(),
            output,
        })
    }
}

/// Where a local worker dials a channel: loopback, if the channel listens on every address.
fn reachable(mut channel: SocketAddr) -> SocketAddr {
    match channel.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => channel.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => channel.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    channel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_on_every_address_is_dialled_on_loopback() {
        for (channel, dialled) in [
            ("0.0.0.0:9444", "127.0.0.1:9444"),
            ("[::]:9444", "[::1]:9444"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("192.0.2.1:1", "192.0.2.1:1"),
        ] {
            assert_eq!(reachable(channel.parse().unwrap()), dialled.parse().unwrap());
        }
    }
}
