//! Addresses that no two tests share.
//!
//! Every gateway and every backend gets its own loopback address, so that fixed ports cannot collide and the
//! members of a pool can share the port of their settings. The ports lie below the kernel's range of ephemeral
//! ports.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};

/// The port of HTTP listeners in tests.
pub const HTTP_PORT: u16 = 20080;

/// The port of HTTPS listeners in tests.
pub const HTTPS_PORT: u16 = 20443;

/// The port of backends in tests.
pub const BACKEND_PORT: u16 = 20800;

/// The number of last octets that are used: 1 to 250.
const HOSTS: u32 = 250;

/// Returns an unused loopback address: the second octet is derived from the process ID, the others from a counter.
pub fn loopback() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let part = |value: u32| u8::try_from(value).expect("loopback addresses last for 62,500 uses a process");
    Ipv4Addr::new(
        127,
        part(16 + std::process::id() % 200),
        part(1 + number / HOSTS),
        part(1 + number % HOSTS),
    )
}

/// Counts the sockets that listen at an address: one for each data thread of each worker that serves there.
pub fn listening_sockets(address: SocketAddrV4) -> usize {
    // The table is described in proc(5): addresses in hexadecimal in memory order, and 0A for TCP_LISTEN.
    let ip = u32::from_ne_bytes(address.ip().octets());
    let local = format!("{ip:08X}:{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has /proc/net/tcp");
    let sockets = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    sockets.filter(|columns| columns.get(1) == Some(&&*local) && columns.get(3) == Some(&"0A")).count()
}
