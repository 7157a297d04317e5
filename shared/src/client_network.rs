//! The key by which both planes count and limit unauthenticated clients.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the address that a client is counted by: its IPv4 address or, for IPv6, its /64 network, because one
/// host commonly owns a whole /64.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}
