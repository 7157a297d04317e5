//! Tests of the state that a runtime takes over from the previous one, and of rejected snapshots.

use std::num::NonZeroUsize;
use std::time::Duration;

use tidegate_shared::id::Generation;
use tidegate_shared::protocol::HealthState;
use tidegate_shared::secret::Secret;
use tidegate_shared::snapshot::{
    Action, Algorithm, Content, Destination, Distribution, Frontend, Host, HostHeader, HttpVersion, Listener,
    Pool, Probe, RouteEntry, Routing, Rule, Settings, Share, Snapshot, TrustedRoot, UpstreamTls,
    UpstreamTrust,
};
use uuid::Uuid;

use super::*;
use crate::config::{AccessLog, Config, MetricsPage, MinRate, Rotation, Timeouts};
use crate::member::Member;
use crate::tls::tickets::TicketKeys;

fn config() -> Config {
    let second = Duration::from_secs(1);
    Config {
        control_plane: String::new(),
        data_dir: "unused".into(),
        token: None,
        public_address: "127.0.0.1".parse().unwrap(),
        port_offset: 0,
        dns_servers: Vec::new(),
        threads: NonZeroUsize::MIN,
        drain_timeout: second,
        timeouts: Timeouts {
            header: second,
            idle: second,
            body: second,
            send: second,
            rate: MinRate { bytes_per_second: 0, grace: second },
        },
        connections_per_address: None,
        max_request_body: 0,
        buffer_space: 0,
        tunnel_buffer: 0,
        tunnel_history: 0,
        access_log: AccessLog::Off,
        access_log_rotation: Rotation { max_size: u64::MAX, keep: 0 },
        metrics: MetricsPage::Off,
        otlp_endpoint: None,
    }
}

fn authority() -> TrustedRoot {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    TrustedRoot { certificates: vec![certificate.der().to_vec()] }
}

/// A gateway whose only backend is verified with the roots of these indices.
fn snapshot(roots: &[TrustedRoot], trusted: &[usize]) -> Snapshot {
    let second = Duration::from_secs(1);
    let probe = Probe {
        host: None,
        port: None,
        path: "/".into(),
        interval: second,
        timeout: second,
        unhealthy_threshold: 3,
        min_servers: 0,
        statuses: vec![200..=399],
        body: String::new(),
    };
    let settings = Settings {
        name: "s".into(),
        port: 443,
        version: HttpVersion::Http1,
        tls: Some(UpstreamTls {
            trust: UpstreamTrust::Roots(trusted.to_vec()),
            checks_name: true,
            name: None,
        }),
        host: HostHeader::Client,
        path: None,
        request_timeout: second,
        drain_timeout: second,
        probe,
        affinity_cookie: None,
        dedicated_connections: false,
    };
    let entry =
        RouteEntry { action: Action::Forward { to: Destination::Pool(0), settings: 0 }, rewrites: None };
    let listener = Listener {
        name: "l".into(),
        frontend: Frontend::Public,
        port: 80,
        tls: None,
        hosts: Vec::new(),
        proxies: Vec::new(),
        error_pages: Default::default(),
        rule: Some(Rule { name: "r".into(), routing: Routing::Basic(entry) }),
    };
    let pools =
        vec![Pool { name: "p".into(), members: vec![Host::Name("backend.test".into())], ..Pool::default() }];
    let content = Content {
        client_authorities: Vec::new(),
        name: "gw".into(),
        listeners: vec![listener],
        pools,
        distributions: Vec::new(),
        settings: vec![settings],
        roots: roots.to_vec(),
        ..Content::default()
    };
    Snapshot {
        gateway: GatewayId(Uuid::nil()),
        generation: Generation(1),
        content,
        affinity_key: Secret::new(vec![1; 32]),
    }
}

/// Builds the runtime of a snapshot after that of an older one.
fn build(snapshot: &Snapshot, old: Option<&Runtime>) -> Result<Runtime, BuildError> {
    Runtime::build(snapshot, old, &config(), &TicketKeys::default())
}

/// The number of the only backend: it stays the same for as long as health and connections are kept.
fn number(runtime: &Runtime) -> u64 {
    runtime.backends.iter().next().unwrap().number
}

#[test]
fn a_backend_stays_with_those_who_vouch_for_it_and_not_with_their_indices() {
    let (one, two) = (authority(), authority());
    let both =
        TrustedRoot { certificates: [&one, &two, &one].map(|root| root.certificates[0].clone()).to_vec() };
    let build = |roots: &[TrustedRoot], trusted: &[usize], old: Option<&Runtime>| {
        build(&snapshot(roots, trusted), old).unwrap()
    };
    let first = build(std::slice::from_ref(&one), &[0], None);
    let moved = build(&[two.clone(), one.clone()], &[1], Some(&first));
    assert_eq!(number(&moved), number(&first), "the same authority at another index");
    let replaced = build(std::slice::from_ref(&two), &[0], Some(&first));
    assert_ne!(number(&replaced), number(&first), "another authority at the same index");
    let more = build(&[one, two], &[0, 1], Some(&first));
    assert_ne!(number(&more), number(&first), "one more authority");
    assert_eq!(number(&build(&[both], &[0], Some(&more))), number(&more), "the same two as one bundle");
}

