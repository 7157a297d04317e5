//! The answers of a worker that takes over from another one.
//!
//! Until the takeover is complete the predecessor accepts connections too, with the configuration that it had. A
//! change is not reported as done before that: an operation that has succeeded holds for every later connection.

use tidegate_shared::protocol::ToControlPlane;

/// The answers of one session that wait for the end of a takeover.
#[derive(Debug, Default)]
pub(super) struct DeferredReplies(Vec<ToControlPlane>);

impl DeferredReplies {
    /// Returns the answers that can be sent now: a rejection always, and everything in the order of the commands once
    /// this worker owns its data directory.
    pub(super) fn release(&mut self, answer: ToControlPlane, owns_directory: bool) -> Vec<ToControlPlane> {
        if !owns_directory && matches!(answer, ToControlPlane::Rejected { .. }) {
            return vec![answer];
        }
        self.0.push(answer);
        if owns_directory { std::mem::take(&mut self.0) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_shared::id::{GatewayId, Generation};
    use uuid::Uuid;

    #[test]
    fn what_is_done_is_reported_in_order_when_the_takeover_is_complete() {
        let gateway = GatewayId(Uuid::from_u128(1));
        let withdrawn = || ToControlPlane::Withdrawn { gateway };
        let rejected = |reason: &str| ToControlPlane::Rejected {
            gateway,
            generation: Generation(1),
            reason: reason.to_owned(),
        };
        let mut deferred = DeferredReplies::default();
        assert_eq!(deferred.release(withdrawn(), false), []);
        assert_eq!(deferred.release(rejected("taken"), false), [rejected("taken")]);
        assert_eq!(deferred.release(rejected("last"), true), [withdrawn(), rejected("last")]);
        assert_eq!(deferred.release(withdrawn(), true), [withdrawn()]);
    }
}
