//! The conditions that the tunnels of a list meet: a tree over the properties of a tunnel.

use std::cmp::Ordering;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::property::{Properties, Property, Value};

/// A condition. An `And` of nothing holds for every tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// A property compares so with a value of its kind or with `Null`.
    Compare(Property, Operator, Value<'static>),
    /// The text of a property begins so. Nothing begins where there is no text.
    StartsWith(Property, String),
    /// The client's address is in the network.
    InNetwork(Network),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// All conditions hold.
    And(Vec<Filter>),
    /// One of the conditions holds.
    Or(Vec<Filter>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// A network: the addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Filter {
    /// The condition that every tunnel meets.
    pub const EVERY: Filter = Filter::And(Vec::new());

    /// Returns true if the tunnel meets the condition.
    pub fn admits(&self, tunnel: &impl Properties) -> bool {
        match self {
            Filter::Compare(property, operator, wanted) => {
                operator.holds(*property, &tunnel.value(*property), wanted)
            }
            Filter::StartsWith(property, start) => match tunnel.value(*property) {
                Value::Text(text) => property.starts_with(&text, start),
                _ => false,
            },
            Filter::InNetwork(network) => match tunnel.value(Property::ClientAddress) {
                Value::Address(address) => network.contains(address),
                _ => false,
            },
            Filter::Not(filter) => !filter.admits(tunnel),
            Filter::And(filters) => filters.iter().all(|filter| filter.admits(tunnel)),
            Filter::Or(filters) => filters.iter().any(|filter| filter.admits(tunnel)),
        }
    }

    /// Returns true if the condition names this property.
    pub fn names(&self, property: Property) -> bool {
        match self {
            Filter::Compare(named, ..) | Filter::StartsWith(named, _) => *named == property,
            Filter::InNetwork(_) => property == Property::ClientAddress,
            Filter::Not(filter) => filter.names(property),
            Filter::And(filters) | Filter::Or(filters) => filters.iter().any(|filter| filter.names(property)),
        }
    }
}

impl Operator {
    /// `Null` equals itself alone, and is neither less nor greater than anything (OData 4.01, section 5.1.1.1).
    fn holds(self, property: Property, value: &Value<'_>, wanted: &Value<'_>) -> bool {
        let order = property.compare(value, wanted);
        let has_order = *value != Value::Null && *wanted != Value::Null;
        match self {
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::Greater => has_order && order == Ordering::Greater,
            Operator::GreaterOrEqual => has_order && order != Ordering::Less,
            Operator::Less => has_order && order == Ordering::Less,
            Operator::LessOrEqual => has_order && order != Ordering::Greater,
        }
    }
}

impl Network {
    /// Creates the network of an address and the number of bits that count. `None` if there are not so many.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Network> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= bits).then_some(Network { address, prefix })
    }

    /// Returns true if the address begins with the bits of the network. An IPv4 address that is written as one of IPv6
    /// counts as that of IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tunnel::{Traffic, Tunnel, TunnelKey, TunnelState};

    fn tunnel() -> Tunnel {
        Tunnel {
            key: TunnelKey { process: 1, thread: 0, number: 7 },
            listener: "web".into(),
            rule: "rule".into(),
            pool: "Blue".into(),
            settings: "http".into(),
            member: "10.0.0.4".into(),
            client: "192.0.2.9:4711".parse().unwrap(),
            host: "chat.test".into(),
            path: "/Room/1".into(),
            subprotocol: None,
            opened_at: 1000,
            idle_for: Duration::from_millis(5900),
            request_timeout: Duration::from_secs(30),
            received: Traffic { bytes: 10, messages: 2 },
            sent: Traffic::default(),
            state: TunnelState::Open,
        }
    }

    #[test]
    fn a_tunnel_meets_a_condition_or_not() {
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let compare = |property, operator, value: Value<'static>| Filter::Compare(property, operator, value);
        let text = |property, operator, value: &'static str| compare(property, operator, Value::text(value));
        let (yes, no) = (text(Property::Pool, Equal, "BLUE"), text(Property::Pool, NotEqual, "blue"));
        let network =
            |text: &str, prefix| Filter::InNetwork(Network::new(text.parse().unwrap(), prefix).unwrap());
        let cases = [
            (Filter::EVERY, true),
            (Filter::Or(vec![]), false),
            (yes.clone(), true),
            (no.clone(), false),
            (Filter::Not(Box::new(no.clone())), true),
            (Filter::And(vec![yes.clone(), no.clone()]), false),
            (Filter::Or(vec![no, yes]), true),
            (text(Property::Path, Equal, "/room/1"), false),
            (text(Property::Worker, Equal, "W1"), true),
            (text(Property::State, Equal, "open"), true),
            (compare(Property::IdleFor, Equal, Value::Integer(5)), true),
            (compare(Property::IdleFor, Greater, Value::Integer(5)), false),
            (compare(Property::IdleFor, GreaterOrEqual, Value::Integer(5)), true),
            (compare(Property::OpenedAt, Less, Value::Time(1001)), true),
            (compare(Property::OpenedAt, LessOrEqual, Value::Time(999)), false),
            (compare(Property::ReceivedBytes, Greater, Value::Integer(9)), true),
            (compare(Property::Subprotocol, Equal, Value::Null), true),
            (compare(Property::Subprotocol, NotEqual, Value::text("x")), true),
            (compare(Property::Subprotocol, Less, Value::text("x")), false),
            (compare(Property::Subprotocol, LessOrEqual, Value::Null), false),
            (compare(Property::ClientAddress, Equal, Value::Address([192, 0, 2, 9].into())), true),
            (Filter::StartsWith(Property::Path, "/Room/".into()), true),
            (Filter::StartsWith(Property::Subprotocol, String::new()), false),
            (network("192.0.2.0", 24), true),
            (network("192.0.2.9", 32), true),
            (network("192.0.2.8", 32), false),
            (network("0.0.0.0", 0), true),
            (network("::", 0), false),
        ];
        for (filter, expected) in cases {
            assert_eq!(filter.admits(&("w1", &tunnel())), expected, "{filter:?}");
            let sent = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<Filter>(&sent).unwrap(), filter);
        }
    }

    #[test]
    fn a_network_has_as_many_bits_as_its_addresses() {
        assert_eq!(Network::new("10.0.0.0".parse().unwrap(), 33), None);
        assert!(Network::new("::1".parse().unwrap(), 129).is_none());
        let network = Network::new("2001:db8::".parse().unwrap(), 32).unwrap();
        assert!(network.contains("2001:db8:1::5".parse().unwrap()));
        assert!(!network.contains("2001:db9::".parse().unwrap()));
        let ten = Network::new("10.0.0.0".parse().unwrap(), 8).unwrap();
        assert!(ten.contains("::ffff:10.1.2.3".parse().unwrap()));
    }

    #[test]
    fn it_is_known_which_properties_a_condition_names() {
        let state = Filter::Compare(Property::State, Operator::Equal, Value::text("closed"));
        let nested = Filter::Or(vec![Filter::EVERY, Filter::Not(Box::new(state))]);
        assert!(nested.names(Property::State) && !nested.names(Property::Path));
    }
}
