//! The requests of one management connection, so that a connection without any is closed. Frames that keep a connection
//! alive (PING of HTTP/2) are no requests: a client that sends nothing else must not hold a place.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How many requests are under way, and since when that is so.
#[derive(Debug)]
pub(super) struct Requests(watch::Sender<(usize, Instant)>);

/// One request under way; over when it is dropped.
#[derive(Debug)]
pub(super) struct Request(watch::Sender<(usize, Instant)>);

impl Requests {
    /// None yet.
    pub(super) fn new() -> Requests {
        Requests(watch::Sender::new((0, Instant::now())))
    }

    /// Counts one.
    pub(super) fn begin(&self) -> Request {
        self.0.send_modify(|(running, since)| (*running, *since) = (*running + 1, Instant::now()));
        Request(self.0.clone())
    }

    /// Waits until there has been none for `time`.
    pub(super) async fn are_over_for(&self, time: Duration) {
        let mut changes = self.0.subscribe();
        loop {
            let (running, since) = *changes.borrow_and_update();
            if running == 0 {
                if timeout_at(since + time, changes.changed()).await.is_err() {
                    return;
                }
            } else if changes.changed().await.is_err() {
                // The sender is this one's own, so that it is there.
                return;
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|(running, since)| (*running, *since) = (*running - 1, Instant::now()));
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
        // One is still under way, however long it takes.
        assert!(tokio::time::timeout(3 * TIME, requests.are_over_for(TIME)).await.is_err());
        drop(second);
        let ended = Instant::now();
        requests.are_over_for(TIME).await;
        assert!(ended.elapsed() >= TIME);
    }
}
