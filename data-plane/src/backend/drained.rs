//! Backends that get nothing new and at which what runs is ended, as a command names them. Pure.

use super::Backend;
use crate::close_registry::CloseReason;
use crate::member::Member;

/// What is to end.
#[derive(Clone, Debug)]
pub(crate) enum Drained {
    /// Whatever runs at this member.
    Removed(Member),
    /// What runs at this one under the settings of that name: others may still find it well.
    Down(Member, String),
}

impl Drained {
    pub(crate) fn close_reason(&self) -> CloseReason {
        match self {
            Drained::Removed(_) => CloseReason::BackendRemoved,
            Drained::Down(..) => CloseReason::BackendDown,
        }
    }

    pub(crate) fn is(&self, backend: &Backend) -> bool {
        match self {
            Drained::Removed(member) => backend.member_state.member == *member,
            Drained::Down(member, settings) => {
                backend.member_state.member == *member && backend.key.settings == *settings
            }
        }
    }
}
