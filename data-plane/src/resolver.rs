//! Names of backends, resolved in the background: by `/etc/hosts`, else by DNS, again when an answer has expired.
//!
//! It runs on the worker's main thread, never on the way of a request. A request reads what is known
//! ([`Name::addresses`]), and waits only where nothing has been found out yet.

pub(crate) mod name;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name as DnsName, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

use name::Name;

/// An answer counts for as long as it says itself, within these bounds: a server that says 0 is not to be asked without
/// a pause, and a slip in a zone is to end some day.
const TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long what `/etc/hosts` says counts. Looking again costs nothing.
const HOSTS_TTL: Duration = Duration::from_secs(5);
/// The first pause after a question without an answer, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How many questions are asked at the same time.
const AT_ONCE: usize = 32;
/// How many of them are about names of one gateway. Names whose servers are silent take seconds each, and must not hold up
/// those of other gateways.
const AT_ONCE_EACH: usize = 4;

const NO_ADDRESS: &str = "the name has no address (no A or AAAA record)";

/// Asks what names lead to.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// The DNS servers to ask; the system's when there are none.
    servers: Vec<SocketAddr>,
    system: RefCell<Option<System>>,
    turns: Semaphore,
}

/// The turns of the names of one gateway. A clone shares the same turns.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Rc<Semaphore>);

impl Default for Turns {
    fn default() -> Turns {
        Turns(Rc::new(Semaphore::new(AT_ONCE_EACH)))
    }
}

/// What the system's files said when they were read last.
#[derive(Clone, Debug)]
struct System {
    read: [Option<SystemTime>; 2],
    hosts: Rc<Hosts>,
    dns: Rc<Result<TokioResolver, String>>,
}

/// What came of a question that was answered.
#[derive(Debug)]
struct Answer {
    addresses: Vec<IpAddr>,
    ttl: Duration,
}

impl Resolver {
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Resolver {
        Resolver { servers, system: RefCell::default(), turns: Semaphore::new(AT_ONCE) }
    }

    /// Finds out at once what a name leads to, and again when the answer has expired or is doubted, until it is dropped.
    /// `own` are the turns of the gateway that the name is of. `changed` is told whenever something else is known.
    pub(crate) async fn keep(self: Rc<Self>, name: Arc<Name>, own: Turns, changed: Rc<Notify>) {
        let mut pause = BACK_OFF.0;
        loop {
            let wait = match self.ask(&name.text, &own).await {
                Ok(answer) => {
                    pause = BACK_OFF.0;
                    if name.learn(Ok(answer.addresses)) {
                        let account = name.account();
                        tracing::info!(account, "{} was resolved", name.text);
                        changed.notify_one();
                    }
                    answer.ttl
                }
                Err(problem) => {
                    if name.learn(Err(problem.clone())) {
                        let kept = name.account().is_some();
                        tracing::warn!(name = name.text, problem, kept, "a name cannot be resolved");
                        changed.notify_one();
                    }
                    let wait = pause;
                    pause = (pause * 2).min(BACK_OFF.1);
                    wait
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = name.doubted() => pause = BACK_OFF.0,
            }
        }
    }

    /// Asks once: `/etc/hosts` alone if it knows the name, as the system does.
    async fn ask(&self, name: &str, own: &Turns) -> Result<Answer, String> {
        let System { hosts, dns, .. } = self.system();
        let fqdn = DnsName::from_utf8(name).map_err(|_| "it is no DNS name".to_owned())?;
        let addresses = listed(&hosts, &fqdn);
        if !addresses.is_empty() {
            return Ok(Answer { addresses, ttl: HOSTS_TTL });
        }
        let dns = dns.as_ref().as_ref().map_err(Clone::clone)?;
        let _turn = self.turn(own).await;
        let found = dns.lookup_ip(fqdn).await.map_err(|error| cause(&error))?;
        let ttl = found.valid_until().saturating_duration_since(Instant::now().into_std());
        let addresses: Vec<IpAddr> = found.iter().collect();
        if addresses.is_empty() {
            return Err(NO_ADDRESS.to_owned());
        }
        Ok(Answer { addresses, ttl: ttl.clamp(TTL.0, TTL.1) })
    }

    /// Waits for a turn among the names of the gateway, then among all. The semaphores are never closed.
    async fn turn<'a>(&'a self, own: &'a Turns) -> [Option<SemaphorePermit<'a>>; 2] {
        [own.0.acquire().await.ok(), self.turns.acquire().await.ok()]
    }

    /// What the system's files say; they are read again when they have changed.
    fn system(&self) -> System {
        let read = ["/etc/hosts", "/etc/resolv.conf"].map(changed_at);
        let mut held = self.system.borrow_mut();
        match &*held {
            Some(system) if system.read == read => system.clone(),
            _ => {
                let hosts = Rc::new(Hosts::from_system().unwrap_or_default());
                let dns = Rc::new(dns(&self.servers));
                held.insert(System { read, hosts, dns }).clone()
            }
        }
    }
}

fn changed_at(path: &str) -> Option<SystemTime> {
    Path::new(path).metadata().and_then(|file| file.modified()).ok()
}

fn dns(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let provider = TokioRuntimeProvider::default();
    let builder = if servers.is_empty() {
        TokioResolver::builder(provider)
    } else {
        let servers = servers.iter().map(|server| {
            let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
                let mut connection = ConnectionConfig::new(protocol);
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Ok(TokioResolver::builder_with_config(config, provider))
    };
    let no_dns = |error: NetError| format!("there is no DNS server to ask: {error}");
    let mut builder = builder.map_err(no_dns)?;
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // Answers are kept by name here, for as long as they count; and the file has been looked at before.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(no_dns)
}

/// Every address that the file of hosts has for a name.
fn listed(hosts: &Hosts, name: &DnsName) -> Vec<IpAddr> {
    let of_type = |kind| hosts.lookup_static_host(&Query::query(name.clone(), kind));
    let found = [RecordType::A, RecordType::AAAA].into_iter().filter_map(of_type);
    let addresses = found.flat_map(|lookup| {
        let of_record = |data: &RData| data.ip_addr();
        lookup.answers().iter().filter_map(|record| of_record(&record.data)).collect::<Vec<_>>()
    });
    addresses.collect()
}

/// Why there was no answer, for a person to read.
fn cause(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            "there is no such name (NXDOMAIN)".to_owned()
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => {
            NO_ADDRESS.to_owned()
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) => refused(none.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => refused(*code),
        NetError::Timeout => "no DNS server answered in time".to_owned(),
        NetError::NoConnections => "no DNS server can be reached".to_owned(),
        other => format!("the DNS query failed: {other}"),
    }
}

fn refused(code: ResponseCode) -> String {
    format!("the DNS server answered with an error: {code}")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn names_of_one_gateway_that_get_no_answer_hold_up_no_other_gateway() {
        let resolver = Resolver::new(Vec::new());
        let (busy, other) = (Turns::default(), Turns::default());
        let mut held = Vec::new();
        for _ in 0..AT_ONCE_EACH {
            held.push(resolver.turn(&busy).await);
        }
        let mut waiting = pin!(resolver.turn(&busy));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending(), "it has all that it may");
        let of_other = pin!(resolver.turn(&other));
        assert!(matches!(of_other.poll(&mut context), Poll::Ready([Some(_), Some(_)])));
        held.pop();
        assert!(waiting.poll(&mut context).is_ready());
    }
}
