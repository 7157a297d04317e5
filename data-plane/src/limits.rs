//! The limit of open files, and the places for connections that it leaves.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Descriptors kept back for listeners, probes, the channel, files and idle connections to backends; at most a
/// quarter of what there is.
const RESERVE: u64 = 1000;
/// For how many descriptors the kernel's table is made large enough at the start: half a megabyte of it.
const TABLE: u64 = 1 << 16;
/// What is assumed where the system sets no limit.
const UNLIMITED: u64 = 1 << 20;

/// The places for downstream connections, and for what streams of HTTP/2 need beyond that, shared by all threads of the
/// process.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// How many have to be free again before the limit counts as left.
    relief: usize,
    /// Whether the limit has been met and not left since: said once, not once for each client.
    limited: Arc<AtomicBool>,
    /// How often that was.
    times: Arc<AtomicU64>,
    all: usize,
}

/// One connection's place; free again on drop.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Has the kernel's table of descriptors hold so many now. It would grow by itself, but a process with threads waits 10
/// to 30 ms each time, and all its connections with it.
fn make_table(files: u64) {
    let last = i32::try_from(files.saturating_sub(1)).unwrap_or(i32::MAX);
    if let Err(error) = fcntl_dupfd_cloexec(std::io::stderr(), last) {
        tracing::debug!(%error, "the table of open files grows as it must");
    }
}

impl Places {
    /// Raises the soft limit of open files to the hard one and says what that allows. Each connection may need a
    /// second descriptor for its backend.
    pub(crate) fn raise() -> Places {
        let before = getrlimit(Resource::Nofile);
        let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED);
        make_table(files.min(TABLE));
        let connections = connections(files);
        tracing::info!(open_files = files, connections, "connections that the limit of open files allows");
        Places {
            free: Arc::new(Semaphore::new(connections)),
            relief: connections.div_ceil(10),
            limited: Arc::new(AtomicBool::new(false)),
            times: Arc::new(AtomicU64::new(0)),
            all: connections,
        }
    }

    /// Waits for a free place.
    pub(crate) async fn take(&self) -> Place {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.limit("the limit of connections is reached: accepting pauses while it is");
                self.free.clone().acquire_owned().await.expect("the places are never closed")
            }
        };
        if self.limited.load(Ordering::Relaxed) && self.free.available_permits() >= self.relief {
            self.limited.store(false, Ordering::Relaxed);
        }
        Place { _permit: permit }
    }

    /// One that nobody will miss, for a further stream of a connection that has its own: none when so few are left that
    /// new connections need them.
    pub(crate) fn take_spare(&self) -> Option<Place> {
        if self.free.available_permits() <= self.relief {
            return None;
        }
        self.free.clone().try_acquire_owned().ok().map(|permit| Place { _permit: permit })
    }

    /// Notes that the system itself refused a connection.
    pub(crate) fn starved(&self, error: &io::Error) {
        self.limit(&format!("no connection can be accepted for now: {error}"));
    }

    /// How many there are.
    pub(crate) fn all(&self) -> usize {
        self.all
    }

    /// How many of them are free.
    pub(crate) fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// How often none was.
    pub(crate) fn times_limited(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    fn limit(&self, what: &str) {
        if !self.limited.swap(true, Ordering::Relaxed) {
            self.times.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("{what}");
        }
    }
}

fn connections(files: u64) -> usize {
    let half = files.saturating_sub(RESERVE.min(files / 4)) / 2;
    usize::try_from(half.max(1)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn further_streams_leave_places_for_new_connections() {
        let places = Places {
            free: Arc::new(Semaphore::new(4)),
            relief: 2,
            limited: Arc::default(),
            times: Arc::default(),
            all: 4,
        };
        let (first, second) = (places.take_spare(), places.take_spare());
        assert!(first.is_some() && second.is_some());
        assert!(places.take_spare().is_none());
        places.take().await;
        drop(first);
        assert!(places.take_spare().is_some());
    }

    #[test]
    fn every_connection_has_room_for_its_backend_and_something_is_kept_back() {
        for (files, expected) in [(1, 1), (64, 24), (1024, 384), (20_000, 9_500)] {
            assert_eq!(connections(files), expected, "{files}");
        }
    }
}
