//! The body of a PUT, with its certificates already opened or fetched, and its error pages already fetched.
//!
//! Opening a PFX derives keys in as many rounds as the author of the file chose, which can take seconds of CPU.
//! Neither the single writer nor a thread that serves other requests can afford that. The caller therefore
//! finds the certificates of a body with [`certificates_in`], opens them on another thread and passes the body
//! on together with the results; readers of the body only look a result up. The patterns of rewrite rules are
//! slow to compile too; [`rewrite_sets_in`] finds them.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};
use tidegate_shared::id::Digest;
use tidegate_shared::secret::Secret;

use super::certificate::{CertificateError, FetchFault, ServerCertificate, StoredCertificate};
use super::collection::{Collection, MAX_MEMBERS};
use super::gateway::RewriteRuleSet;
use super::level::Level;
use super::normalize::{normalize, normalize_object, take};
use super::page::{Pages, list, object};
use super::shape::Shape;
use crate::violation::Violations;

/// A body as sent, with the results for its certificates and error pages.
pub(crate) struct Body {
    /// The body as sent, secrets included.
    pub(crate) json: Value,
    /// The results of opening the certificates of this body.
    pub(crate) opened: Opened,
    /// The results of fetching the error pages of this body.
    pub(crate) pages: Pages,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(…)")
    }
}

/// A server certificate as sent.
#[derive(Clone, Debug)]
pub(crate) struct SealedCertificate {
    data: Secret,
    password: Secret,
}

impl SealedCertificate {
    /// A certificate that was fetched.
    pub(crate) fn new(data: Secret, password: Secret) -> SealedCertificate {
        SealedCertificate { data, password }
    }

    /// Opens the certificate. May take seconds.
    ///
    /// # Errors
    /// The reason why the certificate cannot be used.
    pub(crate) fn open(&self) -> Result<ServerCertificate, CertificateError> {
        let text = |secret: &Secret| std::str::from_utf8(secret.expose()).unwrap_or_default().to_owned();
        ServerCertificate::read(&text(&self.data), &text(&self.password))
    }
}

/// The results for the certificates of a body: of opening what was sent, and of fetching what is referred to.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Keyed by a digest of data and password.
    sent: HashMap<Digest, Result<ServerCertificate, CertificateError>>,
    /// Keyed by the reference as it is written.
    fetched: HashMap<String, FetchedSecret>,
}

/// A secret that a certificate refers to, read in both ways that a certificate may need.
#[derive(Clone, Debug)]
pub(crate) struct FetchedSecret {
    /// The secret as a server certificate.
    pub(crate) server: Result<StoredCertificate, FetchFault>,
    /// The secret as trusted authorities.
    pub(crate) authorities: Result<StoredCertificate, FetchFault>,
}

impl FetchedSecret {
    /// A secret that could not be fetched.
    pub(crate) fn failed(fault: FetchFault) -> FetchedSecret {
        FetchedSecret { server: Err(fault.clone()), authorities: Err(fault) }
    }
}

impl Opened {
    /// Adds the result of fetching a reference.
    pub(crate) fn insert_fetched(&mut self, reference: String, secret: FetchedSecret) {
        self.fetched.insert(reference, secret);
    }

    /// Returns the result of fetching a reference, as a certificate of that collection. `None` if it was not fetched.
    pub(crate) fn fetched(
        &self,
        reference: &str,
        collection: &Collection,
    ) -> Option<&Result<StoredCertificate, FetchFault>> {
        let secret = self.fetched.get(reference)?;
        Some(if collection.name == SERVERS { &secret.server } else { &secret.authorities })
    }

    /// Adds the result for one certificate.
    pub(crate) fn insert(
        &mut self,
        sealed: &SealedCertificate,
        outcome: Result<ServerCertificate, CertificateError>,
    ) {
        self.sent.insert(key(sealed.data.expose(), sealed.password.expose()), outcome);
    }

    /// Returns the result for this data and password, or [`CertificateError::NotOpened`] if there is none.
    pub(super) fn get(&self, data: &str, password: &str) -> Result<&ServerCertificate, &CertificateError> {
        match self.sent.get(&key(data.as_bytes(), password.as_bytes())) {
            Some(outcome) => outcome.as_ref(),
            None => Err(&CertificateError::NotOpened),
        }
    }
}

/// The collection of server certificates.
pub(crate) const SERVERS: &str = "sslCertificates";

/// The collections whose members may refer to a secret of a vault.
pub(crate) const REFERRING: [&str; 2] = [SERVERS, "trustedRootCertificates"];

/// The property that refers to a secret of a vault.
pub(crate) const SECRET_ID: &str = "keyVaultSecretId";

fn key(data: &[u8], password: &[u8]) -> Digest {
    Digest::of([data, password])
}

/// Returns every server certificate in the body of a gateway or of a single child, without duplicates and at
/// most [`MAX_MEMBERS`]. The kind of the child is unknown here: a body that only resembles a certificate is returned
/// too, and its result is never looked up.
pub(crate) fn certificates_in(body: &Value) -> Vec<SealedCertificate> {
    let collection = Collection::named(SERVERS).expect("the collection exists");
    let list = property(body, "properties").and_then(|mut all| take_any(&mut all, collection.name));
    let children = match list {
        Some(Value::Array(list)) => list,
        _ => vec![body.clone()],
    };
    let mut found: HashMap<Digest, SealedCertificate> = HashMap::new();
    for child in children.iter().take(MAX_MEMBERS) {
        let Some(mut properties) = property(child, "properties") else { continue };
        let (data, password) = (text(&mut properties, "data"), text(&mut properties, "password"));
        if !data.is_empty() {
            let secret = |text: String| Secret::new(text.into_bytes());
            let sealed = SealedCertificate { data: secret(data), password: secret(password) };
            found.insert(key(sealed.data.expose(), sealed.password.expose()), sealed);
        }
    }
    found.into_values().collect()
}

