//! The header of the PROXY protocol, versions 1 and 2, in which a proxy in front names its client.
//!
//! No byte after the header is read, because TLS or HTTP follows. The crate `ppp` parses the header; this module
//! finds its end.

use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use ppp::{v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The signature of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The length of the fixed part: signature, version and command, address family, and length.
const FIXED: usize = 16;
/// The longest header of version 1, with its CR LF.
const MAX_LINE: usize = 107;
/// The longest variable part of a version 2 header: addresses and TLVs. The protocol allows 64 KiB.
const MAX_BLOCK: usize = 4 * 1024;

/// Returns true if this peer may send a PROXY protocol header.
pub(super) fn is_from(proxies: &[IpNet], client: SocketAddr) -> bool {
    proxies.iter().any(|proxy| proxy.contains(&client.ip()))
}

/// Reads the header and returns the client's address; `None` if the proxy connects for itself or does not know its
/// client.
///
/// # Errors
/// The header is missing or malformed, or the connection fails.
pub(super) async fn read(tcp: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; SIGNATURE.len()];
    tcp.read_exact(&mut header).await?;
    if header == SIGNATURE {
        header.resize(FIXED, 0);
        tcp.read_exact(&mut header[SIGNATURE.len()..]).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > MAX_BLOCK {
            return Err(malformed("the header is longer than 4 KiB"));
        }
        header.resize(FIXED + length, 0);
        tcp.read_exact(&mut header[FIXED..]).await?;
        return of_block(&header);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(malformed("the header is missing"));
    }
    while !header.ends_with(b"\n") {
        if header.len() == MAX_LINE {
            return Err(malformed("the line is longer than 107 bytes"));
        }
        read_some_of_line(tcp, &mut header).await?;
    }
    of_line(&header)
}

/// Reads the available part of a line, and nothing behind it.
async fn read_some_of_line(tcp: &mut TcpStream, header: &mut Vec<u8>) -> io::Result<()> {
    let mut seen = [0; MAX_LINE];
    let room = MAX_LINE - header.len();
    let count = tcp.peek(&mut seen[..room]).await?;
    let count = memchr::memchr(b'\n', &seen[..count]).map_or(count, |end| end + 1);
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let before = header.len();
    header.resize(before + count, 0);
    tcp.read_exact(&mut header[before..]).await.map(|_| ())
}

fn of_line(line: &[u8]) -> io::Result<Option<SocketAddr>> {
    // `ppp` accepts a bare LF after `UNKNOWN`.
    if !line.ends_with(b"\r\n") {
        return Err(malformed("the line does not end with CR LF"));
    }
    let header = v1::Header::try_from(line).map_err(malformed)?;
    Ok(match header.addresses {
        v1::Addresses::Unknown => None,
        v1::Addresses::Tcp4(found) => Some((found.source_address, found.source_port).into()),
        v1::Addresses::Tcp6(found) => Some((found.source_address, found.source_port).into()),
    })
}

fn of_block(block: &[u8]) -> io::Result<Option<SocketAddr>> {
    let header = v2::Header::try_from(block).map_err(malformed)?;
    Ok(match (header.command, header.addresses) {
        // The proxy's own connection, for example a health check.
        (v2::Command::Local, _) => None,
        (v2::Command::Proxy, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
        (v2::Command::Proxy, v2::Addresses::IPv4(found)) => {
            Some((found.source_address, found.source_port).into())
        }
        (v2::Command::Proxy, v2::Addresses::IPv6(found)) => {
            Some((found.source_address, found.source_port).into())
        }
    })
}

fn malformed(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the header of the PROXY protocol: {why}"))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, rest].concat()
    }

    #[test]
    fn a_line_says_whose_connection_it_is() {
        let cases: &[(&str, Option<Option<&str>>)] = &[
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 443\r\n", Some(Some("192.0.2.1:4000"))),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 4000 443\r\n", Some(Some("[2001:db8::1]:4000"))),
            ("PROXY UNKNOWN\r\n", Some(None)),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 70000\r\n", None),
            ("PROXY TCP4 a b 1 2\r\n", None),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 4000 443\n", None),
            ("PROXY \r\n", None),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|client| client.map(|client| client.parse().unwrap()));
            assert_eq!(of_line(line.as_bytes()).ok(), expected, "{line}");
        }
    }

    #[test]
    fn a_block_says_whose_connection_it_is() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0x0f, 0xa0, 1, 187];
        let with_more = [four.as_slice(), &[4, 0, 1, 0]].concat();
        let client = Some("192.0.2.1:4000".parse().unwrap());
        let cases: &[(Vec<u8>, Option<Option<SocketAddr>>)] = &[
            (block(0x21, 0x11, &four), Some(client)),
            (block(0x21, 0x11, &with_more), Some(client)),
            (block(0x20, 0x00, &[]), Some(None)),
            (block(0x20, 0x11, &four), Some(None)),
            (block(0x21, 0x11, &four[..8]), None),
            (block(0x11, 0x11, &four), None),
        ];
        for (block, expected) in cases {
            assert_eq!(of_block(block).ok(), *expected, "{block:?}");
        }
    }
}
