//! Addresses as text. For IPv4, the formatting of the standard library costs 1,700 instructions, a twentieth of a new
//! connection with its request. This module must not know whose addresses they are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Returns `IP:port`, with an IPv6 address in brackets.
pub(crate) fn socket(address: SocketAddr) -> Box<str> {
    let SocketAddr::V4(address) = address else { return address.to_string().into() };
    let mut text = String::with_capacity("255.255.255.255:65535".len());
    push_ip(*address.ip(), &mut text);
    text.push(':');
    push_number(address.port(), &mut text);
    text.into()
}

/// Returns an address without brackets.
pub(crate) fn ip(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    push_ip(address, &mut text);
    text
}

fn push_ip(address: Ipv4Addr, text: &mut String) {
    let [first, rest @ ..] = address.octets();
    push_number(first.into(), text);
    for octet in rest {
        text.push('.');
        push_number(octet.into(), text);
    }
}

fn push_number(number: u16, text: &mut String) {
    if number >= 10 {
        push_number(number / 10, text);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for address in ["0.0.0.0:0", "10.200.3.99:80", "255.255.255.255:65535", "[2001:db8::1]:443"] {
            let parsed: SocketAddr = address.parse().unwrap();
            assert_eq!(&*socket(parsed), address);
            assert_eq!(ip(parsed.ip()), parsed.ip().to_string());
        }
    }
}
