//! The registry of the tunnels of one data thread, and of its connections that carry requests to backends.
//!
//! Each entry has a number, a public part that the thread can list, a signal that closes it, and a deadline. Entries
//! are kept in the order of their numbers, so that a long list can be read in slices between other work. One scan of
//! the list, twice a second, replaces a timer for each entry. This module must not know what is registered.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::short_time::ShortInstant;

/// The interval of the scans: a task is woken at most this long, and the time of a scan, after its deadline.
const SCAN: Duration = Duration::from_millis(500);

/// The number of entries that are scanned before other tasks run.
const SLICE: usize = 1000;

/// The reason why an entry is closed. Drains close entries at the end of their timeout, or many tunnels one by one
/// during its last quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Its pool member was removed from the configuration.
    BackendRemoved,
    /// Its backend is unhealthy.
    BackendDown,
    /// The worker stops.
    Stopping,
    /// Its gateway was removed or stopped.
    GatewayRemoved,
    /// A client of the API asked for it.
    Requested,
}

impl CloseReason {
    /// Returns the reason as access log lines and messages state it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            CloseReason::BackendRemoved => "drained: its backend was removed",
            CloseReason::BackendDown => "drained: its backend is down",
            CloseReason::Stopping => "drained: the worker stops",
            CloseReason::GatewayRemoved => "drained: its gateway was removed or stopped",
            CloseReason::Requested => "closed by request",
        }
    }
}

/// The entries of one kind on one thread.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    /// The number of the next entry; none is used twice.
    next: Cell<u64>,
    entries: RefCell<BTreeMap<u64, Rc<Entry<T>>>>,
}

/// One tunnel or connection.
pub(crate) struct Entry<T> {
    registry: Rc<Registry<T>>,
    pub(crate) number: u64,
    pub(crate) public: T,
    reason: Cell<Option<CloseReason>>,
    /// The time after which the task is woken.
    due: Cell<Option<ShortInstant>>,
    waker: Cell<Option<Waker>>,
}

