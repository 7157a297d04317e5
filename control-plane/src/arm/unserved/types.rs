//! The types that are served, and the answer for a type that is close to one of them.

use crate::arm::collection::COLLECTIONS;
use crate::arm::deployment::DEPLOYMENT_TYPE;
use crate::arm::extension::{EXTENSION_TYPES, ExtensionType, NAMESPACE};
use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::network::NetworkKind;
use crate::arm::network::path::SUBNET_TYPE;
use crate::arm::resource_group::GROUP_TYPE;

/// The reason that the header `x-tidegate-not-enforced` gives for every resource of an unserved type.
pub(crate) const NOT_ENFORCED: &str =
    "Tidegate stores resources of this type and returns them, but does not act on them.";

/// The types that Tidegate serves, without the collections of a gateway.
pub(crate) const SERVED_TYPES: [&str; 7] = [
    GATEWAY_TYPE,
    NetworkKind::VirtualNetwork.resource_type(),
    SUBNET_TYPE,
    NetworkKind::PublicAddress.resource_type(),
    NetworkKind::FirewallPolicy.resource_type(),
    DEPLOYMENT_TYPE,
    GROUP_TYPE,
];

/// The number of edits up to which a type counts as a misspelling of a served one; a long one may have one for each
/// [`LETTERS_FOR_AN_EDIT`].
const MISSPELT: usize = 2;

/// The length of a served type, in bytes, for each edit of a misspelling.
const LETTERS_FOR_AN_EDIT: usize = 20;

/// A child of a gateway that Azure has, and that has no effect.
const CONNECTIONS: &str = "privateEndpointConnections";

/// The class of a resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TypeClass {
    /// Tidegate serves the type, in this spelling.
    Served(String),
    /// Tidegate does not serve the type.
    Unserved,
    /// The type is close to this served one, an unknown child of a gateway, or an unknown extension of it.
    Misspelt(Option<String>),
}

/// Returns the class of a type, ignoring case.
pub(crate) fn class_of(kind: &str) -> TypeClass {
    if let Some(served) = served_types().find(|served| served.eq_ignore_ascii_case(kind)) {
        return TypeClass::Served(served);
    }
    let nearest = nearest_served_type(kind);
    let is_unknown_child = is_below(kind, NAMESPACE)
        || is_below(kind, GATEWAY_TYPE) && !kind[GATEWAY_TYPE.len() + 1..].eq_ignore_ascii_case(CONNECTIONS);
    if nearest.is_some() || is_unknown_child || !is_type(kind) {
        return TypeClass::Misspelt(nearest);
    }
    TypeClass::Unserved
}

/// Returns whether a text is a provider's namespace, such as `Microsoft.Network`.
pub(super) fn is_namespace(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_part = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
    parts.len() >= 2 && parts.iter().all(is_part)
}

/// Says that a type is not served, which types are, and which one was probably meant.
pub(crate) fn unknown_type(kind: &str, nearest: Option<&str>) -> String {
    let advice = match nearest {
        Some(nearest) => format!("Did you mean '{nearest}'?"),
        None if is_below(kind, NAMESPACE) => "Tidegate has no such type.".to_owned(),
        None if class_of(kind) == TypeClass::Misspelt(None) => "Azure has no such type.".to_owned(),
        None => "Start the control plane with --unserved-types store to store such resources without effect."
            .to_owned(),
    };
    let served = SERVED_TYPES.join(", ");
    let own: Vec<String> = EXTENSION_TYPES.iter().map(ExtensionType::resource_type).collect();
    format!(
        "The resource type '{kind:.200}' is not served. {advice} The served types are {served}, the collections of an \
         application gateway, and its extensions {}.",
        own.join(" and ")
    )
}

/// Returns the served type of which `kind` is probably a misspelling.
fn nearest_served_type(kind: &str) -> Option<String> {
    let kind = kind.to_ascii_lowercase();
    let distance = |served: &String| strsim::damerau_levenshtein(&kind, &served.to_ascii_lowercase());
    // A type with one more segment is a child, however short its name.
    let segments = |kind: &str| kind.split('/').count();
    let nearest = served_types().filter(|served| segments(served) == segments(&kind)).min_by_key(distance)?;
    let most = MISSPELT.max(nearest.len() / LETTERS_FOR_AN_EDIT);
    (1..=most).contains(&distance(&nearest)).then_some(nearest)
}

fn served_types() -> impl Iterator<Item = String> {
    let collections = COLLECTIONS.iter().map(|collection| collection.resource_type());
    let extensions = EXTENSION_TYPES.iter().map(ExtensionType::resource_type);
    SERVED_TYPES.iter().map(|served| (*served).to_owned()).chain(collections).chain(extensions)
}

/// Returns whether a type is `parent` with further segments.
fn is_below(kind: &str, parent: &str) -> bool {
    kind.get(..parent.len()).is_some_and(|start| start.eq_ignore_ascii_case(parent))
        && kind.as_bytes().get(parent.len()) == Some(&b'/')
}

fn is_type_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Returns whether a text has the form of a type: a namespace and at least one segment.
fn is_type(kind: &str) -> bool {
    let mut segments = kind.split('/');
    segments.next().is_some_and(is_namespace) && segments.clone().count() > 0 && segments.all(is_type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_near_a_served_one_is_a_misspelling() {
        for (kind, nearest) in [
            ("Microsoft.Network/applicationGateway", Some(GATEWAY_TYPE)),
            ("microsoft.network/APPLICATIONGATWAYS", Some(GATEWAY_TYPE)),
            ("Microsoft.Netwrok/virtualNetworks", Some("Microsoft.Network/virtualNetworks")),
            (
                "Microsoft.Network/applicationGateways/backendAdressPools",
                Some("Microsoft.Network/applicationGateways/backendAddressPools"),
            ),
            (
                "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicy",
                Some("Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"),
            ),
            ("Tidegate.Network/tunelPolicies", Some("Tidegate.Network/tunnelPolicies")),
            ("Microsoft.Network/virtualNetworkTaps", None),
            ("Microsoft.Network/applicationGateways", None),
            ("Microsoft.Network/networkSecurityGroups", None),
            ("Microsoft.Network/virtualNetworkGateways", None),
            ("Microsoft.Network/publicIPPrefixes", None),
            ("Microsoft.Compute/virtualMachines", None),
        ] {
            assert_eq!(nearest_served_type(kind).as_deref(), nearest, "{kind}");
        }
    }

    #[test]
    fn only_a_type_that_could_be_stored_leads_to_the_option() {
        for (kind, expected) in [
            ("Microsoft.Network/networkSecurityGroups", "--unserved-types store"),
            ("Microsoft.Network/applicationGateways/unheardOf", "Azure has no such type."),
            ("Contoso.Things/a box", "Azure has no such type."),
            ("Tidegate.Network/unheardOf", "Tidegate has no such type."),
        ] {
            let message = unknown_type(kind, None);
            assert!(message.contains(expected), "{message}");
        }
    }
}
