//! What a name leads to, as the resolver found out last. One task writes it, every thread reads it without a lock.
//!
//! Nothing here asks anybody: it keeps the last good answer, and in which order its addresses are to be tried.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// How many addresses of a name are used. What is over it is left out, so that an answer cannot make us hold or try
/// without end.
const MAX_ADDRESSES: usize = 64;

/// How long an address that could not be reached is tried after the others.
const SHUNNED: Duration = Duration::from_secs(10);

/// A name, and what is known of it.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    known: ArcSwap<Known>,
    /// Wakes whoever waits for the first answer.
    told: Notify,
    /// Wakes whoever waits for it to lead elsewhere.
    moved: Notify,
    /// Tells its task that what is known may be wrong.
    doubted: Notify,
    /// Counts the times that an address went away.
    losses: AtomicU64,
    /// Which address the next connection tries first.
    turn: AtomicUsize,
    /// What the times in [`Address::shunned`] are counted from.
    since: Instant,
}

#[derive(Debug, Default)]
struct Known {
    asked: bool,
    addresses: Vec<Arc<Address>>,
    /// Why the last question had no answer.
    problem: Option<String>,
}

/// One address of a name.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
    /// Until when it is tried last, in milliseconds since the name was made.
    shunned: AtomicU64,
}

impl Name {
    pub(crate) fn new(text: &str) -> Name {
        Name {
            text: text.to_owned(),
            known: ArcSwap::default(),
            told: Notify::new(),
            moved: Notify::new(),
            doubted: Notify::new(),
            losses: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            since: Instant::now(),
        }
    }

    /// Takes what came of a question: addresses, or why there are none. The last good answer is kept in the second
    /// case. Says whether anything is known now that was not before.
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
        self.told.notify_waiters();
        if moved {
            self.moved.notify_waiters();
        }
        changed
    }

    /// Every address, in the order in which the next connection is to try them. Waits for the first answer.
    ///
    /// # Errors
    /// Why there is none, for a person to read.
    pub(crate) async fn addresses(&self) -> Result<Vec<Arc<Address>>, String> {
        loop {
            let told = self.told.notified();
            let known = self.known.load_full();
            if !known.asked {
                told.await;
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

    /// An address could not be reached, or not at once: others are tried before it for a while.
    pub(crate) fn shun(&self, address: &Address) {
        let until = self.now().saturating_add(millis(SHUNNED));
        address.shunned.store(until, Ordering::Relaxed);
    }

    /// How often an address has gone away: connections from before may lead to one that is gone.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Ready once it leads elsewhere than when this was asked.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// Asks the resolver to find out anew.
    pub(crate) fn refresh(&self) {
        self.doubted.notify_one();
    }

    /// Ready once it is to be found out anew. For the one task that does.
    pub(crate) fn doubted(&self) -> Notified<'_> {
        self.doubted.notified()
    }

    /// For a person: what it leads to, and how good that knowledge is. None while there is nothing to say.
    pub(crate) fn account(&self) -> Option<String> {
        let known = self.known.load();
        if known.addresses.is_empty() {
            return None;
        }
        let ips: Vec<String> = known.addresses.iter().map(|address| address.ip.to_string()).collect();
        let (name, ips) = (&self.text, ips.join(", "));
        Some(match &known.problem {
            None => format!("{name} resolves to {ips}."),
            Some(problem) => format!("{name} cannot be resolved any more: {problem}. It last was {ips}."),
        })
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

/// The addresses in an order that does not depend on that of the answer, the families by turns (RFC 8305, section
/// 4). Those known before are taken over with what is known of them.
fn adopted(before: &[Arc<Address>], mut ips: Vec<IpAddr>) -> Vec<Arc<Address>> {
    // The unspecified address would lead to the worker itself.
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
        name.shun(&bad);
        for _ in 0..3 {
            assert_eq!(order(&name).await, ["192.0.2.2", "192.0.2.1"]);
        }
        // It is still shunned when the next answer names it again.
        name.learn(Ok(ips(&["192.0.2.1", "192.0.2.3"])));
        assert_eq!(order(&name).await, ["192.0.2.3", "192.0.2.1"]);
        let known = name.known.load();
        let later = name.now() + millis(SHUNNED);
        let firsts = [(); 2].map(|()| name.in_turn(&known.addresses, later)[0].ip);
        assert!(firsts.contains(&bad.ip), "it takes its turn again");
    }

    #[tokio::test]
    async fn the_last_good_answer_is_kept_and_what_is_wrong_is_said() {
        let name = Name::new("a.test");
        assert_eq!(name.account(), None);
        assert!(name.learn(Err("nobody answers".into())));
        assert_eq!(name.addresses().await.unwrap_err(), "nobody answers");
        assert!(name.learn(Ok(ips(&["192.0.2.2", "192.0.2.1"]))));
        assert!(!name.learn(Ok(ips(&["192.0.2.1", "192.0.2.2"]))), "the order of an answer is chance");
        assert_eq!(name.account().unwrap(), "a.test resolves to 192.0.2.1, 192.0.2.2.");
        assert!(name.learn(Err("nobody answers".into())));
        assert!(!name.learn(Err("nobody answers".into())));
        assert_eq!(order(&name).await.len(), 2);
        let account = name.account().unwrap();
        assert!(account.contains("nobody answers") && account.contains("192.0.2.1"), "{account}");
        assert_eq!(name.losses(), 0);
        name.learn(Ok(ips(&["192.0.2.2", "192.0.2.3"])));
        assert_eq!(name.losses(), 1);
    }

    #[tokio::test]
    async fn a_move_is_heard_of_by_whoever_listened_before_it() {
        let location = crate::dial::Location::Name(Arc::new(Name::new("a.test")));
        let crate::dial::Location::Name(name) = &location else { unreachable!() };
        name.learn(Ok(ips(&["192.0.2.1"])));
        // A probe that is under way meanwhile looks at neither.
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
