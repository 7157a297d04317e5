//! Functions on networks in CIDR notation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::{Function, FunctionResult, integer, text};

pub(super) const TABLE: &[Function] = &[
    Function::new("cidrHost", 2, 2, cidr_host),
    Function::new("cidrSubnet", 3, 3, cidr_subnet),
    Function::new("parseCidr", 1, 1, parse_cidr),
];

/// A network: its first address as a number, its prefix length, and the number of bits of its family.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    prefix: u32,
    width: u32,
}

impl Network {
    fn read(value: &Value) -> Result<Network, String> {
        let wrong = || "the text is not a network in CIDR notation.".to_owned();
        let (address, prefix) = text(value)?.split_once('/').ok_or_else(wrong)?;
        let (number, width) = match address.parse().map_err(|_| wrong())? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= width).ok_or_else(wrong)?;
        let network = Network { first: number, prefix, width };
        Ok(Network { first: number & !network.rest(), ..network })
    }

    /// Returns the mask of the host bits.
    fn rest(self) -> u128 {
        1_u128.checked_shl(self.width - self.prefix).map_or(u128::MAX, |size| size - 1)
    }

    fn address(self, number: u128) -> String {
        match u32::try_from(number) {
            Ok(number) if self.width == 32 => Ipv4Addr::from(number).to_string(),
            _ => Ipv6Addr::from(number).to_string(),
        }
    }
}

/// Returns the subnet with this prefix length and index.
fn cidr_subnet(values: &[Value]) -> FunctionResult {
    let network = Network::read(&values[0])?;
    let prefix = u32::try_from(integer(&values[1])?).ok();
    let prefix = prefix.filter(|prefix| (network.prefix..=network.width).contains(prefix));
    let prefix = prefix.ok_or("the new prefix does not fit into the network.")?;
    let index = u128::try_from(integer(&values[2])?).map_err(|_| "the index is negative.")?;
    let start = index.checked_shl(network.width - prefix).filter(|start| *start <= network.rest());
    let start = start.filter(|start| start.checked_shr(network.width - prefix).unwrap_or(0) == index);
    let start = start.ok_or("the index exceeds the number of such networks in it.")?;
    Ok(format!("{}/{prefix}", network.address(network.first + start)).into())
}

/// Returns the usable address with this index: 0 is the first after the network address.
fn cidr_host(values: &[Value]) -> FunctionResult {
    let network = Network::read(&values[0])?;
    let index = u128::try_from(integer(&values[1])?).map_err(|_| "the index is negative.")?;
    let offset = if network.prefix + 1 >= network.width { index } else { index + 1 };
    let last = if network.width == 32 && network.prefix < 31 { network.rest() - 1 } else { network.rest() };
    if offset > last {
        return Err("the index exceeds the number of addresses in the network.".to_owned());
    }
    Ok(network.address(network.first + offset).into())
}

fn parse_cidr(values: &[Value]) -> FunctionResult {
    let network = Network::read(&values[0])?;
    let (first, last) = (network.first, network.first + network.rest());
    let tight = network.prefix + 1 >= network.width;
    let mut parsed = json!({
        "network": network.address(first),
        "netmask": network.address(if network.width == 32 { 0xffff_ffff & !network.rest() } else { !network.rest() }),
        "cidr": network.prefix,
        "firstUsable": network.address(if tight { first } else { first + 1 }),
        "lastUsable": network.address(if tight || network.width == 128 { last } else { last - 1 }),
    });
    if network.width == 32 {
        parsed["broadcast"] = network.address(last).into();
    }
    Ok(parsed)
}
