//! TLS versions and cipher suites by policy and by listener; OCSP staples.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{CipherSuite, version};
use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Choices, Gateway, GatewayDocument, HttpClient, TlsClient};

use crate::tidegate;

const HOST: &str = "secure.test";

const AES_128: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
const AES_256: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
const CHACHA: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;

/// Returns the suites negotiated with a client that offers everything, one with TLS 1.2 only, and one with ChaCha20
/// only.
async fn agreed(gateway: &Gateway, server: &Authority, host: &str) -> [String; 3] {
    let all = Choices::default();
    let old = Choices { versions: &[&version::TLS12], ..Choices::default() };
    let chacha = Choices { versions: &[&version::TLS12], suites: &[CHACHA], ..Choices::default() };
    let mut found = Vec::new();
    for choices in [all, old, chacha] {
        let agreed = TlsClient::new(server, &choices).shake_hands(gateway.https(), host).await;
        found.push(agreed.map_or_else(|_| "-".to_owned(), |agreed| format!("{:?}", agreed.suite)));
    }
    found.try_into().expect("there are three clients")
}

#[tokio::test]
async fn policies_say_which_suites_are_served_and_in_which_order() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&[HOST]);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let predefined = |name: &str| json!({"policyType": "Predefined", "policyName": name});
    let custom = |kind: &str, version: &str, suites: &[CipherSuite]| {
        let suites: Vec<String> = suites.iter().map(|suite| format!("{suite:?}")).collect();
        json!({"policyType": kind, "minProtocolVersion": version, "cipherSuites": suites})
    };
    // One of the suites that a policy of type Custom must name.
    let rsa = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    let (tls13, aes_128, aes_256) =
        ("TLS13_AES_128_GCM_SHA256".to_owned(), format!("{AES_128:?}"), format!("{AES_256:?}"));
    for (policy, all, old) in [
        (None, &tls13, aes_256.as_str()),
        (Some(predefined("AppGwSslPolicy20220101")), &tls13, &aes_256),
        (Some(predefined("AppGwSslPolicy20220101S")), &tls13, &aes_256),
        (Some(predefined("AppGwSslPolicy20170401S")), &aes_128, &aes_128),
        (Some(custom("Custom", "TLSv1_2", &[rsa, AES_256, AES_128])), &aes_256, &aes_256),
        (Some(custom("Custom", "TLSv1_2", &[rsa, AES_128, AES_256])), &aes_128, &aes_128),
        (Some(custom("CustomV2", "TLSv1_2", &[AES_128])), &tls13, &aes_128),
        (Some(custom("CustomV2", "TLSv1_3", &[AES_128])), &tls13, "-"),
    ] {
        let mut document = gateway.document.clone();
        let name = format!("{policy:?}");
        if let Some(policy) = policy {
            document.body_mut()["properties"]["sslPolicy"] = policy;
        }
        gateway.apply(document).await;
        assert_eq!(agreed(&gateway, &server, HOST).await, [all.as_str(), old, "-"], "{name}");
    }
}

#[tokio::test]
async fn keys_are_exchanged_as_the_client_wishes_and_hybrid_if_it_can() {
    use rustls::NamedGroup::{X25519, X25519MLKEM768, secp256r1, secp384r1};
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&[HOST]);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let (new, old) = (&[&version::TLS13][..], &[&version::TLS12][..]);
    for policy in ["AppGwSslPolicy20220101", "AppGwSslPolicy20220101S"] {
        let mut document = gateway.document.clone();
        document.body_mut()["properties"]["sslPolicy"] =
            json!({"policyType": "Predefined", "policyName": policy});
        gateway.apply(document).await;
        for (versions, groups, expected) in [
            (&[][..], &[][..], Some(X25519MLKEM768)),
            (new, &[X25519MLKEM768], Some(X25519MLKEM768)),
            (new, &[X25519], Some(X25519)),
            (new, &[secp256r1], Some(secp256r1)),
            (new, &[secp384r1], Some(secp384r1)),
            // TLS 1.2 has no hybrid key exchange.
            (old, &[X25519MLKEM768, X25519], Some(X25519)),
            (old, &[secp256r1], Some(secp256r1)),
            (old, &[X25519MLKEM768], None),
        ] {
            let client = TlsClient::new(&server, &Choices { versions, groups, ..Choices::default() });
            let agreed = client.shake_hands(gateway.https(), HOST).await.ok().and_then(|agreed| agreed.group);
            assert_eq!(agreed, expected, "{policy} {versions:?} {groups:?}");
        }
    }
}

