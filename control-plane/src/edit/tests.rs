//! What the decisions come to.

use serde_json::{Value, json};
use tidegate_shared::id::{Digest, GatewayId, Generation};
use uuid::Uuid;

use super::*;
use crate::testing::{VERSION, body, path, sent};

fn put(body: Value) -> Edit {
    let action = EditAction::Put { body: sent(body), version: VERSION };
    Edit { path: path("gw"), preconditions: Preconditions::default(), action }
}

fn put_child(collection: &str, name: &str, body: Value) -> Edit {
    let collection = Collection::named(collection).unwrap();
    let action = EditAction::PutChild { collection, name: name.into(), body: sent(body), version: VERSION };
    Edit { path: path("gw"), preconditions: Preconditions::default(), action }
}

fn delete_child(collection: &str, name: &str) -> Edit {
    let collection = Collection::named(collection).unwrap();
    let action = EditAction::DeleteChild { collection, name: name.into() };
    Edit { path: path("gw"), preconditions: Preconditions::default(), action }
}

/// The gateway that `body` makes, with tag `g` and children's tags `c`.
fn stored() -> Gateway {
    let Decision::Replace { document, meaning, .. } = put(body(8080)).decide(None).unwrap() else {
        panic!("not new")
    };
    Gateway {
        id: GatewayId(Uuid::nil()),
        etag: Etag("W/\"g\"".into()),
        child_etags: vec![Etag("W/\"c\"".into()); document.children.len()],
        document,
        generation: Generation(1),
        meaning,
        state: ProvisioningState::Succeeded,
        reason: None,
        has_run: true,
    }
}

/// None where nothing is written, else whether it means something new.
fn new_meaning(edit: &Edit) -> Option<bool> {
    match edit.decide(Some(&stored())).unwrap() {
        Decision::Keep => None,
        Decision::Replace { meaning, .. } => Some(meaning != stored().meaning),
        Decision::Delete => panic!("not asked for"),
    }
}

#[test]
fn a_write_is_nothing_or_only_words_or_a_new_meaning() {
    let mut tagged = body(8080);
    tagged["tags"] = json!({"a": "b"});
    let mut loud = body(8080);
    loud["properties"]["FRONTENDPORTS"] =
        loud["properties"].as_object_mut().unwrap().remove("frontendPorts").unwrap();
    let port = |number: u16| json!({"properties": {"port": number}});
    let cases = [
        ("the same", put(body(8080)), None),
        ("the same in another case", put(loud), None),
        ("tags", put(tagged), Some(false)),
        ("another port", put(body(8081)), Some(true)),
        ("the same child", put_child("frontendPorts", "P", port(8080)), None),
        ("an unused child", put_child("frontendPorts", "other", port(9)), Some(false)),
        ("a used child", put_child("FrontendPorts", "P", port(8081)), Some(true)),
    ];
    for (name, edit, expected) in cases {
        assert_eq!(new_meaning(&edit), expected, "{name}");
    }
}

#[test]
fn a_document_that_means_something_else_by_now_is_written_again() {
    let stale = Gateway { meaning: Digest("of an earlier version".to_owned()), ..stored() };
    assert!(matches!(put(body(8080)).decide(Some(&stale)), Ok(Decision::Replace { .. })));
}

#[test]
fn a_condition_is_about_the_row_that_is_written() {
    let with = |if_match: &str, edit: Edit| Edit {
        preconditions: Preconditions { if_match: Some(if_match.into()), if_none_match: None },
        ..edit
    };
    let port = json!({"properties": {"port": 8080}});
    let cases = [
        (with("W/\"g\"", put(body(1))), true),
        (with("W/\"c\"", put(body(1))), false),
        (with("W/\"c\"", put_child("frontendPorts", "p", port.clone())), true),
        (with("W/\"g\"", put_child("frontendPorts", "p", port.clone())), false),
        (with("*", put_child("frontendPorts", "new", port)), false),
        (with("W/\"g\"", delete_child("httpListeners", "l")), false),
    ];
    for (edit, good) in cases {
        let text = format!("{edit:?}");
        match edit.decide(Some(&stored())) {
            Ok(_) => assert!(good, "{text}"),
            Err(EditError::PreconditionFailed) => assert!(!good, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn a_child_in_use_stays_and_its_users_are_named() {
    let error = delete_child("httpListeners", "L").decide(Some(&stored())).unwrap_err();
    let EditError::InUse(users) = error else { panic!("{error}") };
    assert_eq!(users, [format!("{}/requestRoutingRules/r", path("gw"))]);
    assert!(matches!(
        delete_child("requestRoutingRules", "r").decide(Some(&stored())),
        Ok(Decision::Replace { .. })
    ));
    assert!(matches!(delete_child("probes", "none").decide(Some(&stored())), Err(EditError::NoChild)));
}

#[test]
fn violations_of_a_child_have_paths_within_it() {
    let edit = put_child("frontendPorts", "p", json!({"properties": {"port": 70000}}));
    let EditError::Invalid(Violations(violations)) = edit.decide(Some(&stored())).unwrap_err() else {
        panic!("accepted")
    };
    assert_eq!(violations[0].target, "properties.port");
}

#[test]
fn a_gateway_that_goes_takes_no_writes_and_can_be_deleted_again() {
    let going = Gateway { state: ProvisioningState::Deleting, ..stored() };
    for edit in [put(body(8080)), delete_child("httpListeners", "l")] {
        assert!(matches!(edit.decide(Some(&going)), Err(EditError::Deleting)));
    }
    let edit = || Edit { action: EditAction::Delete, ..put(Value::Null) };
    assert!(matches!(edit().decide(Some(&going)), Ok(Decision::Delete)));
    assert!(matches!(edit().decide(None), Err(EditError::NoGateway)));
}
