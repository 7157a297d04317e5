//! What a plan changes, as a person reads it: resources added, changed and deleted, property by property. Pure.
//!
//! A document is compared with what is stored. A property that the document leaves out gets its default, which only the
//! control plane knows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::api_client::ResourceId;
use crate::cli::{KINDS, Place, ResourceKind};
use crate::output::{Tone, painted};

use super::compare::{Comparison, Property, name, same};
use super::plan::Plan;

/// The changes of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::manage) struct Changes {
    all: Vec<Change>,
    /// True if both documents are as they were stored.
    is_stored: bool,
}

/// The change of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    action: Action,
    /// The resource as people name it, such as `listener web`.
    what: String,
    properties: Vec<Property>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    Change,
    Delete,
}

impl Changes {
    /// Compares the writes of a plan with what is stored.
    pub(super) fn of(plan: &Plan) -> Changes {
        let mut changes = Changes::default();
        for write in &plan.writes {
            match (&write.body, write.id.below.is_empty()) {
                (Some(body), true) => {
                    changes.gateway(&write.id.gateway, write.before.as_ref(), body, write.is_whole);
                }
                (body, _) => changes.member(&name_of(&write.id), write.before.as_ref(), body.as_ref()),
            }
        }
        changes
    }

    /// True if nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Reads the changes that the control plane tells: resources before and after, with all defaults.
    pub(super) fn told(all: &[Value]) -> Changes {
        let mut changes = Changes { all: Vec::new(), is_stored: true };
        for change in all {
            let what = change["resourceId"].as_str().and_then(ResourceId::parse).map(|id| name_of(&id));
            let present = |name: &str| Some(&change[name]).filter(|document| !document.is_null());
            let what = what.unwrap_or_else(|| change["resourceId"].as_str().unwrap_or_default().to_owned());
            changes.member(&what, present("before"), present("after"));
        }
        changes
    }

    /// Compares two documents of a gateway as they were stored, with their extensions. `secrets` are the children whose
    /// secrets differ, which no document shows.
    pub(in crate::manage) fn between(
        gateway: &ResourceId,
        (older, newer): (&Value, &Value),
        (older_extensions, newer_extensions): (&[Value], &[Value]),
        secrets: &[ResourceId],
    ) -> Changes {
        let mut changes = Changes { all: Vec::new(), is_stored: true };
        changes.gateway(&gateway.gateway, Some(older), newer, true);
        let id = |extension: &Value| extension["id"].as_str().and_then(ResourceId::parse);
        for extension in newer_extensions {
            let before = older_extensions.iter().find(|other| id(other) == id(extension));
            changes.member(&named(extension), before, Some(extension));
        }
        for extension in older_extensions {
            if !newer_extensions.iter().any(|other| id(other) == id(extension)) {
                changes.member(&named(extension), Some(extension), None);
            }
        }
        for child in secrets {
            changes.secret(&name_of(child));
        }
        changes
    }

    /// Adds that a secret differs to the changes of its child.
    fn secret(&mut self, what: &str) {
        let property =
            Property { path: "secret".to_owned(), before: None, after: Some("(changed)".to_owned()) };
        match self.all.iter_mut().find(|change| change.what.eq_ignore_ascii_case(what)) {
            Some(change) if change.action == Action::Change => change.properties.push(property),
            Some(_) => {}
            None => self.all.push(Change {
                action: Action::Change,
                what: what.to_owned(),
                properties: vec![property],
            }),
        }
    }

    /// Compares a gateway with its children. With `deletes`, children that only the older document has are deleted.
    fn gateway(&mut self, gateway: &str, before: Option<&Value>, after: &Value, deletes: bool) {
        let null = Value::Null;
        let stored = before.map(without_collections);
        self.member(&format!("gateway {gateway}"), stored.as_ref(), Some(&without_collections(after)));
        let before = before.unwrap_or(&null);
        for kind in KINDS.iter().filter(|kind| kind.place == Place::Document) {
            let list = |document: &Value| {
                document["properties"][kind.collection].as_array().cloned().unwrap_or_default()
            };
            let (after, before) = (list(after), list(before));
            for member in &after {
                let what = format!("{} {}", kind.noun, name(member));
                self.member(&what, same(&before, member), Some(member));
            }
            for member in before.iter().filter(|member| deletes && same(&after, member).is_none()) {
                self.member(&format!("{} {}", kind.noun, name(member)), Some(member), None);
            }
        }
    }

    fn member(&mut self, what: &str, before: Option<&Value>, after: Option<&Value>) {
        let action = match (before, after) {
            (None, Some(_)) => Action::Create,
            (Some(_), Some(_)) => Action::Change,
            (_, None) => Action::Delete,
        };
        let mut comparison = Comparison::new(self.is_stored);
        if let Some(after) = after {
            comparison.compare("", before, after);
        }
        let properties = comparison.found;
        if action != Action::Change || !properties.is_empty() {
            self.all.push(Change { action, what: what.to_owned(), properties });
        }
    }

    /// Returns the changes as lines.
    pub(in crate::manage) fn render(&self, gateway: &ResourceId, color: bool) -> String {
        let mut text = format!("{}\n", painted(&gateway.to_string(), Tone::Heading, color));
        for Change { action, what, properties } in &self.all {
            let (sign, tone) = match action {
                Action::Create => ('+', Tone::Good),
                Action::Change => ('~', Tone::Warning),
                Action::Delete => ('-', Tone::Bad),
            };
            let _ = writeln!(text, "  {}", painted(&format!("{sign} {what}"), tone, color));
            for Property { path, before, after } in properties {
                let value = match (before, after) {
                    (Some(before), Some(after)) => format!("{before} → {after}"),
                    (None, Some(after)) => after.clone(),
                    (Some(before), None) => format!("{before} → (gone)"),
                    (None, None) => String::new(),
                };
                let _ = writeln!(text, "      {path}: {value}");
            }
        }
        let count = |action| self.all.iter().filter(|change| change.action == action).count();
        let [create, change, delete] = [Action::Create, Action::Change, Action::Delete].map(count);
        let _ = writeln!(text, "  {create} to add, {change} to change, {delete} to delete");
        text
    }

