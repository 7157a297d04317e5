//! Tests of the registry: which entries are closed, and which tasks are woken.

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
    let is_closed = |entry: &&Registration<u32>| entry.is_closed();
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

#[test]
fn a_group_is_closed_together_however_often_it_is_reviewed() {
    let (registry, entries) = registry();
    let group = Group::new(7);
    entries[..10].iter().for_each(|entry| entry.set_group(group));
    entries[9].set_group(None);
    assert_eq!(registry.count_group(group.unwrap()), 9);
    let mut random = fastrand::Rng::with_seed(3);
    registry.close_some_of_group(CloseReason::RouteChanged, |_| 4, &mut random, group.unwrap());
    assert_eq!(closed(&entries).len(), 4);
    let mut next = Some(0);
    while let Some(first) = next {
        next = registry.review_slice(first, |public| *public < 50);
    }
    let cx = Context::from_waker(Waker::noop());
    let signals = entries.iter().map(|entry| entry.poll_signal(&cx));
    assert_eq!(signals.filter(|signal| *signal == Poll::Ready(Signal::Review)).count(), 46);
    assert!(entries[49].poll_signal(&cx).is_pending(), "a review is signalled once");
    registry.close_group(CloseReason::RouteChanged, group.unwrap());
    assert_eq!(closed(&entries), Vec::from_iter(0..9));
    registry.close(CloseReason::Draining, |_| true);
    registry.close_group(CloseReason::ListenerRemoved, group.unwrap());
    let reasons = [0, 8, 9].map(|entry: usize| entries[entry].0.close_reason());
    let (route, draining) = (Some(CloseReason::RouteChanged), Some(CloseReason::Draining));
    assert_eq!(reasons, [route, route, draining], "the first reason stays");
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
        assert!(late <= Duration::from_millis(580), "{late:?} after {due:?}");
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
