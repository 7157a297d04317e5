//! Streams of server-sent events: how many there are, and how each one ends.
//!
//! A task feeds each stream and waits for its reader after each event. A reader that does not read for a while loses its
//! stream, so that nothing is buffered for it beyond a single event. Streams also end when the control plane stops.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event as SseEvent, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fair_share::{Bounds, FairShare, QueueFull};

/// The number of streams: in total, and of one client.
const STREAMS: Bounds = Bounds { total: 256, each: 32, waiting: 0 };

/// The interval of comments on a stream, by which both ends notice that the other one is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The time that a reader has to accept the next event.
const PATIENCE: Duration = Duration::from_secs(60);

/// The open streams.
#[derive(Debug)]
pub(crate) struct Streams {
    places: FairShare<String>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Marks a response whose body is a stream that lasts. The token is cancelled when the stream has ended.
#[derive(Clone, Debug)]
pub(super) struct Lasting(pub(super) CancellationToken);

/// The end of a stream into which its task writes.
#[derive(Debug)]
pub(super) struct StreamWriter(mpsc::Sender<SseEvent>);

/// The reader is gone, or does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReaderGone;

impl StreamWriter {
    /// Writes an event, and waits until the one before it was taken.
    pub(super) async fn write(&self, event: SseEvent) -> Result<(), ReaderGone> {
        let sent = timeout(PATIENCE, self.0.send(event)).await;
        sent.map_err(|_| ReaderGone)?.map_err(|_| ReaderGone)
    }
}

impl Streams {
    /// Streams whose tasks run on `tasks` until `stop`.
    pub(crate) fn new(tasks: TaskTracker, stop: CancellationToken) -> Streams {
        Streams { places: FairShare::new(STREAMS), tasks, stop }
    }

    /// Opens a stream for the client of this name. `feed` writes it, and the stream ends with it.
    ///
    /// # Errors
    /// [`QueueFull`] if the client, or all clients together, have too many streams.
    pub(super) fn open<F>(
        &self,
        client: &str,
        feed: impl FnOnce(StreamWriter) -> F,
    ) -> Result<Response, QueueFull>
    where
        F: Future<Output = Result<Infallible, ReaderGone>> + Send + 'static,
    {
        let place = self.places.try_take(&client.to_owned())?;
        let (events, mut read) = mpsc::channel(1);
        let (heartbeats, feed) = (StreamWriter(events.clone()), feed(StreamWriter(events)));
        let (stop, ended) = (self.stop.clone(), CancellationToken::new());
        let end = ended.clone().drop_guard();
        self.tasks.spawn(async move {
            let (_place, _end) = (place, end);
            tokio::select! {
                Err(ReaderGone) = feed => {}
                Err(ReaderGone) = beat(heartbeats) => {}
                () = stop.cancelled() => {}
            }
        });
        let stream = poll_fn(move |cx| read.poll_recv(cx).map(|event| event.map(Ok::<_, Infallible>)));
        let mut response = Sse::new(stream).into_response();
        response.extensions_mut().insert(Lasting(ended));
        Ok(response)
    }
}

/// Writes a comment again and again. The first one is written at once, so that the head of the response is sent.
async fn beat(writer: StreamWriter) -> Result<Infallible, ReaderGone> {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        heartbeat.tick().await;
        writer.write(SseEvent::default().comment("heartbeat")).await?;
    }
}
