//! Load balancing over the members of a backend set: round robin, least connections or a hash of the client's address.
//! Pure.
//!
//! Members are numbers here. The caller says which of them are usable and how busy each is, because both change
//! during the life of a runtime.

mod schedule;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use tidegate_shared::snapshot::{Algorithm, Host};

use schedule::Schedule;

/// The number of pseudo-random positions to try before the table is searched in order.
const SUBSTITUTES: u64 = 16;

/// The load balancer of one backend set, whose members are numbered from 0.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    /// The position of the next request, shared by all threads.
    next: AtomicUsize,
    method: Method,
}

#[derive(Debug)]
enum Method {
    /// Round robin over this number of members with equal weights; it needs no table.
    RoundRobin(usize),
    /// Weighted round robin.
    WeightedRoundRobin(Schedule),
    /// The weights for weighted least connections.
    LeastConnections(Box<[u8]>),
    /// The hash and weight of each member, for weighted rendezvous hashing.
    IpHash(Box<[(u64, u8)]>),
}

/// The choice of a member for one request.
#[derive(Debug)]
pub(crate) struct MemberChoice {
    position: usize,
    client: IpAddr,
    /// The members that already failed. It allocates nothing until the first one does.
    tried: Vec<usize>,
}

impl MemberChoice {
    /// Excludes a member from further choices.
    pub(crate) fn exclude(&mut self, member: usize) {
        self.tried.push(member);
    }
}

impl LoadBalancer {
    /// Creates a balancer for members with weights from 1 to 100. The hash of a member depends only on its pool and
    /// host, so a choice by address is the same on every worker.
    pub(crate) fn new<'a>(
        algorithm: Algorithm,
        members: impl Iterator<Item = (&'a str, &'a Host, u8)>,
    ) -> LoadBalancer {
        let members: Vec<_> = members.collect();
        let weights = || members.iter().map(|(.., weight)| *weight);
        let even = weights().all(|weight| Some(weight) == weights().next());
        let method = match algorithm {
            Algorithm::RoundRobin if even => Method::RoundRobin(members.len()),
            Algorithm::RoundRobin => Method::WeightedRoundRobin(Schedule::new(weights())),
            Algorithm::LeastConnections => Method::LeastConnections(weights().collect()),
            Algorithm::IpHash => Method::IpHash(
                members.iter().map(|(pool, host, weight)| (hash_of(pool, host), *weight)).collect(),
            ),
        };
        LoadBalancer { next: AtomicUsize::new(0), method }
    }

    /// Starts the choice for a request from this address.
    pub(crate) fn start(&self, client: IpAddr) -> MemberChoice {
        MemberChoice { position: self.next.fetch_add(1, Ordering::Relaxed), client, tried: Vec::new() }
    }

    /// Returns the next member for a request: one that is `fit` and was not excluded. `live` returns the number of
    /// connections of a member.
    pub(crate) fn choose(
        &self,
        choice: &MemberChoice,
        fit: impl Fn(usize) -> bool,
        live: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        let open = |member: &usize| !choice.tried.contains(member) && fit(*member);
        match &self.method {
            Method::RoundRobin(count) => {
                (0..*count).find(open)?;
                positions(choice.position, *count).find(open)
            }
            Method::WeightedRoundRobin(schedule) => {
                // Without this check, a request would search the whole table when all members are down.
                (0..schedule.members()).find(open)?;
                positions(choice.position, schedule.len()).map(|position| schedule.at(position)).find(open)
            }
            Method::LeastConnections(weights) => {
                (0..weights.len()).find(open)?;
                let first = positions(choice.position, weights.len()).find(open)?;
                from(first, weights.len())
                    .filter(open)
                    // The first of equals wins; the start changes with each request.
                    .map(|member| (member, live(member).saturating_add(1)))
                    .reduce(|best, other| {
                        let cost = |(_, live): (usize, usize), (rival, _): (usize, usize)| {
                            live.saturating_mul(usize::from(weights[rival]))
                        };
                        if cost(other, best) < cost(best, other) { other } else { best }
                    })
                    .map(|(member, _)| member)
            }
            Method::IpHash(members) => {
                let client = address(choice.client);
                (0..members.len())
                    .filter(open)
                    .map(|member| (member, score(members[member].0 ^ client, members[member].1)))
                    .min_by(|(_, one), (_, other)| one.total_cmp(other))
                    .map(|(member, _)| member)
            }
        }
    }
}

/// Yields every number below `count`, which is not 0: first the number at this position, then its substitutes.
fn positions(position: usize, count: usize) -> impl Iterator<Item = usize> {
    std::iter::once(position % count).chain(substitutes(position, count)).chain(from(position, count))
}

/// Yields every number below `count`, starting at this position.
fn from(position: usize, count: usize) -> impl Iterator<Item = usize> {
    // The remainder is taken first, so that an overflow of the position skips no number.
    let first = position.checked_rem(count).unwrap_or(0);
    (first..count).chain(0..first)
}

/// Yields pseudo-random substitutes for a position whose member is not usable. Neighbours in the table would always be
/// the same members and would get its whole share.
fn substitutes(position: usize, count: usize) -> impl Iterator<Item = usize> {
    let number = mixed(position as u64);
    (0..SUBSTITUTES).map(move |i| (mixed(number ^ i) % count as u64) as usize)
}

/// Returns the hash of a member, which is the same on every worker and in every version.
fn hash_of(pool: &str, host: &Host) -> u64 {
    let digest = digest(&SHA256, format!("{pool}\0{host}").as_bytes());
    u64::from_be_bytes(*digest.as_ref().first_chunk().expect("a digest has 32 bytes"))
}

/// Hashes a client's address. An IPv4-mapped IPv6 address counts as the IPv4 address.
fn address(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => mixed(u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            mixed(mixed((bits >> 64) as u64) ^ bits as u64)
        }
    }
}

/// Mixes all 64 bits of a number (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the score of a member in weighted rendezvous hashing, where the smallest score wins. The score is
/// independent of other members, so adding or removing a member moves only the clients of that member.
fn score(number: u64, weight: u8) -> f64 {
    // An `f64` holds 53 bits; the added half keeps the argument of the logarithm above zero.
    let uniform = ((mixed(number) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -uniform.ln() / f64::from(weight)
}

#[cfg(test)]
mod tests;
