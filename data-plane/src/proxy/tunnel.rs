//! A WebSocket tunnel from its 101 to its end. The [`crate::pump`] moves the bytes; this module joins the two
//! connections, ends the tunnel on a drain or an idle timeout, and logs it.
//!
//! Each tunnel is one task, so that an idle tunnel needs only two sockets and little memory.

mod access_log;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tidegate_http1::Known;

use super::forward::Exchange;
use super::headers;
use super::transaction_id::TransactionId;
use crate::backend::{Backend, Drained};
use crate::downstream::upgrade::{PendingUpgrade, UpgradedClient};
use crate::downstream::{Admission, Connection};
use crate::drain_schedule as schedule;
use crate::live_tunnel::{HandshakeHead, LiveTunnel};
use crate::member::InFlightGuard;
use crate::pump::{self, Peer, Side, Traffic};
use crate::registry::{CloseReason, Registration};
use crate::runtime::{BackendSet, Selection};
use crate::stream::Stream;
use crate::thread::Thread;
use crate::tls::facts::TlsInfo;
use crate::trace;
use crate::websocket::Frames;
use access_log::Last;

/// The time in which an HTTP/2 stream must be handed over after the response.
const HANDOVER: Duration = Duration::from_secs(20);

/// Returns true if the end of a tunnel is written to a log or to a collector of spans.
pub(crate) fn is_recorded(thread: &Thread) -> bool {
    thread.log.is_on() || thread.spans.is_on()
}

/// A tunnel that begins when the response has been sent to the client.
#[derive(Debug)]
pub(crate) struct PendingTunnel {
    /// The backend's connection, and the bytes that it sent behind the response.
    upstream: (Stream, Bytes),
    limits: Limits,
    live: LiveTunnel,
    context: TunnelContext,
    /// The client's connection, which may live no longer than until the tunnel begins.
    connection: Rc<Connection>,
    /// The client's stream of HTTP/2; `None` if its connection becomes the tunnel.
    stream: Option<PendingUpgrade>,
}

impl PendingTunnel {
    /// Prepares the tunnel of a successful handshake; `None` if the response came from a stream of HTTP/2.
    pub(crate) fn new(
        connection: &Rc<Connection>,
        selection: &Selection,
        backend_set: &BackendSet,
        exchange: &mut Exchange,
        stream: Option<PendingUpgrade>,
        mut head: HandshakeHead,
        (id, handshake): (TransactionId, Option<trace::Context>),
    ) -> Option<Box<PendingTunnel>> {
        let sender = exchange.lease.take()?.sender;
        let source_port = sender.source_port();
        let upstream = sender.into_stream()?;
        let thread = &connection.thread;
        let context = handshake.map(|handshake| {
            let span = thread.random.borrow_mut().u64(1..).to_be_bytes();
            trace::Context { parent: Some(handshake.span), span, ..handshake }
        });
        let subprotocol = exchange.response.fields.get(Known::SecWebsocketProtocol).and_then(headers::text);
        if let Some(subprotocol) = subprotocol {
            head.select(subprotocol);
        }
        let route = selection.route.clone();
        let live = LiveTunnel::new(connection.client, exchange.backend.clone(), route, head);
        let context = TunnelContext {
            admission: connection.admission.clone(),
            _in_flight: InFlightGuard::at(&exchange.backend.member_state),
            details: is_recorded(thread).then(|| {
                Box::new(Details {
                    local: connection.address,
                    secure: connection.secure,
                    tls: connection.tls.clone(),
                    selection: selection.clone(),
                    is_over_http2: stream.is_some(),
                    source_port,
                    id,
                    context,
                })
            }),
        };
        // The client sends no further requests over the connection that becomes the tunnel.
        connection.dedicated.close();
        let limits = Limits { idle: backend_set.request_timeout, drain: backend_set.drain_timeout };
        let connection = connection.clone();
        Some(Box::new(PendingTunnel { upstream, limits, live, context, connection, stream }))
    }

    /// Returns the tunnel if the client's connection becomes it. If an HTTP/2 stream does, the tunnel begins in a task
    /// that waits for the stream.
    pub(crate) fn unless_over_stream(mut self: Box<PendingTunnel>) -> Option<Box<PendingTunnel>> {
        let Some(stream) = self.stream.take() else { return Some(self) };
        tokio::task::spawn_local(async move {
            match tokio::time::timeout(HANDOVER, stream.complete()).await {
                Ok(Ok(client)) => self.start(client, Bytes::new()),
                Ok(Err(error)) => tracing::debug!(%error, "the stream of a tunnel was not handed over"),
                Err(_) => tracing::debug!("the stream of a tunnel was not handed over in time"),
            }
        });
        None
    }

