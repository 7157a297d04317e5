//! A probe on demand: probes every member of a pool once, a limited number at the same time, within a time limit.
//!
//! It shares code with the regular probes, but none of their state: no verdict, no counter, no connection.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::protocol::{HealthState, MemberProbe, OnDemandProbe, PROBE_TIME};
use tidegate_shared::snapshot::{Host, Probe, Settings, TrustedRoot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::backend::{Backend, Backends};
use crate::member::MemberState;
use crate::probe::ask_in_time;
use crate::resolver::{QueryPermits, Resolver};
use crate::tls::client::{self, TlsClient};

/// The most members that are probed at the same time.
const AT_ONCE: usize = 32;

/// Probes every member, and returns the results.
pub(crate) async fn probe(order: &OnDemandProbe, resolver: &Rc<Resolver>) -> Vec<MemberProbe> {
    ask_all(order, PROBE_TIME, resolver).await
}

async fn ask_all(order: &OnDemandProbe, time: Duration, resolver: &Rc<Resolver>) -> Vec<MemberProbe> {
    let deadline = Instant::now() + time;
    let mut members: Vec<MemberProbe> = order.pool.members.iter().map(unasked).collect();
    let mut resolving = JoinSet::new();
    let backends = match backends(order) {
        Ok((backends, own)) => {
            let query_permits = QueryPermits::default();
            for name in own.names() {
                resolving.spawn_local(resolver.clone().keep(
                    name.clone(),
                    query_permits.clone(),
                    Rc::default(),
                ));
            }
            backends
        }
        Err(reason) => {
            for member in &mut members {
                member.reason.clone_from(&reason);
            }
            return members;
        }
    };
    let probe = Arc::new(order.settings.probe.clone());
    let mut waiting = backends.into_iter().enumerate();
    let mut asked = JoinSet::new();
    for (place, backend) in waiting.by_ref().take(AT_ONCE) {
        asked.spawn_local(ask(place, backend, probe.clone()));
    }
    // Probes that have not ended by the deadline are aborted with the set.
    while let Ok(Some(answer)) = timeout_at(deadline, asked.join_next()).await {
        if let Some((place, backend)) = waiting.next() {
            asked.spawn_local(ask(place, backend, probe.clone()));
        }
        let Ok((place, outcome)) = answer else { continue };
        members[place].state = if outcome.is_ok() { HealthState::Up } else { HealthState::Down };
        members[place].reason = outcome.unwrap_or_else(|reason| reason);
    }
    members
}

async fn ask(place: usize, backend: Arc<Backend>, probe: Arc<Probe>) -> (usize, Result<String, String>) {
    (place, ask_in_time(&backend, &probe).await)
}

fn unasked(host: &Host) -> MemberProbe {
    let reason = "There was no time left for an answer.".to_owned();
    MemberProbe { host: host.clone(), state: HealthState::Unknown, reason }
}

/// Creates separate backends for the members, in the pool's order, and the table that owns them.
fn backends(order: &OnDemandProbe) -> Result<(Vec<Arc<Backend>>, Backends), String> {
    let OnDemandProbe { pool, settings, roots, .. } = order;
    let client = client(settings, roots)?;
    let (none, mut own) = (Backends::default(), Backends::default());
    let members = pool.members.iter().map(|host| MemberState::apart(&pool.name, host));
    let backends = members.map(|member| own.adopt(&none, pool, &member, settings, client.as_ref()));
    let backends = backends.collect::<Result<_, _>>();
    backends
        .map(|backends| (backends, own))
        .map_err(|_| "A member's name is not a valid header value.".to_owned())
}

fn client(settings: &Settings, roots: &[TrustedRoot]) -> Result<Option<TlsClient>, String> {
    let Some(tls) = &settings.tls else { return Ok(None) };
    let roots =
        client::authorities(tls, roots).map_err(|index| format!("There is no trusted root {index}."))?;
    TlsClient::new(&settings.name, tls, roots).map(Some).map_err(|e| format!("{e}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_shared::snapshot::{HostHeader, HttpVersion, Pool};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn resolver() -> Rc<Resolver> {
        Rc::new(Resolver::new(Vec::new()))
    }

    fn order(port: u16, members: &[&str], timeout: Duration) -> OnDemandProbe {
        let probe = Probe {
            host: Some("probe.test".into()),
            port: None,
            path: "/now".into(),
            interval: Duration::from_secs(30),
            timeout,
            unhealthy_threshold: 3,
            min_servers: 0,
            statuses: vec![200..=200],
            body: String::new(),
        };
        let settings = Settings {
            name: "s".into(),
            port,
            version: HttpVersion::Http1,
            tls: None,
            host: HostHeader::Client,
            path: None,
            request_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            probe,
            affinity_cookie: None,
            dedicated_connections: false,
        };
        let members = members.iter().map(|member| Host::Ip(member.parse().unwrap())).collect();
        OnDemandProbe { pool: Pool { name: "p".into(), members, ..Pool::default() }, settings, roots: vec![] }
    }

    #[tokio::test(flavor = "local")]
    async fn every_member_is_asked_once_and_judged_by_its_one_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let members =
            ask_all(&order(port, &["127.0.0.1", "127.0.0.2"], PROBE_TIME), PROBE_TIME, &resolver()).await;
        let states: Vec<_> = members.iter().map(|member| member.state).collect();
        assert_eq!(states, [HealthState::Up, HealthState::Down], "{members:?}");
        assert!(members[0].reason.contains("200"), "{members:?}");
        let request = served.await.unwrap();
        assert!(request.starts_with("GET /now HTTP/1.1") && request.contains("probe.test"), "{request}");
    }

    #[tokio::test(flavor = "local")]
    async fn it_ends_in_time_whoever_does_not_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let many = vec!["127.0.0.1"; AT_ONCE + 3];
        let time = Duration::from_millis(50);
        let members = ask_all(&order(port, &many, Duration::from_secs(86_400)), time, &resolver()).await;
        assert_eq!(members.len(), many.len());
        assert!(members.iter().all(|member| member.state == HealthState::Unknown), "{members:?}");
    }
}
