//! Permits for work that clients' input causes, shared fairly among clients.
//!
//! With a plain semaphore one client could hold all permits and fill the queue. Here each client holds at most
//! its share of the permits, and a bounded number of its requests wait. A request waits in its own client's
//! queue first, so a client never occupies more than its share of the common queue. Freed permits therefore go
//! to the clients in turn, regardless of how many requests one of them sends.
//!
//! The module is independent of the kind of work. The permit must be moved into the work (including
//! `spawn_blocking`), so that work whose client has disconnected still counts.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// The client's own queue is full. The API answers with HTTP 429.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too many requests of this client are waiting already")]
pub(crate) struct QueueFull;

/// The number of permits, and of requests of one client that hold one or wait for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The permits of all clients together, at least 1.
    pub(crate) total: usize,
    /// The permits of one client, at least 1. If this is not less than `total`, one client can delay all others
    /// by the duration of one piece of work.
    pub(crate) each: usize,
    /// The number of waiting requests of one client, in addition to those that hold a permit.
    pub(crate) waiting: usize,
}

/// Permits shared among clients, which are identified by a `K`: a name, or an address. Clones share the same
/// permits.
#[derive(Debug)]
pub(crate) struct FairShare<K: Clone + Eq + Hash>(Arc<Shares<K>>);

#[derive(Debug)]
struct Shares<K> {
    all: Arc<Semaphore>,
    bounds: Bounds,
    /// Clients that hold a permit or wait for one. Others are removed, so the map does not grow with every
    /// client ever seen.
    clients: Mutex<HashMap<K, ClientPermits>>,
}

/// The permits of one client, and the number of its requests that hold one or wait for one.
#[derive(Debug)]
struct ClientPermits {
    permits: Arc<Semaphore>,
    requests: usize,
}

/// A permit for one piece of work. Dropping it returns it.
#[derive(Debug)]
pub(crate) struct Permit<K: Clone + Eq + Hash> {
    _of_all: OwnedSemaphorePermit,
    _of_client: OwnedSemaphorePermit,
    _request: ClientShare<K>,
}

/// One request in the count of its client.
#[derive(Debug)]
struct ClientShare<K: Clone + Eq + Hash> {
    shares: Arc<Shares<K>>,
    client: K,
}

impl<K: Clone + Eq + Hash> FairShare<K> {
    /// Creates the shares; all permits are free.
    pub(crate) fn new(bounds: Bounds) -> FairShare<K> {
        let all = Arc::new(Semaphore::new(bounds.total.max(1)));
        FairShare(Arc::new(Shares { all, bounds, clients: Mutex::default() }))
    }

    /// Waits for the client's turn and returns a permit.
    ///
    /// # Errors
    /// [`QueueFull`] immediately, if the client's own queue is full.
    pub(crate) async fn take(&self, client: &K) -> Result<Permit<K>, QueueFull> {
        let (request, own) = self.enter(client)?;
        // The semaphores are never closed.
        let of_client = own.acquire_owned().await.map_err(|_| QueueFull)?;
        let of_all = self.0.all.clone().acquire_owned().await.map_err(|_| QueueFull)?;
        Ok(Permit { _of_all: of_all, _of_client: of_client, _request: request })
    }

    /// Returns a permit if one is free for this client now.
    ///
    /// # Errors
    /// [`QueueFull`] if the client, or all clients together, hold the maximum.
    pub(crate) fn try_take(&self, client: &K) -> Result<Permit<K>, QueueFull> {
        let (request, own) = self.enter(client)?;
        let of_client = own.try_acquire_owned().map_err(|_| QueueFull)?;
        let of_all = self.0.all.clone().try_acquire_owned().map_err(|_| QueueFull)?;
        Ok(Permit { _of_all: of_all, _of_client: of_client, _request: request })
    }

    /// Waits for the client's turn and runs the work on a blocking thread. The work cannot be interrupted, so
    /// it must be bounded by its input. It holds the permit until it ends, even if the caller stops waiting.
    ///
    /// # Errors
    /// [`QueueFull`] immediately, if the client's own queue is full; or if the runtime shuts down before the
    /// work begins.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        client: &K,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, QueueFull>
    where
        K: Send + Sync + 'static,
    {
        let permit = self.take(client).await?;
        let done = spawn_blocking(move || {
            let outcome = work();
            drop(permit);
            outcome
        });
        done.await.map_err(|_| QueueFull)
    }

