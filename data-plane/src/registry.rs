//! The registry of the tunnels of one data thread, and of its connections that carry requests to backends.
//!
//! Each entry has a number, a public part that the thread can list, a signal that closes it, and a deadline. Entries
//! are kept in the order of their numbers, so that a long list can be read in slices between other work. One scan of
//! the list, twice a second, replaces a timer for each entry. This module must not know what is registered.

mod close_reason;
mod slice;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroU16;
use std::ops::Deref;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::short_time::{CoarseInstant, ShortInstant};
pub(crate) use close_reason::CloseReason;
pub(crate) use slice::Slice;

/// The interval of the scans: a task is woken at most this long, a unit of [`CoarseInstant`], and the time of a scan after
/// its deadline.
const SCAN: Duration = Duration::from_millis(500);

/// The number of entries that are scanned before other tasks run.
const SLICE: usize = 1000;

/// The number of entries whose tasks are told to look at the configuration again before other tasks run: each of them
/// looks for some microseconds.
const REVIEW_SLICE: usize = 100;

/// A signal to the task of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End.
    Close(CloseReason),
    /// Look at the configuration again, which may concern the entry.
    Review,
}

/// A number of entries that are closed together.
pub(crate) type Group = NonZeroU16;

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
    signal: Cell<Option<Signal>>,
    group: Cell<Option<Group>>,
    /// The time after which the task is woken.
    due: Cell<Option<CoarseInstant>>,
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
    /// Returns the group that the entry is closed with.
    pub(crate) fn group(&self) -> Option<Group> {
        self.group.get()
    }

    /// Returns the reason why the entry is closed, once it is.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        match self.signal.get() {
            Some(Signal::Close(why)) => Some(why),
            Some(Signal::Review) | None => None,
        }
    }

    /// Closes the entry. The reason of an entry that is already closed stays.
    fn close(&self, why: CloseReason) {
        if !self.is_closed() {
            self.signal.set(Some(Signal::Close(why)));
            self.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.close_reason().is_some()
    }

    fn review(&self) {
        if !self.is_closed() {
            self.signal.set(Some(Signal::Review));
            self.wake();
        }
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
            signal: Cell::default(),
            group: Cell::default(),
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

    /// Closes the entries of a group.
    pub(crate) fn close_group(&self, why: CloseReason, group: Group) {
        for entry in self.entries.borrow().values().filter(|entry| entry.group.get() == Some(group)) {
            entry.close(why);
        }
    }

    /// Returns the number of entries of a group.
    pub(crate) fn count_group(&self, group: Group) -> usize {
        self.entries.borrow().values().filter(|entry| entry.group.get() == Some(group)).count()
    }

    /// Has the tasks of the entries for which `which` holds look at the configuration again, some of them at a time.
    pub(crate) async fn review(&self, which: impl Fn(&T) -> bool) {
        let mut next = Some(0);
        while let Some(first) = next {
            next = self.review_slice(first, &which);
            tokio::task::yield_now().await;
        }
    }

    /// Does that from this number on, and returns the number at which the next slice begins.
    fn review_slice(&self, first: u64, which: impl Fn(&T) -> bool) -> Option<u64> {
        let entries = self.entries.borrow();
        let mut rest = entries.range(first..);
        for (_, entry) in rest.by_ref().take(REVIEW_SLICE).filter(|(_, entry)| which(&entry.public)) {
            entry.review();
        }
        rest.next().map(|(number, _)| *number)
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
        self.close_some_entries(why, count, random, |entry| which(&entry.public));
    }

    /// The same for the entries of a group.
    pub(crate) fn close_some_of_group(
        &self,
        why: CloseReason,
        count: impl FnOnce(usize) -> usize,
        random: &mut fastrand::Rng,
        group: Group,
    ) {
        self.close_some_entries(why, count, random, |entry| entry.group.get() == Some(group));
    }

    fn close_some_entries(
        &self,
        why: CloseReason,
        count: impl FnOnce(usize) -> usize,
        random: &mut fastrand::Rng,
        which: impl Fn(&Entry<T>) -> bool,
    ) {
        let entries = self.entries.borrow();
        let mut those: Vec<_> = entries.values().filter(|entry| !entry.is_closed() && which(entry)).collect();
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
        if let Some(entry) = &entry {
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
            let (now, mut next) = (ShortInstant::from(Instant::now()).into(), Some(0));
            while let Some(first) = next {
                next = self.scan_slice(first, now);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Scans the entries from this number on, and returns the number at which the next slice begins.
    fn scan_slice(&self, first: u64, now: CoarseInstant) -> Option<u64> {
        let entries = self.entries.borrow();
        let mut rest = entries.range(first..);
        for (_, entry) in rest.by_ref().take(SLICE) {
            if entry.due.get().is_some_and(|due| due < now) {
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
        self.0.is_closed()
    }

    /// Ready when the entry is closed. The task that polled last is woken then.
    pub(crate) fn poll_close(&self, cx: &Context<'_>) -> Poll<CloseReason> {
        match self.0.signal.get() {
            Some(Signal::Close(why)) => Poll::Ready(why),
            Some(Signal::Review) | None => {
                self.watch(cx);
                Poll::Pending
            }
        }
    }

    /// Ready when there is a signal. The task that polled last is woken then. A review is signalled once.
    pub(crate) fn poll_signal(&self, cx: &Context<'_>) -> Poll<Signal> {
        let Some(signal) = self.0.signal.get() else {
            self.watch(cx);
            return Poll::Pending;
        };
        if signal == Signal::Review {
            self.0.signal.set(None);
        }
        Poll::Ready(signal)
    }

    /// Closes the entry.
    pub(crate) fn close(&self, why: CloseReason) {
        self.0.close(why);
    }

    /// Returns the group that the entry is closed with.
    pub(crate) fn group(&self) -> Option<Group> {
        self.0.group()
    }

    /// Sets the group that the entry is closed with.
    pub(crate) fn set_group(&self, group: Option<Group>) {
        self.0.group.set(group);
    }

    /// Has this task woken from now on.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        let waker = match self.0.waker.take() {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        self.0.waker.set(Some(waker));
    }

    /// Sets the time after which the task that polled last is woken once, at most a second later.
    pub(crate) fn wake_after(&self, due: ShortInstant) {
        self.0.due.set(Some(due.into()));
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
mod tests;
