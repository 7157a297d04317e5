//! Unauthenticated peers on the channel: a limit of their number, shared fairly among addresses, and a count of
//! those that never authenticate.
//!
//! Anyone can open connections and stay silent. When there are too many, the oldest one of the address with the
//! most connections is closed, so that a worker that has just connected gets its turn regardless of how many
//! connections others open. Single connections are not logged, because unauthenticated peers must not be able
//! to fill a disk.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use tidegate_shared::client_network::client_network;

/// The maximum number of unauthenticated peers.
const MOST: usize = 64;

/// The interval of logging the number of connections that ended before authentication.
const REPORT: Duration = Duration::from_secs(10);

/// The unauthenticated peers.
#[derive(Debug)]
pub(super) struct PendingJoins {
    waiting: Mutex<Waiting>,
    ended: Mutex<Ended>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// The peers in the order of their arrival.
    peers: BTreeMap<u64, Peer>,
}

#[derive(Debug)]
struct Peer {
    network: IpAddr,
    evicted: CancellationToken,
}

/// The connections that ended since the last report.
#[derive(Debug, Default)]
struct Ended {
    connections: u64,
    /// The address and reason of one of them.
    example: Option<(SocketAddr, String)>,
}

/// An unauthenticated peer. Dropping it frees its place.
#[derive(Debug)]
pub(super) struct PendingPeer {
    number: u64,
    among: Arc<PendingJoins>,
    /// Cancelled when the place is needed for another peer.
    pub(super) evicted: CancellationToken,
}

impl PendingJoins {
    pub(super) fn new(metrics: Arc<Metrics>) -> PendingJoins {
        PendingJoins { waiting: Mutex::default(), ended: Mutex::default(), metrics }
    }

    /// Admits a peer. If there are too many, closes the oldest one of the network with the most peers.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> PendingPeer {
        let mut waiting = lock(&self.waiting);
        if waiting.peers.len() >= MOST
            && let Some(number) = waiting.most_dispensable()
            && let Some(peer) = waiting.peers.remove(&number)
        {
            peer.evicted.cancel();
        }
        let (number, evicted) = (waiting.next, CancellationToken::new());
        waiting.next += 1;
        waiting.peers.insert(number, Peer { network: client_network(peer.ip()), evicted: evicted.clone() });
        PendingPeer { number, among: self.clone(), evicted }
    }

    /// Counts a connection that ended before authentication. `cause` is one of a few fixed values.
    pub(super) fn ended(&self, peer: SocketAddr, cause: &'static str, reason: &impl ToString) {
        self.metrics.unauthenticated_ended(cause);
        let mut ended = lock(&self.ended);
        ended.connections += 1;
        ended.example.get_or_insert_with(|| (peer, reason.to_string()));
    }

    /// Logs periodically, in one line, how many connections ended, until `stop`.
    pub(super) async fn report(&self, stop: &CancellationToken) {
        let mut tick = interval(REPORT);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => {}
            }
            let Ended { connections, example } = std::mem::take(&mut *lock(&self.ended));
            if let Some((peer, error)) = example {
                tracing::info!(
                    connections,
                    %peer,
                    error,
                    "connections to the channel ended before authentication; this is one of them"
                );
            }
        }
    }
}

impl Waiting {
    /// Returns the number of the oldest peer of the network with the most peers; among several such networks,
    /// the oldest of all.
    fn most_dispensable(&self) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for peer in self.peers.values() {
            *held.entry(peer.network).or_default() += 1;
        }
        let most = held.values().max()?;
        self.peers.iter().find(|(_, peer)| held.get(&peer.network) == Some(most)).map(|(number, _)| *number)
    }
}

/// Locks a mutex. A panic of a holder leaves the values consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for PendingPeer {
    fn drop(&mut self) {
        lock(&self.among.waiting).peers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending_joins() -> Arc<PendingJoins> {
        Arc::new(PendingJoins::new(Arc::default()))
    }

    fn from(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 40_000)
    }

    fn evicted(all: &[PendingPeer]) -> Vec<usize> {
        all.iter().enumerate().filter(|(_, one)| one.evicted.is_cancelled()).map(|(i, _)| i).collect()
    }

    #[test]
    fn among_equals_the_oldest_makes_room() {
        let pending_joins = pending_joins();
        let mut all: Vec<PendingPeer> =
            (0..MOST).map(|i| pending_joins.admit(from(&format!("192.0.2.{i}")))).collect();
        drop(all.remove(1));
        all.push(pending_joins.admit(from("198.51.100.1")));
        assert!(evicted(&all).is_empty(), "there was room");
        all.push(pending_joins.admit(from("198.51.100.2")));
        assert_eq!(evicted(&all), [0]);
    }

    #[test]
    fn a_flood_from_one_address_costs_nobody_else_a_place() {
        for (flood, worker) in [
            ("192.0.2.1", "192.0.2.2"),
            ("::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8:0:1::1"),
        ] {
            let pending_joins = pending_joins();
            let mut all = vec![pending_joins.admit(from(worker))];
            all.extend((0..3 * MOST).map(|_| pending_joins.admit(from(flood))));
            all.push(pending_joins.admit(from(worker)));
            assert_eq!(evicted(&all), Vec::from_iter(1..=2 * MOST + 2), "{flood}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let pending_joins = pending_joins();
        let mut all = vec![pending_joins.admit(from("2001:db8::1:0:0:1"))];
        all.extend((0..MOST).map(|i| pending_joins.admit(from(&format!("2001:db8:0:7::{i:x}")))));
        assert_eq!(evicted(&all), [1], "the first of the many, not the one that came before them");
    }

    #[test]
    fn those_that_ended_are_counted_by_cause_and_remembered_as_a_sum() {
        let pending_joins = pending_joins();
        for i in 0..1000u32 {
            pending_joins.ended(
                from("192.0.2.1"),
                if i.is_multiple_of(2) { "evicted" } else { "failed" },
                &i,
            );
        }
        let ended = lock(&pending_joins.ended);
        assert_eq!(ended.connections, 1000);
        assert_eq!(ended.example, Some((from("192.0.2.1"), "0".to_owned())));
    }
}
