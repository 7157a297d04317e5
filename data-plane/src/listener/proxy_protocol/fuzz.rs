//! A fuzz target for the PROXY protocol header: only a complete header names a client, and the client is the one in
//! the header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{SIGNATURE, of_block, of_line};

/// Returns the source of a version 1 header: its third and fifth words.
fn source_in_line(line: &[u8]) -> Option<SocketAddr> {
    let words: Vec<&str> = std::str::from_utf8(line).ok()?.trim_ascii_end().split(' ').collect();
    Some(SocketAddr::new(words.get(2)?.parse().ok()?, words.get(4)?.parse().ok()?))
}

/// Returns the source of a version 2 header from the bytes after the signature, by the offsets of the specification's
/// section 2.2.
fn source_in_block(bytes: &[u8]) -> Option<SocketAddr> {
    let port = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (address, port): (IpAddr, u16) = match bytes.get(1)? >> 4 {
        1 => (Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?).into(), port(12)?),
        2 => (Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(4..20)?).ok()?).into(), port(36)?),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

#[test]
fn fuzz_proxy_header() {
    bolero::check!().for_each(|bytes: &[u8]| {
        // Only the first line is read.
        let line = memchr::memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..=end]);
        if let Ok(source) = of_line(line) {
            assert!(line.starts_with(b"PROXY ") && line.ends_with(b"\r\n"), "not a header of version 1");
            assert!(source.is_none() || source == source_in_line(line), "{source:?}");
        }
        let block = [SIGNATURE.as_slice(), bytes].concat();
        if let Ok(Some(source)) = of_block(&block) {
            assert!(bytes.len() >= 4 + 12, "an address without the bytes for it");
            assert_eq!(Some(source), source_in_block(bytes));
        }
    });
}
