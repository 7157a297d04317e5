//! The size of the content, which must fit into a snapshot message and into the workers' health reports.
//!
//! A document within all other limits can still exceed the size of a message. If accepted, it would end the
//! session of every worker that it is sent to, so it is rejected here.

use std::collections::BTreeSet;
use std::io;

use tidegate_shared::channel::MAX_SNAPSHOT;
use tidegate_shared::snapshot::{Content, UpstreamTrust};

use crate::arm::collection::over_limit;
use crate::violation::{Violations, code};

/// The maximum number of backends of all rules: each member counts once for each settings it is used with, and
/// once more for each load distribution policy. A worker probes each of them and reports each in about 400
/// bytes.
const BACKENDS: usize = 20_000;

/// The maximum number of trusted certificate authorities, counted per settings: a worker keeps a list for each.
const TRUSTED: usize = 20_000;

/// Reports a content that is too large.
pub(super) fn check(content: &Content, violations: &mut Violations) {
    let backends = backends(content);
    if backends > BACKENDS {
        let message = over_limit("backends of the rules", backends, BACKENDS);
        violations.push(code::limit::BACKENDS, "properties.requestRoutingRules", message);
    }
    let trusted = trusted(content);
    if trusted > TRUSTED {
        let message = over_limit("certificate authorities that the settings trust", trusted, TRUSTED);
        violations.push(code::limit::TRUST, "properties.backendHttpSettingsCollection", message);
    }
    let bytes = bytes(content);
    if bytes > MAX_SNAPSHOT {
        let message = over_limit("bytes of the compiled gateway", bytes, MAX_SNAPSHOT);
        violations.push(code::limit::SIZE, "properties", message);
    }
}

fn backends(content: &Content) -> usize {
    let places: BTreeSet<_> = content.destinations().collect();
    let pools = places.into_iter().flat_map(|(to, _)| content.shares(to));
    pools.filter_map(|share| content.pools.get(share.pool)).map(|pool| pool.members.len()).sum()
}

fn trusted(content: &Content) -> usize {
    let lists = content.settings.iter().filter_map(|settings| match &settings.tls.as_ref()?.trust {
        UpstreamTrust::Roots(indices) => Some(indices),
        UpstreamTrust::System | UpstreamTrust::Anybody | UpstreamTrust::Pinned(_) => None,
    });
    lists.flatten().filter_map(|index| content.roots.get(*index)).map(|root| root.certificates.len()).sum()
}

fn bytes(content: &Content) -> usize {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, content).expect("a content is plain data, and counting cannot fail");
    count.0
}

/// A writer that only counts bytes.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
