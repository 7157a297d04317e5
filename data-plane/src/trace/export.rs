//! Exports spans to a collector: OTLP over HTTP, in batches, on a thread of its own.
//!
//! Data threads pass spans to the exporter and never wait. Spans that do not fit into the queue, and those that the
//! collector does not accept, are dropped and counted.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::time::Instant;

use super::span::Span;
use crate::side_thread::SideThread;

/// The length of the exporter's queue: some 20 MiB if clients make each span as large as possible.
const WAITING: usize = 2048;
/// The most spans of one export request.
const BATCH: usize = 512;
/// The longest time for which a span waits for its batch.
const AGE: Duration = Duration::from_secs(1);
/// The time limit of one export request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for the exporter to finish at the end.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// The exporting thread.
#[derive(Debug)]
pub(crate) struct Exporter {
    running: Option<(SyncSender<Span>, SideThread)>,
    ending: Arc<AtomicBool>,
    /// The number of spans dropped so far.
    pub(crate) dropped: Arc<AtomicU64>,
}

/// A data thread's connection to the exporter.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    queue: Option<SyncSender<Span>>,
    dropped: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts the exporter's thread if `endpoint` is given: the base URL of a collector, to which `/v1/traces` is
    /// appended.
    ///
    /// # Errors
    /// The URL is invalid, or the thread cannot be started.
    pub(crate) fn start(endpoint: Option<&str>) -> io::Result<Exporter> {
        let dropped = Arc::new(AtomicU64::new(0));
        let ending = Arc::new(AtomicBool::new(false));
        let Some(endpoint) = endpoint else { return Ok(Exporter { running: None, ending, dropped }) };
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let (sender, receiver) = sync_channel(WAITING);
        let (lost, end) = (dropped.clone(), ending.clone());
        let (ready, started) = sync_channel(1);
        let thread = SideThread::start("traces", move || {
            // Built on this thread because its client blocks, which is not allowed within a runtime.
            match exporter(&url) {
                Ok(exporter) => {
                    let _ = ready.send(Ok(()));
                    export(&receiver, &exporter, &end, &lost);
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Exporter { running: Some((sender, thread)), ending, dropped })
    }

    /// Returns a handle for a data thread.
    pub(crate) fn handle(&self) -> Handle {
        let queue = self.running.as_ref().map(|(sender, _)| sender.clone());
        Handle { queue, dropped: self.dropped.clone() }
    }

    /// Waits until all queued spans are sent, or dropped if the collector is absent or slow. All handles must have
    /// been dropped.
    pub(crate) fn finish(self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some((sender, thread)) = self.running {
            drop(sender);
            thread.finish(FINISH_TIMEOUT);
        }
    }
}

impl Handle {
    /// Returns true if spans are exported.
    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues a span, or drops it if the queue is full.
    pub(crate) fn send(&self, span: Span) {
        if let Some(queue) = &self.queue
            && queue.try_send(span).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn exporter(url: &str) -> io::Result<SpanExporter> {
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(url)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(io::Error::other)?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    exporter.set_resource(
        &Resource::builder_empty().with_service_name("tidegate").with_attribute(version).build(),
    );
    Ok(exporter)
}

/// Sends batches until all senders are gone. Once `ending` is set, the remaining spans are dropped after a failure.
fn export(queue: &Receiver<Span>, exporter: &SpanExporter, ending: &AtomicBool, dropped: &AtomicU64) {
    let mut failing = false;
    while let Ok(first) = queue.recv() {
        let mut batch: Vec<SpanData> = vec![first.into()];
        let due = Instant::now() + AGE;
        while batch.len() < BATCH {
            match queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(span) => batch.push(span.into()),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let count = batch.len() as u64;
        if failing && ending.load(Ordering::Relaxed) {
            dropped.fetch_add(count, Ordering::Relaxed);
            continue;
        }
        let sent = now(exporter.export(batch));
        if let Err(error) = &sent {
            dropped.fetch_add(count, Ordering::Relaxed);
            if !failing {
                tracing::warn!(%error, "the collector does not accept spans: they are dropped");
            }
        }
        failing = sent.is_err();
    }
}

/// Returns the result of a future that never waits but blocks instead.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
        std::thread::yield_now();
    }
}
