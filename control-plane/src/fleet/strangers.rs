//! Peers that are connected without having shown who they are, and a limit on how many.
//!
//! Anybody can open connections and say nothing. When there are too many, the oldest has to go: it has had the most
//! time, and a worker that has just dialled gets its turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// How many peers may be connected at once without having shown who they are.
const MOST: usize = 64;

/// All of them, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    peers: BTreeMap<u64, CancellationToken>,
}

/// A peer's place among the strangers: given up on drop.
#[derive(Debug)]
pub(super) struct Stranger {
    number: u64,
    among: Arc<Strangers>,
    /// Cancelled when others need the place.
    pub(super) ousted: CancellationToken,
}

impl Strangers {
    /// Takes one in, at the cost of the oldest if there are too many.
    pub(super) fn admit(self: &Arc<Self>) -> Stranger {
        let mut waiting = self.lock();
        if waiting.peers.len() >= MOST
            && let Some((_, oldest)) = waiting.peers.pop_first()
        {
            oldest.cancel();
        }
        let (number, ousted) = (waiting.next, CancellationToken::new());
        waiting.next += 1;
        waiting.peers.insert(number, ousted.clone());
        Stranger { number, among: self.clone(), ousted }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.among.lock().peers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let strangers = Arc::new(Strangers::default());
        let mut all: Vec<Stranger> = (0..MOST).map(|_| strangers.admit()).collect();
        drop(all.remove(1));
        all.push(strangers.admit());
        assert!(all.iter().all(|stranger| !stranger.ousted.is_cancelled()), "there was room");
        all.push(strangers.admit());
        let ousted: Vec<_> = all.iter().map(|stranger| stranger.ousted.is_cancelled()).collect();
        assert_eq!(ousted.iter().filter(|ousted| **ousted).count(), 1);
        assert!(ousted[0]);
    }
}
