//! The streams of one HTTP/2 connection: their number, the idle time, and the reset of streams that the client does
//! not read.
//!
//! A stream can hold a connection to a backend, so a client that opens many streams and reads nothing would hold
//! many. Two rules prevent that: each stream except for the first takes a permit of the connection limit (see
//! [`crate::limits`]), and a stream whose response the client does not read for too long is reset.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::rt::Executor;
use tidegate_http1::Fault;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::client_rate::ClientRate;
use crate::config::{MinRate, Timeouts};
use crate::limits::{AddressPermit, ConnectionLimit, ConnectionPermit};
use crate::stream::{SharedConnection, SharedPlace};

/// The number of further requests before the connection is closed, for a client that has not read the GOAWAY yet.
const MAX_FURTHER_REQUESTS: u32 = 1000;
/// The time for which a connection without a stream is kept.
const IDLE: Duration = Duration::from_secs(180);
/// The shortest interval between two checks of a stream without data for the client.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The time for which a connection without a stream stays open after GOAWAY.
const GOAWAY_TIME: Duration = Duration::from_secs(5);

/// The streams of one connection: counts them, and runs their tasks on this thread as hyper's executor.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Rc<StreamCount>);

#[derive(Debug)]
struct StreamCount {
    requests: Cell<u32>,
    open: Cell<usize>,
    /// The time when the last stream closed, the connection began, or GOAWAY was sent.
    since: Cell<Instant>,
    closed: Notify,
    /// The time when GOAWAY was sent.
    goaway: Cell<Option<Instant>>,
    /// Cancelled when the client opens streams in spite of GOAWAY.
    overstayed: CancellationToken,
    /// The number of requests after which the client is asked to open a new connection (GOAWAY).
    max_requests: u32,
    /// The time for which a client may accept nothing of a response, and in which it must obey GOAWAY.
    send_timeout: Duration,
    rate: MinRate,
    connection: Rc<SharedConnection>,
}

impl Streams {
    /// Creates the counter of a new connection, which may have `max_requests` requests.
    pub(crate) fn new(timeouts: &Timeouts, max_requests: u32, connection: Rc<SharedConnection>) -> Streams {
        Streams(Rc::new(StreamCount {
            requests: Cell::default(),
            open: Cell::default(),
            since: Cell::new(Instant::now()),
            closed: Notify::new(),
            goaway: Cell::default(),
            overstayed: CancellationToken::new(),
            max_requests,
            send_timeout: timeouts.send,
            rate: timeouts.rate,
            connection,
        }))
    }

    /// Counts a request.
    pub(crate) fn begin(&self) {
        self.0.requests.set(self.0.requests.get() + 1);
        let late = self.0.goaway.get().is_some_and(|said| said.elapsed() > self.0.send_timeout);
        if late || self.0.requests.get() > self.0.max_requests.saturating_add(MAX_FURTHER_REQUESTS) {
            self.0.overstayed.cancel();
        }
    }

    /// Waits until the connection has had its maximum number of requests or was idle for [`IDLE`].
    pub(crate) async fn used_up(&self) {
        let mut idle = pin!(self.0.empty_for(IDLE));
        while self.0.requests.get() < self.0.max_requests {
            tokio::select! {
                () = idle.as_mut() => return,
                () = self.0.closed.notified() => {}
            }
        }
    }

    /// To be called after GOAWAY was sent. Waits until no stream has been open for [`GOAWAY_TIME`], but no longer if
    /// the client goes on opening streams.
    pub(crate) async fn end_after_goaway(&self) {
        let now = Instant::now();
        self.0.since.set(now);
        self.0.goaway.set(Some(now));
        tokio::select! {
            () = self.0.empty_for(GOAWAY_TIME) => {}
            () = self.0.overstayed.cancelled() => {}
        }
    }
}

