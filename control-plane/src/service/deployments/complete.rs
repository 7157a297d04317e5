//! The mode `Complete`: the resources of a group that a template does not contain, and their deletion.
//!
//! Only resources that have no parent are looked at: children are parts of their parent.

use std::collections::BTreeSet;

use crate::arm::deployment::DeploymentPath;
use crate::arm::resource_kind::ResourceKind;

use super::super::{Service, ServiceError};

/// Returns the IDs of the resources of the deployment's group that are not among `kept`, which are in lower
/// case: first those that use others. A resource of which a child is kept is kept too. None for a deployment
/// to the subscription.
///
/// # Errors
/// An error of the store.
pub(super) async fn superfluous(
    service: &Service,
    path: &DeploymentPath,
    kept: &BTreeSet<String>,
) -> Result<Vec<String>, ServiceError> {
    let Some(group) = &path.group else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in service.store.resources(&path.subscription, Some(group)).await? {
        if is_top_level(&row.id) && !is_kept(&row.id.to_ascii_lowercase(), kept) {
            let last = !matches!(row.kind, ResourceKind::Gateway);
            found.push((last, row.id));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// Returns whether a resource of a group is neither a child nor an extension of another one.
fn is_top_level(id: &str) -> bool {
    id.split('/').count() == "/subscriptions/s/resourceGroups/g/providers/n/t/r".split('/').count()
}

fn is_kept(id: &str, kept: &BTreeSet<String>) -> bool {
    let below = format!("{id}/");
    kept.contains(id) || kept.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_kept_for_itself_or_for_a_child() {
        let kept = ["/g/a", "/g/b/c", "/g/bb"].map(str::to_owned).into();
        for (id, expected) in [("/g/a", true), ("/g/b", true), ("/g/bb", true), ("/g/c", false), ("/g", true)]
        {
            assert_eq!(is_kept(id, &kept), expected, "{id}");
        }
    }
}
