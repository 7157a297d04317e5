//! A WebSocket tunnel from its 101 to its end. The [`crate::pump`] moves the bytes; this module joins the two
//! connections, ends the tunnel on a drain or an idle timeout, and logs it.
//!
//! Each tunnel is one task, so that an idle tunnel needs only two sockets and little memory.

mod access_log;
mod review;
mod terms;
pub(crate) mod what_if;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tidegate_http1::Known;

use super::forward::Exchange;
use super::headers;
use crate::downstream::upgrade::{PendingUpgrade, UpgradedClient};
use crate::downstream::{Admission, Connection};
use crate::drain_schedule as schedule;
use crate::limits::AddressPermit;
use crate::live_tunnel::{Details, HandshakeHead, LiveTunnel};
use crate::pump::{self, Peer, Side, Traffic};
use crate::registry::{CloseReason, Registration, Signal};
use crate::runtime::{BackendSet, Runtime, Selection, reviews_tunnels};
use crate::stream::Stream;
use crate::thread::Thread;
use crate::trace;
use crate::transaction_id::TransactionId;
use crate::websocket::Frames;
use access_log::Last;
use terms::{Step, Terms};

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
    address_permit: Option<AddressPermit>,
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
        let place = *exchange.place.take()?;
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
        let details = (is_recorded(thread) || backend_set.reviews_tunnels()).then(|| {
            Box::new(Details {
                current: connection.current.clone(),
                local: (connection.address.ip(), connection.address.port()),
                secure: connection.secure,
                tls: connection.tls.clone(),
                selection: selection.clone(),
                is_over_http2: stream.is_some(),
                source_port,
                id,
                context,
            })
        });
        let live = LiveTunnel::new(connection.client, place.guard, route, (head, details));
        let context = TunnelContext { admission: connection.admission.clone() };
        // The client sends no further requests over the connection that becomes the tunnel.
        connection.dedicated.close();
        let limits = Limits { idle: backend_set.request_timeout, drain: backend_set.drain_timeout };
        let connection = connection.clone();
        Some(Box::new(PendingTunnel {
            upstream,
            limits,
            live,
            address_permit: place.address_permit,
            context,
            connection,
            stream,
        }))
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
        let PendingTunnel { upstream, limits, live, address_permit, context, connection, .. } = *self;
        let (thread, current) = (connection.thread.clone(), connection.current.clone());
        drop(connection);
        let live = thread.tunnels.register(live);
        let runtime = current.load();
        if !runtime.member_table.contains(&live.backend.member_state.member) {
            // Its backend was removed during the handshake, so the drain of the backend would miss this tunnel.
            let policy = live.policy();
            let (why, action) = if runtime.is_withdrawn {
                (CloseReason::GatewayRemoved, policy.on_gateway_removed)
            } else {
                (CloseReason::BackendRemoved, policy.on_member_removed)
            };
            if let Some(time) = schedule::time_of(action, limits.drain) {
                let late = close_later(thread, current.clone(), live.number(), why, time);
                tokio::task::spawn_local(late);
            }
        }
        tokio::task::spawn_local(run(
            (client, early),
            upstream,
            limits.idle,
            (live, address_permit),
            context,
        ));
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

/// The state that a tunnel refers to until it ends.
#[derive(Debug)]
struct TunnelContext {
    admission: Rc<Admission>,
}

/// The end of a tunnel.
#[derive(Debug)]
enum TunnelOutcome {
    /// One of its connections ended it, or the idle timeout has passed.
    Traffic(pump::End),
    /// A drain ended it.
    Drained(CloseReason),
}

impl TunnelOutcome {
    /// Returns true if the gateway has ended the tunnel although both connections are open.
    fn is_of_gateway(&self) -> bool {
        matches!(self, TunnelOutcome::Traffic(pump::End::Idle(_)) | TunnelOutcome::Drained(_))
    }
}