    /// Returns the changes for programs.
    pub(super) fn to_json(&self) -> Value {
        let change = |Change { action, what, properties }: &Change| {
            let action = match action {
                Action::Create => "Create",
                Action::Change => "Modify",
                Action::Delete => "Delete",
            };
            let property = |Property { path, before, after }: &Property| json!({"path": path, "before": before, "after": after});
            json!({"changeType": action, "resource": what, "properties": properties.iter().map(property).collect::<Vec<_>>()})
        };
        self.all.iter().map(change).collect()
    }
}

/// The name of a child or an extension as people say it.
fn name_of(id: &ResourceId) -> String {
    if id.below.is_empty() {
        return format!("gateway {}", id.gateway);
    }
    match ResourceKind::of(&id.below) {
        Some(kind) if kind.path().is_none() => format!("{} {}/{}", kind.noun, id.below[1], id.name()),
        kind => format!("{} {}", kind.map_or("resource", |kind| kind.noun), id.name()),
    }
}

/// The name of a document with an ID.
fn named(document: &Value) -> String {
    let id = document["id"].as_str().and_then(ResourceId::parse);
    id.map_or_else(|| name(document).to_owned(), |id| name_of(&id))
}

/// Returns the document of a gateway without its children.
fn without_collections(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(properties) = document.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| ResourceKind::at(Place::Document, key).is_none());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::super::plan::Write;
    use super::*;

    fn lines(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
        let id = ResourceId::gateway("s", "g", "edge");
        let write = Write {
            id: id.clone(),
            before: before.cloned(),
            body: after.cloned(),
            is_whole: true,
            condition: None,
        };
        let plan = Plan { gateway: id.clone(), stored: None, writes: vec![write] };
        let text = Changes::of(&plan).render(&id, false);
        text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
    }

    fn gateway() -> Value {
        json!({"id": "x", "etag": "1", "location": "local", "properties": {
            "provisioningState": "Succeeded",
            "enableHttp2": false,
            "probes": [{"name": "a", "etag": "1", "properties": {"path": "/", "interval": 30, "provisioningState": "Succeeded"}}],
            "backendAddressPools": [{"name": "app", "properties": {"backendAddresses": [{"ipAddress": "10.0.0.1"}]}}],
            "urlPathMaps": [{"name": "m", "properties": {"pathRules": [{"name": "r", "properties": {"paths": ["/a"]}}, {"name": "s", "properties": {}}]}}],
        }})
    }

    #[test]
    fn what_is_stored_changes_nothing() {
        assert_eq!(lines(Some(&gateway()), Some(&gateway())), ["0 to add, 0 to change, 0 to delete"]);
    }

    #[test]
    fn each_property_and_each_member_is_told() {
        let mut after = gateway();
        let properties = after["properties"].as_object_mut().unwrap();
        properties.insert("enableHttp2".into(), true.into());
        properties.insert("probes".into(), json!([{"name": "b", "properties": {"path": "/b"}}]));
        properties.insert(
            "backendAddressPools".into(),
            json!([{"name": "APP", "properties": {"backendAddresses": [{"ipAddress": "10.0.0.1"}, {"fqdn": "b.example"}]}}]),
        );
        properties.insert(
            "urlPathMaps".into(),
            json!([{"name": "m", "properties": {"pathRules": [{"name": "r", "properties": {"paths": ["/b"]}}, {"name": "t", "properties": {}}]}}]),
        );
        let expected = [
            "~ gateway edge",
            "enableHttp2: no → yes",
            "~ path-map m",
            "pathRules[r].paths: /a → /b",
            "pathRules[t]: added",
            "pathRules[s]: present → (gone)",
            "~ pool APP",
            "backendAddresses: 10.0.0.1 → 10.0.0.1, b.example",
            "+ probe b",
            "path: /b",
            "- probe a",
            "1 to add, 3 to change, 1 to delete",
        ];
        assert_eq!(lines(Some(&gateway()), Some(&after)), expected);
    }

    #[test]
    fn references_are_compared_as_arm_does_and_secrets_are_not_shown() {
        let rule = |id: &str| json!({"properties": {"requestRoutingRules": [{"name": "r", "properties": {"httpListener": {"id": id}}}]}});
        let upper = lines(Some(&rule("/subscriptions/s/x/web")), Some(&rule("/subscriptions/S/x/WEB")));
        assert_eq!(upper, ["0 to add, 0 to change, 0 to delete"]);
        let other = lines(Some(&rule("/subscriptions/s/x/web")), Some(&rule("/subscriptions/s/x/other")));
        assert_eq!(other[1], "httpListener: web → other");
        let certificate = |properties: Value| json!({"properties": {"sslCertificates": [{"name": "c", "properties": properties}]}});
        let sent = lines(
            Some(&certificate(json!({"publicCertData": "x"}))),
            Some(&certificate(json!({"data": "hunter2", "password": "hunter3"}))),
        );
        assert_eq!(sent[1..3], ["data: (sent)", "password: (sent)"]);
    }

    #[test]
    fn a_deletion_is_one_line() {
        assert_eq!(lines(Some(&gateway()), None), ["- gateway edge", "0 to add, 0 to change, 1 to delete"]);
    }
}