impl<T: fmt::Debug> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("number", &self.number)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl<T> Entry<T> {
    /// Returns the reason why the entry is closed, once it is.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.reason.get()
    }

    fn close(&self, why: CloseReason) {
        self.reason.set(Some(why));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// An entry's registration, until it is dropped. It dereferences to the public part of the entry.
#[derive(Debug)]
pub(crate) struct Registration<T>(Rc<Entry<T>>);

impl<T> Default for Registry<T> {
    fn default() -> Registry<T> {
        Registry { next: Cell::default(), entries: RefCell::default() }
    }
}

impl<T> Registry<T> {
    /// Adds an entry with this public part.
    pub(crate) fn register(self: &Rc<Registry<T>>, public: T) -> Registration<T> {
        let number = self.next.replace(self.next.get() + 1);
        let entry = Rc::new(Entry {
            registry: self.clone(),
            number,
            public,
            reason: Cell::default(),
            due: Cell::default(),
            waker: Cell::default(),
        });
        self.entries.borrow_mut().insert(number, entry.clone());
        Registration(entry)
    }

    /// Closes the entries for which `which` holds.
    pub(crate) fn close(&self, why: CloseReason, which: impl Fn(&T) -> bool) {
        for entry in self.entries.borrow().values().filter(|entry| which(&entry.public)) {
            entry.close(why);
        }
    }

    /// Closes some of the entries for which `which` holds, chosen at random. `count` is given how many there are, and
    /// returns how many to close.
    pub(crate) fn close_some(
        &self,
        why: CloseReason,
        count: impl FnOnce(usize) -> usize,
        random: &mut fastrand::Rng,
        which: impl Fn(&T) -> bool,
    ) {
        let entries = self.entries.borrow();
        let mut those: Vec<_> =
            entries.values().filter(|entry| entry.reason.get().is_none() && which(&entry.public)).collect();
        let count = count(those.len()).min(those.len());
        for chosen in 0..count {
            let any = random.usize(chosen..those.len());
            those.swap(chosen, any);
            those[chosen].close(why);
        }
    }

    /// Returns the number of entries for which `which` holds.
    pub(crate) fn count(&self, which: impl Fn(&T) -> bool) -> usize {
        self.entries.borrow().values().filter(|entry| which(&entry.public)).count()
    }

    /// Closes the entry with this number if `which` holds. Returns true if there is such an entry.
    pub(crate) fn close_one(&self, number: u64, why: CloseReason, which: impl Fn(&T) -> bool) -> bool {
        let entry = self.get(number).filter(|entry| which(&entry.public));
        if let Some(entry) = &entry
            && entry.close_reason().is_none()
        {
            entry.close(why);
        }
        entry.is_some()
    }

    /// Returns the entry with this number.
    pub(crate) fn get(&self, number: u64) -> Option<Rc<Entry<T>>> {
        self.entries.borrow().get(&number).cloned()
    }

    /// Visits the entries from this number on until `visit` returns false. Returns the number at which to go on, if
    /// there are more.
    pub(crate) fn visit(&self, first: u64, mut visit: impl FnMut(&Rc<Entry<T>>) -> bool) -> Option<u64> {
        let entries = self.entries.borrow();
        let mut rest = entries.range(first..);
        while let Some((_, entry)) = rest.next() {
            if !visit(entry) {
                return rest.next().map(|(number, _)| *number);
            }
        }
        None
    }

    /// Returns what `choose` finds in the public parts.
    pub(crate) fn collect<R>(&self, choose: impl Fn(&T) -> Option<R>) -> Vec<R> {
        self.entries.borrow().values().filter_map(|entry| choose(&entry.public)).collect()
    }

    /// Wakes the tasks whose deadlines have passed, for as long as the thread runs.
    pub(crate) async fn scan(&self) {
        loop {
            sleep(SCAN).await;
            let (now, mut next) = (Instant::now().into(), Some(0));
            while let Some(first) = next {
                next = self.scan_slice(first, now);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Scans the entries from this number on, and returns the number at which the next slice begins.
    fn scan_slice(&self, first: u64, now: ShortInstant) -> Option<u64> {
        let entries = self.entries.borrow();
        let mut rest = entries.range(first..);
        for (_, entry) in rest.by_ref().take(SLICE) {
            if entry.due.get().is_some_and(|due| due <= now) {
                entry.due.set(None);
                entry.wake();
            }
        }
        rest.next().map(|(number, _)| *number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }
}

impl<T> Registration<T> {
    /// The bytes of an entry, with the counts of its owners.
    #[cfg(test)]
    pub(crate) const SIZE: usize = size_of::<Entry<T>>() + 2 * size_of::<usize>();

    /// Returns the number of the entry.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// Returns true once the entry is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.reason.get().is_some()
    }

    /// Ready when the entry is closed. The task that polled last is woken then.
    pub(crate) fn poll_close(&self, cx: &Context<'_>) -> Poll<CloseReason> {
        if let Some(why) = self.0.reason.get() {
            return Poll::Ready(why);
        }
        let waker = match self.0.waker.take() {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        self.0.waker.set(Some(waker));
        Poll::Pending
    }

    /// Sets the time after which the task that polled last is woken once, at most a second later.
    pub(crate) fn wake_after(&self, due: ShortInstant) {
        self.0.due.set(Some(due));
    }

    /// Runs a future until it ends or the entry is closed.
    pub(crate) async fn run(self, task: impl Future) {
        let mut task = pin!(task);
        poll_fn(|cx| match self.poll_close(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => task.as_mut().poll(cx).map(drop),
        })
        .await;
    }
}

impl<T> Deref for Registration<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.public
    }
}

impl<T> Drop for Registration<T> {
    fn drop(&mut self) {
        self.0.registry.entries.borrow_mut().remove(&self.0.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    fn registry() -> (Rc<Registry<u32>>, Vec<Registration<u32>>) {
        let registry: Rc<Registry<u32>> = Rc::default();
        let entries = (0..100).map(|public| registry.register(public)).collect();
        (registry, entries)
    }

    fn closed(entries: &[Registration<u32>]) -> Vec<u32> {
        let is_closed = |entry: &&Registration<u32>| entry.0.reason.get().is_some();
        entries.iter().filter(is_closed).map(|entry| **entry).collect()
    }

    #[test]
    fn only_those_that_are_meant_are_closed_and_each_gives_its_place_up() {
        let (registry, mut entries) = registry();
        registry.close(CloseReason::BackendDown, |public| public % 50 == 0);
        assert_eq!(closed(&entries), [0, 50]);
        entries.truncate(60);
        assert_eq!(registry.count(|_| true), 60);
        let next = registry.register(7);
        assert_eq!(next.0.number, 100, "a number was used twice");
        drop((entries, next));
        assert!(registry.is_empty());
    }

    #[test]
    fn some_are_taken_of_those_that_are_left() {
        let (registry, entries) = registry();
        let mut random = fastrand::Rng::with_seed(3);
        for (count, expected) in [(0, 0), (10, 10), (15, 25), (100, 40)] {
            let some = |left| {
                assert_eq!(left, 40 - closed(&entries).len());
                count
            };
            registry.close_some(CloseReason::Stopping, some, &mut random, |public| *public < 40);
            assert_eq!(closed(&entries).len(), expected, "{count}");
        }
        assert!(closed(&entries).iter().all(|public| *public < 40));
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Wakes>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_that_polled_last_is_woken() {
        let registry: Rc<Registry<()>> = Rc::default();
        let entry = registry.register(());
        let tasks = [(); 2].map(|()| Arc::<Wakes>::default());
        for task in &tasks {
            assert!(entry.poll_close(&Context::from_waker(&task.clone().into())).is_pending());
        }
        registry.close(CloseReason::Stopping, |()| true);
        assert_eq!(tasks.map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_woken_soon_after_its_deadline_and_once() {
        let registry: Rc<Registry<u64>> = Rc::default();
        let began = Instant::now();
        let wait = move |entry: Registration<u64>| async move {
            let due = began + Duration::from_millis(*entry);
            entry.wake_after(due.into());
            let mut polls = 0;
            let woken = poll_fn(|cx| {
                polls += 1;
                if entry.poll_close(cx).is_pending() && polls == 1 { Poll::Pending } else { Poll::Ready(()) }
            });
            woken.await;
            let late = Instant::now().checked_duration_since(due).expect("it was woken early");
            assert!(late <= Duration::from_millis(510), "{late:?} after {due:?}");
            assert!(entry.0.due.get().is_none(), "it would be woken again");
        };
        // More than two slices.
        let entries = (0..2 * SLICE as u64 + 5).map(|at| registry.register(at * 3));
        let local = tokio::task::LocalSet::new();
        let waits: Vec<_> = entries.map(|entry| local.spawn_local(wait(entry))).collect();
        let scanned = registry.clone();
        local.spawn_local(async move { scanned.scan().await });
        let all = async {
            for wait in waits {
                wait.await.unwrap();
            }
        };
        local.run_until(all).await;
        assert!(registry.is_empty());
    }

    #[tokio::test]
    async fn a_task_runs_until_it_ends_or_is_to() {
        let registry: Rc<Registry<()>> = Rc::default();
        registry.register(()).run(ready(())).await;
        assert!(registry.is_empty());
        let endless = registry.register(()).run(std::future::pending::<()>());
        let close = async { registry.close(CloseReason::Stopping, |()| true) };
        tokio::join!(endless, close);
        assert!(registry.is_empty());
    }
}
