//! The kinds of resources below a gateway that the command line knows: one row for each, with its noun, its place in
//! resource IDs and the columns of its table. Pure data; commands for a kind need nothing else.

/// A kind of resource below a gateway.
#[derive(Debug)]
pub(crate) struct ResourceKind {
    /// The noun on the command line, such as `listener`.
    pub(crate) noun: &'static str,
    /// The plural: the word in messages, and an alias of the noun where it is another word.
    pub(crate) plural: &'static str,
    /// The help text.
    pub(crate) about: &'static str,
    /// The place below the gateway, such as `httpListeners`.
    pub(crate) collection: &'static str,
    /// Where members have their place.
    pub(crate) place: Place,
    /// The columns after the name: a title, and the JSON pointer of the value.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

/// Where the members of a kind have their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the document of the gateway, as children.
    Document,
    /// Beside the document, with the provider of extensions.
    Extension,
}

impl ResourceKind {
    /// The path from the gateway to the list of this kind.
    pub(crate) fn path(&self) -> String {
        match self.place {
            Place::Document => self.collection.to_owned(),
            Place::Extension => format!("providers/Tidegate.Network/{}", self.collection),
        }
    }

    /// Finds a kind by its place in IDs, ignoring case.
    pub(crate) fn at(place: Place, collection: &str) -> Option<&'static ResourceKind> {
        KINDS.iter().find(|kind| kind.place == place && kind.collection.eq_ignore_ascii_case(collection))
    }
}

const fn child(
    noun: &'static str,
    plural: &'static str,
    about: &'static str,
    collection: &'static str,
    columns: &'static [(&'static str, &'static str)],
) -> ResourceKind {
    ResourceKind { noun, plural, about, collection, place: Place::Document, columns }
}

const fn extension(
    noun: &'static str,
    plural: &'static str,
    about: &'static str,
    collection: &'static str,
    columns: &'static [(&'static str, &'static str)],
) -> ResourceKind {
    ResourceKind { noun, plural, about, collection, place: Place::Extension, columns }
}

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
        &[("EXPIRES", EXPIRY)],
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
        &[("EXPIRES", EXPIRY)],
    ),
    child(
        "trusted-client",
        "trusted-clients",
        "Authorities that the certificates of clients must come from.",
        "trustedClientCertificates",
        &[("EXPIRES", EXPIRY)],
    ),
    child(
        "authentication-certificate",
        "authentication-certificates",
        "Certificates of backends, in the form of Application Gateway v1.",
        "authenticationCertificates",
        &[("EXPIRES", EXPIRY)],
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
    child(
        "private-link",
        "private-links",
        "Private link configurations.",
        "privateLinkConfigurations",
        &[("ADDRESSES", "/properties/ipConfigurations")],
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

/// Stands for the end of a certificate, which is read from the certificate itself.
pub(crate) const EXPIRY: &str = "expiry";

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
            assert_eq!(
                ResourceKind::at(kind.place, &kind.collection.to_uppercase()).unwrap().noun,
                kind.noun
            );
        }
    }
}
