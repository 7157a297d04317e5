//! The routes of the `applicationGatewayAvailable…` lists, and of the manifests of rule sets.

use crate::api::{available, firewall_rule_sets};
use crate::openapi::answer::{ListPage, TlsOptions, TlsPolicy};
use crate::openapi::firewall::{FirewallManifest, FirewallManifests, FirewallRuleSets};
use crate::openapi::operation::{Body, json};

use super::{Route, get, in_subscription};

pub(super) fn routes() -> Vec<Route> {
    let path = |rest: &str| in_subscription(&format!("/applicationGatewayAvailable{rest}"));
    vec![
        Route::new(
            get(
                &path("ServerVariables"),
                "ApplicationGateways_ListAvailableServerVariables",
                "Lists the server variables that rewrites can use.",
            )
            .answers(200, "The list.", Some(Body::Texts)),
            available::server_variables,
        ),
        Route::new(
            get(
                &path("RequestHeaders"),
                "ApplicationGateways_ListAvailableRequestHeaders",
                "Lists the request headers that clients offer for rewrites.",
            )
            .answers(200, "The list.", Some(Body::Texts)),
            available::request_headers,
        ),
        Route::new(
            get(
                &path("ResponseHeaders"),
                "ApplicationGateways_ListAvailableResponseHeaders",
                "Lists the response headers that clients offer for rewrites.",
            )
            .answers(200, "The list.", Some(Body::Texts)),
            available::response_headers,
        ),
        Route::new(
            get(
                &path("WafRuleSets"),
                "ApplicationGateways_ListAvailableWafRuleSets",
                "Lists the rule sets of the web application firewall, to which policies can refer.",
            )
            .answers(200, "The list.", json::<FirewallRuleSets>()),
            firewall_rule_sets::list,
        ),
        Route::new(
            get(
                &path("SslOptions/{options}"),
                "ApplicationGateways_ListAvailableSslOptions",
                "Gets the options for TLS policies.",
            )
            .answers(200, "The options.", json::<TlsOptions>()),
            available::tls_options,
        ),
        Route::new(
            get(
                &path("SslOptions/{options}/predefinedPolicies"),
                "ApplicationGateways_ListAvailableSslPredefinedPolicies",
                "Lists the predefined TLS policies.",
            )
            .answers(200, "The list.", json::<ListPage<TlsPolicy>>()),
            available::tls_policies,
        ),
        Route::new(
            get(
                &path("SslOptions/{options}/predefinedPolicies/{policy}"),
                "ApplicationGateways_GetSslPredefinedPolicy",
                "Gets a predefined TLS policy.",
            )
            .answers(200, "The policy.", json::<TlsPolicy>()),
            available::tls_policy,
        ),
        Route::new(
            get(
                &in_subscription("/locations/{location}/applicationGatewayWafDynamicManifests"),
                "ApplicationGatewayWafDynamicManifests_Get",
                "Lists the manifests of the rule sets of a region.",
            )
            .answers(200, "The list.", json::<FirewallManifests>()),
            firewall_rule_sets::manifests,
        ),
        manifest("default", "ApplicationGatewayWafDynamicManifestsDefault_Get"),
        // Azure's specification and the clients made from it spell the name so.
        manifest("dafault", "ApplicationGatewayWafDynamicManifestsDefault_GetAsSpecified"),
    ]
}

fn manifest(name: &str, id: &str) -> Route {
    let path = format!("/locations/{{location}}/applicationGatewayWafDynamicManifests/{name}");
    let summary = "Gets the manifest of the rule sets of a region.";
    Route::new(
        get(&in_subscription(&path), id, summary).answers(200, "The manifest.", json::<FirewallManifest>()),
        firewall_rule_sets::manifest,
    )
}