#[tokio::test]
async fn the_answer_says_what_is_served_of_a_policy() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut document = GatewayDocument::empty("gateway");
    let policy = json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S"});
    document.body_mut()["properties"]["sslPolicy"] = policy.clone();
    let document = document.child("sslProfiles", "profile", &json!({"sslPolicy": policy}));
    management.apply(document.id(), document.body()).await;
    let shown = management.get(document.id()).await.expect(200).json();
    let served = json!([
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    ]);
    assert_eq!(shown["properties"]["sslPolicy"]["servedCipherSuites"], served);
    let profile = &shown["properties"]["sslProfiles"][0]["properties"]["sslPolicy"];
    assert_eq!(profile["servedCipherSuites"], served);
    // A PUT of the unchanged response changes nothing.
    let again = management.put(document.id(), &shown).await.expect(200).json();
    assert_eq!(again, shown);
}

#[tokio::test]
async fn each_listener_of_a_port_has_its_own_policy() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |mut document| {
        for (host, policy) in [
            ("all.test", Value::Null),
            ("new.test", json!({"policyType": "CustomV2", "minProtocolVersion": "TLSv1_3"})),
        ] {
            document = document.child("sslProfiles", host, &json!({"sslPolicy": policy}));
            let profile = document.reference("sslProfiles", host);
            document = document.https_for(host, &server.issue(&[host]), &json!({"sslProfile": profile}));
        }
        document
    })
    .await;
    let (tls13, aes_256) = ("TLS13_AES_128_GCM_SHA256", format!("{AES_256:?}"));
    assert_eq!(agreed(&gateway, &server, "all.test").await, [tls13, &aes_256, "-"]);
    assert_eq!(agreed(&gateway, &server, "new.test").await, [tls13, "-", "-"]);
}

#[tokio::test]
async fn no_host_header_leads_past_the_policy_of_its_listener() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |mut document| {
        let custom = |suites: &[CipherSuite]| {
            let suites: Vec<String> = suites.iter().map(|suite| format!("{suite:?}")).collect();
            json!({"policyType": "CustomV2", "minProtocolVersion": "TLSv1_2", "cipherSuites": suites})
        };
        for (host, policy) in [
            ("all.test", Value::Null),
            ("new.test", json!({"policyType": "CustomV2", "minProtocolVersion": "TLSv1_3"})),
            ("narrow.test", custom(&[AES_128])),
        ] {
            document = document.child("sslProfiles", host, &json!({"sslPolicy": policy}));
            let profile = document.reference("sslProfiles", host);
            document = document.https_for(host, &server.issue(&[host]), &json!({"sslProfile": profile}));
        }
        document
    })
    .await;
    let old = |suite| {
        TlsClient::new(
            &server,
            &Choices { versions: &[&version::TLS12], suites: suite, ..Choices::default() },
        )
    };
    let (strong, weak) = (old(&[AES_256]), old(&[AES_128]));
    let newest = TlsClient::new(&server, &Choices::default());
    for (client, host, status) in [
        (&strong, "all.test", 200),
        (&strong, "new.test", 421),
        (&strong, "new.test.", 421),
        (&strong, "narrow.test", 421),
        (&weak, "new.test", 421),
        (&weak, "narrow.test", 200),
        (&newest, "new.test", 200),
        (&newest, "narrow.test", 200),
    ] {
        let mut http = HttpClient::connect_tls(gateway.https(), "all.test", &client.config).await;
        http.send("GET", "/x", &[("host", host)], "").await.expect(status);
    }
    gateway.access_log().line_with(&["does not offer the TLS version"]).await;
    assert_eq!(backend.requests().len(), 4);
}

#[tokio::test]
async fn sessions_are_resumed_also_across_a_change() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&[HOST]);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let versions: [&[_]; 2] = [&[&version::TLS12], &[&version::TLS13]];
    let clients: Vec<TlsClient> = versions
        .iter()
        .map(|versions| TlsClient::new(&server, &Choices { versions, ..Choices::default() }))
        .collect();
    for client in &clients {
        // TLS 1.3 sends tickets after the handshake: they have arrived with the first response.
        let mut http = HttpClient::connect_tls(gateway.https(), HOST, &client.config).await;
        http.get("/x").await.expect(200);
    }
    gateway.apply(gateway.document.clone().pool("more", &[])).await;
    for client in &clients {
        assert!(client.shake_hands(gateway.https(), HOST).await.unwrap().resumed);
    }
}

