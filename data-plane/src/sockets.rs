//! Listening sockets: bound before a runtime is applied, one for each data thread, with `SO_REUSEPORT`.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::stream::{PEER_TIMEOUT, REQUEST_PEER_TIMEOUT, watch_for_vanished_peer};

/// The length of each socket's accept queue.
pub(crate) const BACKLOG: i32 = 4096;

/// Binds `count` sockets to one address. The kernel spreads new connections over them, and over those of other
/// workers at the same address.
///
/// # Errors
/// The first socket's error; then none of them stays bound.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    (0..count).map(|_| bind_one(address)).collect()
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        // `::` accepts IPv4 as well; any other address only itself.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit these options, which saves the system calls for each.
    socket.set_tcp_nodelay(true)?;
    watch_for_vanished_peer(&SockRef::from(&socket), PEER_TIMEOUT, REQUEST_PEER_TIMEOUT)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_threads_share_an_address_and_a_stranger_keeps_them_out() {
        let first = bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
        let address = first[0].local_addr().unwrap();
        assert_eq!(bind(address, 3).unwrap().len(), 3);
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = bind(stranger.local_addr().unwrap(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
