//! The order in which backends are tried for a request: the one that its affinity cookie names, then the one that its
//! client connection has a dedicated connection to, then the choice of the load balancer.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HeaderMap;

use crate::backend::Backend;
use crate::runtime::{Draw, Target};
use crate::upstream::dedicated::DedicatedConnections;

/// Returns the first reachable member that the affinity cookies of a request name.
pub(super) fn bound(target: &Target, headers: &HeaderMap) -> Option<usize> {
    let affinity = target.affinity.as_ref()?;
    affinity.bound(headers).find(|member| target.is_reachable(*member))
}

/// Sets the affinity cookies for the member that responded, unless the request already named it. A WebSocket
/// handshake sets them always, because no later response on the connection could do so.
pub(super) fn bind(
    target: &Target,
    bound: Option<usize>,
    member: usize,
    switching: bool,
    headers: &mut HeaderMap,
) {
    if let Some(affinity) = &target.affinity
        && (switching || bound != Some(member))
    {
        affinity.bind(member, headers);
    }
}

/// The sequence of backends for one request.
#[derive(Debug)]
pub(super) struct Pick<'a> {
    target: &'a Target,
    client: IpAddr,
    /// The backends before the load balancer's choice: by cookie, then by dedicated connection.
    first: [Option<usize>; 2],
    /// Created on first use: a request with an affinity cookie takes no turn of round robin.
    draw: Option<Draw>,
    last: Option<usize>,
}

impl<'a> Pick<'a> {
    pub(super) fn new(
        target: &'a Target,
        bound: Option<usize>,
        client: IpAddr,
        dedicated: &DedicatedConnections,
    ) -> Pick<'a> {
        let own = if target.dedicated { dedicated.backend() } else { None };
        let own = own.and_then(|backend| target.number_of(backend));
        let first = [bound, own.filter(|own| bound != Some(*own) && target.is_reachable(*own))];
        Pick { target, client, first, draw: None, last: None }
    }

    /// Returns the next backend to try and its number in the target, and excludes the previous one. `None` means that
    /// all were tried.
    pub(super) fn next(&mut self) -> Option<(usize, &'a Arc<Backend>)> {
        let target = self.target;
        if let Some(in_vain) = self.last.take() {
            self.draw().exclude(in_vain);
        }
        let number = match self.first.iter_mut().find_map(Option::take) {
            Some(number) => number,
            None => target.choose(self.draw())?,
        };
        self.last = Some(number);
        Some((number, target.member(number)?))
    }

    fn draw(&mut self) -> &mut Draw {
        let (target, client) = (self.target, self.client);
        self.draw.get_or_insert_with(|| target.draw(client))
    }
}
