//! How long a request may wait: for its backend, or for its client. Pure.

use std::time::Duration;

use crate::proxy::body::Progress;
use crate::proxy::error::ProxyError;

/// How long either side may keep a request from going on.
pub(super) struct Times {
    pub(super) backend: Duration,
    client: Duration,
}

impl Times {
    /// The client has no less than the backend: either may be the one to speak next, as in calls of gRPC that go both
    /// ways. By HTTP/1.1 a shorter time is seen to by the guard of the client's connection.
    pub(super) fn new(backend: Duration, client: Duration) -> Times {
        Times { backend, client: client.max(backend) }
    }

    /// How long is to be waited before this is asked again; or who has had its time.
    pub(super) fn left(&self, upload: Option<&Progress>) -> Result<Duration, ProxyError> {
        let quiet = upload.map_or(Duration::MAX, |upload| upload.at.get().elapsed());
        let waits_for_client = upload.is_some_and(|upload| upload.waits_for_client.get());
        let limit = if waits_for_client { self.client } else { self.backend };
        match (limit.saturating_sub(quiet), limit.as_secs()) {
            (Duration::ZERO, seconds) if waits_for_client => Err(ProxyError::SlowBody { seconds }),
            (Duration::ZERO, seconds) => Err(ProxyError::Timeout { seconds }),
            (left, _) => Ok(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::proxy::page::Answers;

    #[test]
    fn whoever_the_request_waits_for_has_its_own_time() {
        let second = Duration::from_secs(1);
        assert!(matches!(Times::new(second, second).left(None), Err(ProxyError::Timeout { seconds: 1 })));
        for (backend, client, waits_for_client, quiet, expected) in [
            (2, 5, false, 1, Ok(1.0)),
            (2, 5, false, 2, Err(504)),
            (2, 5, true, 1, Ok(4.0)),
            (2, 5, true, 2, Ok(3.0)),
            (2, 5, true, 5, Err(408)),
            // Whoever waits for a backend that has much time has as much.
            (5, 2, true, 2, Ok(3.0)),
            (5, 2, true, 5, Err(408)),
        ] {
            let times = Times::new(backend * second, client * second);
            let progress = Progress::start(u64::MAX);
            progress.waits_for_client.set(waits_for_client);
            progress.at.set(Instant::now() - quiet * second);
            let left = times.left(Some(&progress)).map(|left| left.as_secs_f64().round());
            let left = left.map_err(|error| error.response(&Answers::default(), false).status().as_u16());
            assert_eq!(left, expected, "{backend} {client} {waits_for_client} {quiet}");
        }
    }
}
