//! The first steps of every process of Tidegate, because each may hold private keys: files that it creates are
//! accessible to its user only, and its memory is never written to a core dump. Nothing here may depend on options.

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};

/// Gives new files and directories no rights for users other than the owner (files to be handed out get theirs
/// explicitly), and forbids core dumps. The limit on their size does not apply to a core that is piped to a
/// program, so `PR_SET_DUMPABLE` is cleared as well, which also keeps other processes of the same user from reading
/// the memory of this one.
///
/// # Errors
/// The system refuses, which Linux has no reason to do.
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
