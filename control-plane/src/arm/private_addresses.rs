//! What is bound in place of the private addresses of a gateway. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::addresses::{AddressMap, Family};

/// What is known of the private addresses of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrivateAddresses {
    /// The map of the operator.
    pub(crate) map: AddressMap,
    /// The addresses of the pool that the gateway has already, by the address in its document.
    pub(crate) held: BTreeMap<IpAddr, IpAddr>,
    /// The next free addresses of the pool.
    pub(crate) free: Vec<IpAddr>,
    /// True if there is a pool for the family of IPv4, of IPv6.
    pub(crate) pools: [bool; 2],
    /// The addresses of the request that do not exist on this machine. Those of a stored document were looked at when
    /// they were sent.
    pub(crate) absent: BTreeSet<IpAddr>,
}

/// The reason why nothing can be bound for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unbound {
    /// It does not exist, and no option says what stands for it.
    Absent,
    /// The pool has no free address.
    PoolExhausted,
}

impl PrivateAddresses {
    /// Decides what is bound for these addresses. The order of the addresses decides which one of the pool each gets.
    pub(crate) fn bind(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> BTreeMap<IpAddr, Result<IpAddr, Unbound>> {
        let mut free = self.free.clone();
        let mut bound = BTreeMap::new();
        for address in addresses {
            bound.entry(address).or_insert_with(|| self.bind_one(address, &mut free));
        }
        bound
    }

    fn bind_one(&self, address: IpAddr, free: &mut Vec<IpAddr>) -> Result<IpAddr, Unbound> {
        if let Some(to) = self.known(address) {
            return Ok(to);
        }
        if !self.absent.contains(&address) {
            return Ok(address);
        }
        let family = Family::of(address);
        if !self.pools[usize::from(family == Family::V6)] {
            return Err(Unbound::Absent);
        }
        let next = free.iter().position(|free| Family::of(*free) == family);
        next.map(|next| free.remove(next)).ok_or(Unbound::PoolExhausted)
    }

    /// Returns what is bound for an address by the map, or by an earlier write; `None` for the address itself.
    pub(crate) fn known(&self, address: IpAddr) -> Option<IpAddr> {
        self.map.get(address).or_else(|| self.held.get(&address).copied())
    }

    /// Returns the addresses of the pool that the gateway has after a write of a document with these addresses.
    pub(crate) fn held_for(&self, addresses: impl IntoIterator<Item = IpAddr>) -> BTreeMap<IpAddr, IpAddr> {
        let bound = self.bind(addresses).into_iter();
        let is_of_pool =
            |from: IpAddr, to: IpAddr| self.held.get(&from) == Some(&to) || self.free.contains(&to);
        bound
            .filter_map(|(from, to)| Some((from, to.ok()?)))
            .filter(|(from, to)| from != to && self.map.get(*from).is_none() && is_of_pool(*from, *to))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_map_precedes_the_pool_and_both_the_address_itself() {
        let known = PrivateAddresses {
            map: ["10.0.0.4=127.0.0.4".parse().unwrap()].into_iter().collect(),
            held: [(ip("10.0.0.5"), ip("127.90.0.5")), (ip("10.0.0.4"), ip("127.90.0.4"))].into(),
            free: vec![ip("127.90.0.6"), ip("127.90.0.7")],
            pools: [true, false],
            absent: ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.8", "10.0.0.9", "fd00::1"].map(ip).into(),
        };
        let sent = ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9", "fd00::1"];
        let bound = known.bind(sent.map(ip));
        let expected = [
            Ok("127.0.0.4"),
            Ok("127.90.0.5"),
            Ok("127.90.0.6"),
            Ok("10.0.0.7"),
            Ok("127.90.0.7"),
            Err(Unbound::PoolExhausted),
            Err(Unbound::Absent),
        ];
        for (address, expected) in sent.into_iter().zip(expected) {
            assert_eq!(bound[&ip(address)], expected.map(ip), "{address}");
        }
        let held = known.held_for(["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"].map(ip));
        let expected = [("10.0.0.5", "127.90.0.5"), ("10.0.0.6", "127.90.0.6")];
        assert_eq!(held, expected.map(|(from, to)| (ip(from), ip(to))).into());
    }
}
