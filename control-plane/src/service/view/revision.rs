//! Rendering of revisions. Pure.

use serde_json::{Map, Value, json};

use crate::arm::collection::COLLECTIONS;
use crate::arm::extension::NAMESPACE;
use crate::arm::resource_id::GatewayPath;
use crate::store::{Gateway, Revision, RevisionContent};

/// The properties that tell how far the workers are, which is not part of a content.
const STATES: [&str; 5] =
    ["provisioningState", "operationalState", "resourceGuid", "error", "boundIPAddress"];

/// Renders a revision without its content. Only that of the gateway's current generation has an etag: nothing is written
/// to the others.
pub(crate) fn revision(gateway: &Gateway, revision: &Revision) -> Value {
    let counts = revision.counts;
    let mut properties = json!({
        "generation": revision.generation.0,
        "current": revision.generation == gateway.generation,
        "createdAt": revision.created_at.to_string(),
        "changedAt": revision.changed_at.to_string(),
        "author": revision.author,
        "gatewayEtag": revision.etag.0,
        "counts": {
            "listeners": counts.listeners,
            "pools": counts.pools,
            "members": counts.members,
            "rules": counts.rules,
            "certificates": counts.certificates,
        },
    });
    if let Some(reason) = &revision.reason {
        properties["reason"] = reason.as_str().into();
    }
    let mut shown = json!({
        "name": revision.generation.to_string(),
        "id": id(&gateway.document.path, &revision.generation.to_string()),
        "type": format!("{NAMESPACE}/revisions"),
        "properties": properties,
    });
    if revision.generation == gateway.generation {
        shown["etag"] = gateway.content_etag().0.into();
    }
    shown
}

/// The resource ID of a revision.
pub(crate) fn id(path: &GatewayPath, name: &str) -> String {
    format!("{path}/providers/{NAMESPACE}/revisions/{name}")
}

/// Renders a content of a gateway: the document as a GET shows it, and its extension documents, both without etags and
/// states. It contains no secrets.
pub(crate) fn content(gateway: &Gateway, content: &RevisionContent) -> Value {
    let document = content.document.clone();
    let as_it_was = Gateway {
        child_etags: vec![gateway.etag.clone(); document.children.len()],
        extension_etags: vec![gateway.etag.clone(); document.extensions.len()],
        document,
        ..gateway.clone()
    };
    let mut shown = super::gateway(&as_it_was);
    without_state(&mut shown);
    for collection in COLLECTIONS {
        for child in members(&mut shown, collection.name) {
            without_state(child);
            for nested in collection.nested() {
                members(child, nested.name).for_each(without_state);
            }
        }
    }
    let extensions = as_it_was.extensions().map(|(extension, etag)| {
        let mut shown = super::extension(&as_it_was, extension, etag);
        without_state(&mut shown);
        shown
    });
    json!({"document": shown, "extensions": extensions.collect::<Vec<_>>()})
}

/// Returns the resource IDs of the children that have another secret in `to` than in `from`, or only there.
pub(crate) fn changed_secrets(from: &RevisionContent, to: &RevisionContent) -> Vec<String> {
    let changed = to.document.children.iter().filter(|child| {
        let before =
            from.document.child(child.collection, &child.name).and_then(|child| child.secret.as_ref());
        child.secret.is_some() && before != child.secret.as_ref()
    });
    changed.map(|child| to.document.path.child_id(child.collection, &child.name)).collect()
}

/// Removes the etag and the states of a rendered resource.
fn without_state(shown: &mut Value) {
    let Some(shown) = shown.as_object_mut() else { return };
    shown.remove("etag");
    if let Some(properties) = shown.get_mut("properties").and_then(Value::as_object_mut) {
        STATES.iter().for_each(|name| drop(properties.remove(*name)));
    }
}

/// The rendered members of a collection of a resource.
fn members<'a>(shown: &'a mut Value, collection: &str) -> impl Iterator<Item = &'a mut Value> {
    let properties = shown.get_mut("properties").and_then(Value::as_object_mut);
    let list = properties.and_then(|properties: &mut Map<String, Value>| properties.get_mut(collection));
    list.and_then(Value::as_array_mut).into_iter().flatten()
}
