//! Which backends a request is tried with, one after the other: the one that its client is bound to, then that to which
//! its connection has one of its own, then the target's choice.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HeaderMap;

use crate::backend::Backend;
use crate::runtime::{Draw, Target};
use crate::upstream::dedicated::DedicatedConnections;

/// The member that the cookies of a request bind it to, if it can be reached: the first that can, in the order of the
/// cookies.
pub(super) fn bound(target: &Target, headers: &HeaderMap) -> Option<usize> {
    let affinity = target.affinity.as_ref()?;
    affinity.bound(headers).find(|member| target.is_reachable(*member))
}

/// Binds the client to the member that answered it, unless it came bound to that one. A WebSocket is bound anew each
/// time: nothing comes after its 101 that could do it.
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

/// One request's way through the backends of its target.
#[derive(Debug)]
pub(super) struct Pick<'a> {
    target: &'a Target,
    client: IpAddr,
    /// What comes before the target's choice.
    first: [Option<usize>; 2],
    /// Made when it is needed: whoever is bound takes nobody's turn.
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

    /// The next to try, and its number in the target: whoever asks again has tried the last one in vain. None when all
    /// were tried.
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
