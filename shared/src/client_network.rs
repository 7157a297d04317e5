//! The unit in which clients are counted that are known by their addresses alone. Both planes bound clients by it.

use std::net::{IpAddr, Ipv6Addr};

/// The address that a client is counted by: of IPv6 its /64 network, which one host commonly has to itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}
