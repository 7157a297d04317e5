//! Compilation of valid documents, and every violation.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_shared::host::HostPattern;
use tidegate_shared::snapshot::{
    Action, Destination, Frontend, Host, HostHeader, Pool, RouteEntry, Routing, UpstreamTls, UpstreamTrust,
};

use super::*;
use crate::arm::collection::COLLECTIONS;
use crate::arm::samples::{ID, NEW, OLD, command_line, defined, documentation, path, read, reference, whole};
use crate::testing::sent;
use crate::violation::code;

mod check;
mod definitions;
mod error_pages;
mod extensions;
mod firewall;
mod hostile;
mod large;
mod lists;
mod official;
mod public;
mod rewrites;
mod switches;
mod tls;
mod transport;
mod upstream_tls;
mod v1;
mod wrong;

/// Reads and compiles a body like the API, with one list of violations.
fn compile_body(body: Value) -> Result<Content, Violations> {
    let (document, mut violations) = Document::read(path(), &sent(body), None, NEW);
    match compile(&document, &ExternalRefs::default(), &PatternCache::default()) {
        Ok(content) if violations.is_empty() => Ok(content),
        Ok(_) => Err(violations),
        Err(found) => {
            violations.absorb(found);
            Err(violations)
        }
    }
}

/// Returns the properties of a member of a collection in a body.
fn properties<'a>(body: &'a mut Value, collection: &str, index: usize) -> &'a mut Value {
    &mut body["properties"][collection][index]["properties"]
}

#[test]
fn an_empty_gateway_means_nothing() {
    let expected = Content { name: ID.to_owned(), ..Content::default() };
    assert_eq!(compile_body(json!({})), Ok(expected));
}

#[test]
fn listeners_come_in_the_order_of_their_rules() {
    let content = compile_body(whole()).unwrap();
    let seen: Vec<_> = content
        .listeners
        .iter()
        .map(|l| {
            (
                l.name.as_str(),
                l.port,
                l.tls.as_ref().and_then(|tls| tls.certificate),
                l.rule.as_ref().map(|rule| rule.name.as_str()),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("wss", 443, Some(0), Some("wss-rule")),
            ("ws", 80, None, Some("ws-rule")),
            ("idle", 80, None, None),
        ]
    );
    let [wss, ws, _] = &content.listeners[..] else { panic!() };
    assert_eq!(wss.frontend, Frontend::Address("127.0.0.2".parse().unwrap()));
    assert_eq!(wss.hosts.iter().map(HostPattern::as_str).collect::<Vec<_>>(), ["ec.test", "*.ec.test"]);
    let entry =
        RouteEntry { action: Action::Forward { to: Destination::Pool(1), settings: 1 }, rewrites: None };
    assert_eq!(wss.rule.as_ref().unwrap().routing, Routing::Basic(entry));
    assert_eq!((ws.frontend, ws.hosts.len()), (Frontend::Public, 0));
    assert_eq!(content.certificates[0].chain.len(), 1);
}

#[test]
fn backends_mean_what_the_service_says() {
    let content = compile_body(whole()).unwrap();
    let ip = |text: &str| Host::Ip(text.parse().unwrap());
    let name = |text: &str| Host::Name(text.to_owned());
    let members = vec![ip("10.0.0.1"), name("backend"), name("b.test"), ip("::1")];
    let pools = [
        Pool { name: "empty".into(), members: Vec::new(), ..Pool::default() },
        Pool { name: "pool".into(), members, ..Pool::default() },
    ];
    assert_eq!(content.pools, pools);

    let [plain, tls] = &content.settings[..] else { panic!() };
    let seconds = Duration::from_secs;
    assert_eq!((plain.port, &plain.tls, &plain.host), (8080, &None, &HostHeader::Client));
    assert_eq!((plain.request_timeout, plain.drain_timeout), (seconds(30), seconds(30)));
    assert_eq!(plain.probe, probes::default_probe());

    assert_eq!((tls.port, &tls.host), (8443, &HostHeader::Fixed("b.test".into())));
    assert_eq!((tls.request_timeout, tls.drain_timeout), (seconds(40), seconds(60)));
    let trust = UpstreamTrust::Roots(vec![0]);
    assert_eq!(tls.tls, Some(UpstreamTls { trust, checks_name: true, name: None }));
    assert_eq!(content.roots[0].certificates.len(), 1);
    let probe = &tls.probe;
    assert_eq!(
        (probe.host.as_deref(), probe.port, probe.path.as_str()),
        (Some("b.test"), Some(8081), "/up?x=1")
    );
    assert_eq!((probe.interval, probe.timeout), (seconds(5), seconds(2)));
    assert_eq!((probe.unhealthy_threshold, probe.min_servers), (2, 1));
    assert_eq!((&probe.statuses[..], probe.body.as_str()), (&[200..=200, 300..=302][..], "ok"));
}

#[test]
fn hosts_may_be_picked_from_members() {
    let mut body = whole();
    let settings = properties(&mut body, "backendHttpSettingsCollection", 1);
    settings["hostName"] = json!("");
    settings["pickHostNameFromBackendAddress"] = json!(true);
    settings["trustedRootCertificates"] = json!([]);
    let tls = &compile_body(body).unwrap().settings[1];
    assert_eq!((&tls.host, &tls.probe.host), (&HostHeader::Member, &None));
    assert_eq!(tls.tls.as_ref().unwrap().trust, UpstreamTrust::System);
}

#[test]
fn a_private_frontend_without_address_is_on_loopback() {
    let mut body = whole();
    *properties(&mut body, "frontendIPConfigurations", 1) = json!({ "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" } });
    let content = compile_body(body).unwrap();
    assert_eq!(content.listeners[0].frontend, Frontend::Address("127.0.0.1".parse().unwrap()));
}

#[test]
fn bodies_of_the_wild_compile() {
    let content = compile_body(command_line()).unwrap();
    assert_eq!((content.listeners.len(), content.settings[0].port), (1, 18999));
    let (document, violations) = Document::read(path(), &sent(documentation()), None, OLD);
    assert!(violations.is_empty(), "{violations}");
    let content = compile(&document, &ExternalRefs::default(), &PatternCache::default()).unwrap();
    let names: Vec<_> = content.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["appGatewayHttpsListener", "appGatewayHttpListener"]);
}

#[test]
fn a_gateway_may_grow_child_by_child() {
    let mut document = read(json!({}));
    let body = defined();
    let mut rest: Vec<_> = COLLECTIONS.iter().collect();
    while !rest.is_empty() {
        // Adds next a child without references to the rest.
        let free = rest.iter().position(|collection| {
            let children = body["properties"][collection.name].to_string();
            rest.iter().all(|other| !children.contains(&format!("/{}/", other.name)))
        });
        let collection = rest.remove(free.expect("references lead to no circle"));
        for child in body["properties"][collection.name].as_array().into_iter().flatten() {
            let name = child["name"].as_str().unwrap();
            let (next, violations) = document.with_child(collection, name, &sent(child.clone()), NEW);
            assert!(violations.is_empty(), "{violations}");
            document = next;
            compile(&document, &ExternalRefs::default(), &PatternCache::default()).unwrap();
        }
    }
    assert_eq!(compile(&document, &ExternalRefs::default(), &PatternCache::default()), compile_body(body));
}
