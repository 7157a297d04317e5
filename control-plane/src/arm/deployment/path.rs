//! The resource IDs of deployments: in a resource group, or in a subscription itself.

use std::fmt;

use super::DEPLOYMENT_TYPE;
use crate::resource_id::ResourceId;

/// The maximum length of a deployment's name, in bytes.
const MAX_NAME: usize = 64;

/// The resource ID of a deployment, as its creator spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeploymentPath {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Resource group; `None` for a deployment to the subscription.
    pub(crate) group: Option<String>,
    /// The deployment's name.
    pub(crate) name: String,
}

impl DeploymentPath {
    /// Parses a resource ID. The leading slash may be missing; the fixed segments may be in any case.
    pub(crate) fn parse(id: &str) -> Option<DeploymentPath> {
        let id = ResourceId::parse(id)?;
        let segments: Vec<&str> = id.segments().collect();
        let is = |found: &str, expected: &str| found.eq_ignore_ascii_case(expected);
        let (subscription, group, rest) = match segments[..] {
            [_, subscription, groups, group, ref rest @ ..] if is(groups, "resourceGroups") => {
                (subscription, Some(group.to_owned()), rest)
            }
            [_, subscription, ref rest @ ..] => (subscription, None, rest),
            _ => return None,
        };
        let [providers, namespace, kind, name] = rest else { return None };
        let is_deployment = is(providers, "providers") && is(&format!("{namespace}/{kind}"), DEPLOYMENT_TYPE);
        is_deployment.then(|| DeploymentPath {
            subscription: subscription.to_owned(),
            group,
            name: (*name).to_owned(),
        })
    }

    /// Returns whether the name is valid: 1 to 64 letters, digits, `-`, `_`, `.`, `(` and `)`.
    pub(crate) fn is_valid(&self) -> bool {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte);
        (1..=MAX_NAME).contains(&self.name.len()) && self.name.bytes().all(good)
    }

    /// The ID of the group or of the subscription to which it deploys.
    pub(crate) fn scope_id(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            None => format!("/subscriptions/{}", self.subscription),
        }
    }

    /// The lower-case form: equal for all spellings of one deployment's ID.
    pub(crate) fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl fmt::Display for DeploymentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/providers/{DEPLOYMENT_TYPE}/{}", self.scope_id(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_GROUP: &str = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Resources/deployments/d";

    #[test]
    fn names() {
        let path = |name: &str| DeploymentPath {
            subscription: "S".into(),
            group: Some("G".into()),
            name: name.into(),
        };
        let long = "a".repeat(64);
        for good in ["a", "ag_deploy_(1).x-y", &long] {
            assert!(path(good).is_valid(), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", &format!("{long}a")] {
            assert!(!path(bad).is_valid(), "{bad}");
        }
        assert_eq!(path("d").to_string(), IN_GROUP);
    }

    #[test]
    fn ids_are_read_in_any_case() {
        let in_subscription = "/subscriptions/S/providers/Microsoft.Resources/deployments/d";
        for id in [IN_GROUP, in_subscription] {
            for spelling in [id, &id[1..], &id.replace("resourceGroups", "RESOURCEGROUPS")] {
                assert_eq!(DeploymentPath::parse(spelling).unwrap().to_string(), id, "{spelling}");
            }
        }
        for bad in [
            "",
            "/subscriptions/S",
            "/subscriptions/S/resourceGroups/G",
            "/providers/Microsoft.Resources/deployments/d",
            &IN_GROUP.replace("deployments", "x"),
            &format!("{IN_GROUP}/operations/x"),
        ] {
            assert!(DeploymentPath::parse(bad).is_none(), "{bad}");
        }
    }
}
