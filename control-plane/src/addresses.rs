//! The addresses that gateways are bound to where a document gives none, or one that does not exist here: the pools
//! and the map of the operator. Pure, except for [`is_here`], which asks the kernel. Which address belongs to which
//! resource is known to the store alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// The operator's decisions about addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressPlan {
    /// The pool of public IP addresses without an `ipAddress`. Those without a pool share the workers' address.
    pub(crate) public_pool: AddressPool,
    /// The pool of addresses that stand for private addresses which do not exist here.
    pub(crate) private_pool: AddressPool,
    /// The addresses that stand for others, whatever exists here.
    pub(crate) map: AddressMap,
    /// True if a private address that does not exist on this machine is refused.
    pub(crate) refuse_absent: bool,
}

impl AddressPlan {
    /// Returns whether a write must know which addresses exist on this machine.
    pub(crate) fn asks_for_absent(&self) -> bool {
        self.refuse_absent || !self.private_pool.is_empty()
    }
}

/// The version of the Internet Protocol of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

/// Networks whose addresses are given out one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPool(Vec<IpNet>);

/// The text is not a list of networks.
#[derive(Debug, Error)]
#[error(
    "expected networks separated by commas, such as 127.80.0.0/16 or 192.0.2.16/28,fd00::/120, or `none`"
)]
pub struct AddressPoolError;

impl AddressPool {
    /// The pool of a machine whose public address is a loopback one. It avoids what systems use of 127.0.0.0/8.
    pub fn loopback() -> AddressPool {
        let network = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 80, 0, 0), 16);
        AddressPool(vec![network.into()])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the pool has addresses of this family.
    pub(crate) fn serves(&self, family: Family) -> bool {
        self.0.iter().any(|network| Family::of(network.addr()) == family)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the lowest address of this family that is not taken.
    pub(crate) fn free(&self, family: Family, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        let networks = self.0.iter().filter(|network| Family::of(network.addr()) == family);
        let is_host = |network: &IpNet, address: &IpAddr| {
            let is_small = network.prefix_len() + 1 >= network.max_prefix_len();
            is_small || *address != network.network()
        };
        let hosts =
            networks.flat_map(|network| network.hosts().filter(move |address| is_host(network, address)));
        // Each address that is passed over is a taken one, so this is short even in a large network.
        hosts.into_iter().find(|address| !taken.contains(address))
    }
}

impl FromStr for AddressPool {
    type Err = AddressPoolError;

    fn from_str(text: &str) -> Result<AddressPool, AddressPoolError> {
        if text == "none" {
            return Ok(AddressPool::default());
        }
        let one = |text: &str| {
            let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.filter(|network: &IpNet| is_usable(network.network()) || network.prefix_len() > 0)
        };
        let networks: Option<Vec<IpNet>> = text.split(',').map(|text| one(text.trim())).collect();
        networks.map(AddressPool).ok_or(AddressPoolError)
    }
}

impl fmt::Display for AddressPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let networks: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

/// One entry of an [`AddressMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedAddress {
    /// The address in documents.
    pub from: IpAddr,
    /// The address that is bound.
    pub to: IpAddr,
}

/// The text is not a pair of addresses.
#[derive(Debug, Error)]
#[error("expected two addresses of one family that can be listened on, such as 10.0.0.4=127.0.0.4")]
pub struct MappedAddressError;

impl FromStr for MappedAddress {
    type Err = MappedAddressError;

    fn from_str(text: &str) -> Result<MappedAddress, MappedAddressError> {
        let address = |text: &str| {
            let address = text.trim().parse::<IpAddr>().ok()?.to_canonical();
            is_usable(address).then_some(address)
        };
        let pair = text.split_once('=').and_then(|(from, to)| Some((address(from)?, address(to)?)));
        let pair = pair.filter(|(from, to)| Family::of(*from) == Family::of(*to));
        pair.map(|(from, to)| MappedAddress { from, to }).ok_or(MappedAddressError)
    }
}

