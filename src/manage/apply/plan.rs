//! The plan of a gateway: the writes that make the documents true, made from what is stored.

use std::collections::BTreeSet;
use std::error::Error;

use serde_json::{Map, Value, json};

use crate::api_client::{Answer, ApiRequest, Condition, ResourceId};
use crate::cli::{KINDS, Place, ResourceKind};
use crate::manage::session::Session;
use crate::outcome::{Exit, Failure};

use super::documents::Document;

/// The writes of one gateway.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) gateway: ResourceId,
    /// What is stored, for the writes that it is compared with; none for a new gateway.
    pub(super) stored: Option<Value>,
    /// The writes, in the order in which they are sent.
    pub(super) writes: Vec<Write>,
}

/// One write.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) id: ResourceId,
    /// What is stored; none if it is created.
    pub(super) before: Option<Value>,
    /// The body of a PUT; none for a DELETE.
    pub(super) body: Option<Value>,
    /// True if a member that is not in the body is deleted.
    pub(super) is_whole: bool,
    pub(super) condition: Option<Condition>,
}

impl Write {
    /// A PUT under the condition that what is stored is still what was read.
    fn put(id: ResourceId, before: Option<&Answer>, body: Value, is_whole: bool) -> Write {
        let condition = match before {
            Some(before) => before.etag().map(|etag| Condition::Match(etag.to_owned())),
            None => Some(Condition::Absent),
        };
        Write { id, before: before.map(|answer| answer.body.clone()), body: Some(body), is_whole, condition }
    }

    fn delete(id: ResourceId, before: &Value, etag: Option<&str>) -> Write {
        let condition = etag.map(|etag| Condition::Match(etag.to_owned()));
        Write { id, before: Some(before.clone()), body: None, is_whole: true, condition }
    }
}

impl Plan {
    /// Makes the plan of the documents of one gateway. Several children are written with their gateway, at once.
    ///
    /// # Errors
    /// The gateway of a child does not exist, or the control plane refuses.
    pub(super) async fn new(
        session: &Session,
        gateway: ResourceId,
        documents: &[&Document],
        prune: bool,
    ) -> Result<Plan, Box<dyn Error>> {
        let api = session.api();
        let stored = api.find(&gateway.to_string()).await?;
        let whole = documents.iter().find(|document| document.id.below.is_empty());
        let place = |document: &Document| ResourceKind::of(&document.id.below).map(|kind| kind.place);
        let is_extension = |document: &&&Document| place(document) == Some(Place::Extension);
        let children: Vec<&Document> = documents
            .iter()
            .copied()
            .filter(|document| matches!(place(document), Some(Place::Document | Place::Child(_))))
            .collect();
        if stored.is_none() && whole.is_none() {
            let message = format!("there is no gateway {gateway}; {} belongs to it", documents[0].source);
            return Err(Failure::new(Exit::NotFound, message).into());
        }
        let mut writes = Vec::new();
        match (whole, children.as_slice()) {
            (None, []) => {}
            (None, [only]) if !prune => {
                let before = api.find(&only.id.to_string()).await?;
                writes.push(Write::put(
                    only.id.clone(),
                    before.as_ref(),
                    Value::Object(only.body.clone()),
                    true,
                ));
            }
            _ => {
                let base = whole.map(|document| &document.body).or_else(|| stored.as_ref()?.body.as_object());
                let body = merged(base.cloned().unwrap_or_default(), &children, prune && whole.is_none())?;
                writes.push(Write::put(gateway.clone(), stored.as_ref(), Value::Object(body), true));
            }
        }
        let mut kinds = BTreeSet::new();
        for document in documents.iter().filter(is_extension) {
            let before = if stored.is_some() { api.find(&document.id.to_string()).await? } else { None };
            writes.push(Write::put(
                document.id.clone(),
                before.as_ref(),
                Value::Object(document.body.clone()),
                true,
            ));
            kinds.insert(document.id.below[2].to_ascii_lowercase());
        }
        for kind in kinds.iter().filter(|_| prune).filter_map(|kind| ResourceKind::at(Place::Extension, kind))
        {
            let list = gateway.join(&kind.path().unwrap_or_default()).to_string();
            for member in api.list(&ApiRequest::get(list)).await? {
                let Some(id) = member["id"].as_str().and_then(ResourceId::parse) else { continue };
                if !documents.iter().any(|document| document.id == id) {
                    writes.push(Write::delete(id, &member, member["etag"].as_str()));
                }
            }
        }
        Ok(Plan { gateway, stored: stored.map(|answer| answer.body), writes })
    }

    /// The plan to delete one resource.
    pub(super) fn deletion(id: &ResourceId, current: &Answer) -> Plan {
        let write = Write::delete(id.clone(), &current.body, current.etag());
        Plan { gateway: id.owner(), stored: None, writes: vec![write] }
    }
}

