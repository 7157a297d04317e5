//! Resolves the names of backends in the background: by `/etc/hosts`, else by DNS, and again when the answer
//! expires.
//!
//! The resolver runs on the worker's main thread, never in the path of a request. A request reads the known
//! addresses ([`Name::addresses`]), and waits only before the first answer.

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

/// The bounds of an answer's TTL: a server that says 0 must not be asked without a pause, and a mistake in a zone
/// must end.
const TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The TTL of entries in `/etc/hosts`. Reading the file again costs little.
const HOSTS_TTL: Duration = Duration::from_secs(5);
/// The first pause after a failed query, and the longest one.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// The most queries at the same time.
const AT_ONCE: usize = 32;
/// The most queries for names of one gateway at the same time. Names whose servers do not answer take seconds each,
/// and must not delay those of other gateways.
const AT_ONCE_EACH: usize = 4;

const NO_ADDRESS: &str = "the name has no address (no A or AAAA record)";

/// Resolves names.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// The DNS servers to ask; empty for the system's.
    servers: Vec<SocketAddr>,
    system: RefCell<Option<System>>,
    permits: Semaphore,
}

/// The query limit of one gateway. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct QueryPermits(Rc<Semaphore>);

impl Default for QueryPermits {
    fn default() -> QueryPermits {
        QueryPermits(Rc::new(Semaphore::new(AT_ONCE_EACH)))
    }
}

/// The contents of the system's files when they were last read.
#[derive(Clone, Debug)]
struct System {
    read: [Option<SystemTime>; 2],
    hosts: Rc<Hosts>,
    dns: Rc<Result<TokioResolver, String>>,
}

/// The answer to a query.
#[derive(Debug)]
struct Resolution {
    addresses: Vec<IpAddr>,
    ttl: Duration,
}

impl Resolver {
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Resolver {
        Resolver { servers, system: RefCell::default(), permits: Semaphore::new(AT_ONCE) }
    }

    /// Resolves a name at once, and again when the answer expires or is doubted, until the future is dropped. `own`
    /// is the query limit of the name's gateway. `changed` is notified whenever the result changes.
    pub(crate) async fn keep(self: Rc<Self>, name: Arc<Name>, own: QueryPermits, changed: Rc<Notify>) {
        let mut pause = BACK_OFF.0;
        loop {
            let wait = match self.ask(&name.text, &own).await {
                Ok(answer) => {
                    pause = BACK_OFF.0;
                    if name.learn(Ok(answer.addresses)) {
                        let description = name.describe();
                        tracing::info!(description, "{} was resolved", name.text);
                        changed.notify_one();
                    }
                    answer.ttl
                }
                Err(problem) => {
                    if name.learn(Err(problem.clone())) {
                        let kept = name.describe().is_some();
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
                () = name.refresh_requested() => pause = BACK_OFF.0,
            }
        }
    }

    /// Resolves a name once: by `/etc/hosts` alone if the file has the name, as the system does.
    async fn ask(&self, name: &str, own: &QueryPermits) -> Result<Resolution, String> {
        let System { hosts, dns, .. } = self.system();
        let fqdn = DnsName::from_utf8(name).map_err(|_| "it is not a DNS name".to_owned())?;
        let addresses = listed(&hosts, &fqdn);
        if !addresses.is_empty() {
            return Ok(Resolution { addresses, ttl: HOSTS_TTL });
        }
        let dns = dns.as_ref().as_ref().map_err(Clone::clone)?;
        let _turn = self.turn(own).await;
        let found = dns.lookup_ip(fqdn).await.map_err(|error| cause(&error))?;
        let ttl = found.valid_until().saturating_duration_since(Instant::now().into_std());
        let addresses: Vec<IpAddr> = found.iter().collect();
        if addresses.is_empty() {
            return Err(NO_ADDRESS.to_owned());
        }
        Ok(Resolution { addresses, ttl: ttl.clamp(TTL.0, TTL.1) })
    }

    /// Waits for the query limit of the gateway, then for that of all. The semaphores are never closed.
    async fn turn<'a>(&'a self, own: &'a QueryPermits) -> [Option<SemaphorePermit<'a>>; 2] {
        [own.0.acquire().await.ok(), self.permits.acquire().await.ok()]
    }

    /// Returns the contents of the system's files, which are read again when they have changed.
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
    // [`Name`] caches the answers, and `/etc/hosts` has been searched before.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(no_dns)
}

/// Returns every address of a name in the hosts file.
fn listed(hosts: &Hosts, name: &DnsName) -> Vec<IpAddr> {
    let of_type = |kind| hosts.lookup_static_host(&Query::query(name.clone(), kind));
    let found = [RecordType::A, RecordType::AAAA].into_iter().filter_map(of_type);
    let addresses = found.flat_map(|lookup| {
        let of_record = |data: &RData| data.ip_addr();
        lookup.answers().iter().filter_map(|record| of_record(&record.data)).collect::<Vec<_>>()
    });
    addresses.collect()
}

/// Describes why there was no answer.
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
        let (busy, other) = (QueryPermits::default(), QueryPermits::default());
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
