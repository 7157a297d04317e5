//! The order in which backends are tried for a request: the one that its affinity cookie names, then the one that its
//! client connection has a dedicated connection to, then the choice of the load balancer.

use std::net::IpAddr;
use std::sync::Arc;

use tidegate_http1::Fields;

use crate::backend::Backend;
use crate::pool_state::PoolState;
use crate::runtime::{BackendSet, MemberChoice};
use crate::upstream::dedicated::DedicatedConnections;

/// Returns the first reachable member that the affinity cookies of a request name.
pub(super) fn bound(backend_set: &BackendSet, fields: &Fields) -> Option<usize> {
    let affinity = backend_set.affinity.as_ref()?;
    affinity.bound(fields).find(|member| backend_set.is_reachable(*member))
}

/// Sets the affinity cookies for the member that responded, unless the request already named it. A WebSocket
/// handshake sets them always, because no later response on the connection could do so.
pub(super) fn bind(
    backend_set: &BackendSet,
    bound: Option<usize>,
    member: usize,
    switching: bool,
    fields: &mut Fields,
) {
    if let Some(affinity) = &backend_set.affinity
        && (switching || bound != Some(member))
    {
        affinity.bind(member, fields);
    }
}

/// The sequence of backends for one request.
#[derive(Debug)]
pub(super) struct Pick<'a> {
    backend_set: &'a BackendSet,
    client: IpAddr,
    /// The backends before the load balancer's choice: by cookie, then by dedicated connection.
    first: [Option<usize>; 2],
    /// Created on first use: a request with an affinity cookie takes no turn of round robin.
    choice: Option<MemberChoice>,
    last: Option<usize>,
    /// The pools that take no tunnel now; their members are not chosen. Most requests find none.
    full: Vec<&'a Arc<PoolState>>,
}

impl<'a> Pick<'a> {
    pub(super) fn new(
        backend_set: &'a BackendSet,
        bound: Option<usize>,
        client: IpAddr,
        dedicated: &DedicatedConnections,
    ) -> Pick<'a> {
        let own = if backend_set.dedicated { dedicated.backend() } else { None };
        let own = own.and_then(|backend| backend_set.number_of(backend));
        let first = [bound, own.filter(|own| bound != Some(*own) && backend_set.is_reachable(*own))];
        Pick { backend_set, client, first, choice: None, last: None, full: Vec::new() }
    }

    /// Returns the next backend to try and its number in the set, and excludes the previous one. `None` means that
    /// all were tried.
    pub(super) fn next(&mut self) -> Option<(usize, &'a Arc<Backend>)> {
        let backend_set = self.backend_set;
        if let Some(in_vain) = self.last.take() {
            self.choice().exclude(in_vain);
        }
        let number = match self.first.iter_mut().find_map(Option::take) {
            Some(number) => number,
            None => {
                self.choice();
                let is_open = |backend: &Backend| {
                    !self.full.iter().any(|full| Arc::ptr_eq(full, &backend.member_state.pool))
                };
                backend_set.choose(self.choice.as_ref()?, is_open)?
            }
        };
        self.last = Some(number);
        Some((number, backend_set.member(number)?))
    }

    /// Leaves out the other members of this backend's pool, which is full. Each of them would be refused as well.
    pub(super) fn leave_out_pool_of(&mut self, backend: &'a Arc<Backend>) {
        self.full.push(&backend.member_state.pool);
    }

    fn choice(&mut self) -> &mut MemberChoice {
        let (backend_set, client) = (self.backend_set, self.client);
        self.choice.get_or_insert_with(|| backend_set.start_choice(client))
    }
}
