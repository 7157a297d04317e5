//! The last known addresses of a name. One task writes them, and every thread reads them without a lock.
//!
//! This module sends no query. It keeps the last good answer, and the order in which its addresses are tried.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// The most addresses of a name. Further ones are ignored, so that an answer cannot exhaust memory or the time of a
/// connection attempt.
const MAX_ADDRESSES: usize = 64;

/// The time for which an unreachable address is tried after the others.
const UNREACHABLE_TIME: Duration = Duration::from_secs(10);

/// A name with its last known addresses.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    known: ArcSwap<Known>,
    /// Wakes the tasks that wait for the first answer.
    learned: Notify,
    /// Wakes the tasks that wait for a change of the addresses.
    moved: Notify,
    /// Wakes the resolving task because the answer may be wrong.
    refresh_requested: Notify,
    /// The number of times that an address has disappeared.
    losses: AtomicU64,
    /// The position of the address that the next connection tries first.
    turn: AtomicUsize,
    /// The start of the times in [`Address::shunned`].
    since: Instant,
}

#[derive(Debug, Default)]
struct Known {
    asked: bool,
    addresses: Vec<Arc<Address>>,
    /// The reason why the last query had no answer.
    problem: Option<String>,
}

/// One address of a name.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    /// The end of the time in which it is tried last, in milliseconds since the name was created.
    shunned: AtomicU64,
}

impl Name {
    pub(crate) fn new(text: &str) -> Name {
        Name {
            text: text.to_owned(),
            known: ArcSwap::default(),
            learned: Notify::new(),
            moved: Notify::new(),
            refresh_requested: Notify::new(),
            losses: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            since: Instant::now(),
        }
    }

    /// Records the result of a query: addresses, or the reason why there are none. Then the last good answer is
    /// kept. Returns true if the addresses or the reason changed.
    pub(crate) fn learn(&self, answer: Result<Vec<IpAddr>, String>) -> bool {
        let before = self.known.load();
        let (addresses, problem) = match answer {
            Ok(ips) => (adopted(&before.addresses, ips), None),
            Err(problem) => (before.addresses.clone(), Some(problem)),
        };
        let is_gone = |old: &Arc<Address>| !addresses.iter().any(|new| new.ip == old.ip);
        let some_gone = before.addresses.iter().any(is_gone);
        let moved = some_gone || addresses.len() != before.addresses.len();
        let changed = moved || !before.asked || before.problem != problem;
        if some_gone {
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
        self.known.store(Arc::new(Known { asked: true, addresses, problem }));
        self.learned.notify_waiters();
        if moved {
            self.moved.notify_waiters();
        }
        changed
    }

    /// Returns every address, in the order in which the next connection tries them. Waits for the first answer.
    ///
    /// # Errors
    /// The reason why there is no address, for a person to read.
    pub(crate) async fn addresses(&self) -> Result<Vec<Arc<Address>>, String> {
        loop {
            let learned = self.learned.notified();
            let known = self.known.load_full();
            if !known.asked {
                learned.await;
            } else if known.addresses.is_empty() {
                let problem =
                    known.problem.as_deref().unwrap_or("it has no address that can be connected to");
                return Err(problem.to_owned());
            } else {
                return Ok(self.in_turn(&known.addresses, self.now()));
            }
        }
    }

    fn in_turn(&self, addresses: &[Arc<Address>], now: u64) -> Vec<Arc<Address>> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % addresses.len();
        let (later, sooner) = addresses.split_at(first);
        let mut ordered: Vec<_> = sooner.iter().chain(later).cloned().collect();
        ordered.sort_by_key(|address| Reverse(address.shunned.load(Ordering::Relaxed) <= now));
        ordered
    }

    /// Marks an address as unreachable: other addresses are tried before it for 10 s.
    pub(crate) fn mark_unreachable(&self, address: &Address) {
        let until = self.now().saturating_add(millis(UNREACHABLE_TIME));
        address.shunned.store(until, Ordering::Relaxed);
    }

    /// The number of times that an address has disappeared. Connections made before the last time may lead to such
    /// an address.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Completes once the addresses have changed since this call.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// Asks the resolver to resolve the name again.
    pub(crate) fn refresh(&self) {
        self.refresh_requested.notify_one();
    }