    /// Begins the tunnel, with the bytes that the client sent early. It runs in a task of its own, so that no state of
    /// the handshake lives as long as the tunnel.
    pub(crate) fn start(self: Box<PendingTunnel>, client: UpgradedClient, early: Bytes) {
        let PendingTunnel { upstream, limits, live, context, connection, .. } = *self;
        if !connection.current.load().member_table.contains(&live.backend.member_state.member) {
            // Its backend was removed during the handshake, so the drain of the backend would miss this tunnel.
            if let Some(time) = schedule::time_of(live.policy().on_member_removed, limits.drain) {
                let late = close_later(connection, live.backend.clone(), time);
                tokio::task::spawn_local(late);
            }
        }
        tokio::task::spawn_local(run((client, early), upstream, limits.idle, live, context));
    }
}

/// The timeouts of a tunnel, from its settings.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The time without bytes in either direction after which the tunnel ends.
    idle: Duration,
    /// The time after the removal of its backend after which the tunnel ends.
    drain: Duration,
}

/// What a tunnel refers to until it ends.
#[derive(Debug)]
struct TunnelContext {
    admission: Rc<Admission>,
    _in_flight: InFlightGuard,
    /// The values for the log line and the span; `None` if both are disabled.
    details: Option<Box<Details>>,
}

/// The values for the access log line and the span at the end of a tunnel.
#[derive(Debug)]
struct Details {
    /// The address that the client connected to.
    local: SocketAddr,
    /// True if its binding is HTTPS.
    secure: bool,
    tls: Option<Rc<TlsInfo>>,
    selection: Selection,
    /// True if the client's end is a stream of HTTP/2.
    is_over_http2: bool,
    /// The local port of the connection to the backend.
    source_port: u16,
    id: TransactionId,
    /// The trace context.
    context: Option<trace::Context>,
}

/// The end of a tunnel.
#[derive(Debug)]
enum TunnelOutcome {
    /// One of its connections ended it, or the idle timeout has passed.
    Traffic(pump::End),
    /// A drain ended it.
    Drained(CloseReason),
}

/// Runs a tunnel until it ends.
fn run(
    (client, from_client): (UpgradedClient, Bytes),
    (backend, from_backend): (Stream, Bytes),
    idle: Duration,
    live: LiveTunnel,
    context: TunnelContext,
) -> impl Future<Output = ()> {
    let live = context.thread().tunnels.register(live);
    let (client, backend) = ((client, &from_client), (backend, &from_backend));
    let traffic = Traffic::<_, _, Frames>::new(client, backend, idle, &live.counts);
    let buffer = context.thread().tunnel_buffer;
    if buffer > 0 {
        traffic
            .client
            .socket()
            .into_iter()
            .chain([&traffic.backend])
            .for_each(|own| own.bound_buffers(buffer));
    }
    context.counts(&live).opened.add(1);
    context.count(&live, (0, 0));
    // Tasks are as large as a power of two, or waste memory: tokio aligns them to 128 bytes, and of the sizes so
    // aligned the allocator has only these. So the task holds a pointer, and the tunnel has a size of its own.
    let mut tunnel = Some(Box::new(Tunnel { traffic, live, context }));
    poll_fn(move |cx| {
        let outcome = match &mut tunnel {
            Some(tunnel) => ready!(tunnel.poll(cx)),
            None => return Poll::Ready(()),
        };
        if let Some(tunnel) = tunnel.take() {
            tunnel.end(&outcome);
        }
        Poll::Ready(())
    })
}

/// A tunnel that is open.
struct Tunnel {
    traffic: Traffic<UpgradedClient, Stream, Frames>,
    live: Registration<LiveTunnel>,
    context: TunnelContext,
}

impl Tunnel {
    /// Ready at the end of the tunnel.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TunnelOutcome> {
        let Tunnel { traffic, live, context, .. } = self;
        if let Poll::Ready(why) = live.poll_close(cx) {
            return Poll::Ready(TunnelOutcome::Drained(why));
        }
        let before = (live.counts.received(), live.counts.sent());
        let polled = traffic.poll(cx, &live.counts).map(TunnelOutcome::Traffic);
        if before != (live.counts.received(), live.counts.sent()) {
            context.count(live, before);
            live.moved_at(traffic.last_moved());
        }
        live.wake_after(traffic.due());
        polled
    }

    /// Closes both connections and records the end.
    fn end(self, outcome: &TunnelOutcome) {
        let last = Last::of(outcome, self.live.started, &self.traffic);
        let Traffic { client, backend, .. } = self.traffic;
        match outcome {
            TunnelOutcome::Traffic(pump::End::Failed(Side::Client, _)) => backend.reset(),
            TunnelOutcome::Traffic(pump::End::Failed(Side::Backend, _)) => client.reset(),
            // The connections are only closed: the gateway promises to write nothing of its own into a tunnel.
            TunnelOutcome::Traffic(_) | TunnelOutcome::Drained(_) => {}
        }
        self.context.record(&self.live, last);
    }
}

/// Ends the tunnels of this thread to a removed member after this time, unless the member is back by then.
async fn close_later(connection: Rc<Connection>, backend: Arc<Backend>, after: Duration) {
    tokio::time::sleep(after).await;
    let member = &backend.member_state.member;
    if !connection.current.load().member_table.contains(member) {
        connection.thread.close_tunnels(&Drained::Removed(member.clone()));
    }
}

#[cfg(test)]
mod tests;
