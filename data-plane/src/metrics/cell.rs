//! Numbers that one data thread writes and any thread may read.
//!
//! A request adds to a handful of them, so adding must cost next to nothing: no lock, no locked instruction, no cache
//! line that another thread writes. Nothing here knows what is counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_shared::metrics::Distribution;

/// The most bounds that [`Times`] can have.
const MOST_BOUNDS: usize = 15;

/// A count. Only one thread may add.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds; a load and a store, which nobody can come between, since nobody else writes.
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of a histogram's buckets in microseconds, rising; at most 15.
pub(crate) type Bounds = &'static [u64];

/// From a millisecond to a minute: what requests and their parts take.
pub(crate) const REQUEST: Bounds = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000, 60_000_000,
];

/// From a second to a week: how long tunnels live.
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

/// How often something took how long. Only one thread may observe.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// One more than there can be bounds: the last used is for what is over all of them.
    buckets: [Count; MOST_BOUNDS + 1],
    microseconds: Count,
}

impl Times {
    /// Takes note of one time. The bounds must be the same at every call.
    pub(crate) fn observe(&self, bounds: Bounds, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| time <= *bound).unwrap_or(bounds.len());
        self.buckets[bucket].add(1);
        self.microseconds.add(time);
    }
}

/// What several threads' [`Times`] come to.
pub(crate) fn total<'a>(bounds: Bounds, times: impl Iterator<Item = &'a Times>) -> Distribution {
    let bounds = bounds.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
    let mut total = Distribution { buckets: bounds.map(|bound| (bound, 0)).collect(), ..Default::default() };
    for times in times {
        total.seconds += times.microseconds.get() as f64 / 1e6;
        for (bucket, count) in total.buckets.iter_mut().zip(&times.buckets) {
            bucket.1 += count.get();
            total.count += count.get();
        }
    }
    total
}

/// One `T` for each data thread, made when that thread first needs it: what is configured but unused costs nothing.
#[derive(Debug)]
pub(crate) struct Shards<T>(Box<[OnceLock<Box<T>>]>);

impl<T: Default> Shards<T> {
    /// For so many threads.
    pub(crate) fn new(threads: usize) -> Shards<T> {
        Shards((0..threads).map(|_| OnceLock::new()).collect())
    }

    /// A thread's own.
    pub(crate) fn of(&self, thread: usize) -> &T {
        self.0[thread].get_or_init(Box::default)
    }

    /// Those that are in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|shard| shard.get().map(Box::as_ref))
    }

    /// What one number of them comes to.
    pub(crate) fn sum(&self, number: impl Fn(&T) -> &Count) -> u64 {
        self.iter().map(|shard| number(shard).get()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_first_bucket_that_holds_it() {
        let bounds: Bounds = &[1_000, 10_000];
        let (one, other) = (Times::default(), Times::default());
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
        let shards: Shards<Count> = Shards::new(3);
        assert_eq!(shards.iter().count(), 0);
        shards.of(1).add(2);
        shards.of(1).add(3);
        shards.of(2).add(1);
        assert_eq!((shards.iter().count(), shards.sum(|count| count)), (2, 6));
    }
}
