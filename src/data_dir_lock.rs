//! The lock of a control plane on its data directory, and its handover to a successor by
//! [`tidegate_shared::handover`].
//!
//! One process at a time runs the control plane of a directory: the holder of its lock. Another process that is
//! started on the directory takes over the lock and the listening sockets. The first control plane ends before it
//! passes anything on, and starts again if the successor fails. A successor that is too late does not start its
//! control plane.

use std::error::Error;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_control_plane::Listeners;
use tidegate_shared::handover::{
    Parts, Predecessor, TakeOver, TakeOverError, TakeOverRequest, lock_or_take_over,
};
use tidegate_shared::private_file;
use tidegate_shared::service_manager;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::outcome::CommandResult;

/// The file that the owner of the data directory locks.
const LOCK_FILE: &str = "lock";

/// The Unix socket at which the owner waits for a successor.
const HANDOVER_FILE: &str = "handover";

/// A part of what is passed on. Processes of other versions must understand it.
#[derive(Debug, Serialize, Deserialize)]
enum ControlPlanePart {
    /// The lock, and the listening sockets of the REST API over HTTP, the REST API over HTTPS, and the channel, in
    /// this order.
    LockAndListeners,
}

/// Everything that is passed on to a successor.
#[derive(Debug)]
pub(crate) struct ControlPlaneHandover {
    lock: File,
    listeners: Listeners,
}

impl ControlPlaneHandover {
    fn send(&self, parts: &Parts<'_, ControlPlanePart>) -> io::Result<()> {
        let Listeners { management, management_tls, channel } = &self.listeners;
        let descriptors = [self.lock.as_fd(), management.as_fd(), management_tls.as_fd(), channel.as_fd()];
        parts.send(ControlPlanePart::LockAndListeners, &descriptors)
    }

    fn receive(
        ControlPlanePart::LockAndListeners: ControlPlanePart,
        descriptors: Vec<OwnedFd>,
    ) -> io::Result<ControlPlaneHandover> {
        let [lock, management, management_tls, channel] = <[OwnedFd; 4]>::try_from(descriptors)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a descriptor is missing"))?;
        let [management, management_tls, channel] =
            [management, management_tls, channel].map(TcpListener::from);
        Ok(ControlPlaneHandover {
            lock: lock.into(),
            listeners: Listeners { management, management_tls, channel },
        })
    }
}

/// The lock of this process on a data directory, with what a takeover passes on.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    data_dir: PathBuf,
    // The operating system releases the lock when the process ends, in whatever way.
    lock: File,
    /// The predecessor's sockets, and later copies of the sockets in use.
    pub(crate) listeners: Option<Listeners>,
    /// A takeover in progress.
    take_over: Option<TakeOver>,
    /// `None` until this process runs the control plane, and if it cannot be succeeded.
    predecessor: Option<Predecessor<ControlPlaneHandover>>,
}

impl DataDirLock {
    /// Creates the directory if it is absent, and locks it. If another process owns it, this takes over from that
    /// process.
    ///
    /// # Errors
    /// Another process owns the directory and does not pass it on; or the operating system's error.
    pub(crate) async fn new(data_dir: &Path) -> Result<DataDirLock, Box<dyn Error>> {
        private_file::create_dir(data_dir)?;
        let data_dir = data_dir.to_owned();
        // Blocking: the predecessor first finishes its running requests.
        Ok(spawn_blocking(move || DataDirLock::take(&data_dir).map_err(|e| e.to_string())).await??)
    }

