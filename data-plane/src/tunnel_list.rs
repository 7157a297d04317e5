//! Lists, shows and closes the tunnels of one data thread.
//!
//! A list is read in slices between other work of the thread, so that it does not delay the messages of tunnels. It
//! shows each tunnel at some time during the reading, not all at the same time.

use std::rc::Rc;

use jiff::Timestamp;
use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::ClosingFrame;
use tidegate_shared::tunnel::{
    FirstRows, Millis, Properties, Property, Tunnel, TunnelKey, TunnelPage, TunnelQuery, TunnelState, Value,
};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::live_tunnel::LiveTunnel;
use crate::registry::{CloseReason, Entry, Slice};
use crate::thread::Thread;
use crate::tunnel_history::{EndedTunnel, SeenEnded};

/// A tunnel of a list.
#[derive(Clone, Debug)]
enum Listed {
    Live(Rc<Entry<LiveTunnel>>),
    Ended(Rc<EndedTunnel>),
}

impl Listed {
    fn number(&self) -> u64 {
        match self {
            Listed::Live(entry) => entry.number,
            Listed::Ended(ended) => ended.number,
        }
    }
}

/// A live tunnel, seen at one time.
struct Seen<'a> {
    worker: &'a str,
    thread: &'a Thread,
    entry: &'a Entry<LiveTunnel>,
    /// The time by which it is idle.
    at: Instant,
}

/// Returns a page of the thread's tunnels.
pub(crate) async fn page(thread: &Thread, query: &TunnelQuery) -> TunnelPage {
    let (listed, has_more, count) = select(thread, query).await;
    let at = time_of(query);
    let mut rows = Vec::with_capacity(listed.len());
    let mut slice = Slice::begin();
    for listed in listed {
        let key = thread.key(listed.number());
        rows.push(match listed {
            Listed::Live(entry) => describe(thread, &entry, key, at),
            Listed::Ended(ended) => ended.describe(key),
        });
        if !slice.goes_on() {
            yield_now().await;
            slice = Slice::begin();
        }
    }
    TunnelPage { rows, has_more, count }
}

/// Returns the numbers of the tunnels that meet the condition of a query, and whether there are more.
pub(crate) async fn keys(thread: &Thread, query: &TunnelQuery) -> (Vec<TunnelKey>, bool) {
    let (listed, has_more, _) = select(thread, query).await;
    (listed.iter().map(|listed| thread.key(listed.number())).collect(), has_more)
}

/// Returns one tunnel of a gateway, which may have ended.
pub(crate) fn show(thread: &Thread, gateway: GatewayId, key: TunnelKey) -> Option<Tunnel> {
    if thread.key(key.number) != key {
        return None;
    }
    let live = thread.tunnels.get(key.number).filter(|entry| gateway_of(&entry.public) == gateway);
    if let Some(entry) = live {
        return Some(describe(thread, &entry, key, Instant::now()));
    }
    let ended = thread.history.borrow().get(key.number).filter(|ended| ended.gateway == gateway);
    ended.map(|ended| ended.describe(key))
}

/// Closes those of these tunnels of a gateway that are of this thread and open, and returns their number. Their clients
/// receive this frame before.
pub(crate) fn close(thread: &Thread, gateway: GatewayId, keys: &[TunnelKey], frame: &ClosingFrame) -> u64 {
    let own = keys.iter().filter(|key| thread.key(key.number) == **key);
    let is_of_gateway = |tunnel: &LiveTunnel| gateway_of(tunnel) == gateway;
    let close = |key: &&TunnelKey| {
        let is_open = thread.tunnels.get(key.number).is_some_and(|entry| entry.close_reason().is_none());
        let is_known = thread.tunnels.close_one(key.number, CloseReason::Requested, is_of_gateway);
        if is_open && is_known {
            thread.closing_frames.set(key.number, frame);
        }
        is_known
    };
    own.filter(close).count() as u64
}

