//! The limit of open files, and the connection limit that follows from it.

mod address_limit;

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(crate) use address_limit::{AddressLimit, AddressPermit};

/// The number of file descriptors reserved for listeners, probes, the channel, files and idle connections to
/// backends; at most a quarter of the limit.
const RESERVE: u64 = 1000;
/// The number of descriptors for which the kernel's table is allocated at the start, which takes half a megabyte.
const TABLE: u64 = 1 << 16;
/// The assumed limit if the system sets none.
const UNLIMITED: u64 = 1 << 20;

/// The most clients that get a 503 or 429 at the same time; fewer if the limit of open files is low.
const MAX_REJECTING: u64 = 64;
/// The shortest time between two log lines about the limit.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The limit of downstream connections, and of further HTTP/2 streams, shared by all threads of the process.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimit {
    free: Arc<Semaphore>,
    /// The number of permits that are reserved for new connections: further HTTP/2 streams do not use them.
    kept_for_connections: usize,
    all: usize,
    per_address: Arc<AddressLimit>,
    /// The permits for rejected clients that get a response.
    rejecting: Arc<Semaphore>,
    /// A descriptor that is closed for a moment, to accept a client and close its connection.
    spare: Arc<Mutex<Option<File>>>,
    log: Arc<LimitLog>,
}

/// The log state of the limit.
#[derive(Debug)]
struct LimitLog {
    since: Instant,
    /// The time of the last log line, in milliseconds since `since`, counted from 1; 0 for never.
    logged: AtomicU64,
    /// The number of log lines.
    times: AtomicU64,
}

/// The permit of one connection, released on drop. It is half as large as tokio's, which counts its permits.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(Arc<Semaphore>);

impl ConnectionPermit {
    fn take(free: &Arc<Semaphore>) -> Option<ConnectionPermit> {
        free.try_acquire().ok()?.forget();
        Some(ConnectionPermit(free.clone()))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Makes the kernel allocate its descriptor table for this many files now. Otherwise the table grows on demand, and
/// each time a process with threads waits 10 to 30 ms, with all its connections.
fn make_table(files: u64) {
    let last = i32::try_from(files.saturating_sub(1)).unwrap_or(i32::MAX);
    if let Err(error) = fcntl_dupfd_cloexec(std::io::stderr(), last) {
        tracing::debug!(%error, "the table of open files cannot be allocated in advance");
    }
}

impl ConnectionLimit {
    /// Raises the soft limit of open files to the hard limit, and derives the connection limit. Each connection may
    /// need a second descriptor for its backend. One client address may have `per_address` permits: nine tenths of
    /// all if `None`, no limit if 0.
    pub(crate) fn raise(per_address: Option<usize>) -> ConnectionLimit {
        let before = getrlimit(Resource::Nofile);
        let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED);
        make_table(files.min(TABLE));
        let connections = connections(files);
        tracing::info!(
            open_files = files,
            connections,
            "connection limit derived from the limit of open files"
        );
        let rejecting = usize::try_from(MAX_REJECTING.min(files / 16)).unwrap_or_default();
        ConnectionLimit::new(connections, per_address, rejecting)
    }

    fn new(all: usize, per_address: Option<usize>, rejecting: usize) -> ConnectionLimit {
        let tenth = all.div_ceil(10);
        // A tenth is left to other clients, whatever one address does.
        let most = per_address.unwrap_or((all - tenth).max(1));
        ConnectionLimit {
            free: Arc::new(Semaphore::new(all)),
            kept_for_connections: tenth,
            all,
            per_address: AddressLimit::new((most > 0).then_some(most)),
            rejecting: Arc::new(Semaphore::new(rejecting)),
            spare: Arc::new(Mutex::new(spare())),
            log: Arc::new(LimitLog {
                since: Instant::now(),
                logged: AtomicU64::new(0),
                times: AtomicU64::new(0),
            }),
        }
    }

    /// Takes a permit, if one is free.
    pub(crate) fn take(&self) -> Option<ConnectionPermit> {
        let permit = ConnectionPermit::take(&self.free);
        if permit.is_none() {
            self.limit("the limit of connections is reached: new clients are answered with 503 or reset");
        }
        permit
    }

    /// Takes a share of the client's address. `None` if the address has its full share.
    pub(crate) fn take_for(&self, client: IpAddr) -> Option<AddressPermit> {
        self.per_address.take(client)
    }

    /// Takes the permit to reject a client with a response; `None` while too many clients are being rejected.
    pub(crate) fn take_rejecting(&self) -> Option<OwnedSemaphorePermit> {
        self.rejecting.clone().try_acquire_owned().ok()
    }

    /// Closes the spare descriptor until the guard is dropped, for a client without one. `None` while another
    /// thread does the same, or if there is no spare descriptor.
    pub(crate) fn lend_spare(&self) -> Option<SpareGuard<'_>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.take().map(|_| SpareGuard(spare))
    }

