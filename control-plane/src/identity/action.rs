//! ARM's names of operations, for responses that deny them.

use crate::arm::collection::Collection;
use crate::arm::extension::{ExtensionType, NAMESPACE};

use super::access::Verb;

/// The segments of paths in ARM's spelling. Others are shown as in the request.
const SPELT: [&str; 15] = [
    NAMESPACE,
    "Microsoft.Network",
    "Microsoft.Resources",
    "applicationGateways",
    "resourceGroups",
    "publicIPAddresses",
    "virtualNetworks",
    "ApplicationGatewayWebApplicationFirewallPolicies",
    "getBackendHealthOnDemand",
    "whatIf",
    "exportTemplate",
    "operationResults",
    "operationStatuses",
    "pathRules",
    "closeTunnels",
];

/// Returns the name of a request's operation, such as `Microsoft.Network/applicationGateways/write`.
pub(crate) fn name(verb: Verb, segments: &[String]) -> String {
    let (mut namespace, mut kinds) = (None, Vec::new());
    let mut rest = segments;
    while let [kind, following @ ..] = rest {
        rest = match following {
            // Segments before a namespace only locate the resource; the type begins after the namespace.
            [its, after @ ..] if kind.eq_ignore_ascii_case("providers") => {
                (namespace, kinds) = (Some(spelt(its)), Vec::new());
                after
            }
            _ => {
                kinds.push(spelt(kind));
                following.get(1..).unwrap_or_default()
            }
        };
    }
    let own = segments.first().is_some_and(|first| first.eq_ignore_ascii_case("subscriptions"));
    let default = if own { "Microsoft.Resources" } else { "Tidegate" };
    let namespace = namespace.unwrap_or_else(|| default.to_owned());
    let parts = [vec![namespace], kinds, vec![verb.as_str().to_owned()]].concat();
    parts.join("/")
}

/// Returns the resource ID that a path names.
pub(crate) fn resource(segments: &[String]) -> String {
    format!("/{}", segments.iter().map(|segment| spelt(segment)).collect::<Vec<_>>().join("/"))
}

fn spelt(segment: &str) -> String {
    let known = SPELT.iter().find(|known| known.eq_ignore_ascii_case(segment)).copied();
    known
        .or_else(|| Collection::named(segment).map(|collection| collection.name))
        .or_else(|| ExtensionType::named(segment).map(|kind| kind.name))
        .unwrap_or(segment)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_names_that_arm_gives_them() {
        const GROUP: &str = "subscriptions/s/resourcegroups/g";
        let gateway = format!("{GROUP}/providers/microsoft.network/applicationgateways/gw");
        let cases = [
            (Verb::Write, gateway.clone(), "Microsoft.Network/applicationGateways/write"),
            (
                Verb::Action,
                format!("{gateway}/backendhealth"),
                "Microsoft.Network/applicationGateways/backendhealth/action",
            ),
            (
                Verb::Delete,
                format!("{gateway}/httplisteners/l"),
                "Microsoft.Network/applicationGateways/httpListeners/delete",
            ),
            (Verb::Read, format!("{gateway}/probes"), "Microsoft.Network/applicationGateways/probes/read"),
            (
                Verb::Write,
                format!("{gateway}/providers/tidegate.network/tunnelpolicies/default"),
                "Tidegate.Network/tunnelPolicies/write",
            ),
            (Verb::Write, GROUP.to_owned(), "Microsoft.Resources/subscriptions/resourceGroups/write"),
            (Verb::Read, "subscriptions".to_owned(), "Microsoft.Resources/subscriptions/read"),
            (
                Verb::Action,
                format!("{GROUP}/providers/microsoft.resources/deployments/d/whatif"),
                "Microsoft.Resources/deployments/whatIf/action",
            ),
            (
                Verb::Action,
                "subscriptions/s/providers/microsoft.network/register".to_owned(),
                "Microsoft.Network/register/action",
            ),
            (Verb::Delete, "workers/w".to_owned(), "Tidegate/workers/delete"),
            (Verb::Read, "audit".to_owned(), "Tidegate/audit/read"),
            (
                Verb::Read,
                "subscriptions/s/providers".to_owned(),
                "Microsoft.Resources/subscriptions/providers/read",
            ),
            (
                Verb::Read,
                "subscriptions/s/resourcegroups/providers/resources".to_owned(),
                "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
            ),
        ];
        for (verb, path, expected) in cases {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            assert_eq!(name(verb, &segments), expected, "{path}");
        }
        let segments: Vec<String> = gateway.split('/').map(str::to_owned).collect();
        let expected = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/gw";
        assert_eq!(resource(&segments), expected);
    }
}