    fn enter(&self, client: &K) -> Result<(ClientShare<K>, Arc<Semaphore>), QueueFull> {
        let Bounds { each, waiting, .. } = self.0.bounds;
        let mut clients = self.0.clients();
        let own = clients
            .entry(client.clone())
            .or_insert_with(|| ClientPermits { permits: Arc::new(Semaphore::new(each.max(1))), requests: 0 });
        if own.requests >= each.max(1).saturating_add(waiting) {
            return Err(QueueFull);
        }
        own.requests += 1;
        let request = ClientShare { shares: self.0.clone(), client: client.clone() };
        Ok((request, own.permits.clone()))
    }
}

impl<K: Clone + Eq + Hash> Clone for FairShare<K> {
    fn clone(&self) -> Self {
        FairShare(self.0.clone())
    }
}

impl<K> Shares<K> {
    /// A panic of a holder leaves the counts consistent.
    fn clients(&self) -> MutexGuard<'_, HashMap<K, ClientPermits>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Drop for ClientShare<K> {
    fn drop(&mut self) {
        let mut clients = self.shares.clients();
        let Some(own) = clients.get_mut(&self.client) else { return };
        own.requests -= 1;
        if own.requests == 0 {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn shares(total: usize, each: usize, waiting: usize) -> FairShare<&'static str> {
        FairShare::new(Bounds { total, each, waiting })
    }

    /// Polls a future once and returns its output if it is ready.
    fn now<F: Future>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_client_has_its_share_and_no_more() {
        // Clients that ask one after the other, and whether each gets a permit; none is returned.
        const CASES: &[(usize, usize, &[(&str, bool)])] = &[
            (2, 1, &[("a", true), ("a", false), ("b", true), ("c", false)]),
            (3, 2, &[("a", true), ("a", true), ("a", false), ("b", true), ("b", false)]),
            (1, 1, &[("a", true), ("b", false)]),
            // Zero counts as one, because no work would be possible with none.
            (0, 0, &[("a", true), ("b", false)]),
        ];
        for (total, each, asked) in CASES {
            let shares = shares(*total, *each, 0);
            let mut held = Vec::new();
            for (at, (client, given)) in asked.iter().enumerate() {
                let permit = shares.try_take(client);
                assert_eq!(permit.is_ok(), *given, "{total}/{each}: {client}, number {at}");
                held.extend(permit);
            }
            drop(held);
            assert!(shares.0.clients().is_empty(), "who holds nothing is forgotten");
            assert!(shares.try_take(&"a").is_ok());
        }
    }

    #[tokio::test]
    async fn a_long_queue_of_one_client_is_not_before_another_client() {
        let shares = shares(1, 1, 10);
        let held = shares.take(&"busy").await.unwrap();
        let mut queue: Vec<_> = (0..10).map(|_| Box::pin(shares.take(&"busy"))).collect();
        for waiting in &mut queue {
            assert!(now(waiting).is_none());
        }
        assert_eq!(shares.take(&"busy").await.unwrap_err(), QueueFull, "its queue has an end");
        let mut other = Box::pin(shares.take(&"other"));
        assert!(now(&mut other).is_none());
        drop(held);
        let others = now(&mut other).expect("it is next").unwrap();
        assert!(now(&mut queue[0]).is_none());
        drop(others);
        assert!(now(&mut queue[0]).expect("then the first of the queue").is_ok());
    }

    #[tokio::test]
    async fn who_stops_waiting_is_counted_no_more() {
        let shares = shares(1, 1, 1);
        let held = shares.take(&"a").await.unwrap();
        for _ in 0..3 {
            let mut waiting = Box::pin(shares.take(&"a"));
            assert!(now(&mut waiting).is_none());
            assert!(shares.try_take(&"a").is_err());
        }
        drop(held);
        assert!(shares.0.clients().is_empty());
    }
}
