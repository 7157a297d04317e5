//! The kinds of resources below a gateway that the command line knows, one row for each. Pure data; commands for a kind
//! need nothing else.

use super::resource_kind::{
    AGE, EXPIRY, PARENT, PROVIDER, PROVIDERS, Place, ResourceKind, child, extension, nested,
};

/// All kinds, in the order of the help.
pub(crate) static KINDS: &[ResourceKind] = &[
    child(
        "listener",
        "listeners",
        "HTTP and HTTPS listeners.",
        "httpListeners",
        &[
            ("PROTOCOL", "/properties/protocol"),
            ("FRONTEND", "/properties/frontendIPConfiguration"),
            ("PORT", "/properties/frontendPort"),
            ("HOST", "/properties/hostName"),
            ("HOSTS", "/properties/hostNames"),
            ("CERTIFICATE", "/properties/sslCertificate"),
        ],
    ),
    child(
        "rule",
        "rules",
        "Rules, which route the requests of a listener.",
        "requestRoutingRules",
        &[
            ("PRIORITY", "/properties/priority"),
            ("TYPE", "/properties/ruleType"),
            ("LISTENER", "/properties/httpListener"),
            ("POOL", "/properties/backendAddressPool"),
            ("SETTINGS", "/properties/backendHttpSettings"),
            ("PATH MAP", "/properties/urlPathMap"),
            ("REDIRECT", "/properties/redirectConfiguration"),
        ],
    ),
    child(
        "path-map",
        "path-maps",
        "Path maps, which route requests by their paths.",
        "urlPathMaps",
        &[
            ("DEFAULT POOL", "/properties/defaultBackendAddressPool"),
            ("DEFAULT SETTINGS", "/properties/defaultBackendHttpSettings"),
            ("PATH RULES", "/properties/pathRules"),
        ],
    ),
    nested(
        "path-rule",
        "path-rules",
        "Path rules of path maps. `MAP/NAME` names one of several with the same name.",
        ("urlPathMaps", "pathRules"),
        &[
            ("PATH MAP", PARENT),
            ("PATHS", "/properties/paths"),
            ("POOL", "/properties/backendAddressPool"),
            ("SETTINGS", "/properties/backendHttpSettings"),
            ("REDIRECT", "/properties/redirectConfiguration"),
            ("REWRITES", "/properties/rewriteRuleSet"),
        ],
    ),
    child(
        "pool",
        "pools",
        "Backend pools.",
        "backendAddressPools",
        &[("MEMBERS", "/properties/backendAddresses")],
    ),
    child(
        "settings",
        "settings",
        "Backend HTTP settings.",
        "backendHttpSettingsCollection",
        &[
            ("PROTOCOL", "/properties/protocol"),
            ("PORT", "/properties/port"),
            ("TIMEOUT", "/properties/requestTimeout"),
            ("AFFINITY", "/properties/cookieBasedAffinity"),
            ("PROBE", "/properties/probe"),
            ("DRAINING", "/properties/connectionDraining/enabled"),
        ],
    ),
    child(
        "probe",
        "probes",
        "Health probes.",
        "probes",
        &[
            ("PROTOCOL", "/properties/protocol"),
            ("HOST", "/properties/host"),
            ("PATH", "/properties/path"),
            ("INTERVAL", "/properties/interval"),
            ("TIMEOUT", "/properties/timeout"),
            ("THRESHOLD", "/properties/unhealthyThreshold"),
        ],
    ),
    child(
        "certificate",
        "certificates",
        "Server certificates of listeners.",
        "sslCertificates",
        &[("AGE", AGE), ("EXPIRES", EXPIRY)],
    ),
    child(
        "frontend",
        "frontends",
        "Frontend IP configurations.",
        "frontendIPConfigurations",
        &[
            ("ADDRESS", "/properties/privateIPAddress"),
            ("ALLOCATION", "/properties/privateIPAllocationMethod"),
            ("PUBLIC ADDRESS", "/properties/publicIPAddress"),
            ("SUBNET", "/properties/subnet"),
        ],
    ),
    child("port", "ports", "Frontend ports.", "frontendPorts", &[("PORT", "/properties/port")]),
    child(
        "gateway-ip",
        "gateway-ips",
        "Gateway IP configurations.",
        "gatewayIPConfigurations",
        &[("SUBNET", "/properties/subnet")],
    ),
    child(
        "redirect",
        "redirects",
        "Redirect configurations.",
        "redirectConfigurations",
        &[
            ("TYPE", "/properties/redirectType"),
            ("LISTENER", "/properties/targetListener"),
            ("URL", "/properties/targetUrl"),
            ("PATH", "/properties/includePath"),
            ("QUERY", "/properties/includeQueryString"),
        ],
    ),
    child(
        "rewrite-set",
        "rewrite-sets",
        "Rewrite rule sets.",
        "rewriteRuleSets",
        &[("RULES", "/properties/rewriteRules")],
    ),
    child(
        "ssl-profile",
        "ssl-profiles",
        "SSL profiles of listeners.",
        "sslProfiles",
        &[
            ("POLICY", "/properties/sslPolicy/policyName"),
            ("CLIENT CERTIFICATES", "/properties/trustedClientCertificates"),
        ],
    ),
    child(
        "trusted-root",
        "trusted-roots",
        "Authorities that the certificates of backends must come from.",
        "trustedRootCertificates",
        &[("AGE", AGE), ("EXPIRES", EXPIRY)],
    ),
    child(
        "trusted-client",
        "trusted-clients",
        "Authorities that the certificates of clients must come from.",
        "trustedClientCertificates",
        &[("AGE", AGE), ("EXPIRES", EXPIRY)],
    ),
    child(
        "authentication-certificate",
        "authentication-certificates",
        "Certificates of backends, in the form of Application Gateway v1.",
        "authenticationCertificates",
        &[("AGE", AGE), ("EXPIRES", EXPIRY)],
    ),
    child(
        "load-distribution",
        "load-distributions",
        "Load distribution policies.",
        "loadDistributionPolicies",
        &[
            ("ALGORITHM", "/properties/loadDistributionAlgorithm"),
            ("TARGETS", "/properties/loadDistributionTargets"),
        ],
    ),
    nested(
        "load-distribution-target",
        "load-distribution-targets",
        "Targets of load distribution policies. `POLICY/NAME` names one of several with the same name.",
        ("loadDistributionPolicies", "loadDistributionTargets"),
        &[
            ("LOAD DISTRIBUTION", PARENT),
            ("POOL", "/properties/backendAddressPool"),
            ("WEIGHT", "/properties/weightPerServer"),
        ],
    ),
    child(
        "private-link",
        "private-links",
        "Private link configurations.",
        "privateLinkConfigurations",
        &[("ADDRESSES", "/properties/ipConfigurations")],
    ),
    nested(
        "private-link-address",
        "private-link-addresses",
        "Addresses of private link configurations. `PRIVATE-LINK/NAME` names one of several with the same name.",
        ("privateLinkConfigurations", "ipConfigurations"),
        &[
            ("PRIVATE LINK", PARENT),
            ("ADDRESS", "/properties/privateIPAddress"),
            ("SUBNET", "/properties/subnet"),
        ],
    ),
    child(
        "transport-listener",
        "transport-listeners",
        "TCP and TLS listeners.",
        "listeners",
        &[
            ("PROTOCOL", "/properties/protocol"),
            ("FRONTEND", "/properties/frontendIPConfiguration"),
            ("PORT", "/properties/frontendPort"),
            ("CERTIFICATE", "/properties/sslCertificate"),
        ],
    ),
    child(
        "transport-rule",
        "transport-rules",
        "Rules of TCP and TLS listeners.",
        "routingRules",
        &[
            ("PRIORITY", "/properties/priority"),
            ("LISTENER", "/properties/listener"),
            ("POOL", "/properties/backendAddressPool"),
            ("SETTINGS", "/properties/backendSettings"),
        ],
    ),
    child(
        "transport-settings",
        "transport-settings",
        "Backend settings of TCP and TLS listeners.",
        "backendSettingsCollection",
        &[
            ("PROTOCOL", "/properties/protocol"),
            ("PORT", "/properties/port"),
            ("TIMEOUT", "/properties/timeout"),
            ("PROBE", "/properties/probe"),
        ],
    ),
    extension(
        "policy",
        "policies",
        "Tunnel policies: what becomes of tunnels when something changes. `default` is for all pools, others have the name of a pool.",
        "tunnelPolicies",
        &[
            ("REMOVED", "/properties/onMemberRemoved/action"),
            ("DOWN", "/properties/onMemberDown/action"),
            ("SPREAD", "/properties/drainSpread"),
            ("MAX TUNNELS", "/properties/maxTunnels"),
            ("MAX LIFETIME", "/properties/maxLifetimeInSec"),
            ("IDLE TIMEOUT", "/properties/idleTimeoutInSec"),
            ("PEER TIMEOUT", "/properties/peerTimeoutInSec"),
            ("APPLIES TO", "/properties/appliesTo"),
        ],
    ),
    extension(
        "certificate-source",
        "certificate-sources",
        "Sources of certificates: files that are read in place of what clients send. The name is that of the certificate.",
        "certificateSources",
        &[
            ("KIND", "/properties/kind"),
            ("CERTIFICATE", "/properties/certificatePath"),
            ("KEY", "/properties/keyPath"),
            ("FAULT", "/properties/fault"),
        ],
    ),
    extension(
        "http2-policy",
        "http2-policies",
        "HTTP/2 policies: the limits of connections of clients that use HTTP/2. The name is `default`.",
        "http2Policies",
        &[("REQUESTS", "/properties/maxRequestsPerConnection")],
    ),
];

