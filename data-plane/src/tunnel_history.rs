//! The tunnels of one data thread that have ended, for a limited number and time. Each is copied into one text, so that
//! it keeps no configuration alive. This module must not know tasks or connections.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::tunnel::{
    ClosedBy, Millis, Properties, Property, Traffic, Tunnel, TunnelEnd, TunnelKey, TunnelState, Value,
};
use tokio::time::Instant;

use crate::live_tunnel::LiveTunnel;

/// The time for which an ended tunnel is kept.
const KEPT: Duration = Duration::from_secs(3600);

/// The longest text of an ended tunnel, in bytes; longer ones are cut. It bounds the memory of the history, and is
/// longer than most paths.
const MAX_TEXT: usize = 256;

/// The tunnels that have ended.
#[derive(Debug)]
pub(crate) struct TunnelHistory {
    ended: VecDeque<Rc<EndedTunnel>>,
    capacity: usize,
}

/// A tunnel that has ended.
#[derive(Debug)]
pub(crate) struct EndedTunnel {
    pub(crate) number: u64,
    pub(crate) gateway: GatewayId,
    opened_at: Millis,
    ended_at: Millis,
    idle_for: u32,
    request_timeout: u32,
    client: IpAddr,
    client_port: u16,
    received: Traffic,
    sent: Traffic,
    by: ClosedBy,
    close_code: Option<u16>,
    /// The texts, one after the other.
    texts: Box<str>,
    /// Where each text ends.
    ends: [u16; TEXTS],
}

/// The number of texts: listener, rule, pool, settings, member, host, path, subprotocol, reason.
const TEXTS: usize = 9;

impl TunnelHistory {
    /// Creates a history of at most `capacity` tunnels; 0 for none.
    pub(crate) fn new(capacity: usize) -> TunnelHistory {
        TunnelHistory { ended: VecDeque::new(), capacity }
    }

    /// Adds a tunnel that has ended now. The oldest ones make place.
    pub(crate) fn add(&mut self, ended: impl FnOnce() -> EndedTunnel) {
        if self.capacity == 0 {
            return;
        }
        let ended = ended();
        self.forget_old(ended.ended_at);
        if self.ended.len() == self.capacity {
            self.ended.pop_front();
        }
        self.ended.push_back(Rc::new(ended));
    }

    /// Removes the tunnels whose time has passed.
    pub(crate) fn forget_old(&mut self, now: Millis) {
        let oldest = now - KEPT.as_millis() as Millis;
        while self.ended.front().is_some_and(|ended| ended.ended_at < oldest) {
            self.ended.pop_front();
        }
    }

    /// Returns the tunnel with this number.
    pub(crate) fn get(&self, number: u64) -> Option<Rc<EndedTunnel>> {
        self.ended.iter().find(|ended| ended.number == number).cloned()
    }

    /// Returns a part of the tunnels, the oldest first. A later call may miss tunnels that were removed meanwhile.
    pub(crate) fn slice(&self, first: usize, count: usize) -> impl Iterator<Item = &Rc<EndedTunnel>> {
        self.ended.iter().skip(first).take(count)
    }
}

impl EndedTunnel {
    /// Copies what is known of a tunnel of this number.
    pub(crate) fn new(number: u64, live: &LiveTunnel, end: &TunnelEnd) -> EndedTunnel {
        let key = &live.backend.key;
        let parts: [&str; TEXTS] = [
            &live.route.listener,
            live.rule(),
            &key.pool,
            &key.settings,
            &live.member(),
            live.host(),
            live.path(),
            live.head.subprotocol().unwrap_or(""),
            &end.reason,
        ];
        let parts = parts.map(|text| &text[..text.floor_char_boundary(MAX_TEXT)]);
        let mut length = 0;
        let ends = parts.map(|text| {
            length += text.len() as u16;
            length
        });
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        EndedTunnel {
            number,
            gateway: live.backend.member_state.member.gateway,
            opened_at: live.opened_at(),
            ended_at: end.at,
            idle_for: seconds(live.idle_at(Instant::now())),
            request_timeout: seconds(live.request_timeout()),
            client: live.client().ip(),
            client_port: live.client().port(),
            received: live.received(),
            sent: live.sent(),
            by: end.by,
            close_code: end.close_code,
            texts: parts.concat().into(),
            ends,
        }
    }

    fn text(&self, index: usize) -> &str {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[usize::from(begin)..usize::from(self.ends[index])]
    }

