//! The limit of open files, and how many connections it leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept back for listeners, probes, the channel, files and upstream connections in the making.
const RESERVE: u64 = 200;
/// What is assumed where the system sets no limit.
const UNLIMITED: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one, says what that allows, and returns the number of downstream
/// connections that there is room for: each may need a second descriptor for its backend.
pub(crate) fn raise_open_files() -> usize {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    let raised = setrlimit(Resource::Nofile, wanted);
    if let Err(error) = &raised {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED);
    let connections = connections(files);
    tracing::info!(open_files = files, connections, "connections that the limit of open files allows");
    connections
}

fn connections(files: u64) -> usize {
    let half = files.saturating_sub(RESERVE.min(files / 4)) / 2;
    usize::try_from(half.max(1)).unwrap_or(usize::MAX).min(tokio::sync::Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_room_for_its_backend_and_something_is_kept_back() {
        for (files, expected) in [(1, 1), (64, 24), (1024, 412), (20_000, 9_900)] {
            assert_eq!(connections(files), expected, "{files}");
        }
    }
}
