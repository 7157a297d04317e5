//! Valid and invalid requests for tokens.

use super::*;

fn of(body: &str, header: Option<&str>) -> Result<(String, Vec<u8>), OAuthError> {
    let mut headers = HeaderMap::new();
    if let Some(header) = header {
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
    }
    let request = read(&Form::read(body.as_bytes())?, &headers)?;
    assert_eq!(request.by_header, header.is_some());
    Ok((request.client, request.secret.expose().to_vec()))
}

#[test]
fn credentials_come_in_the_form_or_in_the_header() {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let grant = "grant_type=client_credentials";
    let full = format!("{grant}&client_id=a&client_secret=b%2Bc&scope=x%2F.default&client_info=1");
    assert_eq!(of(&full, None).unwrap(), ("a".to_owned(), b"b+c".to_vec()));
    assert_eq!(of(grant, Some(&basic("a%3A:b:c"))).unwrap(), ("a:".to_owned(), b"b:c".to_vec()));
    assert_eq!(of(&format!("{grant}&client_id=a"), Some(&basic("a:b"))).unwrap().0, "a");
    for (body, header, expected) in [
        ("", None, "invalid_request"),
        ("client_id=a&client_secret=b", None, "invalid_request"),
        ("grant_type=password&client_id=a&client_secret=b", None, "unsupported_grant_type"),
        ("grant_type=client_credentials", None, "invalid_request"),
        ("grant_type=client_credentials&client_id=a", None, "invalid_client"),
        ("grant_type=client_credentials&client_id=a&client_id=a&client_secret=b", None, "invalid_request"),
        ("grant_type=client_credentials&client_id=b", Some(basic("a:b")), "invalid_client"),
        ("grant_type=client_credentials&client_secret=b", Some(basic("a:b")), "invalid_request"),
        ("grant_type=client_credentials", Some("Basic ???".to_owned()), "invalid_client"),
        ("grant_type=client_credentials", Some(basic("nothing")), "invalid_client"),
        ("grant_type=client_credentials", Some("Bearer YTpi".to_owned()), "invalid_client"),
    ] {
        assert_eq!(of(body, header.as_deref()).unwrap_err().code(), expected, "{body} {header:?}");
    }
}

#[test]
fn nothing_of_a_request_shows_its_secret() {
    let form = Form::read(b"grant_type=client_credentials&client_id=a&client_secret=hunter2").unwrap();
    let request = read(&form, &HeaderMap::new()).unwrap();
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn only_what_leads_to_a_token_is_open_to_all() {
    for path in ["/metadata/endpoints", "/t/oauth2/token", "/t/oauth2/v2.0/token", "/t/discovery/v2.0/keys"] {
        assert!(is_open_to_all(path), "{path}");
    }
    for path in
        ["/", "/workers", "/metadata", "/subscriptions/s/oauth2/token", "/oauth2/token", "/t/oauth2/tokens"]
    {
        assert!(!is_open_to_all(path), "{path}");
    }
}
