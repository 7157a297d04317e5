//! JSON bodies into gateways and children.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Child, Document};
use crate::arm::body::{Body, Opened};
use crate::arm::certificate::{CertificateError, to_base64};
use crate::arm::collection::{COLLECTIONS, Collection, complete};
use crate::arm::gateway::Gateway;
use crate::arm::normalize::{expect_list, expect_object, join, normalize, normalize_object, take};
use crate::arm::pkcs7;
use crate::arm::resource_id::{MAX_NAME, is_valid_name};
use crate::arm::shape::Shape;
use crate::violation::{ROOT, Violations, code};

static GATEWAY: LazyLock<Shape> = LazyLock::new(Shape::of::<Gateway>);

/// The gateway's own body and its children. A body that is no object reads as an empty gateway, with a violation.
pub(super) fn gateway(
    body: &Body,
    stored: Option<&Document>,
    violations: &mut Violations,
) -> (Map<String, Value>, Vec<Child>) {
    let (opened, body) = (&body.opened, body.json.clone());
    let mut body = expect_object(body, ROOT, violations).unwrap_or_default();
    let properties = take(&mut body, "properties", "properties", violations);
    let properties = properties.and_then(|value| expect_object(value, "properties", violations));
    let mut properties = properties.unwrap_or_default();
    let mut children = Vec::new();
    for collection in COLLECTIONS {
        let target = join("properties", collection.name);
        let list = take(&mut properties, collection.name, &target, violations);
        let list = list.and_then(|value| expect_list(value, &target, violations)).unwrap_or_default();
        children.extend(members(collection, list, &target, (stored, opened), violations));
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    let body = normalize_object(body, GATEWAY.properties(), "", violations);
    (complete::<Gateway>(body), children)
}

/// Reads one collection. An element that cannot be read stays as a child without name, so that the indices of those
/// after it stay what the sender sees.
fn members(
    collection: &'static Collection,
    list: Vec<Value>,
    target: &str,
    (stored, opened): (Option<&Document>, &Opened),
    violations: &mut Violations,
) -> Vec<Child> {
    if list.len() > collection.limit {
        violations.push(collection.limit_code, target, collection.over_limit(list.len()));
    }
    let mut names = HashSet::new();
    let mut children = Vec::new();
    // One above the limit is read for the compiler to see; a million more would only cost time.
    for (i, value) in list.into_iter().take(collection.limit + 1).enumerate() {
        let target = format!("{target}[{i}]");
        let body = ChildBody::read(value, &target, violations);
        let name = body.name();
        if !is_valid_name(&name) {
            violations.push(code::INVALID_NAME, join(&target, "name"), invalid_name(&name));
        } else if !names.insert(name.to_ascii_lowercase()) {
            let message = format!("'{}' has two members with the name '{name}'.", collection.name);
            violations.push(code::DUPLICATE_NAME, join(&target, "name"), message);
        }
        // An endless name is refused above; what follows need not repeat all of it.
        let name: String = name.chars().take(MAX_NAME).collect();
        let stored = stored.and_then(|document| document.child(collection, &name));
        children.push(child(collection, name, body.properties, (stored, opened), &target, violations));
    }
    children
}

/// Reads the body of a PUT on a child's own URL, which names it; a body may repeat the name but not contradict it.
/// Its `id` is read-only, so it is ignored.
pub(super) fn child_on_its_own(
    document: &Document,
    collection: &'static Collection,
    name: &str,
    body: &Body,
    violations: &mut Violations,
) -> Child {
    let opened = &body.opened;
    let body = ChildBody::read(body.json.clone(), "", violations);
    if !is_valid_name(name) {
        violations.push(code::INVALID_NAME, "name", invalid_name(name));
    }
    if body.name.as_ref().is_some_and(|given| !given.eq_ignore_ascii_case(name)) {
        violations.push(code::INVALID_NAME, "name", format!("The URL names the resource '{name}'."));
    }
    let stored = document.child(collection, name);
    child(collection, name.to_owned(), body.properties, (stored, opened), "", violations)
}

/// What every child's JSON looks like from outside.
#[derive(Default)]
struct ChildBody {
    name: Option<String>,
    id: Option<String>,
    properties: Map<String, Value>,
}

impl ChildBody {
    fn read(value: Value, target: &str, violations: &mut Violations) -> ChildBody {
        let whole = if target.is_empty() { ROOT } else { target };
        let Some(mut object) = expect_object(value, whole, violations) else { return ChildBody::default() };
        let mut text = |name: &str| {
            let target = join(target, name);
            let value = take(&mut object, name, &target, violations)?;
            match normalize(value, &Shape::Text, &target, violations) {
                Some(Value::String(text)) if !text.is_empty() => Some(text),
                _ => None,
            }
        };
        let (name, id) = (text("name"), text("id"));
        let target = join(target, "properties");
        let properties = take(&mut object, "properties", &target, violations);
        let properties = properties.and_then(|value| expect_object(value, &target, violations));
        ChildBody { name, id, properties: properties.unwrap_or_default() }
    }

    /// The name, which some samples give only as the end of the ID; empty if there is none.
    fn name(&self) -> String {
        let from_id = || self.id.as_ref().and_then(|id| id.rsplit('/').next().map(str::to_owned));
        self.name.clone().or_else(from_id).unwrap_or_default()
    }
}

/// `target` is the JSON path of the child itself.
fn child(
    collection: &'static Collection,
    name: String,
    properties: Map<String, Value>,
    (stored, opened): (Option<&Child>, &Opened),
    target: &str,
    violations: &mut Violations,
) -> Child {
    let target = join(target, "properties");
    let mut properties = normalize_object(properties, collection.properties(), &target, violations);
    let hidden: Map<String, Value> = collection
        .properties()
        .iter()
        .filter(|property| property.write_only)
        .filter_map(|property| properties.remove_entry(&property.name))
        .collect();
    let mut child = Child {
        collection,
        name: stored.map_or(name, |stored| stored.name.clone()),
        properties: collection.complete(properties),
        secret: None,
    };
    if collection.properties().iter().any(|property| property.write_only) {
        read_certificate(&mut child, &hidden, (stored, opened), &target, violations);
    }
    child
}

/// Server certificates are the only children with write-only properties: what came becomes the secret and what may
/// be shown of it; what did not come stays as it was.
fn read_certificate(
    child: &mut Child,
    hidden: &Map<String, Value>,
    (stored, opened): (Option<&Child>, &Opened),
    target: &str,
    violations: &mut Violations,
) {
    const SHOWN: &str = "publicCertData";
    let text = |name: &str| hidden.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("data").is_empty() {
        if let Some(stored) = stored {
            child.secret.clone_from(&stored.secret);
            let shown = stored.properties.get(SHOWN).cloned();
            child.properties.extend(shown.map(|value| (SHOWN.to_owned(), value)));
        }
        return;
    }
    match opened.get(text("data"), text("password")) {
        Ok(certificate) => {
            let bag = to_base64(&pkcs7::certificate_bag(&certificate.chain));
            child.properties.insert(SHOWN.to_owned(), Value::String(bag));
            child.secret = Some(certificate.to_secret());
        }
        Err(CertificateError::Password) => {
            let message = format!("Password specified for certificate {} is incorrect.", child.name);
            violations.push(code::CERTIFICATE_PASSWORD, join(target, "password"), message);
        }
        Err(reason) => {
            let message = format!("Data or Password for certificate {} is invalid: {reason}.", child.name);
            violations.push(code::CERTIFICATE_INVALID, join(target, "data"), message);
        }
    }
}

pub(super) fn invalid_name(name: &str) -> String {
    if name.is_empty() {
        return "A name is required.".to_owned();
    }
    let name: String = name.chars().take(MAX_NAME).collect();
    format!(
        "'{name}' is no valid name. A name has at most 80 characters, begins with a letter or digit, ends with a \
         letter, digit or '_', and holds only letters, digits, '_', '.' and '-'."
    )
}
