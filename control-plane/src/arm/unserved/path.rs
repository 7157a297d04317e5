//! Resource IDs of unserved types: parsed ignoring case, printed as their creator spelled them.
//!
//! An ID ends with a provider's namespace, then type and name, and perhaps types and names of children. Before the
//! namespace stands the scope: a resource group, a subscription, or another resource, of which it is an extension then.

use std::fmt;

use super::types::{TypeClass, class_of, is_namespace};
use crate::resource_id::ResourceId;

/// The longest segment of an ID, in bytes: the longest name of Azure's resources has 260.
const MAX_SEGMENT: usize = 260;

/// The resource ID of a resource of an unserved type, as its creator spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnservedPath {
    id: ResourceId,
    /// The subscription ID.
    pub(crate) subscription: String,
    /// The resource group; `None` for a resource of the subscription itself.
    pub(crate) group: Option<String>,
    /// The ARM type, such as `Microsoft.Network/networkSecurityGroups/securityRules`.
    pub(crate) kind: String,
    /// The last segment.
    pub(crate) name: String,
    /// The ID of the parent resource or of the scope of an extension; `None` for a resource directly in its group or
    /// subscription.
    pub(crate) parent: Option<String>,
}

/// The reason why an ID is not that of an unserved resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotUnserved {
    /// The text is no resource ID with a provider.
    NoId,
    /// Tidegate serves the type, or another resource provider of its own has it.
    Served,
    /// The type is none of Azure's and close to a served one, or an unknown child of a gateway.
    Misspelt {
        /// The type as sent.
        kind: String,
        /// The served type that was probably meant.
        nearest: Option<String>,
    },
}

impl UnservedPath {
    /// Parses a resource ID. The leading slash may be missing.
    ///
    /// # Errors
    /// The reason why it is not the ID of an unserved resource.
    pub(crate) fn parse(id: &str) -> Result<UnservedPath, NotUnserved> {
        let id = ResourceId::parse(id).ok_or(NotUnserved::NoId)?;
        let segments: Vec<&str> = id.segments().collect();
        if segments.iter().any(|segment| segment.len() > MAX_SEGMENT) {
            return Err(NotUnserved::NoId);
        }
        let in_group = segments.get(2).is_some_and(|segment| segment.eq_ignore_ascii_case("resourceGroups"));
        let scope = if in_group { 4 } else { 2 };
        let provider = last_provider(&segments, scope).ok_or(NotUnserved::NoId)?;
        let types: Vec<&str> = segments[provider + 2..].iter().step_by(2).copied().collect();
        let kind = format!("{}/{}", segments[provider + 1], types.join("/"));
        match class_of(&kind) {
            TypeClass::Unserved => {}
            TypeClass::Served(_) => return Err(NotUnserved::Served),
            TypeClass::Misspelt(nearest) => return Err(NotUnserved::Misspelt { kind, nearest }),
        }
        let before = |end: usize| format!("/{}", segments[..end].join("/"));
        let parent = match types.len() {
            1 if provider == scope => None,
            1 => Some(before(provider)),
            _ => Some(before(segments.len() - 2)),
        };
        Ok(UnservedPath {
            subscription: segments[1].to_owned(),
            group: in_group.then(|| segments[3].to_owned()),
            name: segments.last().map(|name| (*name).to_owned()).unwrap_or_default(),
            kind,
            parent,
            id: id.clone(),
        })
    }

    /// The last segment of the type: the list of the parent that may hold this child.
    pub(crate) fn list(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// The parent, if it is of an unserved type too; `None` for an extension and for a resource without a parent.
    pub(crate) fn container(&self) -> Option<UnservedPath> {
        let is_child = self.kind.split('/').count() > 2;
        UnservedPath::parse(self.parent.as_deref().filter(|_| is_child)?).ok()
    }

    /// The ID of what holds the resource: its group, or its subscription.
    pub(crate) fn scope_id(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            None => format!("/subscriptions/{}", self.subscription),
        }
    }

    /// The ID in lower case: equal for all spellings of one resource's ID.
    pub(crate) fn key(&self) -> String {
        self.id.as_str().to_ascii_lowercase()
    }
}