/// Runs a tunnel until it ends.
fn run(
    (client, from_client): (UpgradedClient, Bytes),
    (backend, from_backend): (Stream, Bytes),
    request_timeout: Duration,
    (live, address_permit): (Registration<LiveTunnel>, Option<AddressPermit>),
    context: TunnelContext,
) -> impl Future<Output = ()> {
    let (client, backend) = ((client, &from_client), (backend, &from_backend));
    let policy = live.policy();
    let terms = Terms::of(&policy, request_timeout, live.started, address_permit);
    let timeouts = terms::timeouts(&policy, request_timeout);
    let is_reviewed = reviews_tunnels(&policy);
    drop(policy);
    let traffic = Traffic::<_, _, Frames>::new(client, backend, timeouts, &live.counts);
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
    let mut tunnel = Box::new(Tunnel { traffic, live, context, terms });
    if is_reviewed {
        // The configuration may have changed during the handshake.
        tunnel.review();
    }
    let mut tunnel = Some(tunnel);
    poll_fn(move |cx| {
        loop {
            let step = match &mut tunnel {
                Some(tunnel) => ready!(tunnel.poll(cx)),
                None => return Poll::Ready(()),
            };
            match step {
                Step::Frame => tunnel = tunnel.take().map(|tunnel| Box::new(tunnel.framed())),
                Step::End(outcome) => {
                    if let Some(tunnel) = tunnel.take() {
                        tunnel.end(&outcome);
                    }
                    return Poll::Ready(());
                }
            }
        }
    })
}

/// A tunnel that is open.
struct Tunnel {
    traffic: Traffic<UpgradedClient, Stream, Frames>,
    live: Registration<LiveTunnel>,
    context: TunnelContext,
    /// The demands of its policy; `None` for nothing, so that most tunnels hold no more than a pointer for it.
    terms: Option<Box<Terms>>,
}

impl Tunnel {
    /// Ready at the end of the tunnel, or when its client needs another end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.is_closing() {
            return self.poll_closing(cx);
        }
        while let Poll::Ready(signal) = self.live.poll_signal(cx) {
            match signal {
                Signal::Close(why) => return self.begin_close(cx, TunnelOutcome::Drained(why)),
                Signal::Review => self.review(),
            }
        }
        if let Poll::Ready(end) = self.poll_traffic(cx) {
            return self.end_or_close(cx, Step::End(TunnelOutcome::Traffic(end)));
        }
        let mut due = self.traffic.due();
        if self.terms.is_some() {
            due = match self.poll_terms(cx, due) {
                Ok(due) => due,
                Err(step) => return self.end_or_close(cx, step),
            };
        }
        self.live.wake_after(due);
        Poll::Pending
    }

    /// Announces an end that the gateway makes, if the policy asks for it.
    fn end_or_close(&mut self, cx: &mut Context<'_>, step: Step) -> Poll<Step> {
        match step {
            Step::End(outcome) if outcome.is_of_gateway() => self.begin_close(cx, outcome),
            step => Poll::Ready(step),
        }
    }

    /// Moves the bytes that can be moved now, and counts them.
    fn poll_traffic(&mut self, cx: &mut Context<'_>) -> Poll<pump::End> {
        let Tunnel { traffic, live, context, .. } = self;
        let before = (live.counts.received(), live.counts.sent());
        let polled = traffic.poll(cx, &live.counts);
        if before != (live.counts.received(), live.counts.sent()) {
            context.count(live, before);
            live.moved_at(traffic.last_moved());
        }
        polled
    }

    /// Closes both connections and records the end.
    fn end(mut self, outcome: &TunnelOutcome) {
        let sent_code = self.traffic.client.framed().and_then(|framed| framed.sent_code());
        let last = Last::of(outcome, self.live.started, &self.traffic, sent_code);
        let Traffic { client, backend, .. } = self.traffic;
        match outcome {
            TunnelOutcome::Traffic(pump::End::Failed(Side::Client, _)) => backend.reset(),
            TunnelOutcome::Traffic(pump::End::Failed(Side::Backend, _)) => client.reset(),
            // The connections are only closed: without a policy that asks for a Close frame, the gateway writes nothing
            // of its own into a tunnel.
            TunnelOutcome::Traffic(_) | TunnelOutcome::Drained(_) => {}
        }
        self.context.thread().closing_frames.take(self.live.number());
        self.context.record(&self.live, last);
    }
}

/// Ends the tunnel with this number after this time, unless its member is back by then. Nothing of the tunnel is held
/// meanwhile, because it may end before.
async fn close_later(
    thread: Rc<Thread>,
    current: Arc<ArcSwap<Runtime>>,
    number: u64,
    why: CloseReason,
    after: Duration,
) {
    tokio::time::sleep(after).await;
    let runtime = current.load();
    let is_gone = |tunnel: &LiveTunnel| !runtime.member_table.contains(&tunnel.backend.member_state.member);
    thread.tunnels.close_one(number, why, is_gone);
}

#[cfg(test)]
mod tests;
