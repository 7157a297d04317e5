//! Reads JSON bodies into gateways and children.

use serde_json::{Map, Value};

use super::levels::{AROUND, BODY, GATEWAY, INNER};
use super::secrets::SHOWN;
use super::{Child, Document, Index, member};
use crate::arm::body::{Body, Opened, SECRET_ID};
use crate::arm::certificate::{CertificateError, FetchFault, client_issuer, to_base64};
use crate::arm::collection::{COLLECTIONS, Collection, MAX_MEMBERS, complete, over_limit};
use crate::arm::gateway::Gateway;
use crate::arm::level::Level;
use crate::arm::normalize::named::{ChildBody, Names, normalize_properties};
use crate::arm::normalize::{expect_list, expect_object, join, normalize_object, take};
use crate::arm::pkcs7;
use crate::arm::secret_reference::SecretReference;
use crate::arm::unknown::BESIDE;
use crate::violation::{ROOT, Violations, code};

/// Reads the gateway's own body and its children. Anything but an object is a violation and read as an empty
/// gateway.
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
    let stored = stored.map(Document::index);
    for collection in COLLECTIONS {
        let target = join("properties", collection.name);
        let list = take(&mut properties, collection.name, &target, violations);
        let list = list.and_then(|value| expect_list(value, &target, violations)).unwrap_or_default();
        children.extend(members(collection, list, (&INNER, &target), (stored.as_ref(), opened), violations));
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    let body = normalize_object(body, &BODY, violations);
    (complete::<Gateway>(body, GATEWAY.properties()), children)
}

/// Reads one collection. An element that cannot be read becomes a child without a name, so that the indices of
/// later elements match those of the request.
fn members(
    collection: &'static Collection,
    list: Vec<Value>,
    (around, target): (&Level<'_>, &str),
    (stored, opened): (Option<&Index<'_>>, &Opened),
    violations: &mut Violations,
) -> Vec<Child> {
    if list.len() > MAX_MEMBERS {
        let message = over_limit(collection.name, list.len(), MAX_MEMBERS);
        violations.push(collection.limit_code, target, message);
    }
    let mut names = Names::of(collection.name);
    let mut children = Vec::new();
    // Bounds the work: the violation above is the same for a longer list.
    for (i, value) in list.into_iter().take(MAX_MEMBERS).enumerate() {
        let target = format!("{target}[{i}]");
        let level = around.child(collection.properties(), &target);
        let body = ChildBody::read(value, &level, violations);
        let name = names.accept(&body.name(), &target, violations);
        let stored = stored.and_then(|index| index.get(collection, &name)).map(|(_, child)| child);
        children.push(child(collection, name, body, (stored, opened), &level, violations));
    }
    children
}

/// Reads the body of a PUT on a child's own URL.
pub(super) fn child_on_its_own(
    document: &Document,
    collection: &'static Collection,
    name: &str,
    body: &Body,
    violations: &mut Violations,
) -> Child {
    let opened = &body.opened;
    let level = AROUND.child(collection.properties(), "");
    let body = ChildBody::read(body.json.clone(), &level, violations);
    body.check_against_url(name, violations);
    let stored = document.child(collection, name);
    child(collection, name.to_owned(), body, (stored, opened), &level, violations)
}

/// Reads one child, which is at that level.
fn child(
    collection: &'static Collection,
    name: String,
    body: ChildBody,
    (stored, opened): (Option<&Child>, &Opened),
    level: &Level<'_>,
    violations: &mut Violations,
) -> Child {
    let target = join(level.target, "properties");
    let mut properties = normalize_properties(body.properties, level, violations);
    if !body.beside.is_empty() {
        properties.insert(BESIDE.to_owned(), Value::Object(body.beside));
    }
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
    if let Some(stored) = stored {
        member::keep_spelling(&mut child, stored);
    }
    if !refer(&mut child, &hidden, (stored, opened), &target, violations)
        && collection.properties().iter().any(|property| property.write_only)
    {
        read_certificate(&mut child, &hidden, (stored, opened), &target, violations);
    }
    show_issuer(&mut child);
    child
}

/// Adds the read-only properties of trusted client certificates. The compiler reports data that cannot be
/// parsed.
fn show_issuer(child: &mut Child) {
    const VALIDATED: &str = "validatedCertData";
    const ISSUER: &str = "clientCertIssuerDN";
    if !child.collection.properties().iter().any(|property| property.name == ISSUER) {
        return;
    }
    let Some(Value::String(data)) = child.properties.get("data") else { return };
    if let Some(issuer) = client_issuer(data) {
        child.properties.insert(VALIDATED.to_owned(), Value::String(data.clone()));
        child.properties.insert(ISSUER.to_owned(), Value::String(issuer));
    }
}

/// Adds what the reference of a certificate to a vault stands for, if it has one. Returns whether it has.
fn refer(
    child: &mut Child,
    hidden: &Map<String, Value>,
    (stored, opened): (Option<&Child>, &Opened),
    target: &str,
    violations: &mut Violations,
) -> bool {
    let Some(reference) = child.secret_reference().map(str::to_owned) else { return false };
    if hidden.get("data").and_then(Value::as_str).is_some_and(|data| !data.is_empty()) {
        let message = "Only one of data and keyVaultSecretId is allowed.";
        violations.push(code::EXCLUSIVE, join(target, "data"), message);
    }
    // What another reference has led to says nothing about this one.
    let stored = stored.filter(|stored| stored.secret_reference() == Some(&reference));
    child.secret = stored.and_then(|stored| stored.secret.clone());
    let fetched = opened.fetched(&reference, child.collection);
    child.show_fetched(fetched.cloned());
    // A reference that is none is a violation, which the compiler finds.
    let fault = fetched.and_then(|fetched| fetched.as_ref().err());
    if let Some(fault) = fault.filter(|_| SecretReference::parse(&reference).is_ok()) {
        let message = fault_message(child, fault);
        violations.warn(code::KEY_VAULT_SECRET, join(target, SECRET_ID), message);
    }
    true
}

fn fault_message(child: &Child, fault: &FetchFault) -> String {
    let reason = fault.reason();
    let is_server = child.collection.properties().iter().any(|property| property.write_only);
    let is_served = child.stored_certificate().is_some_and(|stored| stored.fault.is_none());
    let effect = match (is_served, is_server) {
        (true, _) => "The one that was fetched before stays in use.",
        (false, true) => "The listeners that use it are disabled until it can be fetched.",
        (false, false) => "No backend is trusted because of it until it can be fetched.",
    };
    format!("Certificate {} could not be fetched: {reason}. {effect}", child.name)
}

/// Parses a server certificate, the only child with write-only properties. Data that was sent becomes the
/// secret and its public part; without data the stored ones are kept, unless they were fetched for a reference.
fn read_certificate(
    child: &mut Child,
    hidden: &Map<String, Value>,
    (stored, opened): (Option<&Child>, &Opened),
    target: &str,
    violations: &mut Violations,
) {
    let stored = stored.filter(|stored| stored.secret_reference().is_none());
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
