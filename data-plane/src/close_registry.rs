//! What runs on one thread and can be told to end: tunnels, and connections that carry requests to backends.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Why something is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Its pool member is no longer part of the configuration, and the drain timeout has passed.
    BackendRemoved,
    /// Its backend has been down for as long as the drain timeout.
    BackendDown,
    /// The worker stops, and its drain timeout has passed.
    Stopping,
}

impl CloseReason {
    /// For a line at the end, and for a message.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            CloseReason::BackendRemoved => "drained: its backend was removed",
            CloseReason::BackendDown => "drained: its backend is down",
            CloseReason::Stopping => "drained: the worker stops",
        }
    }
}

/// Those of one kind on one thread, each with a key by which it is told to end.
#[derive(Debug)]
pub(crate) struct Registry<K> {
    next: Cell<u64>,
    live: RefCell<HashMap<u64, Rc<CloseSignal<K>>>>,
}

/// How one of them is told to end.
#[derive(Debug)]
struct CloseSignal<K> {
    key: K,
    reason: Cell<Option<CloseReason>>,
    waker: RefCell<Option<Waker>>,
}

impl<K> CloseSignal<K> {
    fn end(&self, why: CloseReason) {
        self.reason.set(Some(why));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A place in a registry; given up on drop.
#[derive(Debug)]
pub(crate) struct Registration<K> {
    registry: Rc<Registry<K>>,
    number: u64,
    signal: Rc<CloseSignal<K>>,
}

impl<K> Default for Registry<K> {
    fn default() -> Registry<K> {
        Registry { next: Cell::default(), live: RefCell::default() }
    }
}

impl<K> Registry<K> {
    /// Ends those whose key is asked for.
    pub(crate) fn close(&self, why: CloseReason, which: impl Fn(&K) -> bool) {
        for signal in self.live.borrow().values().filter(|signal| which(&signal.key)) {
            signal.end(why);
        }
    }

    /// Ends a share, between 0 and 1, of those whose key is asked for, chosen at random. A fraction of one is
    /// rounded up or down at random, so that over many threads and many calls the share holds.
    pub(crate) fn close_share(
        &self,
        why: CloseReason,
        share: f64,
        random: &mut fastrand::Rng,
        which: impl Fn(&K) -> bool,
    ) {
        let live = self.live.borrow();
        let mut those: Vec<_> =
            live.values().filter(|signal| signal.reason.get().is_none() && which(&signal.key)).collect();
        let wanted = those.len() as f64 * share + random.f64();
        // The conversion saturates, and takes the whole part.
        let count = (wanted as usize).min(those.len());
        for chosen in 0..count {
            let any = random.usize(chosen..those.len());
            those.swap(chosen, any);
            those[chosen].end(why);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.live.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.live.borrow().is_empty()
    }
}

impl<K> Registration<K> {
    pub(crate) fn new(registry: &Rc<Registry<K>>, key: K) -> Registration<K> {
        let number = registry.next.get();
        registry.next.set(number + 1);
        let signal = Rc::new(CloseSignal { key, reason: Cell::new(None), waker: RefCell::new(None) });
        registry.live.borrow_mut().insert(number, signal.clone());
        Registration { registry: registry.clone(), number, signal }
    }

    /// Ready once it is to end. The waker of a task never changes: it is kept once.
    pub(crate) fn poll_close(&self, cx: &Context<'_>) -> Poll<CloseReason> {
        if let Some(why) = self.signal.reason.get() {
            return Poll::Ready(why);
        }
        self.signal.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
        Poll::Pending
    }

    /// Runs a task of its own until it ends, or is to.
    pub(crate) async fn run(self, task: impl Future) {
        let mut task = pin!(task);
        poll_fn(|cx| match self.poll_close(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => task.as_mut().poll(cx).map(drop),
        })
        .await;
    }
}

impl<K> Drop for Registration<K> {
    fn drop(&mut self) {
        self.registry.live.borrow_mut().remove(&self.number);
    }
}
