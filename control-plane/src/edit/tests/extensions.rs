//! Decisions about extension documents.

use super::*;
use crate::arm::extension::TUNNEL_POLICIES;
use crate::violation::code;

fn put_policy(name: &str, properties: &Value) -> Edit {
    let body = json!({"properties": properties});
    let action = EditAction::PutExtension { kind: TUNNEL_POLICIES, name: name.into(), body };
    Edit { path: path("gw"), preconditions: Preconditions::default(), action }
}

fn delete_policy(name: &str) -> Edit {
    let action = EditAction::DeleteExtension { kind: TUNNEL_POLICIES, name: name.into() };
    Edit { path: path("gw"), preconditions: Preconditions::default(), action }
}

/// The gateway with the policy of its pool `b`, which has the etag `e`.
fn with_policy() -> Gateway {
    let decision = put_policy("b", &json!({"maxTunnels": 5})).decision(context(), Some(&stored())).unwrap();
    let Decision::Replace { document, config_digest, .. } = decision else { panic!("{decision:?}") };
    Gateway { document, config_digest, extension_etags: vec![Etag("W/\"e\"".into())], ..stored() }
}

#[test]
fn a_policy_is_a_new_config_unless_nothing_changes() {
    let before = with_policy();
    assert_ne!(before.config_digest, stored().config_digest);
    assert_eq!(before.document.children, stored().document.children);
    let decide = |edit: Edit| edit.decision(context(), Some(&before)).unwrap();
    assert!(matches!(decide(put_policy("B", &json!({"maxTunnels": 5}))), Decision::Keep));
    let Decision::Replace { config_digest, .. } = decide(put_policy("b", &json!({}))) else { panic!() };
    assert_eq!(config_digest, stored().config_digest, "the built-in policy, written down");
    let Decision::Replace { document, .. } = decide(delete_policy("b")) else { panic!() };
    assert_eq!(document, stored().document);
    // The whole gateway, as a client of Azure sends it.
    assert!(matches!(decide(put(body(8080))), Decision::Keep));
    let Decision::Replace { document, .. } = decide(put(body(8081))) else { panic!() };
    assert_eq!(document.extensions, before.document.extensions);
}

#[test]
fn a_condition_is_about_the_policy() {
    let before = with_policy();
    let with = |if_match: &str, edit: Edit| Edit {
        preconditions: Preconditions { if_match: Some(if_match.into()), if_none_match: None },
        ..edit
    };
    for (edit, good) in [
        (with("W/\"e\"", put_policy("b", &json!({}))), true),
        (with("W/\"g\"", put_policy("b", &json!({}))), false),
        (with("*", put_policy("default", &json!({}))), false),
        (with("W/\"e\"", delete_policy("b")), true),
        (with("W/\"g\"", delete_policy("b")), false),
    ] {
        let text = format!("{edit:?}");
        match edit.decision(context(), Some(&before)) {
            Ok(_) => assert!(good, "{text}"),
            Err(EditError::PreconditionFailed) => assert!(!good, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn a_policy_needs_its_gateway_and_is_judged_in_its_own_terms() {
    assert!(matches!(put_policy("b", &json!({})).decision(context(), None), Err(EditError::NoGateway)));
    let deleting = Gateway { state: ProvisioningState::Deleting, ..stored() };
    let refused = put_policy("b", &json!({})).decision(context(), Some(&deleting));
    assert!(matches!(refused, Err(EditError::Deleting)));
    assert!(matches!(delete_policy("b").decision(context(), Some(&stored())), Err(EditError::NoChild)));
    let error = put_policy("b", &json!({"maxTunnels": 0})).decision(context(), Some(&stored())).unwrap_err();
    let EditError::Invalid(violations) = error else { panic!("{error}") };
    let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
    assert_eq!(found, [(code::OUT_OF_RANGE, "properties.maxTunnels")]);
}
