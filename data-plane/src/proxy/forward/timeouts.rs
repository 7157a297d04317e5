//! The timeouts of a request: for its backend and for its client. Pure.

use std::time::Duration;

use tidegate_http1::Fault;

use crate::body::Progress;
use crate::proxy::error::ProxyError;

/// The shortest interval between two checks of an upload.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The timeouts of both sides.
pub(super) struct RequestTimeouts {
    pub(super) backend: Duration,
    client: Duration,
}

impl RequestTimeouts {
    /// Creates the timeouts. The client's is at least the backend's, because either may have to send next, as in
    /// bidirectional gRPC calls. With HTTP/1.1, the reader of the client connection enforces shorter ones.
    pub(super) fn new(backend: Duration, client: Duration) -> RequestTimeouts {
        RequestTimeouts { backend, client: client.max(backend) }
    }

    /// Returns the time before the first call of [`RequestTimeouts::left`].
    pub(super) fn first(&self, upload: Option<&Progress>) -> Duration {
        self.backend.min(next_check(upload))
    }

    /// Returns the time before the next call.
    ///
    /// # Errors
    /// The side that the request waits for has exceeded its timeout, or the client its minimum rate.
    pub(super) fn left(&self, upload: Option<&Progress>) -> Result<Duration, ProxyError> {
        let quiet = upload.map_or(Duration::MAX, |upload| upload.at.get().elapsed());
        let waits_for_client = upload.is_some_and(|upload| upload.waits_for_client.get());
        let limit = if waits_for_client { self.client } else { self.backend };
        if waits_for_client && upload.and_then(Progress::allowance) == Some(Duration::ZERO) {
            return Err(ProxyError::Refused(Fault::SlowBody));
        }
        match (limit.saturating_sub(quiet), limit.as_secs()) {
            (Duration::ZERO, seconds) if waits_for_client => Err(ProxyError::SlowBody { seconds }),
            (Duration::ZERO, seconds) => Err(ProxyError::Timeout { seconds }),
            (left, _) if waits_for_client => Ok(left.min(allowance(upload))),
            (left, _) => Ok(left.min(next_check(upload))),
        }
    }
}

/// Returns the time that the minimum rate still allows the client.
fn allowance(upload: Option<&Progress>) -> Duration {
    upload.and_then(Progress::allowance).unwrap_or(Duration::MAX)
}

/// Returns the time before the next check of an upload while the gateway does not wait for its client, which is early
/// enough for the client's allowance.
fn next_check(upload: Option<&Progress>) -> Duration {
    allowance(upload).max(MIN_CHECK_INTERVAL)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::client_rate::ClientRate;
    use crate::config::MinRate;
    use crate::local_reply::LocalReplies;

    #[test]
    fn whoever_the_request_waits_for_has_its_own_time() {
        let second = Duration::from_secs(1);
        assert!(matches!(
            RequestTimeouts::new(second, second).left(None),
            Err(ProxyError::Timeout { seconds: 1 })
        ));
        for (backend, client, waits_for_client, quiet, expected) in [
            (2, 5, false, 1, Ok(1.0)),
            (2, 5, false, 2, Err(504)),
            (2, 5, true, 1, Ok(4.0)),
            (2, 5, true, 2, Ok(3.0)),
            (2, 5, true, 5, Err(408)),
            // The client has at least the time of the backend.
            (5, 2, true, 2, Ok(3.0)),
            (5, 2, true, 5, Err(408)),
        ] {
            let timeouts = RequestTimeouts::new(backend * second, client * second);
            let progress = Progress::start(u64::MAX, ClientRate::UNLIMITED);
            progress.waits_for_client.set(waits_for_client);
            progress.at.set(Instant::now() - quiet * second);
            let left = timeouts.left(Some(&progress)).map(|left| left.as_secs_f64().round());
            let left =
                left.map_err(|error| error.response(&LocalReplies::default(), false).0.status.as_u16());
            assert_eq!(left, expected, "{backend} {client} {waits_for_client} {quiet}");
        }
    }

    #[test]
    fn only_time_in_which_the_client_is_waited_for_counts_against_its_rate() {
        let second = Duration::from_secs(1);
        let timeouts = RequestTimeouts::new(60 * second, 60 * second);
        let rate = MinRate { bytes_per_second: 240, grace: 5 * second };
        let upload = Progress::start(u64::MAX, ClientRate::new(rate, 60 * second));
        assert_eq!(timeouts.first(Some(&upload)), 5 * second);
        assert_eq!(timeouts.first(None), 60 * second);
        let left = || timeouts.left(Some(&upload)).map(|left| left.as_secs_f64().round());
        upload.at.set(Instant::now() - 20 * second);
        assert_eq!(left().ok(), Some(5.0), "the backend is slow");
        let wait = |time| {
            upload.measure(None);
            upload.waiting.set(Some(Instant::now() - time));
        };
        upload.waits_for_client.set(true);
        wait(4 * second);
        assert_eq!(left().ok(), Some(1.0));
        upload.measure(Some(240 * 2));
        wait(2 * second);
        assert_eq!(left().ok(), Some(1.0), "two seconds were earned");
        wait(4 * second);
        assert!(matches!(left(), Err(ProxyError::Refused(Fault::SlowBody))));
    }
}
