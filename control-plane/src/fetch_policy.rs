//! The addresses to which the control plane does not connect to fetch error pages, templates and files of
//! parameters: clients may name any server. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// The networks from which nothing is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchDeny(Vec<IpNet>);

/// The text is not a list of networks.
#[derive(Debug, Error)]
#[error("expected networks separated by commas, such as 127.0.0.0/8,10.0.0.0/8, or `none`")]
pub struct FetchDenyError;

impl FetchDeny {
    /// The default: this host (RFC 1122, section 3.2.1.3), loopback, and link-local addresses (RFC 3927; RFC
    /// 4291, section 2.5.6), one of which is the metadata service of clouds that provides credentials of
    /// machines. Besides, the services of clouds for their machines at other addresses: 168.63.129.16 of
    /// Azure, 100.100.100.200 of Alibaba Cloud and fd00:ec2::254 of AWS.
    pub const DEFAULT: &str = "0.0.0.0/8,127.0.0.0/8,169.254.0.0/16,168.63.129.16,100.100.100.200,::/128,\
                               ::1/128,fe80::/10,fd00:ec2::254";

    /// Denies nothing: for servers that the operator has named.
    pub(crate) fn nothing() -> FetchDeny {
        FetchDeny(Vec::new())
    }

    /// Returns whether fetching from this address is denied. An IPv6 address that embeds an IPv4 address (RFC
    /// 4291, section 2.5.5.2; RFC 6052) is denied if either is.
    pub fn refuses(&self, address: IpAddr) -> bool {
        let stands_for = match address {
            IpAddr::V6(address) => embedded(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        let addresses = [Some(address), stands_for];
        addresses.into_iter().flatten().any(|address| self.0.iter().any(|network| network.contains(&address)))
    }
}

/// Returns the IPv4 address that an IPv6 address embeds.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const NAT64: u128 = 0x0064_ff9b << 96;
    let low = u32::try_from(address.to_bits() & u128::from(u32::MAX)).unwrap_or_default();
    let is_nat64 = address.to_bits() >> 32 == NAT64 >> 32;
    address.to_ipv4_mapped().or(is_nat64.then_some(Ipv4Addr::from_bits(low)))
}

impl Default for FetchDeny {
    fn default() -> FetchDeny {
        FetchDeny::DEFAULT.parse().expect("the constant is a list of networks")
    }
}

impl FromStr for FetchDeny {
    type Err = FetchDenyError;

    fn from_str(text: &str) -> Result<FetchDeny, FetchDenyError> {
        if text == "none" {
            return Ok(FetchDeny(Vec::new()));
        }
        let one = |text: &str| -> Option<IpNet> {
            text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        };
        let networks: Option<Vec<IpNet>> = text.split(',').map(|text| one(text.trim())).collect();
        networks.map(FetchDeny).ok_or(FetchDenyError)
    }
}

impl fmt::Display for FetchDeny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let networks: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_and_the_services_of_clouds_are_refused_in_every_spelling() {
        let deny = FetchDeny::default();
        for (address, refused) in [
            ("127.0.0.1", true),
            ("127.255.255.254", true),
            ("0.0.0.0", true),
            ("169.254.169.254", true),
            ("::1", true),
            ("::", true),
            ("fe80::1", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::7f00:1", true),
            ("168.63.129.16", true),
            ("100.100.100.200", true),
            ("fd00:ec2::254", true),
            ("::ffff:168.63.129.16", true),
            ("64:ff9b::6464:64c8", true),
            ("168.63.129.17", false),
            ("100.100.100.201", false),
            ("fd00:ec2::253", false),
            ("64:ff9b::c000:201", false),
            ("192.0.2.1", false),
            ("10.0.0.1", false),
            ("2001:db8::1", false),
            ("128.0.0.1", false),
        ] {
            assert_eq!(deny.refuses(address.parse().unwrap()), refused, "{address}");
        }
    }

    #[test]
    fn a_list_replaces_the_default() {
        let deny: FetchDeny = "10.0.0.0/8, 192.0.2.7".parse().unwrap();
        assert!(deny.refuses("10.1.2.3".parse().unwrap()) && deny.refuses("192.0.2.7".parse().unwrap()));
        assert!(!deny.refuses("127.0.0.1".parse().unwrap()));
        let none: FetchDeny = "none".parse().unwrap();
        assert!(!none.refuses("169.254.169.254".parse().unwrap()));
        for deny in [deny, none, FetchDeny::default()] {
            assert_eq!(deny.to_string().parse::<FetchDeny>().unwrap(), deny);
        }
        for bad in ["", "none,10.0.0.0/8", "10.0.0.0/33", "localhost", "10.0.0.0/8,,"] {
            assert!(bad.parse::<FetchDeny>().is_err(), "{bad:?}");
        }
    }
}
