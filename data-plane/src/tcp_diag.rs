//! The kernel's state of one TCP connection: whether it waits for the peer, and when the peer last answered.
//!
//! The state comes from sock_diag(7), over a netlink socket of each thread, because Rust's libraries have no safe
//! interface to `TCP_INFO`. No privilege is needed. If the kernel or a sandbox has no sock_diag, the state is
//! unavailable, and callers must do without it.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// From `linux/netlink.h`, `linux/sock_diag.h` and `linux/inet_diag.h`.
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u16 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The kernel waits for an acknowledgement (retransmission, tail loss probe).
const TIMER_RETRANSMIT: u8 = 1;
/// The kernel probes the peer's closed window.
const TIMER_WINDOW_PROBE: u8 = 4;

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
/// `struct inet_diag_msg`, which the attributes follow.
const MESSAGE: usize = 72;
/// The offsets of the used fields in `struct tcp_info`, since Linux 4.1.
const LAST_ACK_RECV: usize = 56;
const BYTES_ACKED: usize = 120;

/// A connection at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpState {
    /// True if sent or queued bytes wait for the peer's acknowledgement or window.
    pub(crate) is_waiting: bool,
    /// The number of bytes that the peer has acknowledged so far.
    pub(crate) acked: u64,
    /// The time since the last segment from the peer.
    pub(crate) silent_for: Duration,
}

/// The netlink socket of a thread.
#[derive(Debug)]
struct Diag {
    socket: Socket,
    sequence: u32,
}

thread_local! {
    /// `None` if sock_diag is unavailable.
    static DIAG: RefCell<Option<Diag>> = RefCell::new(Diag::open().ok());
}

/// Returns the state of the connection between these addresses; `None` if it is unavailable.
pub(crate) fn state(local: SocketAddr, peer: SocketAddr) -> Option<TcpState> {
    DIAG.with_borrow_mut(|diag| diag.as_mut()?.ask(local, peer).ok())
}

impl Diag {
    fn open() -> io::Result<Diag> {
        let (domain, protocol) = (Domain::from(AF_NETLINK), Protocol::from(NETLINK_SOCK_DIAG));
        let socket = Socket::new(domain, Type::DGRAM, Some(protocol))?;
        // The kernel's answer is ready when the send returns.
        socket.set_nonblocking(true)?;
        Ok(Diag { socket, sequence: 0 })
    }

    fn ask(&mut self, local: SocketAddr, peer: SocketAddr) -> io::Result<TcpState> {
        self.sequence = self.sequence.wrapping_add(1);
        (&self.socket).write_all(&request(self.sequence, local, peer))?;
        let mut answer = [0; 1024];
        loop {
            let length = (&self.socket).read(&mut answer)?;
            let answer = answer.get(..length).unwrap_or_default();
            if number(answer, 8) == Some(self.sequence) {
                return parse(answer).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
            }
        }
    }
}

fn request(sequence: u32, local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend((REQUEST as u32).to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    bytes.extend([family, IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0]);
    // All TCP states.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(peer.port().to_be_bytes());
    for address in [local.ip(), peer.ip()] {
        match address {
            IpAddr::V4(address) => {
                bytes.extend(address.octets());
                bytes.extend([0; 12]);
            }
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    let scope = match local {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    bytes.extend(scope.to_ne_bytes());
    // No cookie: any socket with these addresses.
    bytes.extend([0xff; 8]);
    bytes
}

fn parse(answer: &[u8]) -> Option<TcpState> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    if kind != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let timer = *answer.get(HEADER + 2)?;
    let mut attributes = answer.get(HEADER + MESSAGE..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(attributes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(attributes.get(2..4)?.try_into().ok()?);
        let value = attributes.get(4..length)?;
        if kind == INET_DIAG_INFO {
            let acked = value.get(BYTES_ACKED..BYTES_ACKED + 8)?;
            return Some(TcpState {
                is_waiting: matches!(timer, TIMER_RETRANSMIT | TIMER_WINDOW_PROBE),
                acked: u64::from_ne_bytes(acked.try_into().ok()?),
                silent_for: Duration::from_millis(number(value, LAST_ACK_RECV)?.into()),
            });
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_of_our_connection_and_of_no_other() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(any) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, peer) = listener.accept().unwrap();
            let ask = || state(client.local_addr().unwrap(), client.peer_addr().unwrap());
            let Some(before) = ask() else {
                println!("sock_diag is not to be had here");
                return;
            };
            assert!(!before.is_waiting);
            (&client).write_all(b"seven b").unwrap();
            server.read_exact(&mut [0; 7]).unwrap();
            let after = ask().unwrap();
            assert_eq!(after.acked, before.acked + 7);
            assert!(!after.is_waiting && after.silent_for < Duration::from_secs(30));

            client.set_nonblocking(true).unwrap();
            while (&client).write(&[0; 65536]).is_ok() {}
            assert!(ask().unwrap().is_waiting, "the reader's window is shut");
            assert_eq!(state(peer, peer), None);
        }
    }

    #[test]
    fn what_is_cut_off_is_no_answer() {
        let mut answer = vec![0; HEADER + MESSAGE + 4 + 240];
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        answer[HEADER + 2] = TIMER_WINDOW_PROBE;
        let attribute = HEADER + MESSAGE;
        answer[attribute..attribute + 2].copy_from_slice(&244_u16.to_ne_bytes());
        answer[attribute + 2..attribute + 4].copy_from_slice(&INET_DIAG_INFO.to_ne_bytes());
        answer[attribute + 4 + LAST_ACK_RECV] = 9;
        answer[attribute + 4 + BYTES_ACKED] = 5;
        let whole = TcpState { is_waiting: true, acked: 5, silent_for: Duration::from_millis(9) };
        assert_eq!(parse(&answer), Some(whole));
        for length in 0..answer.len() {
            assert_eq!(parse(&answer[..length]), None, "{length} bytes");
        }
    }
}
