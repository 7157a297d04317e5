//! Decisions about changes.

use serde_json::{Value, json};
use tidegate_shared::id::{Digest, GatewayId, Generation};
use uuid::Uuid;

use super::*;
use crate::arm::private_addresses::PrivateAddresses;
use crate::store::OperationalState;
use crate::testing::{VERSION, body, context, path, sent};

mod extensions;
mod growth;

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

/// The gateway that `body` creates, with the etag `g`; its children have the etag `c`.
fn stored() -> Gateway {
    let Decision::Replace { document, config_digest, .. } =
        put(body(8080)).decision(context(), None).unwrap()
    else {
        panic!("not new")
    };
    Gateway {
        id: GatewayId(Uuid::nil()),
        etag: Etag("W/\"g\"".into()),
        child_etags: vec![Etag("W/\"c\"".into()); document.children.len()],
        extension_etags: Vec::new(),
        document,
        generation: Generation(1),
        config_digest,
        state: ProvisioningState::Succeeded,
        reason: None,
        operational: OperationalState::Running,
        bound_addresses: PrivateAddresses::default(),
    }
}

/// Returns `None` if nothing is written, otherwise whether the content changes.
fn new_config(edit: &Edit) -> Option<bool> {
    match edit.decision(context(), Some(&stored())).unwrap() {
        Decision::Keep => None,
        Decision::Replace { config_digest, .. } => Some(config_digest != stored().config_digest),
        Decision::ReplaceTags(_) | Decision::Stop | Decision::Delete => panic!("not asked for"),
    }
}

#[test]
fn a_write_is_nothing_or_only_words_or_a_new_config() {
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
        assert_eq!(new_config(&edit), expected, "{name}");
    }
}

