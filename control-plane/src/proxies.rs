//! The trusted proxies in front of the management API. Pure.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// A proxy, or all proxies in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy(IpNet);

/// The text is neither an address nor a network.
#[derive(Debug, Error)]
#[error("expected an address or a network, such as 10.0.0.7 or 10.0.0.0/8")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Proxy, ProxyError> {
        let one = |address: IpAddr| IpNet::from(address.to_canonical());
        text.parse().or_else(|_| text.parse().map(one)).map(Proxy).map_err(|_| ProxyError)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The trusted proxies; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Proxy>);

impl Proxies {
    /// Returns whether the address is that of a trusted proxy.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.0.contains(&address.to_canonical()))
    }
}

impl FromIterator<Proxy> for Proxies {
    fn from_iter<I: IntoIterator<Item = Proxy>>(proxies: I) -> Proxies {
        Proxies(proxies.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_known_again() {
        let proxies: Proxies = ["10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:192.0.2.8"]
            .map(|t| t.parse().unwrap())
            .into_iter()
            .collect();
        for inside in ["10.1.2.3", "192.0.2.7", "192.0.2.8", "2001:db8::1", "::ffff:10.1.0.1"] {
            assert!(proxies.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["10.2.0.1", "192.0.2.9", "2001:db9::1", "127.0.0.1"] {
            assert!(!proxies.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(!Proxies::default().contain("127.0.0.1".parse().unwrap()));
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0.1:80", "*"] {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
    }
}
