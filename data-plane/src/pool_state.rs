//! The live state of one backend pool across changes of the configuration: the tunnel policy in force, and the counts
//! that its limits need. All threads share it, without a lock except for the limits of client addresses and of handshakes
//! in a second.
//!
//! Tunnels reach it through their member, also after the member or the pool was removed: the policy is then the last
//! one that the pool had.

mod openings;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use tidegate_shared::snapshot::TunnelPolicy;
use tokio::time::Instant;

use crate::limits::{AddressLimit, AddressPermit};
use crate::metrics::series::{TUNNEL_LIMITS, TunnelLimit};
use openings::Openings;

/// The live state of one pool.
#[derive(Debug)]
pub(crate) struct PoolState {
    policy: ArcSwap<TunnelPolicy>,
    /// The number of its tunnels and of their handshakes.
    pub(crate) tunnels: TunnelCount,
    openings: Openings,
    /// The handshakes that the limits have refused since they were last reported, by [`TUNNEL_LIMITS`].
    refused: [AtomicU32; TUNNEL_LIMITS.len()],
    /// The tunnels by client address; created by the first policy that limits them.
    addresses: OnceLock<Arc<AddressLimit>>,
}

/// A number of tunnels that all threads share.
#[derive(Debug, Default)]
pub(crate) struct TunnelCount(AtomicU32);

impl TunnelCount {
    /// Counts one more, unless there are `most`.
    pub(crate) fn take(&self, most: Option<u32>) -> bool {
        let more = |count: u32| (most.is_none_or(|most| count < most)).then_some(count.saturating_add(1));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Counts one less.
    pub(crate) fn give_back(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl PoolState {
    /// Creates the state of a new pool, whose policy is in force at once.
    pub(crate) fn new(policy: Arc<TunnelPolicy>) -> PoolState {
        PoolState {
            policy: ArcSwap::new(policy),
            tunnels: TunnelCount::default(),
            openings: Openings::new(Instant::now()),
            refused: Default::default(),
            addresses: OnceLock::new(),
        }
    }

    /// Returns the policy in force.
    pub(crate) fn policy(&self) -> Guard<Arc<TunnelPolicy>> {
        self.policy.load()
    }

    /// Puts a policy in force. Returns true if it differs from the one before.
    pub(crate) fn enforce(&self, policy: &Arc<TunnelPolicy>) -> bool {
        let differs = **self.policy() != **policy;
        if differs {
            self.policy.store(policy.clone());
        }
        differs
    }

    /// Counts a handshake that a limit has refused.
    pub(crate) fn refuse(&self, limit: TunnelLimit) {
        self.refused[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the numbers of refused handshakes since the last call.
    pub(crate) fn take_refused(&self) -> impl Iterator<Item = (TunnelLimit, u32)> {
        TUNNEL_LIMITS
            .iter()
            .map(|(limit, _)| (*limit, self.refused[*limit as usize].swap(0, Ordering::Relaxed)))
    }

    /// Admits a handshake of this client by the limits that concern clients. The permit counts the tunnel at the
    /// client's address; it is `None` without such a limit, and tunnels of that time are not counted later.
    ///
    /// # Errors
    /// The limit that the handshake would exceed.
    pub(crate) fn admit(
        &self,
        client: IpAddr,
        policy: &TunnelPolicy,
    ) -> Result<Option<AddressPermit>, TunnelLimit> {
        let permit = policy.max_tunnels_per_client_address.map(|most| {
            let addresses = self.addresses.get_or_init(|| AddressLimit::new(None));
            addresses.take_up_to(client, most as usize).ok_or(TunnelLimit::Address)
        });
        let permit = permit.transpose()?;
        match policy.max_openings_per_second {
            Some(most) if !self.openings.take(most, Instant::now()) => Err(TunnelLimit::Rate),
            _ => Ok(permit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_exact_over_threads() {
        let (count, taken) = (TunnelCount::default(), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        if count.take(Some(1500)) {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!((count.get(), taken.into_inner()), (1500, 1500));
        assert!(count.take(None), "without a limit it only counts");
        count.give_back();
        count.give_back();
        assert!(count.take(Some(1500)) && !count.take(Some(1500)));
    }

    #[test]
    fn a_client_is_admitted_up_to_its_limits() {
        let pool = PoolState::new(Arc::default());
        let limited = |address, rate| TunnelPolicy {
            max_tunnels_per_client_address: address,
            max_openings_per_second: rate,
            ..TunnelPolicy::default()
        };
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|client| client.parse().unwrap());
        assert!(pool.admit(one, &limited(None, None)).unwrap().is_none());
        let two = limited(Some(2), None);
        let held = [0, 1].map(|_| pool.admit(one, &two).unwrap());
        assert!(held.iter().all(Option::is_some));
        assert_eq!(pool.admit(one, &two).unwrap_err(), TunnelLimit::Address);
        assert!(pool.admit(other, &two).is_ok());
        drop(held);
        assert!(pool.admit(one, &two).is_ok());
        assert!(pool.admit(one, &limited(None, Some(1))).is_ok());
        assert_eq!(pool.admit(other, &limited(None, Some(1))).unwrap_err(), TunnelLimit::Rate);
    }
}
