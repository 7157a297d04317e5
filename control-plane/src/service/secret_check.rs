//! The check of client secrets at the token endpoint, which anybody can reach.
//!
//! A check costs one SHA-256, so there is nothing to queue for. The exception is a client whose row is from a version
//! that hashed slowly: such checks run off the threads that serve, few at a time and one for each address, so that a
//! stranger holds up nobody but those behind the same address. The addresses of a /64 network of IPv6 count as one
//! address here, because one host commonly has all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidegate_shared::secret::Secret;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::fair_share::{Bounds, FairShare};
use crate::identity::secret::{is_secret, is_slow};
use tidegate_shared::client_network::client_network;

/// Slow checks at once, and of those that one address may have running and waiting.
const SLOW_CHECKS: Bounds = Bounds { total: 2, each: 1, waiting: 4 };

/// Failed attempts of one address in [`WINDOW`] that are answered with 401; further ones get 429.
const FAILURES: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered; the memory that strangers can fill ends here.
const ADDRESSES: usize = 10_000;

/// Why a secret was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no such client, or it is not its secret.
    Wrong,
    /// The address has failed too often, or has too many slow checks under way.
    TooMany,
}

/// The checks under way, and who has failed.
#[derive(Debug)]
pub(crate) struct SecretCheck {
    slow: FairShare<Option<IpAddr>>,
    failures: Mutex<HashMap<Option<IpAddr>, Failures>>,
}

/// Failed attempts of one address since a time.
#[derive(Debug)]
struct Failures {
    since: Instant,
    count: u32,
}

impl Default for SecretCheck {
    fn default() -> SecretCheck {
        SecretCheck { slow: FairShare::new(SLOW_CHECKS), failures: Mutex::default() }
    }
}

impl SecretCheck {
    /// Accepts the secret of that stored hash. Returns whether the hash is an old one, which should be replaced. A right
    /// secret is accepted however often others behind the same address have failed.
    ///
    /// # Errors
    /// Any other secret, and any for a client that is not there (`stored` is none).
    pub(super) async fn accept(
        &self,
        secret: &Secret,
        stored: Option<String>,
        from: Option<IpAddr>,
    ) -> Result<bool, Refused> {
        let from = from.map(client_network);
        let Some(stored) = stored else { return Err(self.failed(from, Instant::now())) };
        let slow = is_slow(&stored);
        let fits = if slow {
            let permit = self.slow.take(&from).await.map_err(|_| Refused::TooMany)?;
            let secret = secret.clone();
            // The permit is held until the work is done, even if nobody waits for it any more.
            let check = spawn_blocking(move || {
                let _held = permit;
                is_secret(&secret, &stored)
            });
            check.await.unwrap_or(false)
        } else {
            is_secret(secret, &stored)
        };
        if fits { Ok(slow) } else { Err(self.failed(from, Instant::now())) }
    }

    /// Counts a failed attempt from an address or a network.
    fn failed(&self, from: Option<IpAddr>, now: Instant) -> Refused {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES {
            failures.retain(|_, failures| now.duration_since(failures.since) < WINDOW);
        }
        if failures.len() >= ADDRESSES && !failures.contains_key(&from) {
            return Refused::Wrong;
        }
        let own = failures.entry(from).or_insert(Failures { since: now, count: 0 });
        if now.duration_since(own.since) >= WINDOW {
            *own = Failures { since: now, count: 0 };
        }
        own.count = own.count.saturating_add(1);
        if own.count > FAILURES { Refused::TooMany } else { Refused::Wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secret::{hash, new_secret};

    #[tokio::test]
    async fn one_address_that_fails_is_told_to_wait_and_harms_no_other() {
        let check = SecretCheck::default();
        let (secret, wrong) = (new_secret(), new_secret());
        let stored = || Some(hash(&secret));
        let [stranger, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| Some(ip.parse().unwrap()));
        for attempt in 0..2 * FAILURES {
            let expected = if attempt < FAILURES { Refused::Wrong } else { Refused::TooMany };
            assert_eq!(check.accept(&wrong, None, stranger).await, Err(expected), "attempt {attempt}");
        }
        assert_eq!(check.accept(&secret, stored(), stranger).await, Ok(false), "a right secret is right");
        assert_eq!(check.accept(&wrong, stored(), other).await, Err(Refused::Wrong));
        assert_eq!(check.failed(stranger, Instant::now() + WINDOW), Refused::Wrong, "a new window");
    }
    #[tokio::test]
    async fn addresses_of_one_ipv6_network_fail_as_one() {
        let check = SecretCheck::default();
        let wrong = new_secret();
        let attempt =
            async |address: String| check.accept(&wrong, None, Some(address.parse().unwrap())).await;
        for host in 0..FAILURES {
            assert_eq!(attempt(format!("2001:db8:0:7::{host:x}")).await, Err(Refused::Wrong));
        }
        assert_eq!(attempt("2001:db8:0:7:ffff::1".to_owned()).await, Err(Refused::TooMany));
        assert_eq!(attempt("2001:db8:0:8::1".to_owned()).await, Err(Refused::Wrong), "another network");
    }
}
