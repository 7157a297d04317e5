//! Rendering of tunnels in ARM's shape. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_shared::id::WorkerId;
use tidegate_shared::tunnel::{Millis, Property, Tunnel, TunnelId, TunnelState};

use super::properties::name;
use crate::arm::extension::NAMESPACE;
use crate::store::Gateway;

/// Renders a tunnel of a gateway.
pub(super) fn tunnel(gateway: &Gateway, worker: WorkerId, tunnel: &Tunnel) -> Value {
    let own = TunnelId::new(worker, tunnel.key).to_string();
    json!({
        "id": format!("{}/providers/{NAMESPACE}/tunnels/{own}", gateway.document.path),
        "name": own,
        "type": format!("{NAMESPACE}/tunnels"),
        "properties": properties(worker, tunnel),
    })
}

fn properties(worker: WorkerId, tunnel: &Tunnel) -> Value {
    let mut shown = Map::new();
    let mut set = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    set(name(Property::State), tunnel.state.name().into());
    match &tunnel.state {
        TunnelState::Open => {}
        TunnelState::Draining { until, reason } => {
            set("drainsUntil", time(*until));
            set("reason", reason.clone().into());
        }
        TunnelState::Closing { reason } => {
            set("reason", reason.clone().into());
        }
        TunnelState::Closed(end) => {
            set("closedAt", time(end.at));
            set("closedBy", end.by.as_str().into());
            set("reason", end.reason.clone().into());
            if let Some(code) = end.close_code {
                set("closeCode", code.into());
            }
            set("durationInSec", ((end.at - tunnel.opened_at).max(0) / 1000).into());
        }
    }
    set(name(Property::Listener), tunnel.listener.clone().into());
    set(name(Property::Rule), tunnel.rule.clone().into());
    set(name(Property::Pool), tunnel.pool.clone().into());
    set(name(Property::Settings), tunnel.settings.clone().into());
    set(name(Property::Member), tunnel.member.clone().into());
    set(name(Property::ClientAddress), tunnel.client.ip().to_canonical().to_string().into());
    set("clientPort", tunnel.client.port().into());
    set(name(Property::Host), tunnel.host.clone().into());
    set(name(Property::Path), tunnel.path.clone().into());
    if let Some(subprotocol) = &tunnel.subprotocol {
        set(name(Property::Subprotocol), subprotocol.clone().into());
    }
    set(name(Property::Worker), worker.to_string().into());
    set(name(Property::OpenedAt), time(tunnel.opened_at));
    set(name(Property::IdleFor), tunnel.idle_for.as_secs().into());
    set("requestTimeoutInSec", tunnel.request_timeout.as_secs().into());
    set(name(Property::ReceivedBytes), tunnel.received.bytes.into());
    set(name(Property::SentBytes), tunnel.sent.bytes.into());
    set(name(Property::ReceivedMessages), tunnel.received.messages.into());
    set(name(Property::SentMessages), tunnel.sent.messages.into());
    Value::Object(shown)
}

fn time(at: Millis) -> Value {
    Timestamp::from_millisecond(at).map(|time| time.to_string()).unwrap_or_default().into()
}
