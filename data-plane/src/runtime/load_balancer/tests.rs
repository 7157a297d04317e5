//! Tables of choices: shares by weight, substitutes for unusable members, and stability when members change.

use super::*;

fn host(number: u8) -> Host {
    Host::Ip(IpAddr::from([192, 0, 2, number]))
}

fn load_balancer(algorithm: Algorithm, weights: &[u8]) -> LoadBalancer {
    let hosts: Vec<Host> = (0u8..).take(weights.len()).map(host).collect();
    let members = hosts.iter().zip(weights).map(|(host, weight)| ("pool", host, *weight));
    LoadBalancer::new(algorithm, members)
}

fn client(number: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + number).to_be_bytes())
}

/// Returns the members of consecutive requests from different clients.
fn run(balancer: &LoadBalancer, requests: u32, fit: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
    (0..requests).map(|n| balancer.choose(&balancer.start(client(n)), &fit, |_| 0)).collect()
}

fn shares(balancer: &LoadBalancer, requests: u32, members: usize, fit: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut counts = vec![0; members];
    for member in run(balancer, requests, fit) {
        counts[member.unwrap()] += 1;
    }
    counts
}

#[test]
fn in_turn_each_gets_its_share() {
    let cases: &[(&[u8], &[bool], &[usize])] = &[
        (&[1, 1, 1], &[true, true, true], &[4, 4, 4]),
        (&[9, 9, 9], &[true, true, true], &[4, 4, 4]),
        (&[3, 2, 1], &[true, true, true], &[6, 4, 2]),
        (&[1, 1], &[false, true], &[0, 12]),
    ];
    for (weights, fit, expected) in cases {
        let balancer = load_balancer(Algorithm::RoundRobin, weights);
        assert_eq!(shares(&balancer, 12, weights.len(), |m| fit[m]), *expected, "{weights:?} {fit:?}");
    }
}

#[test]
fn the_share_of_one_that_is_down_goes_to_the_others_by_weight() {
    let cases: &[(Algorithm, &[u8], std::ops::Range<usize>)] = &[
        (Algorithm::RoundRobin, &[30, 50, 10], 6_600..6_900),
        (Algorithm::RoundRobin, &[1, 1, 1], 4_350..4_650),
        (Algorithm::LeastConnections, &[1, 1, 1], 4_350..4_650),
    ];
    for (algorithm, weights, expected) in cases {
        let counts = shares(&load_balancer(*algorithm, weights), 9_000, 3, |member| member != 1);
        assert!(expected.contains(&counts[0]), "{algorithm:?} {weights:?}: {counts:?}");
    }
}

#[test]
fn nobody_is_chosen_where_nobody_is_fit() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastConnections, Algorithm::IpHash] {
        for weights in [&[][..], &[1, 1], &[1, 2]] {
            let balancer = load_balancer(algorithm, weights);
            assert_eq!(run(&balancer, 2, |_| false), [None, None], "{algorithm:?} {weights:?}");
        }
    }
}

#[test]
fn a_request_gets_each_member_once_at_most() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastConnections, Algorithm::IpHash] {
        for weights in [&[1, 1, 1], &[5, 1, 1]] {
            let balancer = load_balancer(algorithm, weights);
            let mut choice = balancer.start(client(1));
            let mut seen = Vec::new();
            while let Some(member) = balancer.choose(&choice, |_| true, |_| 0) {
                seen.push(member);
                choice.exclude(member);
            }
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2], "{algorithm:?} {weights:?}");
        }
    }
}

#[test]
fn the_fewest_connections_count_for_their_weight() {
    let cases: &[(&[u8], &[usize], usize)] = &[
        (&[1, 1, 1], &[2, 1, 2], 1),
        (&[1, 1], &[0, 5], 0),
        (&[10, 1], &[5, 0], 0),
        (&[10, 1], &[20, 0], 1),
        (&[2, 1], &[2, 1], 0),
    ];
    for (weights, live, expected) in cases {
        let balancer = load_balancer(Algorithm::LeastConnections, weights);
        for _ in 0..3 {
            let chosen = balancer.choose(&balancer.start(client(1)), |_| true, |m| live[m]);
            assert_eq!(chosen, Some(*expected), "{weights:?} {live:?}");
        }
    }
    let idle = load_balancer(Algorithm::LeastConnections, &[1, 1, 1]);
    assert_eq!(shares(&idle, 9, 3, |_| true), [3, 3, 3], "equals take turns");
}

#[test]
fn a_client_keeps_its_member_whoever_else_comes_or_goes() {
    const CLIENTS: u32 = 10_000;
    let all = load_balancer(Algorithm::IpHash, &[1, 1, 1, 1]);
    let before = run(&all, CLIENTS, |_| true);
    assert_eq!(before, run(&all, CLIENTS, |_| true), "the same every time");
    let fewer = run(&load_balancer(Algorithm::IpHash, &[1, 1, 1]), CLIENTS, |_| true);
    let without = run(&all, CLIENTS, |member| member != 3);
    assert_eq!(fewer, without, "one that is down is as good as gone");
    for (before, after) in before.iter().zip(&fewer) {
        assert!(before == after || *before == Some(3), "{before:?} became {after:?}");
    }
}

#[test]
fn addresses_are_spread_by_weight() {
    let balancer = load_balancer(Algorithm::IpHash, &[1, 3]);
    let counts = shares(&balancer, 40_000, 2, |_| true);
    assert!((9_500..10_500).contains(&counts[0]), "{counts:?}");
    let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
    assert_eq!(address(mapped), address(client(1)), "an IPv4 address however it is written");
    let six = |text: &str| address(text.parse().unwrap());
    assert_ne!(six("2001:db8::1"), six("2001:db8::2"));
    assert_ne!(six("2001:db8::1"), six("2001:db9::1"));
}