    fn take(data_dir: &Path) -> Result<DataDirLock, Box<dyn Error>> {
        let path = data_dir.join(LOCK_FILE);
        let named = |e: io::Error| format!("{}: {e}", path.display());
        let lock = private_file::open_lock(&path).map_err(named)?;
        let with = |lock| DataDirLock {
            data_dir: data_dir.to_owned(),
            lock,
            listeners: None,
            take_over: None,
            predecessor: None,
        };
        let taken = lock_or_take_over(&lock, || {
            let mut handover = None;
            let take_over = TakeOver::ask(&data_dir.join(HANDOVER_FILE), |part, descriptors| {
                handover = Some(ControlPlaneHandover::receive(part, descriptors)?);
                Ok(())
            })?;
            let handover = handover.ok_or_else(|| io::Error::other("it passed nothing on"))?;
            Ok((take_over, handover))
        });
        match taken {
            Ok(None) => Ok(with(lock)),
            Ok(Some((take_over, ControlPlaneHandover { lock, listeners }))) => {
                info!("taking over from the process that runs the control plane");
                Ok(DataDirLock { take_over: Some(take_over), listeners: Some(listeners), ..with(lock) })
            }
            Err(TakeOverError::Lock(e)) => Err(named(e).into()),
            Err(kept) => Err(format!(
                "another control plane is running in {}, and it cannot be taken over: {kept}; stop it, or give this \
                 one another --data-dir",
                data_dir.display()
            )
            .into()),
        }
    }

    /// Checks that a takeover is still possible. To be called before the control plane starts.
    ///
    /// # Errors
    /// The predecessor has stopped waiting, and runs its control plane again.
    pub(crate) fn check(&self) -> CommandResult {
        match &self.take_over {
            Some(take_over) if !take_over.is_pending() => {
                Err("the takeover has failed: the running process has stopped waiting".into())
            }
            _ => Ok(()),
        }
    }

    /// Completes the takeover, if there is one, and listens for a successor from then on.
    ///
    /// # Errors
    /// The predecessor has stopped waiting, and keeps the directory.
    pub(crate) fn complete(&mut self) -> CommandResult {
        if let Some(take_over) = self.take_over.take() {
            let completed = take_over.complete().map_err(|e| format!("the takeover has failed: {e}"))?;
            // The service manager must know the new main process before the old one ends.
            service_manager::announce_main_process();
            drop(completed);
        }
        if self.predecessor.is_none() {
            let path = self.data_dir.join(HANDOVER_FILE);
            match Predecessor::listen(&path, |parts, handover: &ControlPlaneHandover| handover.send(parts)) {
                Ok(predecessor) => self.predecessor = Some(predecessor),
                Err(error) => warn!("no other process can take over: {error}"),
            }
        }
        Ok(())
    }

    /// Waits for the next process that asks to take over.
    pub(crate) async fn successor(&mut self) -> TakeOverRequest<ControlPlaneHandover> {
        match &mut self.predecessor {
            Some(predecessor) => predecessor.request().await,
            None => std::future::pending().await,
        }
    }

    /// Passes the directory on. Returns the lock if the successor has failed.
    ///
    /// # Errors
    /// The sockets cannot be copied.
    pub(crate) async fn hand_over(
        self,
        request: TakeOverRequest<ControlPlaneHandover>,
    ) -> Result<Option<DataDirLock>, Box<dyn Error>> {
        let listeners = self.listeners.as_ref().map(Listeners::try_clone).transpose()?;
        let Some(listeners) = listeners else {
            request.refuse("its sockets are closed".to_owned());
            return Ok(Some(self));
        };
        if request.grant(ControlPlaneHandover { lock: self.lock.try_clone()?, listeners }).await {
            info!("another process has taken over");
            return Ok(None);
        }
        warn!("the successor has failed; this process continues");
        Ok(Some(self))
    }

    /// Releases the directory.
    pub(crate) fn release(self) {
        let DataDirLock { lock, predecessor, .. } = self;
        if let Some(predecessor) = &predecessor {
            predecessor.close();
        }
        drop(lock);
        drop(predecessor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(data_dir: &Path) -> Result<DataDirLock, String> {
        DataDirLock::take(data_dir).map_err(|e| e.to_string())
    }

    #[test]
    fn a_data_directory_belongs_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        let refused = lock(dir.path()).unwrap_err();
        assert!(refused.contains("another control plane"), "{refused}");
        first.release();
        lock(dir.path()).unwrap();
    }
}