    /// Describes the tunnel in full.
    pub(crate) fn describe(&self, key: TunnelKey) -> Tunnel {
        let text = |index| self.text(index).to_owned();
        Tunnel {
            key,
            listener: text(0),
            rule: text(1),
            pool: text(2),
            settings: text(3),
            member: text(4),
            client: (self.client, self.client_port).into(),
            host: text(5),
            path: text(6),
            subprotocol: Some(text(7)).filter(|text| !text.is_empty()),
            opened_at: self.opened_at,
            idle_for: Duration::from_secs(self.idle_for.into()),
            request_timeout: Duration::from_secs(self.request_timeout.into()),
            received: self.received,
            sent: self.sent,
            state: TunnelState::Closed(TunnelEnd {
                at: self.ended_at,
                by: self.by,
                reason: text(8),
                close_code: self.close_code,
            }),
        }
    }
}

/// An ended tunnel as lists see it.
pub(crate) struct SeenEnded<'a> {
    /// The name of the worker.
    pub(crate) worker: &'a str,
    pub(crate) ended: &'a EndedTunnel,
}

impl Properties for SeenEnded<'_> {
    fn value(&self, property: Property) -> Value<'_> {
        let SeenEnded { worker, ended } = *self;
        let text = |index| Value::text(ended.text(index));
        match property {
            Property::Listener => text(0),
            Property::Rule => text(1),
            Property::Pool => text(2),
            Property::Settings => text(3),
            Property::Member => text(4),
            Property::ClientAddress => Value::Address(ended.client.to_canonical()),
            Property::Host => text(5),
            Property::Path => text(6),
            Property::Subprotocol if ended.text(7).is_empty() => Value::Null,
            Property::Subprotocol => text(7),
            Property::Worker => Value::text(worker),
            Property::OpenedAt => Value::Time(ended.opened_at),
            Property::IdleFor => Value::Integer(ended.idle_for.into()),
            Property::State => Value::text("closed"),
            Property::ReceivedBytes => Value::count(ended.received.bytes),
            Property::SentBytes => Value::count(ended.sent.bytes),
            Property::ReceivedMessages => Value::count(ended.received.messages.into()),
            Property::SentMessages => Value::count(ended.sent.messages.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn ended(number: u64, ended_at: Millis) -> EndedTunnel {
        EndedTunnel {
            number,
            gateway: GatewayId(Uuid::nil()),
            opened_at: 0,
            ended_at,
            idle_for: 0,
            request_timeout: 30,
            client: [192, 0, 2, 1].into(),
            client_port: 1,
            received: Traffic::default(),
            sent: Traffic::default(),
            by: ClosedBy::Client,
            close_code: None,
            texts: "webrulebluehttp10.0.0.4chat.test/roomclosed".into(),
            ends: [3, 7, 11, 15, 23, 32, 37, 37, 43],
        }
    }

    #[test]
    fn the_last_ones_of_an_hour_are_kept() {
        let mut history = TunnelHistory::new(3);
        for number in 0..5 {
            history.add(|| ended(number, number as Millis));
        }
        let numbers =
            |history: &TunnelHistory| history.slice(0, 9).map(|ended| ended.number).collect::<Vec<_>>();
        assert_eq!(numbers(&history), [2, 3, 4]);
        assert!(history.get(1).is_none() && history.get(3).is_some());
        history.add(|| ended(5, 3_600_000 + 3));
        assert_eq!(numbers(&history), [3, 4, 5]);
        history.forget_old(3_600_000 + 5);
        assert_eq!(numbers(&history), [5]);
        assert_eq!(history.slice(1, 1).count(), 0);
        let mut none = TunnelHistory::new(0);
        none.add(|| unreachable!());
    }

    #[test]
    fn each_text_is_found_again() {
        let (ended, key) = (ended(7, 5), TunnelKey { process: 1, thread: 2, number: 7 });
        let tunnel = ended.describe(key);
        assert_eq!((&*tunnel.listener, &*tunnel.member, &*tunnel.path), ("web", "10.0.0.4", "/room"));
        assert_eq!(tunnel.subprotocol, None);
        for property in Property::ALL {
            let seen = SeenEnded { worker: "w", ended: &ended };
            assert_eq!(seen.value(property), ("w", &tunnel).value(property), "{property:?}");
        }
        assert!(size_of::<EndedTunnel>() <= 160, "{}", size_of::<EndedTunnel>());
    }
}
