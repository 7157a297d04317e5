//! The contract with Azure's own examples: each body of a gateway in them is accepted, or rejected with exactly
//! the codes listed here.

use super::*;
use crate::arm::resource_id::GatewayPath;
use crate::arm::samples::{CERTIFICATE, authority};

const CREATE: &str = include_str!("../../../../tests/azure-openapi/examples/ApplicationGatewayCreate.json");
const GET: &str = include_str!("../../../../tests/azure-openapi/examples/ApplicationGatewayGet.json");
const LIST: &str = include_str!("../../../../tests/azure-openapi/examples/ApplicationGatewayList.json");
const LIST_ALL: &str =
    include_str!("../../../../tests/azure-openapi/examples/ApplicationGatewayListAll.json");
const UPDATE_TAGS: &str =
    include_str!("../../../../tests/azure-openapi/examples/ApplicationGatewayUpdateTags.json");

fn example(text: &str, pointer: &str) -> Value {
    let example: Value = serde_json::from_str(text).unwrap();
    example.pointer(pointer).unwrap().clone()
}

/// Returns the codes of a body's violations, with targets within `properties`.
fn wrong_with(body: Value) -> Vec<(&'static str, String)> {
    let id = body["id"].as_str().unwrap_or(
        "/subscriptions/subid/resourceGroups/rg1/providers/Microsoft.Network/applicationGateways/appgw",
    );
    let path = GatewayPath::parse(id).unwrap();
    let (document, mut violations) = Document::read(path, &sent(body), None, NEW);
    if let Err(found) = compile(&document, &ExternalRefs::default(), &PatternCache::default()) {
        violations.absorb(found);
    }
    let within = |target: String| target.trim_start_matches("properties.").to_owned();
    violations.0.into_iter().map(|violation| (violation.code, within(violation.target))).collect()
}

fn check(text: &str, pointer: &str, expected: &[(&str, &str)]) {
    let found = wrong_with(example(text, pointer));
    let found: Vec<_> = found.iter().map(|(code, target)| (*code, target.as_str())).collect();
    assert_eq!(found, expected, "{pointer}");
}

/// The code of features that no worker implements yet.
const UNSERVED: &str = code::NOT_SUPPORTED;

#[test]
fn the_body_that_creates_a_gateway() {
    check(
        CREATE,
        "/parameters/parameters",
        &[
            // The example masks the data.
            (code::CERTIFICATE_INVALID, "sslCertificates[0].properties.data"),
            (code::ROOT_INVALID, "trustedRootCertificates[0].properties.data"),
            // The example's references are none.
            (code::KEY_VAULT_ID, "trustedRootCertificates[1].properties.keyVaultSecretId"),
            (code::KEY_VAULT_ID, "sslCertificates[1].properties.keyVaultSecretId"),
            (code::CLIENT_AUTHORITY_INVALID, "trustedClientCertificates[0].properties.data"),
            // TLS 1.1 has been retired since the example was written, and its only suite is not supported.
            (code::SSL_POLICY_DEPRECATED, "sslProfiles[0].properties.sslPolicy.minProtocolVersion"),
            (UNSERVED, "sslProfiles[0].properties.sslPolicy.cipherSuites"),
            // The default policy, which the gateway has, was not of the newer generation then either.
            (code::SSL_POLICY_MISMATCH, "sslProfiles[0].properties.sslPolicy"),
        ],
    );
}

#[test]
fn what_is_left_without_that_is_accepted() {
    let mut body = example(CREATE, "/parameters/parameters");
    let gateway = body["properties"].as_object_mut().unwrap();
    gateway["sslCertificates"].as_array_mut().unwrap().pop();
    gateway["trustedRootCertificates"].as_array_mut().unwrap().pop();
    *properties(&mut body, "sslCertificates", 0) = json!({ "data": CERTIFICATE });
    properties(&mut body, "trustedRootCertificates", 0)["data"] = json!(authority());
    properties(&mut body, "trustedClientCertificates", 0)["data"] = json!(authority());
    properties(&mut body, "sslProfiles", 0)["sslPolicy"] =
        json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" });
    properties(&mut body, "httpListeners", 0)["sslProfile"] = json!(null);
    assert_eq!(wrong_with(body), []);
}

/// Responses in the examples, put as if by a client that had received them. Nothing is stored, so that even
/// certificates lack their data.
#[test]
fn the_answers_of_the_examples_put_back() {
    let policy = "sslProfiles[0].properties.sslPolicy";
    let (version, suites) = (format!("{policy}.minProtocolVersion"), format!("{policy}.cipherSuites"));
    let variable =
        "rewriteRuleSets[0].properties.rewriteRules[0].actionSet.requestHeaderConfigurations[0].headerValue";
    // In all responses except for the one to a second PUT.
    let revocation = (UNSERVED, "sslProfiles[0].properties.clientAuthConfiguration.verifyClientRevocation");
    let authority = (code::CLIENT_AUTHORITY_INVALID, "trustedClientCertificates[0].properties.data");
    let policy = [
        (code::SSL_POLICY_DEPRECATED, version.as_str()),
        (UNSERVED, suites.as_str()),
        (code::SSL_POLICY_MISMATCH, policy),
    ];
    // This one reroutes from a basic rule, which Azure's documentation does not allow.
    let rerouting = (code::REWRITE_URL, "requestRoutingRules[0].properties.rewriteRuleSet");
    let created = |revocation: &[_], rerouting: &[_]| {
        [
            &[(code::CERTIFICATE_DATA, "sslCertificates[0].properties")][..],
            &[authority],
            revocation,
            &policy,
            // Azure has no variable 'remote-addr'.
            &[(code::REWRITE_VARIABLE, variable)],
            rerouting,
        ]
        .concat()
    };
    check(CREATE, "/responses/200/body", &created(&[], &[]));
    check(CREATE, "/responses/201/body", &created(&[revocation], &[rerouting]));
    let got = [
        &[
            // Null addresses.
            (code::INVALID_JSON, "backendAddressPools[1].properties.backendAddresses[0]"),
            (code::INVALID_JSON, "backendAddressPools[1].properties.backendAddresses[1]"),
            // Two targets of one name.
            (code::DUPLICATE_NAME, "loadDistributionPolicies[0].properties.loadDistributionTargets[1].name"),
            (code::CERTIFICATE_DATA, "sslCertificates[0].properties"),
        ][..],
        &[authority, revocation],
        &policy,
        &[(code::REWRITE_VARIABLE, variable)],
    ]
    .concat();
    check(GET, "/responses/200/body", &got);
    check(LIST, "/responses/200/body/value/0", &got);
    check(LIST_ALL, "/responses/200/body/value/0", &got);
    check(UPDATE_TAGS, "/responses/200/body", &[]);
}
