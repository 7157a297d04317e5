//! Temporary files for buffered bodies, and the disk quota of a worker for all of them.
//!
//! Writing and reading may take as long as a disk takes. They run on blocking threads, a few at a time, and never
//! on a data thread. One client address gets at most half of these turns, so that the bodies of one client, however
//! many, do not delay those of another. A file is unlinked as soon as it is created, so it disappears when its
//! holder closes it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use thiserror::Error;
use tidegate_shared::private_file;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use tidegate_shared::client_network::client_network;

/// The most files that are written or read at the same time, and the most of them for one client.
const AT_ONCE: usize = 8;
const OF_ONE_CLIENT: usize = AT_ONCE / 2;

/// The number of clients from which on clients without a file are forgotten.
const MANY_CLIENTS: usize = 1024;

/// The disk quota of all spool files of a worker. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SpoolQuota {
    inner: Arc<Inner>,
    /// The client of the bodies; `None` for bodies of no particular client.
    client: Option<IpAddr>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    limit: u64,
    used: AtomicU64,
    /// The next number for the short-lived file names.
    next: AtomicU64,
    turns: Arc<Semaphore>,
    /// The turns of each client that has a file.
    clients: Mutex<HashMap<Option<IpAddr>, Weak<Semaphore>>>,
}

/// The reason why bytes cannot be spooled.
#[derive(Debug, Error)]
pub(crate) enum SpoolError {
    #[error("the disk space for buffered bodies is used up")]
    NoRoom,
    #[error("a body cannot be buffered on disk: {0}")]
    Io(#[from] io::Error),
}

impl SpoolQuota {
    /// Creates a quota of `limit` bytes for files in `dir`.
    pub(crate) fn new(dir: PathBuf, limit: u64) -> SpoolQuota {
        let (used, next) = (AtomicU64::new(0), AtomicU64::new(0));
        let (turns, clients) = (Arc::new(Semaphore::new(AT_ONCE)), Mutex::default());
        SpoolQuota { inner: Arc::new(Inner { dir, limit, used, next, turns, clients }), client: None }
    }

    /// Returns the same quota for bodies of this client. An IPv6 client is its /64 network.
    pub(crate) fn of(&self, client: IpAddr) -> SpoolQuota {
        SpoolQuota { inner: self.inner.clone(), client: Some(client_network(client)) }
    }

    /// Returns the turns of its client.
    fn turns(&self) -> Arc<Semaphore> {
        // Each change is atomic, so the map stays valid after a panic.
        let mut clients = self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = clients.get(&self.client).and_then(Weak::upgrade) {
            return turns;
        }
        if clients.len() >= MANY_CLIENTS {
            clients.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Arc::new(Semaphore::new(OF_ONE_CLIENT));
        clients.insert(self.client, Arc::downgrade(&turns));
        turns
    }

    /// Creates the directory if it is absent, and removes files that a killed worker left there. If this fails,
    /// bodies that need the disk are rejected one by one.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        private_file::create_dir(&self.inner.dir)?;
        for left in fs::read_dir(&self.inner.dir)? {
            remove(&left?.path())?;
        }
        Ok(())
    }

    /// The quota in bytes, used or not.
    pub(crate) fn limit(&self) -> u64 {
        self.inner.limit
    }

    fn reserve(&self, bytes: u64) -> bool {
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.inner.limit);
        self.inner.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Runs blocking work on a blocking thread when it is the client's turn.
    async fn run_blocking<T: Send + 'static>(
        &self,
        own: &Arc<Semaphore>,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let of_client = own.clone().acquire_owned().await.map_err(io::Error::other)?;
        let turn = self.inner.turns.clone().acquire_owned().await.map_err(io::Error::other)?;
        let work = move || {
            let outcome = work();
            drop((turn, of_client));
            outcome
        };
        spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

/// Removes a file. A successor that empties the directory may have removed it just before.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// One temporary file.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    file: Arc<File>,
    spool_quota: SpoolQuota,
    /// The turns of its client.
    turns: Arc<Semaphore>,
    /// The largest size that the file ever had, in bytes; it occupies that much of the quota.
    reserved: Cell<u64>,
}

/// A pending read from a spool file.
pub(crate) type PendingRead = Pin<Box<dyn Future<Output = io::Result<Bytes>>>>;

impl SpoolFile {
    /// Creates an empty file.
    pub(crate) async fn create(spool_quota: &SpoolQuota) -> io::Result<SpoolFile> {
        let number = spool_quota.inner.next.fetch_add(1, Ordering::Relaxed);
        // The process ID is in the name because a draining predecessor may still create files there.
        let path = spool_quota.inner.dir.join(format!("{}-{number}", std::process::id()));
        let make = move || {
            let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
            remove(&path)?;
            Ok(file)
        };
        let turns = spool_quota.turns();
        let file = Arc::new(spool_quota.run_blocking(&turns, make).await?);
        Ok(SpoolFile { file, spool_quota: spool_quota.clone(), turns, reserved: Cell::new(0) })
    }

