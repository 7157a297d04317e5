//! What every process of Tidegate does before anything else, since each may hold private keys: files that it makes are
//! nobody else's, and its memory is never written to a core dump. Nothing here may depend on options.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};

/// Gives new files and directories no rights for others than their owner (files that are handed out get theirs by name),
/// and forbids core dumps: by the limit on their size, and, since a core that is piped to a program goes without that
/// limit, by `PR_SET_DUMPABLE`, which also keeps other processes of the same user from reading this one's memory.
///
/// # Errors
/// The system refuses, which Linux has no reason to.
pub(crate) fn apply() -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn no_core_is_dumped_and_no_file_is_anybody_elses() {
        apply().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(umask(Mode::RWXG | Mode::RWXO), Mode::RWXG | Mode::RWXO);
    }
}
