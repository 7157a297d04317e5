//! A WebSocket after its 101: bytes both ways, unread and unchanged, until an end closes or nothing moves for too
//! long.
//!
//! One task a tunnel. It waits for readiness first and only then borrows the thread's buffer, writes at once, and
//! keeps bytes of its own only where a write was short: an idle tunnel holds two sockets and a few numbers.

mod access_log;
mod close;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Uri};
use tokio::time::{Instant, sleep_until};

use super::forward::Exchange;
use super::transaction_id::TransactionId;
use crate::backend::{Backend, Drained};
use crate::downstream::Connection;
use crate::downstream::upgrade::{PendingUpgrade, UpgradedClient};
use crate::live_tunnel::LiveTunnel;
use crate::member::InFlightGuard;
use crate::pump::{self, Peer, Side, Traffic};
use crate::registry::CloseReason;
use crate::runtime::{Selection, Target};
use crate::stream::{PEER_TIMEOUT, Stream};
use crate::trace;
use crate::upstream;
use access_log::Last;
use close::CloseCode;

/// How long both ends may take to hand over their connections after the 101.
const HANDOVER: Duration = Duration::from_secs(20);

/// What the tunnel's line will say of its handshake. Copied, for the request's own parts would keep the whole buffer
/// alive that they were read into.
#[derive(Debug)]
pub(crate) struct Head {
    host: Box<str>,
    uri: Box<str>,
    version: http::Version,
    /// This side's port of the connection to the backend, once there is one.
    source_port: u16,
}

impl Head {
    /// Of a request that asked for `uri`, whatever has been made of that.
    pub(crate) fn of<B>(request: &Request<B>, uri: &Uri) -> Head {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        let uri = uri.path_and_query().map_or("", |uri| uri.as_str());
        Head { host: host.into(), uri: uri.into(), version: request.version(), source_port: 0 }
    }
}

/// Joins the two connections of a handshake that has succeeded, as soon as both have been handed over.
pub(crate) fn open(
    connection: &Rc<Connection>,
    selection: &Selection,
    target: &Target,
    exchange: &mut Exchange,
    downstream: PendingUpgrade,
    head: Head,
    (id, handshake): (TransactionId, Option<trace::Context>),
) {
    let upstream = upstream::upgrade::PendingUpgrade::of(&mut exchange.response);
    // The connection's handle must outlive the handover; it is never lent again.
    let lease = exchange.lease.take();
    let source_port = lease.as_ref().map_or(0, |lease| lease.sender.source_port());
    let thread = &connection.thread;
    let context = handshake.map(|handshake| {
        let span = thread.random.borrow_mut().u64(1..).to_be_bytes();
        Box::new(trace::Context { parent: Some(handshake.span), span, ..handshake })
    });
    let live = LiveTunnel::new(connection.client, exchange.backend.clone());
    let context = TunnelContext {
        connection: connection.clone(),
        selection: selection.clone(),
        _busy: InFlightGuard::at(&exchange.backend.member_state),
        head: Head { source_port, ..head },
        id,
        context,
    };
    // This client asks for nothing more over the connection that becomes the tunnel.
    connection.dedicated.close();
    let limits = Limits { idle: target.request_timeout, drain: target.drain_timeout };
    tokio::task::spawn_local(async move {
        let both = async { tokio::try_join!(downstream.complete(), upstream.complete()) };
        let joined = tokio::time::timeout(HANDOVER, both).await;
        drop(lease);
        let (downstream, upstream) = match joined {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => return tracing::debug!(%error, "a tunnel's connection was not handed over"),
            Err(_) => return tracing::debug!("a tunnel's client did not take its 101"),
        };
        // A task of its own: this one's state, with both handovers in it, need not live as long as the tunnel.
        tokio::task::spawn_local(run(downstream, upstream, limits, live, context));
    });
}

/// The times that a tunnel's settings grant it.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// With nothing moving in either direction.
    idle: Duration,
    /// After its backend was removed.
    drain: Duration,
}

/// Everything that the line at the tunnel's end needs.
#[derive(Debug)]
struct TunnelContext {
    connection: Rc<Connection>,
    selection: Selection,
    head: Head,
    id: TransactionId,
    /// Its part in a trace.
    context: Option<Box<trace::Context>>,
    _busy: InFlightGuard,
}

/// How a tunnel ended.
#[derive(Debug)]
enum End {
    /// By one of its ends, or because nothing moved.
    Traffic(pump::End),
    /// The gateway was told to end it.
    Drained(CloseReason),
}

/// Runs a tunnel until it ends. Its parts are made outside of the future, because an `async fn` would hold its arguments
/// twice.
fn run(
    (client, from_client): (UpgradedClient, Bytes),
    (backend, from_backend): (Stream, Bytes),
    limits: Limits,
    live: LiveTunnel,
    context: TunnelContext,
) -> impl Future<Output = ()> {
    if !context.connection.current.load().member_table.contains(&live.backend.member_state.member) {
        // Its backend went while the handshake was under way: nobody else will end it.
        let late = close_later(context.connection.clone(), live.backend.clone(), limits.drain);
        tokio::task::spawn_local(late);
    }
    let live = context.connection.thread.tunnels.register(live);
    let started = Instant::now();
    let mut traffic =
        Traffic::<_, _, CloseCode>::new((client, &from_client), (backend, &from_backend), limits.idle);
    // The backend's has this timeout from its first moment.
    if let Some(client) = traffic.client.socket() {
        client.set_peer_timeout(PEER_TIMEOUT);
    }
    let buffer = context.connection.thread.tunnel_buffer;
    if buffer > 0 {
        traffic
            .client
            .socket()
            .into_iter()
            .chain([&traffic.backend])
            .for_each(|own| own.bound_buffers(buffer));
    }
    context.counts().opened.add(1);
    async move {
        let end = {
            let counts = context.counts();
            live.moved(traffic.received(), traffic.sent(), counts);
            let mut alarm = pin!(sleep_until(traffic.due()));
            poll_fn(|cx| match live.poll_close(cx) {
                Poll::Ready(why) => Poll::Ready(End::Drained(why)),
                Poll::Pending => {
                    let polled = traffic.poll(cx, alarm.as_mut()).map(End::Traffic);
                    live.moved(traffic.received(), traffic.sent(), counts);
                    polled
                }
            })
            .await
        };
        let last = Last::of(&end, started, &traffic);
        let Traffic { client, backend, .. } = traffic;
        match &end {
            End::Traffic(pump::End::Failed(Side::Client, _)) => backend.reset(),
            End::Traffic(pump::End::Failed(Side::Backend, _)) => client.reset(),
            // Closing is all: no Close frame is written into a stream that the gateway does not read.
            End::Traffic(_) | End::Drained(_) => {}
        }
        context.tell(&live, &last);
    }
}

/// Ends the tunnels of this thread to a member that is gone, unless it is back by then.
async fn close_later(connection: Rc<Connection>, backend: Arc<Backend>, after: Duration) {
    tokio::time::sleep(after).await;
    let member = &backend.member_state.member;
    if !connection.current.load().member_table.contains(member) {
        connection.thread.close(&Drained::Removed(member.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// Tens of thousands may be idle at once. Beside its parts a task needs a timer and what it waits for.
    #[test]
    fn the_task_of_a_tunnel_holds_its_parts_once() {
        let parts = size_of::<Traffic<UpgradedClient, Stream, CloseCode>>() + size_of::<TunnelContext>();
        let task = size_of_future(run);
        assert!(task <= parts + 256, "{task} bytes for {parts} bytes of parts");
    }
}
