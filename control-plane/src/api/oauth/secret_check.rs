//! Client secrets checked off the threads that serve, one at a time.
//!
//! Each check costs tens of milliseconds of a core and 19 MiB, and anybody can ask for one. So there is one turn, and
//! a short queue for it; whoever does not fit in is told to come back.

use std::sync::Arc;

use tidegate_shared::secret::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::identity::secret::is_secret;

/// How many may wait, the one whose turn it is among them.
const PLACES: usize = 16;

/// The queue is full.
#[derive(Debug)]
pub(super) struct Busy;

/// The turn and the queue for it.
#[derive(Clone, Debug)]
pub struct SecretCheck {
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl Default for SecretCheck {
    fn default() -> SecretCheck {
        SecretCheck { places: Arc::new(Semaphore::new(PLACES)), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl SecretCheck {
    /// Whether the secret is the one of that hash; with no hash it takes as long to say no.
    ///
    /// # Errors
    /// Too many are waiting already.
    pub(super) async fn is_secret(&self, secret: Secret, hash: Option<String>) -> Result<bool, Busy> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Busy)?;
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| Busy)?;
        // Both are held until the work is done, even if nobody waits for it any more.
        let check = spawn_blocking(move || {
            let _held = (place, turn);
            is_secret(&secret, hash.as_deref())
        });
        check.await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secret::{hash, new_secret};

    #[tokio::test]
    async fn the_queue_is_short_and_those_in_it_are_served() {
        let check = SecretCheck::default();
        let secret = new_secret();
        let hash = hash(&secret);
        let turn = check.turn.clone().acquire_owned().await.unwrap();
        let mut waiting: Vec<_> =
            (0..PLACES).map(|_| Box::pin(check.is_secret(secret.clone(), Some(hash.clone())))).collect();
        for one in &mut waiting {
            assert!(poll_once(one).await.is_none(), "its turn has not come");
        }
        assert!(check.is_secret(secret.clone(), Some(hash.clone())).await.is_err(), "no place is left");
        drop(turn);
        assert!(waiting.remove(0).await.unwrap());
        drop(waiting);
        assert!(!check.is_secret(secret, None).await.unwrap());
    }

    /// What a future has come to after being polled once.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut future = std::pin::Pin::new(future);
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match future.as_mut().poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
