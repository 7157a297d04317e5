//! A scripted DNS server: the test sets the answer for each name, an error, or silence.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// The types of queries (RFC 1035, section 3.2.2, and RFC 3596).
const A: u16 = 1;
const AAAA: u16 = 28;
/// Response codes (RFC 1035, section 4.1.1).
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// A DNS server over UDP, on loopback at its own port.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The addresses of each name, and their TTL in seconds.
    zone: HashMap<String, (Vec<IpAddr>, u32)>,
    broken: bool,
    questions: HashMap<String, usize>,
}

impl DnsServer {
    /// Starts a server that knows no name.
    pub async fn start() -> DnsServer {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let mut task = JoinSet::new();
        task.spawn(serve(socket, shared.clone()));
        DnsServer { address, shared, _task: task }
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the addresses of a name, with a TTL in seconds.
    pub fn set(&self, name: &str, addresses: &[IpAddr], seconds: u32) {
        self.lock().zone.insert(name.to_owned(), (addresses.to_vec(), seconds));
    }

    /// Removes a name.
    pub fn remove(&self, name: &str) {
        self.lock().zone.remove(name);
    }

    /// Sets whether every query is answered with a server failure.
    pub fn break_down(&self, broken: bool) {
        self.lock().broken = broken;
    }

    /// Counts the queries for the IPv4 addresses of a name.
    pub fn questions(&self, name: &str) -> usize {
        self.lock().questions.get(name).copied().unwrap_or(0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("no task panics with the lock")
    }
}

async fn serve(socket: UdpSocket, shared: Arc<Mutex<Shared>>) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = answer(&buffer[..length], &mut shared.lock().expect("no task panics with the lock"));
        if let Some(answer) = answer {
            // The client may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// Returns the answer to a query, or `None` for anything else.
fn answer(query: &[u8], shared: &mut Shared) -> Option<Vec<u8>> {
    let question = query.get(12..)?;
    let (name, length) = name(question)?;
    let kind = u16::from_be_bytes([*question.get(length)?, *question.get(length + 1)?]);
    let question = question.get(..length + 4)?;
    if kind == A {
        *shared.questions.entry(name.clone()).or_default() += 1;
    }
    let known = shared.zone.get(&name);
    let code = match known {
        _ if shared.broken => SERVER_FAILURE,
        None => NO_SUCH_NAME,
        Some(_) => 0,
    };
    let (addresses, seconds) = known.filter(|_| code == 0).cloned().unwrap_or_default();
    let records: Vec<Vec<u8>> = addresses.iter().filter_map(|ip| record(*ip, kind, seconds)).collect();
    let mut message = query.get(..2)?.to_vec();
    // A response, with recursion desired and available.
    message.extend([0x81, 0x80 | code]);
    let count = u16::try_from(records.len()).expect("a test has few addresses");
    for count in [1, count, 0, 0] {
        message.extend(count.to_be_bytes());
    }
    message.extend(question);
    message.extend(records.concat());
    Some(message)
}

/// Returns the name of a query in lower case, and its length in bytes.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

/// Returns a record of this type, if the address has it; its name refers to that of the query.
fn record(ip: IpAddr, kind: u16, seconds: u32) -> Option<Vec<u8>> {
    let data = match (ip, kind) {
        (IpAddr::V4(ip), A) => ip.octets().to_vec(),
        (IpAddr::V6(ip), AAAA) => ip.octets().to_vec(),
        _ => return None,
    };
    let mut record = vec![0xc0, 12];
    record.extend(kind.to_be_bytes());
    record.extend(1_u16.to_be_bytes());
    record.extend(seconds.to_be_bytes());
    record.extend(u16::try_from(data.len()).expect("an address is short").to_be_bytes());
    record.extend(data);
    Some(record)
}