impl StreamCount {
    /// Waits until no stream has been open for this time.
    async fn empty_for(&self, time: Duration) {
        loop {
            while self.open.get() > 0 {
                self.closed.notified().await;
            }
            let due = self.since.get() + time;
            if self.open.get() == 0 && due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// A stream, from its request to the last byte of its response or the end of its tunnel.
#[derive(Debug)]
pub(crate) struct OpenStream {
    count: Rc<StreamCount>,
    /// The task that sends the data of a tunnel.
    sending: RefCell<Option<AbortHandle>>,
    /// The time since when data waits for the client; `None` without data.
    untaken: Cell<Option<Instant>>,
    /// The size of the waiting chunk, in bytes.
    offered: Cell<usize>,
    rate: Cell<ClientRate>,
    /// The reason for the reset: the client accepted nothing for too long, or too slowly.
    pub(crate) given_up: Cell<Option<Fault>>,
    /// `None` for the first stream, which uses the permit of the connection.
    permit: RefCell<Option<(ConnectionPermit, AddressPermit)>>,
}

impl OpenStream {
    fn new(count: &Rc<StreamCount>) -> OpenStream {
        count.open.set(count.open.get() + 1);
        OpenStream {
            count: count.clone(),
            sending: RefCell::new(None),
            untaken: Cell::default(),
            offered: Cell::default(),
            rate: Cell::new(ClientRate::new(count.rate, count.send_timeout)),
            given_up: Cell::default(),
            permit: RefCell::new(None),
        }
    }

    /// Returns the stream of the current task; `None` in a task that serves no HTTP/2.
    pub(crate) fn current() -> Option<Rc<OpenStream>> {
        CURRENT.try_with(Rc::clone).ok()
    }

    /// Returns a place in the connection for a tunnel.
    pub(crate) fn place(&self) -> SharedPlace {
        SharedPlace::new(self.count.connection.clone())
    }

    /// Prevents the orderly end of a tunnel's stream: once both halves are dropped, the client receives `RST_STREAM`
    /// (RFC 8441, section 5).
    pub(crate) fn reset(&self) {
        if let Some(task) = self.sending.take() {
            task.abort();
        }
    }

    /// Takes a permit for this client until the stream ends. Returns false if there is none.
    pub(crate) fn has_place(&self, connection_limit: &ConnectionLimit, client: IpAddr) -> bool {
        if self.count.open.get() <= 1 {
            return true;
        }
        let permit = connection_limit.take_spare(client);
        let found = permit.is_some();
        self.permit.replace(permit);
        found
    }

    /// Records the chunk that waits for the client, by its size; `None` for no chunk. The client has accepted the
    /// previous one.
    pub(crate) fn offers(&self, piece: Option<usize>) {
        let now = Instant::now();
        if let Some(since) = self.untaken.replace(piece.map(|_| now)) {
            let mut rate = self.rate.get();
            rate.waited(now - since);
            rate.moved(self.offered.get() as u64);
            self.rate.set(rate);
        }
        self.offered.set(piece.unwrap_or_default());
    }

    /// Waits until the client has accepted nothing for `send_timeout`, or has accepted data too slowly.
    async fn untaken_for(&self, send_timeout: Duration) {
        loop {
            let allowance = self.rate.get().allowance();
            let Some(since) = self.untaken.get() else {
                // The next chunk may have to be accepted within the allowance, so the next check must not be later.
                sleep(allowance.clamp(MIN_CHECK_INTERVAL.min(send_timeout), send_timeout)).await;
                continue;
            };
            let (limit, fault) = match allowance < send_timeout {
                true => (allowance, Fault::SlowAnswer),
                false => (send_timeout, Fault::SendTimeout),
            };
            if since + limit <= Instant::now() {
                return self.given_up.set(Some(fault));
            }
            sleep_until(since + limit).await;
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.count.open.set(self.count.open.get() - 1);
        self.count.since.set(Instant::now());
        self.count.closed.notify_waiters();
    }
}

tokio::task_local! {
    /// The stream that a task serves.
    static CURRENT: Rc<OpenStream>;
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        match OpenStream::current() {
            None => {
                let (stream, send_timeout) = (Rc::new(OpenStream::new(&self.0)), self.0.send_timeout);
                let own = stream.clone();
                // The future is boxed: otherwise the task would hold it twice, as an argument and as the awaited
                // future.
                let mut future = Box::pin(future);
                tokio::task::spawn_local(CURRENT.scope(stream, async move {
                    // Dropping the future of a stream resets the stream.
                    tokio::select! {
                        biased;
                        () = &mut future => {}
                        () = own.untaken_for(send_timeout) => {}
                    }
                }));
            }
            // The task of a stream spawns another when the stream becomes a tunnel: the one that sends.
            Some(stream) => {
                let task = tokio::task::spawn_local(future);
                stream.sending.replace(Some(task.abort_handle()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);
    const MAX_REQUESTS: u32 = 20;

    fn streams() -> Streams {
        let second = Duration::from_secs(1);
        let rate = MinRate { bytes_per_second: 240, grace: 5 * second };
        let times = 60 * second;
        Streams::new(
            &Timeouts { header: times, idle: times, body: times, send: times, rate },
            MAX_REQUESTS,
            Rc::default(),
        )
    }

    async fn is_ready(future: impl Future<Output = ()>) -> bool {
        timeout(Duration::ZERO, future).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_is_used_up_after_180_seconds_without_a_stream() {
        let streams = streams();
        let now = Instant::now();
        for (idle_for, expected) in
            [(Duration::ZERO, false), (IDLE - Duration::from_secs(9), false), (IDLE, true)]
        {
            streams.0.since.set(now - idle_for);
            assert_eq!(is_ready(streams.used_up()).await, expected, "{idle_for:?}");
        }
        let open = OpenStream::new(&streams.0);
        assert!(!is_ready(streams.used_up()).await, "a stream is open");
        drop(open);
        assert!(!is_ready(streams.used_up()).await, "one was open just now");
        for _ in 0..MAX_REQUESTS {
            streams.begin();
        }
        assert!(is_ready(streams.used_up()).await);
    }

    #[tokio::test]
    async fn an_idle_client_has_time_to_hear_the_goaway() {
        let streams = streams();
        streams.0.since.set(Instant::now() - IDLE);
        let mut ending = pin!(streams.end_after_goaway());
        assert!(!is_ready(ending.as_mut()).await, "it was idle before, not since");
        streams.begin();
        assert!(!is_ready(ending.as_mut()).await, "it cannot know yet");
    }

    #[tokio::test]
    async fn who_goes_on_after_the_goaway_is_cut_off() {
        let streams = streams();
        let mut ending = pin!(streams.end_after_goaway());
        assert!(!is_ready(ending.as_mut()).await);
        let _open = OpenStream::new(&streams.0);
        streams.0.goaway.set(Some(Instant::now() - streams.0.send_timeout - MOMENT));
        assert!(!is_ready(ending.as_mut()).await, "what runs may finish");
        streams.begin();
        assert!(is_ready(ending.as_mut()).await);
    }

    #[tokio::test]
    async fn the_goaway_holds_for_a_client_in_haste_too() {
        let streams = streams();
        let _open = OpenStream::new(&streams.0);
        for _ in 0..MAX_REQUESTS + MAX_FURTHER_REQUESTS {
            streams.begin();
        }
        let mut ending = pin!(streams.end_after_goaway());
        assert!(!is_ready(ending.as_mut()).await);
        streams.begin();
        assert!(is_ready(ending.as_mut()).await);
    }

    #[tokio::test]
    async fn only_what_is_there_and_not_taken_for_too_long_is_given_up() {
        let streams = streams();
        let stream = OpenStream::new(&streams.0);
        let send_timeout = streams.0.send_timeout;
        assert!(!is_ready(stream.untaken_for(send_timeout)).await, "there is nothing to take");
        stream.offers(Some(16 * 1024));
        stream.offers(Some(16 * 1024));
        assert!(!is_ready(stream.untaken_for(send_timeout)).await, "it has only just come");
        stream.untaken.set(Some(Instant::now() - send_timeout));
        assert!(is_ready(stream.untaken_for(send_timeout)).await);
        assert_eq!(stream.given_up.get(), Some(Fault::SendTimeout));
    }

    #[tokio::test]
    async fn what_is_taken_too_slowly_is_given_up_but_not_for_a_slow_backend() {
        let streams = streams();
        let stream = OpenStream::new(&streams.0);
        let send_timeout = streams.0.send_timeout;
        let offer_for_a_second = |piece| {
            stream.offers(Some(piece));
            stream.untaken.set(Some(Instant::now() - Duration::from_secs(1)));
        };
        for _ in 0..100 {
            offer_for_a_second(240);
            stream.offers(None);
        }
        assert!(!is_ready(stream.untaken_for(send_timeout)).await, "the client takes what the rate asks");
        for _ in 0..6 {
            offer_for_a_second(1);
        }
        assert!(is_ready(stream.untaken_for(send_timeout)).await);
        assert_eq!(stream.given_up.get(), Some(Fault::SlowAnswer));
    }
}
