//! What several tests of this crate start from.

use std::time::Duration;

use serde_json::Value;
use tidegate_shared::id::ProbeId;
use tidegate_shared::protocol::OnDemandProbe;
use tidegate_shared::snapshot::{HostHeader, HttpVersion, Pool, Probe, Settings};
use uuid::Uuid;

use crate::arm::body::{Body, Opened, certificates_in};
use crate::arm::document::ApiVersion;
use crate::arm::page::Pages;
use crate::arm::resource_id::GatewayPath;
use crate::audit::{Act, Author};

mod document;

/// The version of the rules that test documents are written for.
pub(crate) const VERSION: ApiVersion = ApiVersion { date: (2024, 5, 1) };

/// A body with its certificates opened, here and now.
pub(crate) fn sent(json: Value) -> Body {
    let mut opened = Opened::default();
    for sealed in certificates_in(&json) {
        opened.insert(&sealed, sealed.open());
    }
    Body { json, opened, pages: Pages::default() }
}

/// What tests do to a gateway.
pub(crate) fn act() -> Act {
    Act { author: Author::itself(), action: "test".to_owned(), resource: "test".to_owned() }
}

/// A gateway's path in a fixed group.
pub(crate) fn path(name: &str) -> GatewayPath {
    GatewayPath { subscription: "Sub".into(), group: "Group".into(), name: name.into() }
}

/// The document of the gateway `gw`, at 127.0.0.1 and `port`.
pub(crate) fn body(port: u16) -> Value {
    document::gateway(&path("gw").to_string(), "127.0.0.1", port)
}

/// Settings as a snapshot has them.
pub(crate) fn settings() -> Settings {
    let probe = Probe {
        host: None,
        port: None,
        path: "/".into(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(30),
        unhealthy_threshold: 3,
        min_servers: 0,
        statuses: vec![200..=399],
        body: String::new(),
    };
    Settings {
        name: "s".into(),
        port: 80,
        version: HttpVersion::Http1,
        tls: None,
        host: HostHeader::Client,
        path: None,
        request_timeout: Duration::from_secs(30),
        drain_timeout: Duration::from_secs(30),
        probe,
        affinity_cookie: None,
        dedicated_connections: false,
    }
}

/// A probe on demand of a pool without members.
pub(crate) fn on_demand_probe() -> OnDemandProbe {
    let pool = Pool { name: "p".into(), members: vec![] };
    OnDemandProbe { id: ProbeId(Uuid::nil()), pool, settings: settings(), roots: vec![] }
}

thread_local! {
    /// How many children were looked at one by one in search of another, on this thread.
    static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Takes note of a search that goes through so many children.
pub(crate) fn visited(children: usize) {
    VISITED.with(|visited| visited.set(visited.get() + children));
}

/// How many children such searches went through meanwhile.
pub(crate) fn visits(work: impl FnOnce()) -> usize {
    VISITED.with(|visited| visited.set(0));
    work();
    VISITED.with(std::cell::Cell::get)
}
