//! The global switches of a gateway.

use tidegate_shared::snapshot::{Buffering, HeaderNames, RequestHeaders};

use super::check::check_gateway;
use super::*;

fn compiled(switches: &Value) -> Content {
    compile_body(json!({ "properties": { "globalConfiguration": switches } })).unwrap()
}

#[test]
fn what_is_left_out_is_as_with_the_official_service_or_off() {
    for switches in [json!(null), json!({}), json!({ "headerNames": "Standard", "forwardedForPort": true })] {
        let content = compiled(&switches);
        assert_eq!(content.buffering, Buffering { requests: false, responses: false });
        assert_eq!(
            content.headers,
            RequestHeaders { names: HeaderNames::Standard, without_client_port: false }
        );
        assert!(!content.local_replies.without_server);
    }
}

#[test]
fn each_does_what_it_says() {
    let content = compiled(&json!({
        "enableRequestBuffering": true,
        "enableResponseBuffering": false,
        "disableDefaultServerHeaderInResponse": true,
        "headerNames": "all",
        "forwardedForPort": false,
    }));
    assert_eq!(content.buffering, Buffering { requests: true, responses: false });
    assert_eq!(content.headers, RequestHeaders { names: HeaderNames::All, without_client_port: true });
    assert!(content.local_replies.without_server);
    let content =
        compiled(&json!({ "headerNames": "LettersDigitsHyphens", "enableResponseBuffering": true }));
    assert_eq!(content.buffering, Buffering { requests: false, responses: true });
    assert_eq!(content.headers.names, HeaderNames::LettersDigitsHyphens);
}

#[test]
fn other_words_are_none() {
    let names = json!({ "globalConfiguration": { "headerNames": "Some" } });
    check_gateway(names, &[(code::INVALID_JSON, ".globalConfiguration.headerNames")]);
}
