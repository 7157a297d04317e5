//! The calls to one worker that are not answered yet, each with the sender for its reply.
//!
//! A caller that stops waiting drops its receiver; its entry makes place for a later call. All entries go with the
//! session, which ends every wait with an error.

use std::collections::BTreeMap;

use tidegate_shared::id::CallId;
use tidegate_shared::protocol::Reply;
use tokio::sync::oneshot;

/// The most calls to one worker that may wait for a reply. It bounds what a worker that never replies can hold.
const UNANSWERED: usize = 64;

/// The calls of one session that wait for a reply.
#[derive(Debug, Default)]
pub(super) struct PendingCalls {
    replies: BTreeMap<CallId, oneshot::Sender<Reply>>,
}

impl PendingCalls {
    /// True if one more call may be made.
    pub(super) fn has_room(&mut self) -> bool {
        self.replies.retain(|_, reply| !reply.is_closed());
        self.replies.len() < UNANSWERED
    }

    /// Notes a call that was sent, and returns the receiver of its reply.
    pub(super) fn insert(&mut self, id: CallId) -> oneshot::Receiver<Reply> {
        let (reply, replied) = oneshot::channel();
        self.replies.insert(id, reply);
        replied
    }

    /// Hands a reply to its caller. A reply that nobody waits for is dropped.
    pub(super) fn resolve(&mut self, id: CallId, reply: Reply) {
        if let Some(caller) = self.replies.remove(&id) {
            // The caller may have stopped waiting since.
            let _ = caller.send(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_that_stopped_waiting_make_room() {
        let mut calls = PendingCalls::default();
        let mut waiting: Vec<_> = (0..UNANSWERED as u64).map(|id| calls.insert(CallId(id))).collect();
        assert!(!calls.has_room());
        waiting.truncate(1);
        assert!(calls.has_room());
        calls.resolve(CallId(0), Reply::Failed("busy".to_owned()));
        calls.resolve(CallId(0), Reply::Failed("again".to_owned()));
        assert_eq!(waiting[0].try_recv(), Ok(Reply::Failed("busy".to_owned())));
    }
}