    /// Takes a permit for a further stream of a connection that has its own permit; `None` when the remaining
    /// permits are reserved for new connections.
    pub(crate) fn take_spare(&self, client: IpAddr) -> Option<(ConnectionPermit, AddressPermit)> {
        if self.free.available_permits() <= self.kept_for_connections {
            return None;
        }
        let address_permit = self.take_for(client)?;
        Some((ConnectionPermit::take(&self.free)?, address_permit))
    }

    /// Notes that an accept has failed because the process or the system is out of descriptors.
    pub(crate) fn on_fd_exhaustion(&self, error: &io::Error) {
        self.limit(&format!("no connection can be accepted for now, and new clients are reset: {error}"));
    }

    /// The number of all permits.
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// The number of free permits.
    pub(crate) fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// The number of times that the limit was reached; all times within 10 s count as one.
    pub(crate) fn times_limited(&self) -> u64 {
        self.log.times.load(Ordering::Relaxed)
    }

    fn limit(&self, what: &str) {
        let last = self.log.logged.load(Ordering::Relaxed);
        let now = u64::try_from(self.log.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let is_due = last == 0 || u128::from(now.saturating_sub(last)) >= LOG_INTERVAL.as_millis();
        let (set, fail) = (Ordering::Relaxed, Ordering::Relaxed);
        if is_due && self.log.logged.compare_exchange(last, now, set, fail).is_ok() {
            self.log.times.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("{what}");
        }
    }
}

/// A guard; the spare descriptor is closed while it lives.
#[derive(Debug)]
pub(crate) struct SpareGuard<'a>(MutexGuard<'a, Option<File>>);

impl Drop for SpareGuard<'_> {
    fn drop(&mut self) {
        *self.0 = spare();
    }
}

/// Opens `/dev/null` as a spare descriptor; `None` if the process is out of descriptors.
fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn connections(files: u64) -> usize {
    let half = files.saturating_sub(RESERVE.min(files / 4)) / 2;
    usize::try_from(half.max(1)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn further_streams_leave_permits_for_new_connections() {
        let client = "192.0.2.1".parse().unwrap();
        let connection_limit = ConnectionLimit::new(20, Some(0), 1);
        let mut taken: Vec<_> = (0..18).map(|_| connection_limit.take_spare(client)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(connection_limit.take_spare(client).is_none());
        assert!(connection_limit.take().is_some());
        taken.pop();
        assert!(connection_limit.take_spare(client).is_some());
    }

    #[tokio::test]
    async fn the_limit_is_logged_once_in_ten_seconds() {
        let mut connection_limit = ConnectionLimit::new(1, None, 1);
        let permit = connection_limit.take();
        for _ in 0..100 {
            assert!(permit.is_some() && connection_limit.take().is_none());
        }
        assert_eq!(connection_limit.times_limited(), 1);
        Arc::get_mut(&mut connection_limit.log).unwrap().since -= 2 * LOG_INTERVAL;
        for _ in 0..100 {
            assert!(connection_limit.take().is_none());
        }
        assert_eq!(connection_limit.times_limited(), 2);
        drop(permit);
        assert!(connection_limit.take().is_some());
    }

    #[tokio::test]
    async fn an_address_holds_no_more_than_nine_tenths_unless_told_otherwise() {
        let client = "192.0.2.1".parse().unwrap();
        for (all, per_address, expected) in
            [(100, None, 90), (1, None, 1), (100, Some(7), 7), (100, Some(0), 200)]
        {
            let connection_limit = ConnectionLimit::new(all, per_address, 1);
            let held: Vec<_> = (0..200).map_while(|_| connection_limit.take_for(client)).collect();
            assert_eq!(held.len(), expected, "{all} {per_address:?}");
        }
    }

    #[tokio::test]
    async fn the_spare_descriptor_comes_back() {
        let connection_limit = ConnectionLimit::new(1, None, 1);
        for _ in 0..3 {
            assert!(connection_limit.lend_spare().is_some());
        }
    }

    #[test]
    fn every_connection_has_room_for_its_backend_and_something_is_kept_back() {
        for (files, expected) in [(1, 1), (64, 24), (1024, 384), (20_000, 9_500)] {
            assert_eq!(connections(files), expected, "{files}");
        }
    }
}
