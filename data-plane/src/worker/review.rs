//! Decides whether a change of the configuration may concern open tunnels although their member stays, so that each of
//! them must look at it. Pure. Most changes concern none, and cost tunnels nothing.

use tidegate_shared::snapshot::{Content, Pool, TunnelPolicy};

use crate::runtime::reviews_tunnels;

/// Returns true if the policy of a pool has changed, or if listeners or routes have changed and a policy ends tunnels
/// for that.
pub(super) fn is_needed(before: &Content, after: &Content) -> bool {
    let policy_before = |pool: &Pool| {
        let same = before.pools.iter().find(|before| before.name == pool.name);
        same.map_or_else(TunnelPolicy::default, |before| before.tunnels.clone())
    };
    let has_changed = |pool: &Pool| pool.tunnels != policy_before(pool);
    let is_reviewed = |content: &Content| content.pools.iter().any(|pool| reviews_tunnels(&pool.tunnels));
    after.pools.iter().any(has_changed)
        || ((is_reviewed(before) || is_reviewed(after)) && !routes_alike(before, after))
}

/// Returns true if both have the same listeners and routes. References are indices, so the names that they mean are
/// compared as well.
fn routes_alike(one: &Content, other: &Content) -> bool {
    let pools = |content: &Content| content.pools.iter().map(|pool| pool.name.clone()).collect::<Vec<_>>();
    let settings =
        |content: &Content| content.settings.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    one.listeners == other.listeners
        && one.path_maps == other.path_maps
        && one.distributions == other.distributions
        && one.client_authorities == other.client_authorities
        && pools(one) == pools(other)
        && settings(one) == settings(other)
}

#[cfg(test)]
mod tests {
    use tidegate_shared::snapshot::{PathMap, RouteEntry, TunnelAction};

    use super::*;

    fn content(policy: TunnelPolicy) -> Content {
        let pool = Pool { name: "pool".into(), tunnels: policy, ..Pool::default() };
        Content { pools: vec![pool], ..Content::default() }
    }

    #[test]
    fn only_changes_of_policies_and_of_routes_under_a_policy_need_a_review() {
        use tidegate_shared::snapshot::{Action, Destination};
        let close = TunnelPolicy { on_route_changed: TunnelAction::Close, ..TunnelPolicy::default() };
        let (usual, reviewed) = (content(TunnelPolicy::default()), content(close));
        let with_map = |content: &Content| {
            let action = Action::Forward { to: Destination::Pool(0), settings: 0 };
            let map =
                PathMap { name: "map".into(), default: RouteEntry { action, rewrites: None }, rules: vec![] };
            Content { path_maps: vec![map], ..content.clone() }
        };
        let renamed = |content: &Content| {
            let mut content = content.clone();
            content.pools[0].name = "other".into();
            content
        };
        for (case, before, after, expected) in [
            ("nothing", &reviewed, &reviewed, false),
            ("another policy", &usual, &reviewed, true),
            ("the usual policy again", &reviewed, &usual, true),
            ("a route under the usual policy", &usual, &with_map(&usual), false),
            ("a route", &reviewed, &with_map(&reviewed), true),
            ("the name of a pool", &reviewed, &renamed(&reviewed), true),
            ("members", &reviewed, &Content { name: "other".into(), ..reviewed.clone() }, false),
        ] {
            assert_eq!(is_needed(before, after), expected, "{case}");
        }
    }
}
