//! Counts the permits of each client address, so that no address can have all of them.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use foldhash::fast::RandomState;
use tidegate_shared::client_network::client_network;

/// The number of locks, so that connections of different addresses rarely wait for each other.
const SHARDS: usize = 16;

/// The number of permits of each address. An IPv6 client is its /64 network.
#[derive(Debug)]
pub(crate) struct AddressLimit {
    /// The most permits of one address; `None` for no limit.
    most: Option<usize>,
    hasher: RandomState,
    held: [Mutex<HashMap<IpAddr, usize>>; SHARDS],
}

/// One connection or stream of an address, released on drop.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    /// `None` without a limit.
    of: Option<(Arc<AddressLimit>, IpAddr)>,
}

impl AddressLimit {
    pub(crate) fn new(most: Option<usize>) -> Arc<AddressLimit> {
        Arc::new(AddressLimit { most, hasher: RandomState::default(), held: Default::default() })
    }

    /// Counts one more for this client. `None` if its address has its full share.
    pub(crate) fn take(self: &Arc<AddressLimit>, client: IpAddr) -> Option<AddressPermit> {
        match self.most {
            Some(most) => self.take_up_to(client, most),
            None => Some(AddressPermit { of: None }),
        }
    }

    /// The same with this limit instead of its own.
    pub(crate) fn take_up_to(self: &Arc<AddressLimit>, client: IpAddr, most: usize) -> Option<AddressPermit> {
        let address = client_network(client);
        let mut held = self.shard(&address);
        let count = held.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressPermit { of: Some((self.clone(), address)) })
    }

    fn shard(&self, address: &IpAddr) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        let shard = &self.held[self.hasher.hash_one(address) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let Some((limit, address)) = &self.of else { return };
        let mut held = limit.shard(address);
        if let Some(count) = held.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                held.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_share_and_gets_it_back() {
        let limit = AddressLimit::new(Some(2));
        let take = |client: &str| limit.take(client.parse().unwrap());
        let (first, second) = (take("192.0.2.1"), take("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some(), "another address");
        drop(first);
        assert!(take("192.0.2.1").is_some());
        let networks = [take("2001:db8::1"), take("2001:db8::2:1")];
        assert!(networks.iter().all(Option::is_some) && take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:1::1").is_some(), "another network");
        drop((second, networks));
        assert!(limit.held.iter().all(|shard| shard.lock().unwrap().is_empty()), "nothing is kept");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let limit = AddressLimit::new(None);
        let all: Vec<_> = (0..100).map(|_| limit.take("192.0.2.1".parse().unwrap())).collect();
        assert!(all.iter().all(Option::is_some));
    }
}
