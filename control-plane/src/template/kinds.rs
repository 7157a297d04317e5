//! The types of resources that templates can deploy.

use crate::arm::collection::Collection;
use crate::arm::deployment::DEPLOYMENT_TYPE;
use crate::arm::resource_group::GROUP_TYPE;

/// The supported types, in the spelling of responses. The collections of a gateway's children are subtypes of
/// the third.
pub(super) const TYPES: [&str; 6] = [
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/publicIPAddresses",
    DEPLOYMENT_TYPE,
    GROUP_TYPE,
];

/// Returns whether a type is that of nested deployments.
pub(super) fn is_deployment(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(DEPLOYMENT_TYPE)
}

/// Returns whether a type is that of resource groups.
pub(super) fn is_group(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(GROUP_TYPE)
}

/// Returns the type in the spelling of responses, if it is supported.
pub(super) fn supported(kind: &str) -> Option<String> {
    if let Some(known) = TYPES.iter().find(|known| known.eq_ignore_ascii_case(kind)) {
        return Some((*known).to_owned());
    }
    let (gateway, collection) = kind.rsplit_once('/')?;
    let collection = Collection::named(collection).filter(|_| gateway.eq_ignore_ascii_case(TYPES[2]))?;
    Some(collection.resource_type())
}

/// Says that a type cannot be deployed.
pub(super) fn unsupported(kind: &str) -> String {
    format!(
        "The type '{kind:.200}' is not supported. Supported are {}, and the collections of application gateways.",
        TYPES.join(", ")
    )
}