#[test]
fn a_document_that_means_something_else_by_now_is_written_again() {
    let stale = Gateway { config_digest: Digest("of an earlier version".to_owned()), ..stored() };
    assert!(matches!(put(body(8080)).decision(context(), Some(&stale)), Ok(Decision::Replace { .. })));
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
        match edit.decision(context(), Some(&stored())) {
            Ok(_) => assert!(good, "{text}"),
            Err(EditError::PreconditionFailed) => assert!(!good, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn a_child_in_use_stays_and_its_users_are_named() {
    let error = delete_child("httpListeners", "L").decision(context(), Some(&stored())).unwrap_err();
    let EditError::InUse(users) = error else { panic!("{error}") };
    assert_eq!(users, [format!("{}/requestRoutingRules/r", path("gw"))]);
    assert!(matches!(
        delete_child("requestRoutingRules", "r").decision(context(), Some(&stored())),
        Ok(Decision::Replace { .. })
    ));
    assert!(matches!(
        delete_child("probes", "none").decision(context(), Some(&stored())),
        Err(EditError::NoChild)
    ));
}

#[test]
fn violations_of_a_child_have_paths_within_it() {
    let edit = put_child("frontendPorts", "p", json!({"properties": {"port": 70000}}));
    let EditError::Invalid(Violations(violations, _)) =
        edit.decision(context(), Some(&stored())).unwrap_err()
    else {
        panic!("accepted")
    };
    assert_eq!(violations[0].target, "properties.port");
}

#[test]
fn a_gateway_that_goes_takes_no_writes_and_can_be_deleted_again() {
    let going = Gateway { state: ProvisioningState::Deleting, ..stored() };
    for edit in [put(body(8080)), delete_child("httpListeners", "l")] {
        assert!(matches!(edit.decision(context(), Some(&going)), Err(EditError::Deleting)));
    }
    let edit = || Edit { action: EditAction::Delete, ..put(Value::Null) };
    assert!(matches!(edit().decision(context(), Some(&going)), Ok(Decision::Delete)));
    assert!(matches!(edit().decision(context(), None), Err(EditError::NoGateway)));
}

#[test]
fn tags_alone_are_no_write_that_anybody_waits_for() {
    let patch = |body: Value| Edit { action: EditAction::PutTags { body }, ..put(Value::Null) };
    // Other violations of the document do not matter.
    let mut old = stored();
    old.document.children.retain(|child| child.collection.name != "frontendPorts");
    let Ok(Decision::ReplaceTags(document)) = decide(&patch(json!({"tags": {"a": "b"}})), Some(&old)) else {
        panic!("refused")
    };
    assert_eq!(document.body["tags"], json!({"a": "b"}));
    assert_eq!(document.body["location"], old.document.body["location"]);
    assert_eq!(document.children, old.document.children);
    let refused = decide(&patch(json!({"tags": {"a": ["b"]}})), Some(&old));
    let Err(EditError::Invalid(Violations(violations, _))) = refused else { panic!("accepted") };
    assert_eq!(violations[0].target, "tags.a");
}

#[test]
fn a_start_is_a_write_of_what_is_stored_and_a_stop_is_none() {
    let edit = |action| Edit { action, ..put(Value::Null) };
    let off = Gateway { operational: OperationalState::Stopped, ..stored() };
    let stale = Gateway { config_digest: Digest("of an earlier version".to_owned()), ..off.clone() };
    let going = Gateway { state: ProvisioningState::Deleting, ..stored() };
    for gateway in [&stored(), &off] {
        assert!(matches!(decide(&edit(EditAction::Start), Some(gateway)), Ok(Decision::Keep)));
        assert!(matches!(decide(&edit(EditAction::Stop), Some(gateway)), Ok(Decision::Stop)));
    }
    assert!(matches!(decide(&edit(EditAction::Start), Some(&stale)), Ok(Decision::Replace { .. })));
    for action in [|| EditAction::Start, || EditAction::Stop] {
        assert!(matches!(decide(&edit(action()), None), Err(EditError::NoGateway)));
        assert!(matches!(decide(&edit(action()), Some(&going)), Err(EditError::Deleting)));
    }
}

#[test]
fn a_member_has_the_version_of_its_child() {
    let map = json!({"properties": {"defaultRedirectConfiguration": {
        "id": format!("{}/redirectConfigurations/away", path("gw"))}}});
    let mut whole = body(8080);
    whole["properties"]["redirectConfigurations"] = json!([{"name": "away", "properties": {
        "redirectType": "Found", "targetUrl": "https://away.test/"}}]);
    whole["properties"]["urlPathMaps"] = json!([{"name": "map", "properties": map["properties"]}]);
    let rule = json!({"name": "old", "properties": {
        "paths": ["/old/*"], "redirectConfiguration": map["properties"]["defaultRedirectConfiguration"]}});
    whole["properties"]["urlPathMaps"][0]["properties"]["pathRules"] = json!([rule]);
    let Ok(Decision::Replace { document, config_digest, .. }) = decide(&put(whole), None) else {
        panic!("refused")
    };
    let child_etags = vec![Etag("W/\"c\"".into()); document.children.len()];
    let gateway = Gateway { document, config_digest, child_etags, ..stored() };

    let maps = Collection::named("urlPathMaps").unwrap();
    let member = |child: &str, name: &str| MemberPath {
        nested: maps.nested_named("pathRules").unwrap(),
        child: child.into(),
        name: name.into(),
    };
    let edit = |action, if_match: Option<&str>| Edit {
        path: path("gw"),
        preconditions: Preconditions { if_match: if_match.map(str::to_owned), if_none_match: None },
        action,
    };
    let put = |name: &str, if_match| {
        let body = json!({"properties": {"paths": [format!("/{name}/*")], "redirectConfiguration":
            rule["properties"]["redirectConfiguration"]}});
        edit(EditAction::PutMember { path: member("map", name), body: sent(body) }, if_match)
    };
    let delete = |child, name| edit(EditAction::DeleteMember { path: member(child, name) }, None);

    assert!(matches!(decide(&put("OLD", Some("W/\"c\"")), Some(&gateway)), Ok(Decision::Replace { .. })));
    assert!(matches!(decide(&put("old", None), Some(&gateway)), Ok(Decision::Keep)));
    for edit in [put("old", Some("W/\"g\"")), put("new", Some("*"))] {
        assert!(matches!(decide(&edit, Some(&gateway)), Err(EditError::PreconditionFailed)));
    }
    for edit in [delete("map", "new"), delete("none", "old")] {
        assert!(matches!(decide(&edit, Some(&gateway)), Err(EditError::NoChild)));
    }
    assert_eq!(delete("map", "old").resource_id(), format!("{}/urlPathMaps/map/pathRules/old", path("gw")));
    assert_eq!(
        delete("map", "old").action_name(),
        "Microsoft.Network/applicationGateways/urlPathMaps/pathRules/delete"
    );

    let wrong = sent(json!({"properties": {"paths": ["no-slash"]}}));
    let wrong = edit(EditAction::PutMember { path: member("map", "new"), body: wrong }, None);
    let Err(EditError::Invalid(Violations(found, _))) = decide(&wrong, Some(&gateway)) else {
        panic!("accepted")
    };
    assert!(found.iter().all(|violation| violation.target.starts_with("properties")), "{found:?}");
}

fn decide(edit: &Edit, stored: Option<&Gateway>) -> Result<Decision, EditError> {
    edit.decision(context(), stored)
}
