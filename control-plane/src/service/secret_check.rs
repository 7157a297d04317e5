//! Verification of client secrets at the token endpoint, which is open to everyone.
//!
//! A check costs one SHA-256, so it needs no queue. The exception is a client whose stored hash is a slow one
//! of an older version: these checks run on blocking threads, few at a time and one for each address, so that
//! an attacker delays only clients behind the same address. A /64 network of IPv6 counts as one address,
//! because a single host commonly has all of it.

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

/// The number of concurrent slow checks, and of those that one address may have running and waiting.
const SLOW_CHECKS: Bounds = Bounds { total: 2, each: 1, waiting: 4 };

/// The number of failed attempts of one address within [`WINDOW`] that are answered with 401; further ones get
/// 429.
const FAILURES: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// The maximum number of recorded addresses, which bounds the memory.
const ADDRESSES: usize = 10_000;

/// The reason why a secret was rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The client does not exist, or the secret is wrong.
    Wrong,
    /// The address has failed too often, or has too many slow checks in progress.
    TooMany,
}

/// The running checks and the recorded failures.
#[derive(Debug)]
pub(crate) struct SecretCheck {
    slow: FairShare<Option<IpAddr>>,
    failures: Mutex<HashMap<Option<IpAddr>, Failures>>,
}

/// The failed attempts of one address in the current window.
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
    /// Verifies a secret against a stored hash. Returns whether the hash is of the slow kind and should be
    /// replaced. A correct secret is accepted regardless of failures of others behind the same address.
    ///
    /// # Errors
    /// If the secret is wrong or the client does not exist (`stored` is `None`).
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
            // The permit is held until the work is done, even if the caller stops waiting.
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