/// The addresses that stand for others. A later entry for an address replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressMap(BTreeMap<IpAddr, IpAddr>);

impl AddressMap {
    pub(crate) fn get(&self, address: IpAddr) -> Option<IpAddr> {
        self.0.get(&address).copied()
    }
}

impl FromIterator<MappedAddress> for AddressMap {
    fn from_iter<I: IntoIterator<Item = MappedAddress>>(entries: I) -> AddressMap {
        AddressMap(entries.into_iter().map(|entry| (entry.from, entry.to)).collect())
    }
}

/// Returns whether sockets can listen on an address, on some machine.
pub(crate) fn is_usable(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Returns whether a socket of this machine can be bound to an address.
pub(crate) fn is_here(address: IpAddr) -> bool {
    match UdpSocket::bind((address, 0)) {
        // A link-local address cannot be bound without an interface.
        Err(error) => {
            !matches!(
                error.kind(),
                ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) && !is_of_unserved_family(address)
        }
        Ok(_) => true,
    }
}

/// Returns whether this machine has no sockets of the family of an address.
fn is_of_unserved_family(address: IpAddr) -> bool {
    address.is_ipv6() && UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(addresses: &[&str]) -> BTreeSet<IpAddr> {
        addresses.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_pool_gives_its_lowest_free_address() {
        let cases: [(&str, Family, &[&str], Option<&str>); 9] = [
            ("127.80.0.0/16", Family::V4, &[], Some("127.80.0.1")),
            ("127.80.0.0/16", Family::V4, &["127.80.0.1", "127.80.0.3"], Some("127.80.0.2")),
            ("127.80.0.0/16", Family::V6, &[], None),
            ("127.0.0.9", Family::V4, &[], Some("127.0.0.9")),
            ("127.0.0.9", Family::V4, &["127.0.0.9"], None),
            ("192.0.2.0/30", Family::V4, &["192.0.2.1", "192.0.2.2"], None),
            ("192.0.2.0/31", Family::V4, &["192.0.2.1"], Some("192.0.2.0")),
            ("127.0.0.9,fd00::/64", Family::V6, &[], Some("fd00::1")),
            ("none", Family::V4, &[], None),
        ];
        for (pool, family, known, expected) in cases {
            let pool: AddressPool = pool.parse().unwrap();
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(pool.free(family, &taken(known)), expected, "{pool} {known:?}");
            assert_eq!(pool.to_string().parse::<AddressPool>().unwrap(), pool);
        }
        for bad in ["", "127.0.0.0/33", "here", "none,127.0.0.1", "127.0.0.1,,"] {
            assert!(bad.parse::<AddressPool>().is_err(), "{bad:?}");
        }
        assert!(AddressPool::loopback().contains("127.80.1.2".parse().unwrap()));
    }

    #[test]
    fn a_map_has_pairs_of_one_family() {
        let map: AddressMap =
            ["10.0.0.4=127.0.0.4", "fd00::4=::1"].map(|text| text.parse().unwrap()).into_iter().collect();
        let get = |text: &str| map.get(text.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(get("10.0.0.4").as_deref(), Some("127.0.0.4"));
        assert_eq!(get("fd00::4").as_deref(), Some("::1"));
        assert_eq!(get("10.0.0.5"), None);
        for bad in ["", "10.0.0.4", "10.0.0.4=", "10.0.0.4=::1", "0.0.0.0=127.0.0.1", "10.0.0.4=224.0.0.1"] {
            assert!(bad.parse::<MappedAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_own_addresses_can_be_bound() {
        assert!(is_here("127.0.0.1".parse().unwrap()) && is_here("127.80.0.1".parse().unwrap()));
        assert!(!is_here("192.0.2.1".parse().unwrap()), "TEST-NET-1 belongs to no machine");
        assert!(!is_here("2001:db8::1".parse().unwrap()));
    }
}
