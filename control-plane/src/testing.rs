//! Common fixtures of this crate's unit tests.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::protocol::OnDemandProbe;
use tidegate_shared::snapshot::{HostHeader, HttpVersion, Pool, Probe, Settings};

use crate::arm::body::{Body, Opened, certificates_in};
use crate::arm::document::ApiVersion;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::page::Pages;
use crate::arm::resource_id::GatewayPath;
use crate::audit::{Activity, Author};
use crate::compile::PatternCache;
use crate::document_rules::DocumentRules;
use crate::edit::DecisionContext;

mod document;

/// The api-version for which test documents are written.
pub(crate) const VERSION: ApiVersion = ApiVersion { date: (2024, 5, 1) };

/// Returns a body with its certificates opened.
pub(crate) fn sent(json: Value) -> Body {
    let mut opened = Opened::default();
    for sealed in certificates_in(&json) {
        opened.insert(&sealed, sealed.open());
    }
    Body { json, opened, pages: Pages::default() }
}

/// A change of a gateway by a test.
pub(crate) fn activity() -> Activity {
    Activity { author: Author::on_site(), action: "test".to_owned(), resource: "test".to_owned() }
}

/// The context of a decision with the default limits, where nothing else is stored.
pub(crate) fn context() -> DecisionContext<'static> {
    static DEFAULTS: LazyLock<(DocumentRules, PatternCache, ExternalRefs)> = LazyLock::new(Default::default);
    let (rules, patterns, external_refs) = &*DEFAULTS;
    DecisionContext { rules, unserved_protection: rules.unserved_protection, patterns, external_refs }
}

/// The path of a gateway in a fixed group.
pub(crate) fn path(name: &str) -> GatewayPath {
    GatewayPath { subscription: "Sub".into(), group: "Group".into(), name: name.into() }
}

/// The document of the gateway `gw`, which listens on 127.0.0.1 and `port`.
pub(crate) fn body(port: u16) -> Value {
    document::gateway(&path("gw").to_string(), "127.0.0.1", port)
}

/// Settings in the form of a snapshot.
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

/// An on-demand probe of a pool without members.
pub(crate) fn on_demand_probe() -> OnDemandProbe {
    let pool = Pool { name: "p".into(), members: vec![], ..Pool::default() };
    OnDemandProbe { pool, settings: settings(), roots: vec![] }
}

thread_local! {
    /// The number of children visited by linear searches on this thread.
    static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Records a linear search over this many children.
pub(crate) fn visited(children: usize) {
    VISITED.with(|visited| visited.set(visited.get() + children));
}

/// Returns the number of children visited by linear searches during `work`.
pub(crate) fn visits(work: impl FnOnce()) -> usize {
    VISITED.with(|visited| visited.set(0));
    work();
    VISITED.with(std::cell::Cell::get)
}
