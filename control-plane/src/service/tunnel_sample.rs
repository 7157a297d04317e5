//! A sample of the tunnels of a gateway that open and close, for readers of events who ask for it.
//!
//! The workers are asked again and again for their newest tunnels, so that nothing is counted or sent while nobody
//! reads. Tunnels beyond the sample are left out without a word.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_shared::id::{GatewayId, WorkerId};
use tidegate_shared::protocol::{Call, Reply};
use tidegate_shared::tunnel::{
    Filter, Millis, Operator, OrderBy, Property, Tunnel, TunnelId, TunnelKey, TunnelPage, TunnelQuery,
    TunnelState, Value,
};
use tokio::time::timeout;

use crate::events::EventContent;

use super::Service;

/// The interval of asking.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of new tunnels of one worker in an interval.
const OPENED: usize = 20;

/// The maximum number of tunnels whose end is told.
const FOLLOWED: usize = 200;

/// The time that workers have for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// What a reader knows of the tunnels of a gateway.
#[derive(Debug)]
pub(crate) struct TunnelSample {
    gateway: GatewayId,
    /// The time from which tunnels are told, by each worker's clock.
    since: BTreeMap<WorkerId, Millis>,
    /// The time from which tunnels of other workers are told.
    begun: Millis,
    /// The open tunnels that were told, with the times at which they were opened.
    followed: BTreeMap<(WorkerId, TunnelKey), Millis>,
}

impl TunnelSample {
    /// Begins with the tunnels that open from now on.
    pub(crate) fn new(gateway: GatewayId, now: Millis) -> TunnelSample {
        TunnelSample { gateway, since: BTreeMap::new(), begun: now, followed: BTreeMap::new() }
    }

    fn query(&self, since: Millis, state: (Operator, &'static str), limit: usize) -> Call {
        let filter = Filter::And(vec![
            Filter::Compare(Property::OpenedAt, Operator::GreaterOrEqual, Value::Time(since)),
            Filter::Compare(Property::State, state.0, Value::text(state.1)),
        ]);
        let order = vec![OrderBy { property: Property::OpenedAt, descending: true }];
        Call::Tunnels(Box::new(TunnelQuery {
            gateway: self.gateway,
            worker: String::new(),
            filter,
            order,
            after: None,
            limit,
            age: Duration::ZERO,
        }))
    }

    /// Notes the newest tunnels of a worker, and returns the events about those that are new.
    fn opened(&mut self, worker: WorkerId, page: &TunnelPage) -> Vec<EventContent> {
        let since = self.since.get(&worker).copied().unwrap_or(self.begun);
        let mut events = Vec::new();
        for tunnel in page.rows.iter().rev().filter(|tunnel| tunnel.opened_at >= since) {
            if let TunnelState::Closed(_) = tunnel.state {
                continue;
            }
            let key = (worker, tunnel.key);
            if self.followed.len() < FOLLOWED && self.followed.insert(key, tunnel.opened_at).is_none() {
                events.push(event("tunnelOpened", self.gateway, worker, tunnel));
            }
            self.since.insert(worker, tunnel.opened_at);
        }
        events
    }

    /// Returns the events about the followed tunnels among those that have ended.
    fn closed(&mut self, worker: WorkerId, page: &TunnelPage) -> Vec<EventContent> {
        let mut events = Vec::new();
        for tunnel in &page.rows {
            if let TunnelState::Closed(end) = &tunnel.state
                && let Some(opened_at) = self.followed.remove(&(worker, tunnel.key))
            {
                let seconds = end.at.saturating_sub(opened_at) / 1000;
                let event = event("tunnelClosed", self.gateway, worker, tunnel)
                    .with("reason", end.reason.as_str())
                    .with("closedBy", end.by.as_str())
                    .with("durationInSec", seconds);
                events.push(match end.close_code {
                    Some(code) => event.with("closeCode", code),
                    None => event,
                });
            }
        }
        events
    }
}

fn event(kind: &'static str, gateway: GatewayId, worker: WorkerId, tunnel: &Tunnel) -> EventContent {
    EventContent::new(kind)
        .of(gateway)
        .on(worker)
        .with("tunnel", TunnelId::new(worker, tunnel.key).to_string())
        .with("listener", tunnel.listener.as_str())
        .with("rule", tunnel.rule.as_str())
        .with("pool", tunnel.pool.as_str())
        .with("member", tunnel.member.as_str())
        .with("clientAddress", tunnel.client.ip().to_canonical().to_string())
        .with("host", tunnel.host.as_str())
        .with("path", tunnel.path.as_str())
}

impl Service {
    /// Asks the workers for the tunnels that have opened and ended since the last time.
    pub(crate) async fn sample_tunnels(&self, sample: &mut TunnelSample) -> Vec<EventContent> {
        let mut events = Vec::new();
        let oldest = sample.followed.values().min().copied().unwrap_or(sample.begun);
        let closed = sample.query(oldest, (Operator::Equal, "closed"), FOLLOWED * 2);
        for (worker, page) in self.tunnel_pages(sample.gateway, &closed).await {
            events.extend(sample.closed(worker, &page));
        }
        let since = sample.since.values().min().copied().unwrap_or(sample.begun);
        let opened = sample.query(since, (Operator::NotEqual, "closed"), OPENED);
        for (worker, page) in self.tunnel_pages(sample.gateway, &opened).await {
            events.extend(sample.opened(worker, &page));
        }
        events
    }

    /// Returns the answers of the workers that answer in time.
    async fn tunnel_pages(&self, gateway: GatewayId, call: &Call) -> Vec<(WorkerId, TunnelPage)> {
        let mut pages = Vec::new();
        for (worker, reply) in self.fleet.call(gateway, call, usize::MAX) {
            if let Ok(Ok(Reply::Tunnels(page))) = timeout(ANSWER_TIME, reply).await {
                pages.push((worker, page));
            }
        }
        pages
    }
}
