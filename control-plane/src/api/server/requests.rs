//! The requests in progress on one management connection, so that a connection without any is closed.
//! Keep-alive frames (PING of HTTP/2) are not requests: a client that sends nothing else must not hold a
//! connection.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// The number of requests in progress, and the time of its last change.
#[derive(Debug)]
pub(super) struct Requests(watch::Sender<State>);

#[derive(Clone, Copy, Debug)]
struct State {
    running: usize,
    /// The last beginning or end of a request, or the beginning of the connection.
    since: Instant,
    /// True once there has been a request.
    any: bool,
}

/// One request in progress. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Request(watch::Sender<State>);

impl Requests {
    /// Starts without requests.
    pub(super) fn new() -> Requests {
        Requests(watch::Sender::new(State { running: 0, since: Instant::now(), any: false }))
    }

    /// Counts a request.
    pub(super) fn begin(&self) -> Request {
        self.0.send_modify(|state| {
            *state = State { running: state.running + 1, since: Instant::now(), any: true };
        });
        Request(self.0.clone())
    }

    /// Waits for the first request, at most for `time`.
    pub(super) async fn have_begun(&self, time: Duration) {
        let mut changes = self.0.subscribe();
        // A timeout is fine; the sender cannot be gone, because `self` owns it.
        let _ = timeout(time, changes.wait_for(|state| state.any)).await;
    }

    /// Waits until there has been no request in progress for `time`.
    pub(super) async fn are_over_for(&self, time: Duration) {
        let mut changes = self.0.subscribe();
        loop {
            let State { running, since, .. } = *changes.borrow_and_update();
            if running == 0 {
                if timeout_at(since + time, changes.changed()).await.is_err() {
                    return;
                }
            } else if changes.changed().await.is_err() {
                // Not reached: `self` owns the sender.
                return;
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|state| {
            *state = State { running: state.running - 1, since: Instant::now(), ..*state };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_connection_is_idle_while_no_request_is_under_way() {
        let requests = Requests::new();
        let (first, second) = (requests.begin(), requests.begin());
        drop(first);
        // One request is still in progress, however long it takes.
        assert!(tokio::time::timeout(3 * TIME, requests.are_over_for(TIME)).await.is_err());
        drop(second);
        let ended = Instant::now();
        requests.are_over_for(TIME).await;
        assert!(ended.elapsed() >= TIME);
    }
}
