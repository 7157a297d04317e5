//! The streams of one connection: how many there are, since when there is none, and which of them nobody reads.
//!
//! A stream can hold a connection to a backend, so a client that opens many and takes nothing would hold many of those.
//! Two things keep it from that: each stream but the first takes a place of its own (see [`crate::limits`]), and one
//! whose answer is not taken for too long is reset.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::{MinRate, Timeouts};
use crate::http1::Fault;
use crate::limits::{ConnectionLimit, ConnectionPermit, Share};
use crate::pace::Pace;

/// Requests on one connection, after which the client is asked to open another.
const MAX_REQUESTS: u32 = 1000;
/// How many there may be all the same before the client has heard.
const MAX_FURTHER_REQUESTS: u32 = 1000;
/// How long a connection without a stream is kept.
const IDLE: Duration = Duration::from_secs(180);
/// How soon a stream is looked at again whose client has nothing to take.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
/// How long a connection without a stream that was told to end may take to do so.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Said of a request that there is no place for: its stream would be one too many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamLimitReached;

/// Runs what the streams of one connection need on this thread, and counts them.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Rc<Count>);

#[derive(Debug)]
struct Count {
    requests: Cell<u32>,
    open: Cell<usize>,
    /// When the last stream was closed, or the connection began, or the farewell was said.
    since: Cell<Instant>,
    closed: Notify,
    /// When the client was told to open no more.
    farewell: Cell<Option<Instant>>,
    /// It does not listen, or not in time.
    overstayed: CancellationToken,
    /// How long a client may take nothing: of an answer, and of the farewell.
    patience: Duration,
    rate: MinRate,
}

impl Streams {
    /// Of a new connection.
    pub(crate) fn new(timeouts: &Timeouts) -> Streams {
        Streams(Rc::new(Count {
            requests: Cell::default(),
            open: Cell::default(),
            since: Cell::new(Instant::now()),
            closed: Notify::new(),
            farewell: Cell::default(),
            overstayed: CancellationToken::new(),
            patience: timeouts.send,
            rate: timeouts.rate,
        }))
    }

    /// A request has come.
    pub(crate) fn begin(&self) {
        self.0.requests.set(self.0.requests.get() + 1);
        let late = self.0.farewell.get().is_some_and(|said| said.elapsed() > self.0.patience);
        if late || self.0.requests.get() > MAX_REQUESTS + MAX_FURTHER_REQUESTS {
            self.0.overstayed.cancel();
        }
    }

    /// Waits until the connection has served its number of requests, or nobody uses it.
    pub(crate) async fn used_up(&self) {
        let mut idle = pin!(self.0.empty_for(IDLE));
        while self.0.requests.get() < MAX_REQUESTS {
            tokio::select! {
                () = idle.as_mut() => return,
                () = self.0.closed.notified() => {}
            }
        }
    }

    /// The client has been told to open no more streams. Waits until it has had its time to hear that, and all that ran
    /// has finished; no longer if it goes on opening streams.
    pub(crate) async fn end_after_farewell(&self) {
        let now = Instant::now();
        self.0.since.set(now);
        self.0.farewell.set(Some(now));
        tokio::select! {
            () = self.0.empty_for(LAST_WORDS) => {}
            () = self.0.overstayed.cancelled() => {}
        }
    }
}

impl Count {
    /// Waits until no stream has been open for so long.
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

/// A stream, from its request to the last byte of its answer, or to the end of its tunnel.
#[derive(Debug)]
pub(crate) struct OpenStream {
    count: Rc<Count>,
    /// The task that sends for a tunnel.
    sending: RefCell<Option<AbortHandle>>,
    /// Since when something has been there for the client and was not taken; none while there is nothing.
    untaken: Cell<Option<Instant>>,
    /// The bytes of the piece that is there.
    offered: Cell<usize>,
    pace: Cell<Pace>,
    /// That was too long, or pieces were taken too slowly.
    pub(crate) given_up: Cell<Option<Fault>>,
    /// None for the first stream, which has that of the connection.
    permit: RefCell<Option<(ConnectionPermit, Share)>>,
}

impl OpenStream {
    fn new(count: &Rc<Count>) -> OpenStream {
        count.open.set(count.open.get() + 1);
        OpenStream {
            count: count.clone(),
            sending: RefCell::new(None),
            untaken: Cell::default(),
            offered: Cell::default(),
            pace: Cell::new(Pace::new(count.rate, count.patience)),
            given_up: Cell::default(),
            permit: RefCell::new(None),
        }
    }

    /// That of the running task; none in a task that serves no HTTP/2.
    pub(crate) fn current() -> Option<Rc<OpenStream>> {
        CURRENT.try_with(Rc::clone).ok()
    }

    /// Keeps what is sent on a tunnel's stream from being ended in order: once both of its halves are dropped, the
    /// client gets `RST_STREAM` (RFC 8441, section 5).
    pub(crate) fn reset(&self) {
        if let Some(task) = self.sending.take() {
            task.abort();
        }
    }

    /// Makes sure of a place for this client, until the stream ends. Whether there was one.
    pub(crate) fn has_place(&self, connection_limit: &ConnectionLimit, client: IpAddr) -> bool {
        if self.count.open.get() <= 1 {
            return true;
        }
        let permit = connection_limit.take_spare(client);
        let found = permit.is_some();
        self.permit.replace(permit);
        found
    }

