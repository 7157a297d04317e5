//! A connection between two processes of one machine that carries JSON messages and file descriptors (`SCM_RIGHTS`,
//! unix(7)).
//!
//! The socket keeps message boundaries (`SOCK_SEQPACKET`). Only processes of the same user may connect: the socket
//! has mode 0600, and both ends compare the user ID that the kernel reports (`SO_PEERCRED`). All calls block.

use std::fs::{self, File, Permissions};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect,
    listen, recvmsg, sendmsg, socket_with, sockopt,
};
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest number of descriptors in one message; the kernel's limit is 253 (`SCM_MAX_FD`).
pub const MAX_DESCRIPTORS: usize = 128;

/// The largest message in bytes.
const MAX_MESSAGE: usize = 16 * 1024;

/// The time limit for sending one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The listening end, held by a process that can be succeeded.
#[derive(Debug)]
pub struct HandoverListener(OwnedFd);

/// A connection between a process and its successor.
#[derive(Debug)]
pub struct HandoverConnection {
    socket: OwnedFd,
    /// A pidfd of the process at the other end; `None` if that process has already ended.
    peer: Option<OwnedFd>,
}

impl HandoverListener {
    /// Listens at `path` with mode 0600, and replaces the socket of an earlier process.
    ///
    /// # Errors
    /// The operating system's, with the path in the message.
    pub fn bind(path: &Path) -> io::Result<HandoverListener> {
        let bound = || {
            let socket = new_socket()?;
            if let Err(error) = fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let (address, _directory) = address_of(path)?;
            bind(&socket, &address)?;
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            listen(&socket, 4)?;
            Ok(HandoverListener(socket))
        };
        bound().map_err(|e| named(path, &e))
    }

    /// Waits for the next process that connects.
    ///
    /// # Errors
    /// The operating system's; `PermissionDenied` for a process of another user.
    pub fn accept(&self) -> io::Result<HandoverConnection> {
        HandoverConnection::new(accept_with(&self.0, SocketFlags::CLOEXEC)?)
    }
}

impl HandoverConnection {
    /// Connects to the process that listens at `path`.
    ///
    /// # Errors
    /// Nobody listens, the process belongs to another user, or the operating system's error; the message has the
    /// path.
    pub fn connect(path: &Path) -> io::Result<HandoverConnection> {
        let connected = || {
            let socket = new_socket()?;
            // Without a timeout, a listener whose queue is full would block this process for ever.
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(SEND_TIMEOUT))?;
            let (address, _directory) = address_of(path)?;
            connect(&socket, &address)?;
            HandoverConnection::new(socket)
        };
        connected().map_err(|e| named(path, &e))
    }

    fn new(socket: OwnedFd) -> io::Result<HandoverConnection> {
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(SEND_TIMEOUT))?;
        let peer = sockopt::socket_peercred(&socket)?;
        if peer.uid != geteuid() {
            let message = format!("a process of user {} is not allowed", peer.uid.as_raw());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(HandoverConnection { socket, peer: open(peer.pid)? })
    }

    /// Sends one message with copies of these descriptors, at most [`MAX_DESCRIPTORS`].
    ///
    /// # Errors
    /// The other end is closed, or has accepted nothing for 5 s.
    pub fn send<T: Serialize>(&self, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one message"));
        }
        retry_on_intr(|| sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// Receives the next message and the descriptors that came with it.
    ///
    /// # Errors
    /// `UnexpectedEof` if the other end is closed, `WouldBlock` if no message came within the time, `InvalidData`
    /// for another type of message or a truncated one.
    pub fn receive<T: DeserializeOwned>(&self, within: Duration) -> io::Result<(T, Vec<OwnedFd>)> {
        sockopt::set_socket_timeout(&self.socket, sockopt::Timeout::Recv, Some(within))?;
        let mut bytes = vec![0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            // With a time limit, the call also fails when a process that was stopped continues (signal(7)).
            retry_on_intr(|| recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC))?
        };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            // The kernel also drops descriptors when this process has reached its limit of open files.
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message was truncated"));
        }
        Ok((serde_json::from_slice(&bytes[..received.bytes])?, descriptors))
    }

    /// Returns true while the other end is open.
    pub fn is_open(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut socket = [PollFd::new(&self.socket, PollFlags::empty())];
        poll(&mut socket, Some(&now)).is_ok_and(|_| !socket[0].revents().contains(PollFlags::HUP))
    }

    /// Returns true if the process at the other end has ended, or ends within this time.
    pub fn peer_ends(&self, within: Duration) -> bool {
        let Some(peer) = &self.peer else { return true };
        let timeout = Timespec { tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
        poll(&mut [PollFd::new(peer, PollFlags::IN)], Some(&timeout)).is_ok_and(|ready| ready > 0)
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Opens a pidfd which, unlike a process ID, is never reused for another process. Returns `None` if the process has
/// ended.
fn open(process: Pid) -> io::Result<Option<OwnedFd>> {
    match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => Ok(Some(process)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the address of a socket at `path`, which may be longer than the 107 bytes of `sun_path`: the address
/// goes through the open directory, which must stay open until the address has been used.
fn address_of(path: &Path) -> io::Result<(SocketAddrUnix, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(parent.unwrap_or(Path::new(".")))?;
    let through: PathBuf = ["/proc/self/fd", &directory.as_fd().as_raw_fd().to_string()].iter().collect();
    Ok((SocketAddrUnix::new(through.join(name))?, directory))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn a_listening_socket_goes_from_one_end_to_the_other_however_long_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("handover");
        let listener = HandoverListener::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        // This connection waits in the accept queue while the socket changes owner.
        let mut client = TcpStream::connect(address).unwrap();

        let successor = HandoverConnection::connect(&path).unwrap();
        let predecessor = listener.accept().unwrap();
        predecessor.send(&"a socket", &[socket.as_fd()]).unwrap();
        drop((socket, predecessor));
        let (message, mut passed) = successor.receive::<String>(SOON).unwrap();
        assert_eq!((message.as_str(), passed.len()), ("a socket", 1));
        let socket = TcpListener::from(passed.remove(0));
        assert_eq!(socket.local_addr().unwrap(), address);
        socket.accept().unwrap().0.write_all(b"served").unwrap();
        let mut served = [0; 6];
        client.read_exact(&mut served).unwrap();
        assert_eq!(&served, b"served");

        let ended = successor.receive::<String>(SOON).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!successor.peer_ends(Duration::ZERO), "it is this process");
    }

    #[test]
    fn silence_nonsense_and_nobody_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        assert!(HandoverConnection::connect(&path).unwrap_err().to_string().contains("handover"));
        let listener = HandoverListener::bind(&path).unwrap();
        let (one, other) = (HandoverConnection::connect(&path).unwrap(), listener.accept().unwrap());
        let silent = one.receive::<String>(Duration::from_millis(10)).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::WouldBlock);
        other.send(&7, &[]).unwrap();
        assert_eq!(one.receive::<String>(SOON).unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(listener);
        assert!(HandoverConnection::connect(&path).is_err(), "nobody listens any more");
        HandoverListener::bind(&path).unwrap();
    }
}
