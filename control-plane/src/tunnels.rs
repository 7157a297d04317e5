//! The tunnels of connected workers: asked for page by page, one by one, and closed.
//!
//! Nothing of them is stored. Workers that do not answer in time are named, and their tunnels are missing in the result.

mod closer;

use std::collections::HashMap;
use std::time::Duration;

use tidegate_shared::id::{GatewayId, WorkerId};
use tidegate_shared::protocol::{Call, ClosingFrame, Reply};
use tidegate_shared::tunnel::{Filter, OrderBy, Position, Tunnel, TunnelId, TunnelKey, TunnelQuery, merge};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::fleet::Fleet;

pub(crate) use closer::{CLOSE_CODES, ChosenTunnels, Closing, TunnelCloser};

/// The time in which a worker must answer. A page of a busy worker takes milliseconds.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// The question for a page of a gateway's tunnels in all workers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TunnelList {
    pub(crate) filter: Filter,
    pub(crate) order: Vec<OrderBy>,
    /// The position of the last row of the page before.
    pub(crate) after: Option<Position>,
    /// The maximum number of rows; may be 0.
    pub(crate) limit: usize,
    /// The time since the first page was asked for.
    pub(crate) age: Duration,
}

/// A page of tunnels.
#[derive(Debug, Default)]
pub(crate) struct TunnelListPage {
    pub(crate) rows: Vec<(WorkerId, Tunnel)>,
    /// The position of the last row, if there are more.
    pub(crate) last: Option<Position>,
    /// The number of tunnels on all pages.
    pub(crate) count: u64,
    /// The workers that have not answered.
    pub(crate) missing: Vec<WorkerId>,
}

/// The result of the search for one tunnel.
#[derive(Debug)]
pub(crate) enum FoundTunnel {
    Found(WorkerId, Box<Tunnel>),
    /// No connected worker knows it.
    Unknown,
    /// A worker that may know it has not answered.
    Unanswered,
}

/// Returns a page of the tunnels in all connected workers.
pub(crate) async fn list(fleet: &Fleet, gateway: GatewayId, wanted: &TunnelList) -> TunnelListPage {
    let TunnelList { filter, order, after, limit, age } = wanted;
    let calls = fleet.call_each(gateway, |worker| {
        Some(Call::Tunnels(Box::new(TunnelQuery {
            gateway,
            worker: worker.to_string(),
            filter: filter.clone(),
            order: order.clone(),
            after: after.clone(),
            limit: *limit,
            age: *age,
        })))
    });
    let (mut pages, mut missing) = (Vec::new(), Vec::new());
    for (worker, reply) in answers(calls).await {
        match reply {
            Some(Reply::Tunnels(page)) => pages.push((worker, worker.to_string(), page)),
            _ => missing.push(worker),
        }
    }
    let workers: Vec<(String, WorkerId)> =
        pages.iter().map(|(worker, name, _)| (name.clone(), *worker)).collect();
    let worker_of = |name: &str| workers.iter().find(|(own, _)| own == name).map(|(_, worker)| *worker);
    let (rows, rest) = merge(
        order,
        *limit,
        workers.iter().map(|(name, _)| &**name).zip(pages.into_iter().map(|(.., page)| page)),
    );
    let last = rows.last().filter(|_| rest.has_more);
    let last = last.map(|(name, tunnel)| Position::of(order, name, tunnel.key, &(*name, tunnel)));
    let rows = rows.into_iter().filter_map(|(name, tunnel)| Some((worker_of(name)?, tunnel))).collect();
    TunnelListPage { rows, last, count: rest.count, missing }
}

/// Returns one tunnel, which may have ended.
pub(crate) async fn find(fleet: &Fleet, gateway: GatewayId, id: TunnelId) -> FoundTunnel {
    let calls = fleet.call_each(gateway, |worker| {
        (TunnelId::prefix(worker) == id.worker).then_some(Call::Tunnel { gateway, key: id.key })
    });
    let mut found = FoundTunnel::Unknown;
    for (worker, reply) in answers(calls).await {
        match reply {
            Some(Reply::Tunnel(Some(tunnel))) => return FoundTunnel::Found(worker, tunnel),
            Some(Reply::Tunnel(None)) => {}
            _ => found = FoundTunnel::Unanswered,
        }
    }
    found
}

/// Returns the numbers of the open tunnels that meet a condition, by worker, and the workers that have not answered.
async fn keys(
    fleet: &Fleet,
    gateway: GatewayId,
    filter: &Filter,
) -> (Vec<(WorkerId, Vec<TunnelKey>)>, Vec<WorkerId>) {
    let calls = fleet.call_each(gateway, |worker| {
        Some(Call::TunnelKeys(Box::new(TunnelQuery {
            gateway,
            worker: worker.to_string(),
            filter: filter.clone(),
            order: Vec::new(),
            after: None,
            limit: 0,
            age: Duration::ZERO,
        })))
    });
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (worker, reply) in answers(calls).await {
        match reply {
            Some(Reply::TunnelKeys { keys, .. }) => found.push((worker, keys)),
            _ => missing.push(worker),
        }
    }
    (found, missing)
}

/// Closes tunnels with this frame, and returns how many of each worker were open. A worker that has not answered is left out.
async fn close(
    fleet: &Fleet,
    gateway: GatewayId,
    tunnels: &HashMap<WorkerId, Vec<TunnelKey>>,
    frame: &ClosingFrame,
) -> HashMap<WorkerId, u64> {
    let calls = fleet.call_each(gateway, |worker| {
        Some(Call::CloseTunnels { gateway, keys: tunnels.get(&worker)?.clone(), frame: frame.clone() })
    });
    let closed = answers(calls).await.into_iter().filter_map(|(worker, reply)| match reply {
        Some(Reply::TunnelsClosed { closed }) => Some((worker, closed)),
        _ => None,
    });
    closed.collect()
}

/// Waits for the answers of all workers.
async fn answers(calls: Vec<(WorkerId, Option<oneshot::Receiver<Reply>>)>) -> Vec<(WorkerId, Option<Reply>)> {
    let deadline = Instant::now() + ANSWER_TIME;
    let mut answers = Vec::with_capacity(calls.len());
    for (worker, reply) in calls {
        let reply = match reply {
            Some(reply) => timeout_at(deadline, reply).await.ok().and_then(Result::ok),
            None => None,
        };
        answers.push((worker, reply));
    }
    answers
}