    /// What is there for the client to take: a piece of so many bytes, or nothing. It has taken what was there before.
    pub(crate) fn offers(&self, piece: Option<usize>) {
        let now = Instant::now();
        if let Some(since) = self.untaken.replace(piece.map(|_| now)) {
            let mut pace = self.pace.get();
            pace.waited(now - since);
            pace.moved(self.offered.get() as u64);
            self.pace.set(pace);
        }
        self.offered.set(piece.unwrap_or_default());
    }

    /// Waits until the client has taken nothing for so long, or has taken what was there too slowly.
    async fn untaken_for(&self, patience: Duration) {
        loop {
            let allowance = self.pace.get().allowance();
            let Some(since) = self.untaken.get() else {
                // What comes may have to be taken within the allowance, and is looked at again soon enough for that.
                sleep(allowance.clamp(SHORTEST_LOOK.min(patience), patience)).await;
                continue;
            };
            let (limit, fault) = match allowance < patience {
                true => (allowance, Fault::SlowAnswer),
                false => (patience, Fault::SendTimeout),
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
    /// Which stream a task serves.
    static CURRENT: Rc<OpenStream>;
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        match OpenStream::current() {
            None => {
                let (stream, patience) = (Rc::new(OpenStream::new(&self.0)), self.0.patience);
                let own = stream.clone();
                // Boxed, for the task would hold it twice: as what it was given and as what it waits for.
                let mut future = Box::pin(future);
                tokio::task::spawn_local(CURRENT.scope(stream, async move {
                    // To drop what serves a stream is to reset it.
                    tokio::select! {
                        biased;
                        () = &mut future => {}
                        () = own.untaken_for(patience) => {}
                    }
                }));
            }
            // A stream's own task asks for another when it has become a tunnel: for the one that sends.
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

    fn streams() -> Streams {
        let second = Duration::from_secs(1);
        let rate = MinRate { bytes_per_second: 240, grace: 5 * second };
        let times = 60 * second;
        Streams::new(&Timeouts { header: times, idle: times, body: times, send: times, rate })
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
    async fn an_idle_client_has_time_to_hear_the_farewell() {
        let streams = streams();
        streams.0.since.set(Instant::now() - IDLE);
        let mut ending = pin!(streams.end_after_farewell());
        assert!(!is_ready(ending.as_mut()).await, "it was idle before, not since");
        streams.begin();
        assert!(!is_ready(ending.as_mut()).await, "it cannot know yet");
    }

    #[tokio::test]
    async fn who_goes_on_after_the_farewell_is_cut_off() {
        let streams = streams();
        let mut ending = pin!(streams.end_after_farewell());
        assert!(!is_ready(ending.as_mut()).await);
        let _open = OpenStream::new(&streams.0);
        streams.0.farewell.set(Some(Instant::now() - streams.0.patience - MOMENT));
        assert!(!is_ready(ending.as_mut()).await, "what runs may finish");
        streams.begin();
        assert!(is_ready(ending.as_mut()).await);
    }

    #[tokio::test]
    async fn the_farewell_holds_for_a_client_in_haste_too() {
        let streams = streams();
        let _open = OpenStream::new(&streams.0);
        for _ in 0..MAX_REQUESTS + MAX_FURTHER_REQUESTS {
            streams.begin();
        }
        let mut ending = pin!(streams.end_after_farewell());
        assert!(!is_ready(ending.as_mut()).await);
        streams.begin();
        assert!(is_ready(ending.as_mut()).await);
    }

    #[tokio::test]
    async fn only_what_is_there_and_not_taken_for_too_long_is_given_up() {
        let streams = streams();
        let stream = OpenStream::new(&streams.0);
        let patience = streams.0.patience;
        assert!(!is_ready(stream.untaken_for(patience)).await, "there is nothing to take");
        stream.offers(Some(16 * 1024));
        stream.offers(Some(16 * 1024));
        assert!(!is_ready(stream.untaken_for(patience)).await, "it has only just come");
        stream.untaken.set(Some(Instant::now() - patience));
        assert!(is_ready(stream.untaken_for(patience)).await);
        assert_eq!(stream.given_up.get(), Some(Fault::SendTimeout));
    }

    #[tokio::test]
    async fn what_is_taken_too_slowly_is_given_up_but_not_for_a_slow_backend() {
        let streams = streams();
        let stream = OpenStream::new(&streams.0);
        let patience = streams.0.patience;
        let offer_for_a_second = |piece| {
            stream.offers(Some(piece));
            stream.untaken.set(Some(Instant::now() - Duration::from_secs(1)));
        };
        for _ in 0..100 {
            offer_for_a_second(240);
            stream.offers(None);
        }
        assert!(!is_ready(stream.untaken_for(patience)).await, "the client takes what the rate asks");
        for _ in 0..6 {
            offer_for_a_second(1);
        }
        assert!(is_ready(stream.untaken_for(patience)).await);
        assert_eq!(stream.given_up.get(), Some(Fault::SlowAnswer));
    }
}