/// Puts children, and then members of children, into the document of their gateway. With `prune`, other members of
/// their collections are dropped. Pure.
///
/// # Errors
/// The child that a document belongs to is neither in the gateway nor among the documents.
fn merged(
    mut gateway: Map<String, Value>,
    children: &[&Document],
    prune: bool,
) -> Result<Map<String, Value>, Failure> {
    let properties = gateway.entry("properties").or_insert_with(|| json!({}));
    for kind in KINDS {
        let of_kind = children.iter().copied();
        let of_kind =
            of_kind.filter(|child| ResourceKind::of(&child.id.below).is_some_and(|of| of.noun == kind.noun));
        let of_kind: Vec<&Document> = of_kind.collect();
        match kind.place {
            Place::Document => {
                let belongs =
                    |document: &&&Document| document.id.below[0].eq_ignore_ascii_case(kind.collection);
                let named: Vec<&str> =
                    children.iter().filter(belongs).map(|document| document.id.below[1].as_str()).collect();
                put(properties, kind.collection, &of_kind, prune.then_some(named.as_slice()));
            }
            Place::Child(collection) => {
                let parents: BTreeSet<String> =
                    of_kind.iter().map(|document| document.id.below[1].to_lowercase()).collect();
                for parent in &parents {
                    let is_below = |document: &&&Document| document.id.below[1].eq_ignore_ascii_case(parent);
                    let below: Vec<&Document> = of_kind.iter().filter(is_below).copied().collect();
                    let all = properties[collection].as_array_mut().into_iter().flatten();
                    let found = all.into_iter().find(|one| is_named(one, parent));
                    let found = found.ok_or_else(|| {
                        let noun = ResourceKind::at(Place::Document, collection)
                            .map_or(collection, |kind| kind.noun);
                        let message = format!("{}: there is no {noun} `{parent}`", below[0].source);
                        Failure::new(Exit::NotFound, message)
                    })?;
                    let named: Vec<&str> = below.iter().map(|document| document.id.name()).collect();
                    put(&mut found["properties"], kind.collection, &below, prune.then_some(named.as_slice()));
                }
            }
            Place::Extension => {}
        }
    }
    Ok(gateway)
}

/// Puts documents into a collection, by name. With `kept`, members of other names are dropped.
fn put(properties: &mut Value, collection: &str, documents: &[&Document], kept: Option<&[&str]>) {
    if documents.is_empty() {
        return;
    }
    let mut members = properties[collection].as_array().cloned().unwrap_or_default();
    if let Some(kept) = kept {
        members.retain(|member| kept.iter().any(|name| is_named(member, name)));
    }
    for document in documents {
        let mut body = document.body.clone();
        body.insert("name".to_owned(), document.id.name().into());
        match members.iter_mut().find(|member| is_named(member, document.id.name())) {
            Some(member) => *member = Value::Object(body),
            None => members.push(Value::Object(body)),
        }
    }
    properties[collection] = Value::Array(members);
}

fn is_named(member: &Value, name: &str) -> bool {
    member["name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(below: &str, properties: &Value) -> Document {
        let body = json!({"properties": properties}).as_object().cloned().unwrap();
        Document { source: "file".into(), id: ResourceId::gateway("s", "g", "edge").join(below), body }
    }

    #[test]
    fn children_are_added_and_replaced_by_name() {
        let gateway = json!({"location": "local", "properties": {
            "probes": [{"name": "a", "properties": {"path": "/"}}, {"name": "b", "properties": {}}],
            "frontendPorts": [{"name": "web", "properties": {"port": 80}}],
        }});
        let gateway = gateway.as_object().cloned().unwrap();
        let documents = [child("probes/A", &json!({"path": "/x"})), child("probes/c", &json!({}))];
        let children: Vec<&Document> = documents.iter().collect();
        for (prune, expected) in [(false, vec!["A", "b", "c"]), (true, vec!["A", "c"])] {
            let merged = merged(gateway.clone(), &children, prune).unwrap();
            let probes = merged["properties"]["probes"].as_array().unwrap();
            assert_eq!(
                probes.iter().map(|probe| probe["name"].as_str().unwrap()).collect::<Vec<_>>(),
                expected
            );
            assert_eq!(probes[0]["properties"], json!({"path": "/x"}));
            assert_eq!(merged["properties"]["frontendPorts"], gateway["properties"]["frontendPorts"]);
        }
        let made = merged(Map::new(), &children[1..], false).unwrap();
        assert_eq!(made["properties"]["probes"][0]["name"], "c");
    }

    #[test]
    fn members_of_children_are_put_into_their_child_also_into_a_new_one() {
        let gateway = json!({"properties": {"urlPathMaps": [
            {"name": "m", "properties": {"pathRules": [{"name": "a", "properties": {}}, {"name": "b", "properties": {}}]}},
        ]}});
        let gateway = gateway.as_object().cloned().unwrap();
        let documents = [
            child("urlPathMaps/M/pathRules/B", &json!({"paths": ["/b"]})),
            child("urlPathMaps/new/pathRules/c", &json!({"paths": ["/c"]})),
            child("urlPathMaps/new", &json!({})),
        ];
        let children: Vec<&Document> = documents.iter().collect();
        for (prune, expected) in [(false, json!(["a", "B"])), (true, json!(["B"]))] {
            let merged = merged(gateway.clone(), &children, prune).unwrap();
            let maps = merged["properties"]["urlPathMaps"].as_array().unwrap();
            let rules = maps.iter().map(|map| map["properties"]["pathRules"].as_array().unwrap());
            let names = rules.map(|rules| rules.iter().map(|rule| rule["name"].clone()).collect());
            assert_eq!(names.collect::<Vec<Value>>(), [expected, json!(["c"])]);
        }
        let error = merged(gateway, &children[1..2], false).unwrap_err();
        assert_eq!(error.message, "file: there is no path-map `new`");
    }
}