/// Returns the index of the last `providers` that is a type position, with a namespace and at least one type after it.
fn last_provider(segments: &[&str], scope: usize) -> Option<usize> {
    let mut providers = None;
    let mut at = scope;
    while at < segments.len() {
        if segments[at].eq_ignore_ascii_case("providers") {
            providers = Some(at);
        } else if providers.is_none() {
            return None;
        }
        at += 2;
    }
    providers.filter(|at| at + 2 < segments.len() && is_namespace(segments[at + 1]))
}

impl fmt::Display for UnservedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/subscriptions/S/resourceGroups/Rg";

    #[test]
    fn an_id_tells_type_name_and_parent() {
        let gateway = format!("{GROUP}/providers/Microsoft.Network/applicationGateways/Gw");
        let nsg = format!("{GROUP}/providers/Microsoft.Network/networkSecurityGroups/N");
        let cases = [
            (nsg.clone(), "Microsoft.Network/networkSecurityGroups", "N", Some("Rg"), None),
            (
                format!("{nsg}/securityRules/R"),
                "Microsoft.Network/networkSecurityGroups/securityRules",
                "R",
                Some("Rg"),
                Some(nsg.clone()),
            ),
            (
                format!("{gateway}/providers/Microsoft.Insights/diagnosticSettings/D"),
                "Microsoft.Insights/diagnosticSettings",
                "D",
                Some("Rg"),
                Some(gateway.clone()),
            ),
            (
                "/subscriptions/S/providers/Microsoft.Authorization/roleAssignments/r".to_owned(),
                "Microsoft.Authorization/roleAssignments",
                "r",
                None,
                None,
            ),
            (
                format!("{GROUP}/providers/Microsoft.Network/privateDnsZones/z.local/A/@"),
                "Microsoft.Network/privateDnsZones/A",
                "@",
                Some("Rg"),
                Some(format!("{GROUP}/providers/Microsoft.Network/privateDnsZones/z.local")),
            ),
        ];
        for (id, kind, name, group, parent) in cases {
            let path = UnservedPath::parse(&id).unwrap();
            assert_eq!((path.kind.as_str(), path.name.as_str()), (kind, name), "{id}");
            assert_eq!((path.group.as_deref(), path.parent.clone()), (group, parent), "{id}");
            assert_eq!((path.to_string(), path.key()), (id.clone(), id.to_ascii_lowercase()));
            assert_eq!(UnservedPath::parse(&id.to_ascii_uppercase()).unwrap().key(), path.key());
        }
    }

    #[test]
    fn served_types_and_misspelt_ones_are_none() {
        let network = format!("{GROUP}/providers/Microsoft.Network");
        let gateway = format!("{network}/applicationGateways/Gw");
        let served = [
            gateway.clone(),
            format!("{gateway}/probes/p"),
            format!("{network}/virtualNetworks/v/SUBNETS/s"),
            format!("{gateway}/providers/Tidegate.Network/tunnelPolicies/default"),
            format!("{GROUP}/providers/Microsoft.Resources/deployments/d"),
        ];
        for id in served {
            assert_eq!(UnservedPath::parse(&id), Err(NotUnserved::Served), "{id}");
        }
        for (kind, nearest) in [
            ("Gw/backendAdressPools/p", Some("Microsoft.Network/applicationGateways/backendAddressPools")),
            ("Gw/x/p", None),
        ] {
            let id = format!("{network}/applicationGateways/{kind}");
            let Err(NotUnserved::Misspelt { nearest: found, .. }) = UnservedPath::parse(&id) else {
                panic!("{id}")
            };
            assert_eq!(found.as_deref(), nearest, "{id}");
        }
        assert!(UnservedPath::parse(&format!("{gateway}/privateEndpointConnections/c")).is_ok());
        for id in [
            "x",
            GROUP,
            &format!("{GROUP}/providers/Microsoft.Network"),
            &format!("{GROUP}/providers/network/x/y"),
            &format!("{GROUP}/elsewhere/x/y/z"),
            &format!("{GROUP}/providers/A.B/t/{}", "n".repeat(261)),
        ] {
            assert_eq!(UnservedPath::parse(id), Err(NotUnserved::NoId), "{id}");
        }
    }
}