/// Finds the first tunnels of a page, in order.
async fn select(thread: &Thread, query: &TunnelQuery) -> (Vec<Listed>, bool, u64) {
    let (mut first_rows, at) = (FirstRows::of(query), time_of(query));
    let mut next = Some(0);
    while let Some(first) = next {
        let mut slice = Slice::begin();
        next = thread.tunnels.visit(first, |entry| {
            if gateway_of(&entry.public) == query.gateway {
                let seen = Seen { worker: &query.worker, thread, entry, at };
                first_rows.offer(thread.key(entry.number), &seen, || Listed::Live(entry.clone()));
            }
            slice.goes_on()
        });
        yield_now().await;
    }
    if query.filter.names(Property::State) {
        thread.history.borrow_mut().forget_old(now());
        let mut done = 0;
        loop {
            let (mut slice, before) = (Slice::begin(), done);
            for ended in thread.history.borrow().slice(done, usize::MAX) {
                done += 1;
                if ended.gateway == query.gateway {
                    let seen = SeenEnded { worker: &query.worker, ended };
                    first_rows.offer(thread.key(ended.number), &seen, || Listed::Ended(ended.clone()));
                }
                if !slice.goes_on() {
                    break;
                }
            }
            if done == before {
                break;
            }
            yield_now().await;
        }
    }
    first_rows.finish()
}

fn gateway_of(tunnel: &LiveTunnel) -> GatewayId {
    tunnel.backend.member_state.member.gateway
}

fn now() -> Millis {
    Timestamp::now().as_millisecond()
}

/// Returns the time by which the tunnels of a list are idle.
fn time_of(query: &TunnelQuery) -> Instant {
    let now = Instant::now();
    now.checked_sub(query.age).unwrap_or(now)
}

fn state(thread: &Thread, entry: &Entry<LiveTunnel>) -> TunnelState {
    if let Some(why) = entry.close_reason() {
        return TunnelState::Closing { reason: why.reason().to_owned() };
    }
    let of_group = entry.group().and_then(|group| thread.group_drains.end(group));
    match entry.public.drain().into_iter().chain(of_group).min_by_key(|(until, _)| *until) {
        Some((until, why)) => {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            let until = now() + Millis::try_from(left).unwrap_or_default();
            TunnelState::Draining { until, reason: why.reason().to_owned() }
        }
        None => TunnelState::Open,
    }
}

/// Describes a live tunnel in full.
fn describe(thread: &Thread, entry: &Entry<LiveTunnel>, key: TunnelKey, at: Instant) -> Tunnel {
    let live = &entry.public;
    Tunnel {
        key,
        listener: live.route.listener.clone(),
        rule: live.rule().to_owned(),
        pool: live.backend.key.pool.clone(),
        settings: live.backend.key.settings.clone(),
        member: live.member().into_owned(),
        client: live.client(),
        host: live.host().to_owned(),
        path: live.path().to_owned(),
        subprotocol: live.head.subprotocol().map(str::to_owned),
        opened_at: live.opened_at(),
        idle_for: live.idle_at(at),
        request_timeout: live.request_timeout(),
        received: live.received(),
        sent: live.sent(),
        state: state(thread, entry),
    }
}

impl Properties for Seen<'_> {
    fn value(&self, property: Property) -> Value<'_> {
        let live = &self.entry.public;
        match property {
            Property::Listener => Value::text(&live.route.listener),
            Property::Rule => Value::text(live.rule()),
            Property::Pool => Value::text(&live.backend.key.pool),
            Property::Settings => Value::text(&live.backend.key.settings),
            Property::Member => Value::Text(live.member()),
            Property::ClientAddress => Value::Address(live.client().ip().to_canonical()),
            Property::Host => Value::text(live.host()),
            Property::Path => Value::text(live.path()),
            Property::Subprotocol => live.head.subprotocol().map_or(Value::Null, Value::text),
            Property::Worker => Value::text(self.worker),
            Property::OpenedAt => Value::Time(live.opened_at()),
            Property::IdleFor => Value::count(live.idle_at(self.at).as_secs()),
            Property::State => Value::text(state(self.thread, self.entry).name()),
            Property::ReceivedBytes => Value::count(live.received().bytes),
            Property::SentBytes => Value::count(live.sent().bytes),
            Property::ReceivedMessages => Value::count(live.received().messages.into()),
            Property::SentMessages => Value::count(live.sent().messages.into()),
        }
    }
}