impl ResourceKind {
    /// Finds a kind by its place and its collection, ignoring case.
    pub(crate) fn at(place: Place, collection: &str) -> Option<&'static ResourceKind> {
        KINDS.iter().find(|kind| kind.place == place && kind.collection.eq_ignore_ascii_case(collection))
    }

    /// Finds the kind of a resource by the segments of its ID below the gateway, ignoring case.
    pub(crate) fn of(below: &[String]) -> Option<&'static ResourceKind> {
        let is = |segment: &String, expected: &str| segment.eq_ignore_ascii_case(expected);
        match below {
            [collection, _] => ResourceKind::at(Place::Document, collection),
            [providers, provider, collection, _] if is(providers, PROVIDERS) && is(provider, PROVIDER) => {
                ResourceKind::at(Place::Extension, collection)
            }
            [parent, _, collection, _] => KINDS.iter().find(|kind| {
                is(collection, kind.collection)
                    && matches!(kind.place, Place::Child(expected) if is(parent, expected))
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_its_own_words() {
        let words = |kind: &ResourceKind| HashSet::from([kind.noun, kind.plural]);
        let all: HashSet<&str> = KINDS.iter().flat_map(words).collect();
        assert_eq!(all.len(), KINDS.iter().map(|kind| words(kind).len()).sum::<usize>());
        for kind in KINDS {
            let collection = kind.collection.to_uppercase();
            let id = match kind.place {
                Place::Document => format!("{collection}/x"),
                Place::Child(parent) => format!("{}/x/{collection}/y", parent.to_uppercase()),
                Place::Extension => format!("PROVIDERS/TIDEGATE.NETWORK/{collection}/x"),
            };
            let below: Vec<String> = id.split('/').map(str::to_owned).collect();
            assert_eq!(ResourceKind::of(&below).unwrap().noun, kind.noun);
            assert!(ResourceKind::of(&below[1..]).is_none());
        }
    }
}
