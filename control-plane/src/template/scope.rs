//! The scopes into which the resources of a template can be deployed. Pure.

use super::context::Context;
use super::kinds::{is_deployment, is_group};

/// Says why a resource of this type cannot be deployed into a scope, which is the ID of a group, a
/// subscription or a resource. `None` if it can.
pub(super) fn objection(context: &Context, kind: &str, scope: &str) -> Option<String> {
    let own = context.scope_id();
    if is_deployment(kind) {
        return (!is_group_or_subscription(scope)).then(|| {
            format!(
                "A nested deployment goes to a resource group or to a subscription, not to '{scope:.200}/': \
                 Tidegate has no management groups, and no deployments to the tenant."
            )
        });
    }
    if is_group(kind) {
        let in_subscription = context.group.is_none() && scope.eq_ignore_ascii_case(&own);
        return (!in_subscription).then(|| {
            "A resource group can only be deployed by a deployment to its subscription, which may be a \
             nested one."
                .to_owned()
        });
    }
    let (scope, lower) = (scope.to_ascii_lowercase(), own.to_ascii_lowercase());
    // A resource of the scope can have extensions.
    let is_within =
        scope.strip_prefix(&lower).is_some_and(|rest| rest.is_empty() || rest.starts_with("/providers/"));
    (!is_within).then(|| {
        format!(
            "A resource can only be deployed into the scope of its deployment, which is '{own}'. For another \
             scope, use a nested deployment."
        )
    })
}

fn is_group_or_subscription(scope: &str) -> bool {
    let is = |segment: &str, expected: &str| segment.eq_ignore_ascii_case(expected);
    match scope.split('/').collect::<Vec<_>>()[..] {
        ["", first, subscription] => is(first, "subscriptions") && !subscription.is_empty(),
        ["", first, subscription, third, group] => {
            is(first, "subscriptions")
                && is(third, "resourceGroups")
                && !subscription.is_empty()
                && !group.is_empty()
        }
        _ => false,
    }
}