#[tokio::test]
async fn tls_1_3_is_served_and_no_client_may_send_anything_before_the_handshake_is_over() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&[HOST]);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let client = TlsClient::new(&server, &Choices::default());
    // The tickets have arrived with the first response.
    HttpClient::connect_tls(gateway.https(), HOST, &client.config).await.get("/x").await.expect(200);
    assert!(!client.may_send_early_data(HOST));
    let again = client.shake_hands(gateway.https(), HOST).await.unwrap();
    assert_eq!((again.version.as_str(), again.resumed), ("TLSv1_3", true));
}

#[tokio::test]
async fn a_response_of_the_authority_is_stapled_as_long_as_it_is_true() {
    let (backend, server) = (Backend::start().await, Authority::new());
    let identity = server.issue(&[HOST]);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.https(&identity)).await;
    let stapled = async |gateway: &Gateway| {
        TlsClient::new(&server, &Choices::default()).shake_hands(gateway.https(), HOST).await.unwrap().staple
    };
    assert!(stapled(&gateway).await.is_empty());
    for (until, expected) in [("20991231235959Z", true), ("20200101000000Z", false)] {
        let response = identity.ocsp_response(until);
        let document = gateway.document.clone().child(
            "sslCertificates",
            "certificate",
            &json!({"data": identity.pem_base64(), "ocspResponse": STANDARD.encode(&response)}),
        );
        gateway.apply(document).await;
        assert_eq!(stapled(&gateway).await, if expected { response } else { Vec::new() }, "{until}");
    }
    let other = server.issue(&["other.test"]).ocsp_response("20991231235959Z");
    let refused = json!({"properties": {"ocspResponse": STANDARD.encode(&other)}});
    let child = gateway.document.child_id("sslCertificates", "certificate");
    let refused = gateway.management().put(&child, &refused).await.expect(400);
    assert!(
        refused.text().contains("ApplicationGatewaySslCertificateOcspResponseInvalid"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_by_name() {
    let tidegate = tidegate().start().await;
    let policy = |name: &str| json!({"policyType": "Predefined", "policyName": name});
    let custom = |version: &str, suite: &str| json!({"policyType": "Custom", "minProtocolVersion": version, "cipherSuites": [suite]});
    let profile =
        |policy: &Value, asked: &Value| json!({"sslPolicy": policy, "clientAuthConfiguration": asked});
    let (none, suite) = (Value::Null, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    let (deprecated, unserved) =
        ("ApplicationGatewayDeprecatedTlsVersionUsedInSslPolicy", "ApplicationGatewayFeatureNotSupported");
    let (new, old) = (policy("AppGwSslPolicy20220101"), policy("AppGwSslPolicy20170401S"));
    for (policy, profile, code) in [
        (policy("AppGwSslPolicy20150501"), json!({}), deprecated),
        (policy("AppGwSslPolicy20170401"), json!({}), deprecated),
        (custom("TLSv1_1", suite), json!({}), deprecated),
        (custom("TLSv1_2", "TLS_RSA_WITH_AES_128_CBC_SHA256"), json!({}), unserved),
        (new, profile(&old, &none), "ApplicationGatewaySslPolicyMisMatch"),
        (Value::Null, profile(&old, &none), "ApplicationGatewaySslPolicyMisMatch"),
        (Value::Null, profile(&none, &json!({"verifyClientRevocation": "OCSP"})), unserved),
        (
            Value::Null,
            profile(&none, &json!({"verifyClientAuthMode": "Strict"})),
            "ApplicationGatewaySslProfileTrustedClientCertificateRequired",
        ),
    ] {
        let mut document = GatewayDocument::empty("gateway").child("sslProfiles", "profile", &profile);
        document.body_mut()["properties"]["sslPolicy"] = policy;
        let refused = tidegate.management().put(document.id(), document.body()).await.expect(400);
        assert!(refused.text().contains(code), "{code} is not in {}", refused.text());
    }
}
