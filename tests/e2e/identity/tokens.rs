//! The token endpoint, its metadata, and invalid tokens.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tidegate_harness::Management;

use super::{Credentials, all_gateways, create};
use crate::tidegate;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Gets a token by the metadata, as clients do, on one endpoint.
async fn follow_the_metadata(management: &Management, scheme: &str, credentials: &Credentials) {
    let nobody = management.with_token(None);
    let origin = format!("{scheme}://{}", management.address());
    let cloud =
        nobody.send("GET", "/metadata/endpoints?api-version=2022-09-01", &[], "").await.expect(200).json();
    assert_eq!(cloud["resourceManager"], origin.as_str());
    assert_eq!(cloud["authentication"]["audiences"], json!([origin]));
    assert_eq!(cloud["authentication"]["tenant"], "common", "any other is taken for Azure Stack");
    for (section, name) in
        [("", "microsoftGraphResourceId"), ("/suffixes", "storage"), ("/suffixes", "keyVaultDns")]
    {
        assert_ne!(text(cloud.pointer(section).expect("a section"), name), "", "azurerm requires {name}");
    }
    for version in ["2019-05-01", "2020-06-01"] {
        let path = format!("/metadata/endpoints?api-version={version}");
        assert_eq!(nobody.send("GET", &path, &[], "").await.expect(200).json(), json!([cloud]));
    }
    let login = text(&cloud["authentication"], "loginEndpoint");
    for place in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
        let place = format!("{login}/{}/{place}", credentials.tenant);
        let metadata = nobody.send("GET", &place, &[], "").await.expect(200).json();
        let issuer = text(&metadata, "issuer");
        assert_eq!(issuer, format!("{origin}/{}/v2.0", credentials.tenant));
        let keys = nobody.send("GET", text(&metadata, "jwks_uri"), &[], "").await.expect(200).json();
        let token_endpoint = text(&metadata, "token_endpoint");
        let answer = nobody.send("POST", token_endpoint, &[FORM], credentials.form(None)).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let answer = answer.json();
        assert_eq!(answer["token_type"], "Bearer");
        let token = text(&answer, "access_token");
        let (header, claims) = (part(token, 0), part(token, 1));
        assert_eq!(header["kid"], keys["keys"][0]["kid"]);
        assert_eq!((&claims["iss"], &claims["appid"]), (&issuer.into(), &credentials.id.as_str().into()));
        assert_eq!(claims["tid"], credentials.tenant.as_str());
        assert_eq!(claims["oid"], claims["appid"], "clients look up no other object");
        let lifetime = seconds(&claims, "exp") - seconds(&claims, "iat");
        assert_eq!(answer["expires_in"], lifetime);
        assert!(lifetime <= 3600);
        management.with_token(Some(token)).get(&all_gateways()).await.expect(200);
    }
}

/// Decodes a part of a token without verifying it.
fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).expect("a token has three parts");
    let part = URL_SAFE_NO_PAD.decode(part).expect("each is base64");
    serde_json::from_slice(&part).expect("and the first two are JSON")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn seconds(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[tokio::test]
async fn the_metadata_leads_to_a_token_over_http_and_https() {
    let tidegate = tidegate().start().await;
    let credentials = create(&tidegate, &["ci", "--role", "reader"]).await;
    follow_the_metadata(&tidegate.management(), "http", &credentials).await;
    follow_the_metadata(&tidegate.management_tls(), "https", &credentials).await;
}

#[tokio::test]
async fn a_secret_comes_in_the_form_or_by_basic() {
    let tidegate = tidegate().start().await;
    let credentials = create(&tidegate, &["ci", "--role", "reader"]).await;
    let nobody = tidegate.management().with_token(None);
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{}:{secret}", credentials.id)));
    let grant = "grant_type=client_credentials";
    let stranger =
        "grant_type=client_credentials&client_id=00000000-0000-0000-0000-000000000009&client_secret=x";
    let here = credentials.tenant.as_str();
    let cases = [
        (here, FORM.1, String::new(), credentials.form(None), 200, ""),
        (here, FORM.1, basic(&credentials.secret), grant.to_owned(), 200, ""),
        (here, FORM.1, String::new(), credentials.form(Some("wrong")), 401, "invalid_client"),
        (here, FORM.1, basic("wrong"), grant.to_owned(), 401, "invalid_client"),
        (here, FORM.1, String::new(), stranger.to_owned(), 401, "invalid_client"),
        (here, FORM.1, String::new(), stranger.replace("00000000", "x"), 401, "invalid_client"),
        (here, FORM.1, String::new(), "grant_type=password".to_owned(), 400, "unsupported_grant_type"),
        (here, FORM.1, String::new(), String::new(), 400, "invalid_request"),
        (here, "application/json", String::new(), "{}".to_owned(), 400, "invalid_request"),
        ("organizations", FORM.1, String::new(), credentials.form(None), 200, ""),
        ("elsewhere", FORM.1, String::new(), credentials.form(None), 400, "invalid_tenant"),
    ];
    for (tenant, media_type, authorization, body, status, code) in cases {
        for version in ["oauth2/token", "oauth2/v2.0/token"] {
            let mut headers = vec![("content-type", media_type)];
            if !authorization.is_empty() {
                headers.push(("authorization", &authorization));
            }
            let answer = nobody.send("POST", &format!("/{tenant}/{version}"), &headers, body.clone()).await;
            assert_eq!(answer.status, status, "{body} {authorization}: {}", answer.text());
            if status != 200 {
                assert_eq!(answer.json()["error"], code, "{body}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                let challenged = answer.header("www-authenticate").is_some();
                assert_eq!(challenged, status == 401 && !authorization.is_empty(), "{body}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_not_signed_here_is_no_token() {
    let (tidegate, other) = (tidegate().start().await, tidegate().start().await);
    let credentials = create(&tidegate, &["ci", "--role", "reader"]).await;
    let management = tidegate.management();
    let token = credentials.ask(&management, None).await.json()["access_token"].as_str().unwrap().to_owned();
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = part(&token, 1);
    claims["exp"] = 4_000_000_000_i64.into();
    let longer = encode(&claims);
    let unsigned = encode(&json!({"typ": "JWT", "alg": "none"}));
    for forged in [
        format!("{header}.{longer}.{signature}"),
        format!("{unsigned}.{longer}."),
        format!("{header}.{longer}."),
        "a.b.c".to_owned(),
    ] {
        let answer = management.with_token(Some(&forged)).get(&all_gateways()).await.expect(401);
        assert_eq!(answer.error_code(), "InvalidAuthenticationToken", "{forged}");
    }
    other.management().with_token(Some(&token)).get(&all_gateways()).await.expect(401);
    management.with_token(Some(&token)).get(&all_gateways()).await.expect(200);
}