    /// Writes at an offset not beyond the end of the file.
    pub(crate) async fn write(&self, at: u64, bytes: Bytes) -> Result<(), SpoolError> {
        let more = (at + bytes.len() as u64).saturating_sub(self.reserved.get());
        if !self.spool_quota.reserve(more) {
            return Err(SpoolError::NoRoom);
        }
        self.reserved.set(self.reserved.get() + more);
        let file = self.file.clone();
        self.spool_quota.run_blocking(&self.turns, move || file.write_all_at(&bytes, at)).await?;
        Ok(())
    }

    /// Reads `length` bytes at an offset.
    pub(crate) fn read(&self, at: u64, length: usize) -> PendingRead {
        let (file, spool_quota, turns) = (self.file.clone(), self.spool_quota.clone(), self.turns.clone());
        Box::pin(async move {
            let read = move || {
                let mut buffer = vec![0; length];
                file.read_exact_at(&mut buffer, at)?;
                Ok(Bytes::from(buffer))
            };
            spool_quota.run_blocking(&turns, read).await
        })
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        self.spool_quota.inner.used.fetch_sub(self.reserved.get(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_and_leaves_neither_name_nor_use_of_room_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("buffers");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("7"), "left behind").unwrap();
        let spool_quota = SpoolQuota::new(path.clone(), 10);
        spool_quota.prepare().unwrap();
        let spool = SpoolFile::create(&spool_quota).await.unwrap();
        spool.write(0, Bytes::from_static(b"0123")).await.unwrap();
        spool.write(4, Bytes::from_static(b"4567")).await.unwrap();
        assert_eq!(spool.read(2, 4).await.unwrap(), "2345");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);

        // An overwrite takes no more of the quota.
        spool.write(0, Bytes::from_static(b"abcd")).await.unwrap();
        assert_eq!(spool.read(0, 8).await.unwrap(), "abcd4567");
        let refused = spool.write(8, Bytes::from_static(b"890")).await;
        assert!(matches!(refused, Err(SpoolError::NoRoom)), "{refused:?}");
        let other = SpoolFile::create(&spool_quota).await.unwrap();
        assert!(matches!(other.write(0, Bytes::from_static(b"abc")).await, Err(SpoolError::NoRoom)));
        drop(spool);
        other.write(0, Bytes::from_static(b"0123456789")).await.unwrap();
        drop(other);
        assert_eq!(spool_quota.inner.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_client_whose_files_are_slow_keeps_no_other_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let spool_quota = SpoolQuota::new(dir.path().join("buffers"), 10);
        spool_quota.prepare().unwrap();
        let [busy, same, other] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
        let of = |client: &str| spool_quota.of(client.parse().unwrap());
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let slow = of(busy);
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..2 * AT_ONCE {
            let (slow, turns, held) = (slow.clone(), slow.turns(), held.clone());
            // The channel closes at the end of the test.
            let work = move || Ok(held.lock().map(|held| held.recv().is_ok()).unwrap_or_default());
            waiting.spawn(async move { slow.run_blocking(&turns, work).await });
        }
        while slow.turns().available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(Arc::ptr_eq(&of(same).turns(), &slow.turns()), "one network is one client");
        SpoolFile::create(&of(other)).await.unwrap().write(0, Bytes::from_static(b"0")).await.unwrap();
        drop(hold);
        while waiting.join_next().await.is_some() {}
    }

    #[tokio::test]
    async fn a_disk_that_fails_is_an_error_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("buffers");
        let spool_quota = SpoolQuota::new(path.clone(), 10);
        spool_quota.prepare().unwrap();
        fs::remove_dir(&path).unwrap();
        assert!(SpoolFile::create(&spool_quota).await.is_err());
    }
}