    /// Completes once the name must be resolved again. For the one task that resolves it.
    pub(crate) fn refresh_requested(&self) -> Notified<'_> {
        self.refresh_requested.notified()
    }

    /// Describes the addresses and the last failure for a person. `None` while no address is known.
    pub(crate) fn describe(&self) -> Option<String> {
        let known = self.known.load();
        if known.addresses.is_empty() {
            return None;
        }
        let ips: Vec<String> = known.addresses.iter().map(|address| address.ip.to_string()).collect();
        let (name, ips) = (&self.text, ips.join(", "));
        Some(match &known.problem {
            None => format!("{name} resolves to {ips}."),
            Some(problem) => {
                format!("{name} cannot be resolved any more: {problem}. It last resolved to {ips}.")
            }
        })
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

/// Returns the addresses in an order that does not depend on that of the answer, alternating between the families
/// (RFC 8305, section 4). Known addresses keep their state.
fn adopted(before: &[Arc<Address>], mut ips: Vec<IpAddr>) -> Vec<Arc<Address>> {
    // Connections to the unspecified address would reach the worker itself.
    ips.retain(|ip| !ip.is_unspecified() && !ip.is_multicast());
    ips.sort_unstable();
    ips.dedup();
    let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = ips.into_iter().partition(IpAddr::is_ipv4);
    let longer = four.len().max(six.len());
    let by_turns = (0..longer).flat_map(|i| [six.get(i).copied(), four.get(i).copied()]).flatten();
    let known = |ip| before.iter().find(|address| address.ip == ip).cloned();
    let new = |ip| Arc::new(Address { ip, shunned: AtomicU64::new(0) });
    by_turns.take(MAX_ADDRESSES).map(|ip| known(ip).unwrap_or_else(|| new(ip))).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    async fn order(name: &Name) -> Vec<String> {
        name.addresses().await.unwrap().iter().map(|address| address.ip.to_string()).collect()
    }

    #[tokio::test]
    async fn addresses_take_turns_and_families_alternate() {
        let name = Name::new("a.test");
        name.learn(Ok(ips(&["192.0.2.2", "2001:db8::1", "192.0.2.1", "192.0.2.2"])));
        assert_eq!(order(&name).await, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
        assert_eq!(order(&name).await, ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        assert_eq!(order(&name).await, ["192.0.2.2", "2001:db8::1", "192.0.2.1"]);
    }

    #[tokio::test]
    async fn an_address_that_failed_is_tried_last_for_a_while() {
        let name = Name::new("a.test");
        name.learn(Ok(ips(&["192.0.2.1", "192.0.2.2"])));
        let bad = name.addresses().await.unwrap()[0].clone();
        assert_eq!(bad.ip.to_string(), "192.0.2.1");
        name.mark_unreachable(&bad);
        for _ in 0..3 {
            assert_eq!(order(&name).await, ["192.0.2.2", "192.0.2.1"]);
        }
        // The address is still shunned when the next answer contains it again.
        name.learn(Ok(ips(&["192.0.2.1", "192.0.2.3"])));
        assert_eq!(order(&name).await, ["192.0.2.3", "192.0.2.1"]);
        let known = name.known.load();
        let later = name.now() + millis(UNREACHABLE_TIME);
        let firsts = [(); 2].map(|()| name.in_turn(&known.addresses, later)[0].ip);
        assert!(firsts.contains(&bad.ip), "it takes its turn again");
    }

    #[tokio::test]
    async fn the_last_good_answer_is_kept_and_what_is_wrong_is_said() {
        let name = Name::new("a.test");
        assert_eq!(name.describe(), None);
        assert!(name.learn(Err("nobody answers".into())));
        assert_eq!(name.addresses().await.unwrap_err(), "nobody answers");
        assert!(name.learn(Ok(ips(&["192.0.2.2", "192.0.2.1"]))));
        assert!(!name.learn(Ok(ips(&["192.0.2.1", "192.0.2.2"]))), "the order of an answer is chance");
        assert_eq!(name.describe().unwrap(), "a.test resolves to 192.0.2.1, 192.0.2.2.");
        assert!(name.learn(Err("nobody answers".into())));
        assert!(!name.learn(Err("nobody answers".into())));
        assert_eq!(order(&name).await.len(), 2);
        let description = name.describe().unwrap();
        assert!(description.contains("nobody answers") && description.contains("192.0.2.1"), "{description}");
        assert_eq!(name.losses(), 0);
        name.learn(Ok(ips(&["192.0.2.2", "192.0.2.3"])));
        assert_eq!(name.losses(), 1);
    }

    #[tokio::test]
    async fn a_move_is_heard_of_by_whoever_listened_before_it() {
        let location = crate::dial::Location::Name(Arc::new(Name::new("a.test")));
        let crate::dial::Location::Name(name) = &location else { unreachable!() };
        name.learn(Ok(ips(&["192.0.2.1"])));
        // A probe may be running and look at neither at that moment.
        let (moved, still) = (location.moved(), location.moved());
        name.learn(Ok(ips(&["192.0.2.2"])));
        moved.await;
        drop(still);
        let never = tokio::time::timeout(Duration::from_millis(1), location.moved()).await;
        assert!(never.is_err(), "it stays where it is");
    }

    #[tokio::test]
    async fn nothing_that_leads_back_to_the_worker_or_to_many_is_used() {
        let name = Name::new("a.test");
        name.learn(Ok(ips(&["0.0.0.0", "::", "224.0.0.1", "ff02::1"])));
        assert!(name.addresses().await.is_err());
        name.learn(Ok((0..200u8).map(|last| IpAddr::from([192, 0, 2, last])).collect()));
        assert_eq!(order(&name).await.len(), MAX_ADDRESSES);
    }
}