#[test]
fn a_root_that_is_not_in_the_snapshot_is_refused() {
    let error = build(&snapshot(&[authority()], &[0, 1]), None).unwrap_err();
    assert_eq!(error.to_string(), "listener l: trusted root number 1 is not in the snapshot");
}

#[test]
fn members_kept_for_want_of_others_are_those_of_one_pool() {
    let mut snapshot = snapshot(&[authority()], &[0]);
    let content = &mut snapshot.content;
    content.settings[0].probe.min_servers = 1;
    content.pools.push(Pool {
        name: "q".into(),
        members: vec![Host::Name("other.test".into())],
        ..Pool::default()
    });
    let shares = [0, 1].map(|pool| Share { pool, weight: 1 }).to_vec();
    content.distributions = vec![Distribution { name: "d".into(), algorithm: Algorithm::RoundRobin, shares }];
    let action = Action::Forward { to: Destination::Distribution(0), settings: 0 };
    content.listeners[0].rule =
        Some(Rule { name: "r".into(), routing: Routing::Basic(RouteEntry { action, rewrites: None }) });
    let runtime = build(&snapshot, None).unwrap();
    let route = runtime.bindings.values().next().unwrap().route(&CanonicalHost::NONE).unwrap();
    let selection = Selection::of(route.clone(), "/").unwrap();
    let route::Action::Forward(backend_set) = selection.action() else { panic!("it forwards") };
    let down = backend_set.member(0).unwrap();
    down.health.set(HealthState::Down, "It failed.");
    let client = std::net::Ipv4Addr::LOCALHOST.into();
    let mut chosen: Vec<_> =
        (0..2).filter_map(|_| backend_set.choose(&backend_set.start_choice(client), |_| true)).collect();
    chosen.sort_unstable();
    assert_eq!(chosen, [0, 1], "the only one of its pool gets requests although it is down");
    assert!(runtime.keeps(down) && backend_set.is_reachable(0), "and all agree on that");
}

#[test]
fn a_verdict_outlives_a_change_of_the_probe_but_not_of_the_member() {
    let mut snapshot = snapshot(&[authority()], &[0]);
    let first = build(&snapshot, None).unwrap();
    let only = |runtime: &Runtime| runtime.backends.iter().next().unwrap().clone();
    only(&first).health.set(HealthState::Down, "It failed.");
    snapshot.content.settings[0].probe.path = "/other".into();
    let probed = build(&snapshot, Some(&first)).unwrap();
    assert_ne!(number(&probed), number(&first));
    assert_eq!(only(&probed).health.state(), HealthState::Down);
    assert!(only(&probed).describe().contains("It failed."));
    snapshot.content.roots = vec![authority()];
    let trusting = build(&snapshot, Some(&probed)).unwrap();
    assert!(!only(&trusting).health.usable());
    only(&trusting).health.set(HealthState::Up, "It is well.");
    assert!(!only(&probed).health.usable(), "each has a verdict of its own from then on");
    snapshot.content.pools[0].members = vec![Host::Name("other.test".into())];
    assert_eq!(only(&build(&snapshot, Some(&probed)).unwrap()).health.state(), HealthState::Unknown);
}

#[test]
fn a_member_keeps_the_drain_timeout_that_it_had_while_a_rule_led_to_it() {
    // Each step: true if the pool has its member, and the drain timeout of the rule's settings if there is a rule.
    let cases: &[(&[(bool, Option<u64>)], u64)] = &[
        (&[(true, Some(10))], 10),
        (&[(true, None)], 30),
        (&[(true, Some(10)), (true, None)], 10),
        (&[(true, Some(3600)), (true, None), (true, None)], 3600),
        (&[(true, Some(10)), (true, None), (true, Some(60))], 60),
        (&[(true, Some(10)), (true, None), (false, None)], 10),
        (&[(true, Some(10)), (false, None), (true, None)], 10),
        (&[(true, Some(10)), (false, Some(60))], 10),
    ];
    let template = snapshot(&[authority()], &[0]);
    let host = template.content.pools[0].members[0].clone();
    let member = Member { gateway: template.gateway, pool: "p".into(), host };
    for (steps, expected) in cases {
        let mut runtime = None;
        for (has_member, drain) in *steps {
            let mut step = template.clone();
            match drain {
                Some(seconds) => step.content.settings[0].drain_timeout = Duration::from_secs(*seconds),
                None => step.content.listeners[0].rule = None,
            }
            if !has_member {
                step.content.pools.clear();
                step.content.listeners[0].rule = None;
            }
            runtime = Some(build(&step, runtime.as_ref()).unwrap());
        }
        let member_table = runtime.unwrap().member_table;
        assert_eq!(member_table.drain(&member), Duration::from_secs(*expected), "{steps:?}");
    }
}
