//! Counters that one data thread writes and any thread may read.
//!
//! A request adds to a handful of them, so adding must cost almost nothing: no lock, no atomic read-modify-write,
//! no cache line that another thread writes. This module must not know what is counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_shared::metrics::HistogramValue;

/// The most bounds of a [`Histogram`].
const MOST_BOUNDS: usize = 15;

/// A counter. Only one thread may add to it.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds with a load and a store, which is safe because only one thread writes.
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of a histogram's buckets in microseconds, ascending; at most 15.
pub(crate) type Bounds = &'static [u64];

/// The bounds for requests and their phases: 1 ms to 60 s.
pub(crate) const REQUEST: Bounds = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000, 60_000_000,
];

/// The bounds for durations of tunnels: 1 s to a week.
pub(crate) const TUNNEL: Bounds = &[
    1_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
    900_000_000,
    3_600_000_000,
    14_400_000_000,
    43_200_000_000,
    86_400_000_000,
    604_800_000_000,
];

/// A histogram of durations. Only one thread may observe.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One bucket for each bound, followed by one for durations above the last bound.
    buckets: [Counter; MOST_BOUNDS + 1],
    microseconds: Counter,
}

impl Histogram {
    /// Counts one duration. `bounds` must be the same in every call.
    pub(crate) fn observe(&self, bounds: Bounds, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| time <= *bound).unwrap_or(bounds.len());
        self.buckets[bucket].add(1);
        self.microseconds.add(time);
    }
}

/// Adds up the histograms of several threads.
pub(crate) fn total<'a>(bounds: Bounds, times: impl Iterator<Item = &'a Histogram>) -> HistogramValue {
    let bounds = bounds.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
    let mut total =
        HistogramValue { buckets: bounds.map(|bound| (bound, 0)).collect(), ..Default::default() };
    for times in times {
        total.seconds += times.microseconds.get() as f64 / 1e6;
        for (bucket, count) in total.buckets.iter_mut().zip(&times.buckets) {
            bucket.1 += count.get();
            total.count += count.get();
        }
    }
    total
}

/// One `T` for each data thread, created at the thread's first use, so that unused configuration costs no memory.
#[derive(Debug)]
pub(crate) struct Shards<T>(Box<[OnceLock<Box<T>>]>);

impl<T: Default> Shards<T> {
    /// Creates empty shards for this number of threads.
    pub(crate) fn new(threads: usize) -> Shards<T> {
        Shards((0..threads).map(|_| OnceLock::new()).collect())
    }

    /// Returns the shard of a thread.
    pub(crate) fn of(&self, thread: usize) -> &T {
        self.0[thread].get_or_init(Box::default)
    }

    /// Returns the shards that exist.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|shard| shard.get().map(Box::as_ref))
    }

    /// Adds up one counter of all shards.
    pub(crate) fn sum(&self, number: impl Fn(&T) -> &Counter) -> u64 {
        self.iter().map(|shard| number(shard).get()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let bounds: Bounds = &[1_000, 10_000];
        let (one, other) = (Histogram::default(), Histogram::default());
        for (times, microseconds) in
            [(&one, 0), (&one, 1_000), (&other, 1_001), (&one, 10_001), (&other, 10_000)]
        {
            times.observe(bounds, Duration::from_micros(microseconds));
        }
        let total = total(bounds, [&one, &other].into_iter());
        assert_eq!(total.buckets, [(0.001, 2), (0.01, 2), (f64::INFINITY, 1)]);
        assert_eq!(total.count, 5);
        assert!((total.seconds - 0.022_002).abs() < 1e-9, "{total:?}");
    }

    #[test]
    fn bounds_rise_and_fit() {
        for bounds in [REQUEST, TUNNEL] {
            assert!(bounds.is_sorted() && bounds.len() <= MOST_BOUNDS);
        }
    }

    #[test]
    fn a_shard_is_made_when_its_thread_needs_it() {
        let shards: Shards<Counter> = Shards::new(3);
        assert_eq!(shards.iter().count(), 0);
        shards.of(1).add(2);
        shards.of(1).add(3);
        shards.of(2).add(1);
        assert_eq!((shards.iter().count(), shards.sum(|count| count)), (2, 6));
    }
}
