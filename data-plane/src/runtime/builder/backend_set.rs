//! Builds a backend set from a destination and settings: its backends, reused or new, and its load balancer.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use http::HeaderValue;
use tidegate_shared::snapshot::{
    Algorithm, Content, Destination, Host, HostHeader, Listener, Pool, Settings,
};

use super::super::affinity::Affinity;
use super::super::backend_set::{BackendSet, HostPolicy};
use super::super::load_balancer::LoadBalancer;
use super::{BuildError, Builder, dangling};
use crate::backend::{Backend, MemberKey};
use crate::member::Member;

/// The backends of removed members that still drain.
pub(crate) type DrainingBackends = HashMap<MemberKey, Arc<Backend>>;

/// Returns the pools that any distribution balances by least connections: their requests are counted.
pub(super) fn counted(content: &Content) -> HashSet<usize> {
    let asking = content.distributions.iter().filter(|one| one.algorithm == Algorithm::LeastConnections);
    asking.flat_map(|one| &one.shares).map(|share| share.pool).collect()
}

/// The members of a backend set under construction.
#[derive(Default)]
struct Members {
    backends: Vec<Arc<Backend>>,
    /// The range of backends of each pool.
    pools: Vec<Range<usize>>,
    weights: Vec<u8>,
    draining: Vec<Arc<Backend>>,
}

impl Members {
    fn load_balancer(&self, algorithm: Algorithm) -> LoadBalancer {
        let members = self.backends.iter().zip(&self.weights);
        LoadBalancer::new(algorithm, members.map(|(one, weight)| (&*one.key.pool, &one.key.host, *weight)))
    }
}

impl<'a> Builder<'a> {
    pub(super) fn backend_set(
        &mut self,
        listener: &Listener,
        to: Destination,
        index: usize,
    ) -> Result<Arc<BackendSet>, BuildError> {
        if let Some(known) = self.backend_sets.get(&(to, index)) {
            return Ok(known.clone());
        }
        let content = self.content();
        let settings = content.settings.get(index);
        let settings = settings.ok_or_else(|| dangling(listener, "settings", index))?;
        let (name, algorithm) = match to {
            Destination::Pool(pool) => {
                let pool = content.pools.get(pool).ok_or_else(|| dangling(listener, "pool", pool))?;
                (&pool.name, Algorithm::RoundRobin)
            }
            Destination::Distribution(index) => {
                let distribution = content.distributions.get(index);
                let distribution = distribution.ok_or_else(|| dangling(listener, "distribution", index))?;
                (&distribution.name, distribution.algorithm)
            }
        };
        let mut members = Members::default();
        for share in content.shares(to) {
            let pool = content.pools.get(share.pool);
            let pool = pool.ok_or_else(|| dangling(listener, "pool", share.pool))?;
            self.members(listener, pool, settings, share.weight, &mut members)?;
        }
        let backend_set = Arc::new(BackendSet {
            pool: Arc::from(name.as_str()),
            settings: Arc::from(settings.name.as_str()),
            load_balancer: members.load_balancer(algorithm),
            counts: content.shares(to).any(|share| self.counted.contains(&share.pool)),
            affinity: self.affinity(settings, &members)?,
            dedicated: settings.dedicated_connections,
            backends: members.backends,
            pools: members.pools,
            draining: members.draining,
            host: host_policy(settings)?,
            request_timeout: settings.request_timeout,
            drain_timeout: settings.drain_timeout,
            path: settings.path.clone(),
            min_servers: settings.probe.min_servers as usize,
        });
        self.backend_sets.insert((to, index), backend_set.clone());
        Ok(backend_set)
    }

    /// Adds the backends of a pool and, with cookie affinity, its draining backends.
    fn members(
        &mut self,
        listener: &Listener,
        pool: &Pool,
        settings: &'a Settings,
        weight: u8,
        members: &mut Members,
    ) -> Result<(), BuildError> {
        let tls = self.client(listener, settings)?;
        let gateway = self.snapshot.gateway;
        let name: Arc<str> = Arc::from(pool.name.as_str());
        let member = |host: &Host| Member { gateway, pool: name.clone(), host: host.clone() };
        let first = members.backends.len();
        for member_state in
            pool.members.iter().filter_map(|host| self.member_table.member_state(&member(host)))
        {
            let adopted = self.backends.adopt(self.old, pool, member_state, settings, tls.as_ref());
            let unsendable = |source| BuildError::HostName { settings: settings.name.clone(), source };
            members.backends.push(adopted.map_err(unsendable)?);
            members.weights.push(weight);
        }
        members.pools.push(first..members.backends.len());
        if settings.affinity_cookie.is_none() {
            return Ok(());
        }
        for draining in
            self.member_table.draining().filter(|draining| draining.member_state.member.pool == name)
        {
            let host = draining.member_state.member.host.clone();
            let key: MemberKey = (pool.name.clone(), settings.name.clone(), host);
            let gone = || self.gone.and_then(|gone| gone.get(&key));
            if let Some(backend) = self.old.of_member(&key).or_else(gone) {
                members.draining.push(backend.clone());
                self.draining_backends.insert(key, backend.clone());
            }
        }
        Ok(())
    }

    fn affinity(&self, settings: &Settings, members: &Members) -> Result<Option<Affinity>, BuildError> {
        let Some(name) = &settings.affinity_cookie else { return Ok(None) };
        let all = members.backends.iter().chain(&members.draining);
        let all = all.map(|backend| (&*backend.key.pool, &backend.key.host));
        let unsendable = |source| BuildError::CookieName { settings: settings.name.clone(), source };
        Affinity::new(name, &self.snapshot.affinity_key, all).map(Some).map_err(unsendable)
    }
}

fn host_policy(settings: &Settings) -> Result<HostPolicy, BuildError> {
    Ok(match &settings.host {
        HostHeader::Client => HostPolicy::Client,
        HostHeader::Member => HostPolicy::Member,
        HostHeader::Fixed(name) => HostPolicy::Fixed(
            HeaderValue::from_str(name)
                .map_err(|source| BuildError::HostName { settings: settings.name.clone(), source })?,
        ),
    })
}