/// Returns every reference to a secret of a vault in the body of a gateway or of a single child, without duplicates and at
/// most [`MAX_MEMBERS`] of each collection.
pub(crate) fn secret_references_in(body: &Value) -> Vec<String> {
    let Some(properties) = property(body, "properties") else { return Vec::new() };
    let mut found: Vec<String> = vec![text(&mut properties.clone(), SECRET_ID)];
    for collection in REFERRING {
        let Some(Value::Array(list)) = take_any(&mut properties.clone(), collection) else { continue };
        let each = list.iter().take(MAX_MEMBERS).filter_map(|child| property(child, "properties"));
        found.extend(each.map(|mut properties| text(&mut properties, SECRET_ID)));
    }
    found.retain(|reference| !reference.is_empty());
    found.sort();
    found.dedup();
    found
}

/// Returns every readable rewrite rule set in the body of a gateway, or the one that the body itself is.
pub(crate) fn rewrite_sets_in(body: &Value) -> Vec<RewriteRuleSet> {
    let collection = Collection::named("rewriteRuleSets").expect("the collection exists");
    let Some(body) = body.as_object() else { return Vec::new() };
    let Some(properties) = object(body, "properties") else { return Vec::new() };
    let sets = list(properties, collection.name).iter().take(MAX_MEMBERS);
    let sets = sets.filter_map(|set| object(set.as_object()?, "properties"));
    let alone = Some(properties).filter(|properties| !list(properties, "rewriteRules").is_empty());
    let read = |properties: &Map<String, Value>| {
        let ignored = &mut Violations::default();
        let canonical =
            normalize_object(properties.clone(), &Level::resource(collection.properties()), ignored);
        serde_json::from_value(Value::Object(canonical)).ok()
    };
    alone.into_iter().chain(sets).filter_map(read).collect()
}

/// Returns a property that is an object, read as [`super::document`] reads it.
fn property(value: &Value, name: &str) -> Option<Map<String, Value>> {
    match take_any(&mut value.as_object()?.clone(), name) {
        Some(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Discards violations: they are reported where the body is read.
fn take_any(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    take(object, name, "", &mut Violations::default())
}

fn text(object: &mut Map<String, Value>, name: &str) -> String {
    let value = take_any(object, name)
        .and_then(|v| normalize(v, &Shape::Text, (&Level::resource(&[]), ""), &mut Violations::default()));
    match value {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn certificates_are_found_in_any_spelling_each_once() {
        let one = json!({ "Data": "a", "PASSWORD": 7 });
        let gateway = |list: Value| json!({ "Properties": { "SSLCertificates": list } });
        let child = |properties: &Value| json!({ "name": "c", "PROPERTIES": properties });
        let cases = [
            (gateway(json!([child(&one), child(&json!({ "data": "a", "password": "8" }))])), 2),
            (gateway(json!([child(&one), child(&json!({ "data": "a", "password": "7" }))])), 1),
            (
                gateway(json!([null, 7, {}, child(&json!({ "data": null })), child(&json!({ "data": "" }))])),
                0,
            ),
            (
                gateway(json!((0..=MAX_MEMBERS).map(|i| child(&json!({ "data": i }))).collect::<Vec<_>>())),
                MAX_MEMBERS,
            ),
            (child(&one), 1),
            (json!({}), 0),
            (json!(null), 0),
            (gateway(json!({})), 0),
        ];
        for (body, count) in cases {
            assert_eq!(certificates_in(&body).len(), count, "{body}");
        }
    }

    #[test]
    fn references_to_secrets_are_found_in_any_spelling_each_once() {
        let child = |id: &str| json!({ "name": "c", "PROPERTIES": { "KEYVAULTSECRETID": id } });
        let both = json!({ "properties": {
            "SslCertificates": [child("b"), child("a"), child(""), null, {}],
            "trustedRootCertificates": [child("a"), child("c")],
            "authenticationCertificates": [child("d")],
        } });
        for (body, expected) in
            [(both, vec!["a", "b", "c"]), (child("x"), vec!["x"]), (json!({}), vec![]), (json!(7), vec![])]
        {
            assert_eq!(secret_references_in(&body), expected, "{body}");
        }
    }

    #[test]
    fn rewrite_rule_sets_are_found_in_any_spelling() {
        let set = json!({ "RewriteRules": [{ "conditions": [{ "Pattern": 7, "IGNORECASE": "True" }] }] });
        let gateway = |sets: Value| json!({ "Properties": { "REWRITERULESETS": sets } });
        for (body, count) in [
            (
                gateway(json!([{ "PROPERTIES": set }, null, 7, { "properties": [] }, { "properties": set }])),
                2,
            ),
            (json!({ "name": "set", "properties": set }), 1),
            (gateway(json!({})), 0),
            (json!({ "properties": { "rewriteRules": 7 } }), 0),
            (json!(null), 0),
        ] {
            let found = rewrite_sets_in(&body);
            assert_eq!(found.len(), count, "{body}");
            for condition in found.iter().map(|set| &set.rewrite_rules[0].conditions[0]) {
                assert_eq!((condition.pattern.as_deref(), condition.ignore_case), (Some("7"), Some(true)));
            }
        }
    }
}
