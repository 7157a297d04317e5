//! The IDs of gateways, of their children and of their extensions. Pure.

use std::fmt;

/// The provider and type of gateways in an ID.
pub(crate) const GATEWAYS: &str = "Microsoft.Network/applicationGateways";

/// The provider of extensions in an ID.
pub(crate) const EXTENSIONS: &str = "Tidegate.Network";

/// The ID of a gateway, or of something that belongs to one. Comparison ignores case, as ARM does.
#[derive(Clone, Debug)]
pub(crate) struct ResourceId {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) gateway: String,
    /// Further segments below the gateway, such as `httpListeners/web`; empty for the gateway itself.
    pub(crate) below: Vec<String>,
}

impl ResourceId {
    /// The ID of a gateway.
    pub(crate) fn gateway(subscription: &str, group: &str, gateway: &str) -> ResourceId {
        let [subscription, group, gateway] = [subscription, group, gateway].map(str::to_owned);
        ResourceId { subscription, group, gateway, below: Vec::new() }
    }

    /// Parses an ID; `None` if it is not that of a gateway or of something that belongs to one.
    pub(crate) fn parse(text: &str) -> Option<ResourceId> {
        let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
        let [subscriptions, subscription, groups, group, providers, provider, kind, gateway, below @ ..] =
            segments.as_slice()
        else {
            return None;
        };
        let fixed = format!("/{subscriptions}/{groups}/{providers}/{provider}/{kind}");
        let expected = format!("/subscriptions/resourceGroups/providers/{GATEWAYS}");
        let is_complete = segments.iter().all(|segment| !segment.is_empty());
        (is_complete && fixed.eq_ignore_ascii_case(&expected)).then(|| ResourceId {
            below: below.iter().map(|&segment| segment.to_owned()).collect(),
            ..ResourceId::gateway(subscription, group, gateway)
        })
    }

    /// The ID of the gateway.
    pub(crate) fn owner(&self) -> ResourceId {
        ResourceId { below: Vec::new(), ..self.clone() }
    }

    /// The ID of something below this resource; `path` has one or more segments.
    pub(crate) fn join(&self, path: &str) -> ResourceId {
        let mut joined = self.clone();
        joined.below.extend(path.split('/').map(str::to_owned));
        joined
    }

    /// The last segment.
    pub(crate) fn name(&self) -> &str {
        self.below.last().unwrap_or(&self.gateway)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &ResourceId) -> bool {
        self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResourceId { subscription, group, gateway, below } = self;
        write!(f, "/subscriptions/{subscription}/resourceGroups/{group}/providers/{GATEWAYS}/{gateway}")?;
        below.iter().try_for_each(|segment| write!(f, "/{segment}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_a_round_trip_and_others_are_none() {
        let gateway = ResourceId::gateway("s", "g", "edge");
        for below in ["", "/httpListeners/web", "/providers/Tidegate.Network/tunnelPolicies/default"] {
            let text = format!("{gateway}{below}");
            let parsed = ResourceId::parse(&text).unwrap();
            assert_eq!((parsed.to_string(), parsed.owner() == gateway), (text, true));
        }
        assert_eq!(gateway.join("httpListeners/web").name(), "web");
        let other_case = gateway.to_string().to_uppercase();
        assert_eq!(ResourceId::parse(&other_case).unwrap(), gateway);
        for bad in ["", "edge", "/subscriptions/s/resourceGroups/g", "/subscriptions/s//resourceGroups"] {
            assert!(ResourceId::parse(bad).is_none(), "{bad}");
        }
        assert!(ResourceId::parse(&format!("{gateway}/")).is_none());
        assert!(ResourceId::parse(&gateway.to_string().replace("Gateways", "Doors")).is_none());
    }
}
