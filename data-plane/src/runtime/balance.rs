//! Which member of a target comes next: in turn, by the fewest connections, or by the client's address. Pure.
//!
//! Members are numbers here. Who of them may be asked at all, and how busy each is, the caller says: both change while
//! a runtime is in force, and neither is known to this module.

mod schedule;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ring::digest::{SHA256, digest};
use tidegate_shared::snapshot::{Algorithm, Host};

use schedule::Schedule;

/// How many lots are drawn before the table is gone through.
const LOTS: u64 = 16;

/// A way to choose among members that are numbered from 0.
#[derive(Debug)]
pub(crate) struct Balance {
    /// The turn of the next request. Shared by all threads.
    next: AtomicUsize,
    plan: Plan,
}

#[derive(Debug)]
enum Plan {
    /// Round robin where all weigh the same: so many members, and no table.
    Even(usize),
    /// Round robin by weight.
    Turns(Schedule),
    /// The fewest connections for its weight.
    Fewest(Box<[u8]>),
    /// Each member's seed and weight.
    Hash(Box<[(u64, u8)]>),
}

/// One request, as far as the choice of its member goes.
#[derive(Debug)]
pub(crate) struct Draw {
    turn: usize,
    client: IpAddr,
    /// Those that were asked in vain. Allocates nothing until one was.
    tried: Vec<usize>,
}

impl Draw {
    /// Leaves a member out from here on.
    pub(crate) fn exclude(&mut self, member: usize) {
        self.tried.push(member);
    }
}

impl Balance {
    /// Chooses among members with these weights, 1 to 100. What tells a member from the others is its pool and its
    /// host: a choice by address is the same on every worker.
    pub(crate) fn new<'a>(
        algorithm: Algorithm,
        members: impl Iterator<Item = (&'a str, &'a Host, u8)>,
    ) -> Balance {
        let members: Vec<_> = members.collect();
        let weights = || members.iter().map(|(.., weight)| *weight);
        let even = weights().all(|weight| Some(weight) == weights().next());
        let plan = match algorithm {
            Algorithm::RoundRobin if even => Plan::Even(members.len()),
            Algorithm::RoundRobin => Plan::Turns(Schedule::new(weights())),
            Algorithm::LeastConnections => Plan::Fewest(weights().collect()),
            Algorithm::IpHash => {
                Plan::Hash(members.iter().map(|(pool, host, weight)| (seed(pool, host), *weight)).collect())
            }
        };
        Balance { next: AtomicUsize::new(0), plan }
    }

    /// A request from that address.
    pub(crate) fn draw(&self, client: IpAddr) -> Draw {
        Draw { turn: self.next.fetch_add(1, Ordering::Relaxed), client, tried: Vec::new() }
    }

    /// The member for a request, among those that are `fit` and were not excluded. None when there is none left.
    pub(crate) fn choose(
        &self,
        draw: &Draw,
        fit: impl Fn(usize) -> bool,
        live: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        let open = |member: &usize| !draw.tried.contains(member) && fit(*member);
        match &self.plan {
            Plan::Even(count) => {
                (0..*count).find(open)?;
                turns(draw.turn, *count).find(open)
            }
            Plan::Turns(schedule) => {
                // Without this a request would walk the whole table in vain when all are down.
                (0..schedule.members()).find(open)?;
                turns(draw.turn, schedule.len()).map(|turn| schedule.at(turn)).find(open)
            }
            Plan::Fewest(weights) => {
                (0..weights.len()).find(open)?;
                let first = turns(draw.turn, weights.len()).find(open)?;
                from(first, weights.len())
                    .filter(open)
                    // The first of equals wins, and who is first changes with the turn.
                    .map(|member| (member, live(member).saturating_add(1)))
                    .reduce(|best, other| {
                        let cost = |(_, live): (usize, usize), (rival, _): (usize, usize)| {
                            live.saturating_mul(usize::from(weights[rival]))
                        };
                        if cost(other, best) < cost(best, other) { other } else { best }
                    })
                    .map(|(member, _)| member)
            }
            Plan::Hash(members) => {
                let client = address(draw.client);
                (0..members.len())
                    .filter(open)
                    .map(|member| (member, arrival(members[member].0 ^ client, members[member].1)))
                    .min_by(|(_, one), (_, other)| one.total_cmp(other))
                    .map(|(member, _)| member)
            }
        }
    }
}

/// Every number below `count`, more than 0: that turn's own, then what stands in for it.
fn turns(turn: usize, count: usize) -> impl Iterator<Item = usize> {
    std::iter::once(turn % count).chain(lots(turn, count)).chain(from(turn, count))
}

/// Every number below `count`, from that turn's on.
fn from(turn: usize, count: usize) -> impl Iterator<Item = usize> {
    // The remainder first: a turn that wraps around must not make a step be left out.
    let first = turn.checked_rem(count).unwrap_or(0);
    (first..count).chain(0..first)
}

/// Turns to stand in for one that is of no use, drawn by lot: its neighbours in the table would always be the same ones,
/// and have all of its share.
fn lots(turn: usize, count: usize) -> impl Iterator<Item = usize> {
    let number = mixed(turn as u64);
    (0..LOTS).map(move |lot| (mixed(number ^ lot) % count as u64) as usize)
}

/// What tells a member from others, the same everywhere and for all time.
fn seed(pool: &str, host: &Host) -> u64 {
    let digest = digest(&SHA256, format!("{pool}\0{host}").as_bytes());
    u64::from_be_bytes(*digest.as_ref().first_chunk().expect("a digest has 32 bytes"))
}

/// A client's address as a number; an IPv4 address is the same however it was written.
fn address(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => mixed(u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            mixed(mixed((bits >> 64) as u64) ^ bits as u64)
        }
    }
}

/// Spreads a number over all 64 bits (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// When a member of that weight would be the first to come, in a race that the smallest wins: weighted rendezvous
/// hashing. No other member has a part in it, so that one that comes or goes takes only its own clients along.
fn arrival(number: u64, weight: u8) -> f64 {
    // 53 bits are what a float holds; the half keeps the logarithm from zero.
    let uniform = ((mixed(number) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -uniform.ln() / f64::from(weight)
}

#[cfg(test)]
mod tests;
