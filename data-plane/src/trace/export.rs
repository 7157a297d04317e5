//! Spans on their way to a collector: OTLP over HTTP, batched on a thread of its own.
//!
//! Data threads hand spans over and never wait: what the queue cannot take is dropped and counted, and so is what the
//! collector does not take.

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

/// Spans that may wait for the exporter: some 20 MiB where clients make each as large as it can be.
const WAITING: usize = 2048;
/// The most spans of one message.
const BATCH: usize = 512;
/// How long a span may wait for others.
const AGE: Duration = Duration::from_secs(1);
/// How long the collector may take for one message.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the exporter is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The exporting thread.
#[derive(Debug)]
pub(crate) struct Exporter {
    running: Option<(SyncSender<Span>, SideThread)>,
    ending: Arc<AtomicBool>,
    /// What was dropped so far.
    pub(crate) dropped: Arc<AtomicU64>,
}

/// A data thread's end of it.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    queue: Option<SyncSender<Span>>,
    dropped: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts the thread, if there is somewhere to send spans to: the base URL of a collector, to which
    /// `/v1/traces` is added.
    ///
    /// # Errors
    /// The URL makes no sense, or there can be no thread.
    pub(crate) fn start(endpoint: Option<&str>) -> io::Result<Exporter> {
        let dropped = Arc::new(AtomicU64::new(0));
        let ending = Arc::new(AtomicBool::new(false));
        let Some(endpoint) = endpoint else { return Ok(Exporter { running: None, ending, dropped }) };
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let (sender, receiver) = sync_channel(WAITING);
        let (lost, end) = (dropped.clone(), ending.clone());
        let (ready, started) = sync_channel(1);
        let thread = SideThread::start("traces", move || {
            // Built here, since its client blocks, which it may not do where a runtime is.
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

    /// The end of it that a data thread holds.
    pub(crate) fn handle(&self) -> Handle {
        let queue = self.running.as_ref().map(|(sender, _)| sender.clone());
        Handle { queue, dropped: self.dropped.clone() }
    }

    /// Waits until what was handed over is sent, or dropped if the collector is not there or slow. All handles must be
    /// gone.
    pub(crate) fn finish(self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some((sender, thread)) = self.running {
            drop(sender);
            thread.finish(PATIENCE);
        }
    }
}

impl Handle {
    /// Whether spans are wanted at all.
    pub(crate) fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Hands a span over, or drops it.
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

/// Collects and sends until all senders are gone. Once it is `ending`, nobody waits for a collector that fails.
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
                tracing::warn!(%error, "the collector does not take spans: they are dropped");
            }
        }
        failing = sent.is_err();
    }
}

/// The result of a future that never waits but blocks instead.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
        std::thread::yield_now();
    }
}
