//! `tidegate up`: a control plane in this process and local workers beside it.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tidegate_control_plane::LocalWorkers;
use tidegate_shared::service_manager;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::cli::UpOptions;
use crate::control_plane::LocalControlPlane;
use crate::data_dir_lock::DataDirLock;
use crate::outcome::CommandResult;
use crate::stop::Stop;
use crate::supervisor::{self, WorkerPlan};

/// Runs until asked to stop, or until another process has taken over.
pub(crate) async fn run(options: &UpOptions, log: &str, executable: &Path, stop: &Stop) -> CommandResult {
    tokio::select! {
        outcome = run_and_resume(options, log, executable, stop) => outcome,
        never = service_manager::keep_alive() => match never {},
    }
}

/// Runs, and starts again each time that a takeover by another process has failed.
async fn run_and_resume(options: &UpOptions, log: &str, executable: &Path, stop: &Stop) -> CommandResult {
    let mut lock = DataDirLock::new(&options.control_plane.data_dir).await?;
    let local_workers = LocalWorkers::At(options.worker.public_address);
    loop {
        let control_plane = LocalControlPlane::start(&options.control_plane, local_workers, lock).await?;
        service_manager::ready();
        let plan = WorkerPlan::new(options, log, executable, None, control_plane.addresses().channel);
        match serve(&plan, stop, control_plane).await? {
            Some(kept) => lock = kept,
            None => return Ok(()),
        }
    }
}

/// Serves until asked to stop or until another process takes over. Returns the lock if that process has failed.
///
/// At a stop, the control plane ends once all workers only drain, and releases the data directory so that another
/// one may start on it; then this waits for the workers. If another process takes over, the workers are left alone:
/// that process decides which of them it replaces.
async fn serve(
    plan: &WorkerPlan,
    stop: &Stop,
    mut control_plane: LocalControlPlane,
) -> Result<Option<DataDirLock>, Box<dyn Error>> {
    let (tokens, draining) = (control_plane.tokens(), CancellationToken::new());
    let new_token = async || Ok(tokens.issue().await?);
    let mut workers = Box::pin(supervisor::run(&new_token, plan, stop, draining.clone()));
    let announced = async {
        stop.asked.cancelled().await;
        service_manager::stopping();
        draining.cancelled().await;
    };
    let request = tokio::select! {
        biased;
        () = announced => None,
        request = control_plane.successor() => Some(request),
        // The workers only end here after a stop was asked for.
        ended = &mut workers => {
            control_plane.stop(stop).await?;
            ended?;
            return Ok(None);
        }
    };
    if let Some(request) = request {
        drop(workers);
        return control_plane.hand_over(request).await;
    }
    info!("stopping the control plane, now that the workers only drain");
    let (workers, stopped) = tokio::join!(workers, control_plane.stop(stop));
    stopped?;
    workers?;
    Ok(None)
}

impl WorkerPlan {
    /// Plans the workers of `up`. `output` replaces the standard output and error of this process.
    pub(crate) fn new(
        options: &UpOptions,
        log: &str,
        executable: &Path,
        output: Option<PathBuf>,
        channel: SocketAddr,
    ) -> WorkerPlan {
        WorkerPlan {
            executable: executable.to_owned(),
            control_plane: reachable(channel),
            workers: options.workers,
            workers_dir: options.control_plane.data_dir.join("workers"),
            options: options.worker.clone(),
            log: log.to_owned(),
            output,
        }
    }
}

/// Returns the address at which a local worker connects to the channel: loopback if the channel listens on every
/// address.
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
