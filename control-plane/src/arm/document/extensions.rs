//! The extension documents of a gateway: reading, changes of single ones, and look-ups.

use serde_json::Value;

use super::{Child, Document};
use crate::arm::collection::over_limit;
use crate::arm::extension::{
    DEFAULT_NAME, Extension, ExtensionNames, ExtensionPath, ExtensionType, MAX_WITHOUT_POOL,
};
use crate::arm::level::Level;
use crate::arm::naming::is_valid_name;
use crate::arm::normalize::named::{ChildBody, invalid_name, normalize_properties};
use crate::violation::{Violations, code};

impl Document {
    /// Finds an extension document by type and name, ignoring case.
    pub(crate) fn extension(&self, kind: &ExtensionType, name: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.is(kind, name))
    }

    /// The extension documents of one type, by name.
    pub(crate) fn extensions_of(&self, kind: &ExtensionType) -> impl Iterator<Item = &Extension> {
        self.extensions.iter().filter(move |extension| extension.kind == kind)
    }

    /// The resource ID of one of its extension documents.
    pub(crate) fn extension_id(&self, extension: &Extension) -> String {
        let Extension { kind, name, .. } = extension;
        ExtensionPath { gateway: self.path.clone(), kind, name: name.clone() }.to_string()
    }

    /// Returns the pools for which an extension document takes effect: none if the pool of its name is gone.
    pub(crate) fn pools_of(&self, extension: &Extension) -> Vec<&Child> {
        let is = |pool: &Child, name: &str| pool.name.eq_ignore_ascii_case(name);
        let is_default = extension.name.eq_ignore_ascii_case(DEFAULT_NAME);
        let has_own = |pool: &Child| self.extension(extension.kind, &pool.name).is_some();
        let is_meant = |pool: &&Child| is(pool, &extension.name) || is_default && !has_own(pool);
        self.pools().filter(is_meant).collect()
    }

    fn pools(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().filter(|child| child.collection.name == POOLS)
    }

    /// Returns this document with one extension document replaced or added, from the body of its PUT, and with the
    /// extension document itself. Unknown properties are violations: nothing but Tidegate defines these types.
    ///
    /// Targets of violations are paths within that body. To add violations of `compile`, see [`Extension::target`].
    pub(crate) fn with_extension(
        &self,
        kind: &'static ExtensionType,
        name: &str,
        body: &Value,
    ) -> (Document, Extension, Violations) {
        let mut violations = Violations::default();
        let level = Level::alone(kind.properties());
        let body = ChildBody::read(body.clone(), &level, &mut violations);
        body.check_against_url(name, &mut violations);
        let properties = normalize_properties(body.properties, &level, &mut violations);
        violations.refuse_warned(code::UNKNOWN_PROPERTY);
        // The creator's spelling of a name is permanent.
        let stored = self.extension(kind, name);
        let name = stored.map_or_else(|| name.to_owned(), |stored| stored.name.clone());
        let extension = Extension { kind, name, properties: kind.complete(properties) };
        if stored.is_none() {
            self.check_name(&extension, &mut violations);
        }
        let mut document = self.clone();
        document.extensions.retain(|other| !other.is(kind, &extension.name));
        let at = document.extensions.partition_point(|other| other.rank() < extension.rank());
        document.extensions.insert(at, extension.clone());
        let count = document.extensions_of(kind).count();
        let most = 1 + self.pools().count() + MAX_WITHOUT_POOL;
        if stored.is_none() && count > most {
            violations.push(code::EXTENSION_LIMIT, "name", over_limit(kind.name, count, most));
        }
        (document, extension, violations)
    }

    /// Returns this document without the extension document, or `None` if there is no such one.
    pub(crate) fn without_extension(&self, kind: &ExtensionType, name: &str) -> Option<Document> {
        self.extension(kind, name)?;
        let mut document = self.clone();
        document.extensions.retain(|extension| !extension.is(kind, name));
        Some(document)
    }

    /// Checks the name of a new extension document. A pool may be deleted later; the document stays then, without
    /// effect, and can still be changed.
    fn check_name(&self, extension: &Extension, violations: &mut Violations) {
        let Extension { kind, name, .. } = extension;
        let is_of_pool = kind.names == ExtensionNames::Pools && !self.pools_of(extension).is_empty();
        if kind.names == ExtensionNames::Certificates {
            // The certificate may come later; without data of its own it even must.
            if !is_valid_name(name) {
                violations.push(code::INVALID_NAME, "name", invalid_name(name));
            }
            return;
        }
        if name.eq_ignore_ascii_case(DEFAULT_NAME) || is_of_pool {
            return;
        }
        let kind = kind.resource_type();
        match extension.kind.names {
            ExtensionNames::Default => {
                let message =
                    format!("A gateway has one document of the type {kind}, '{DEFAULT_NAME}', not '{name}'.");
                violations.push(code::INVALID_NAME, "name", message);
            }
            ExtensionNames::Certificates => {}
            ExtensionNames::Pools => {
                let pools: Vec<&str> = self.pools().map(|pool| pool.name.as_str()).collect();
                let message = format!(
                    "'{name}' is no backend pool of the gateway. A document of the type {kind} is named \
                     '{DEFAULT_NAME}', for all pools without one of their own, or like a pool: {}.",
                    if pools.is_empty() { "there is none".to_owned() } else { pools.join(", ") }
                );
                violations.push(code::INVALID_REFERENCE, "name", message);
            }
        }
    }
}

/// The collection whose members documents may be named like.
const POOLS: &str = "backendAddressPools";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::collection::Collection;
    use crate::arm::extension::{HTTP2_POLICIES, TUNNEL_POLICIES};
    use crate::arm::samples::{read, whole};

    fn violations(kind: &'static ExtensionType, name: &str, body: &Value) -> Vec<(&'static str, String)> {
        let (_, _, violations) = read(whole()).with_extension(kind, name, body);
        violations.0.into_iter().map(|violation| (violation.code, violation.target)).collect()
    }

    #[test]
    fn a_policy_is_completed_and_found_in_any_spelling() {
        let document = read(whole());
        let (with, written, violations) = document.with_extension(
            TUNNEL_POLICIES,
            "POOL",
            &json!({ "properties": { "ONMEMBERREMOVED": { "action": "CLOSE" }, "closeFrame": "None", "maxTunnels": "7" } }),
        );
        assert!(violations.is_empty(), "{violations}");
        let properties = &written.properties;
        assert_eq!(properties["onMemberRemoved"], json!({ "action": "close" }));
        assert_eq!(properties["onRouteChanged"], json!({ "action": "keep" }));
        assert_eq!((&properties["maxTunnels"], &properties["peerTimeoutInSec"]), (&json!(7), &json!(60)));
        assert!(!properties.contains_key("closeFrame"), "{properties:?}");
        assert_eq!(with.extension(TUNNEL_POLICIES, "pool"), Some(&written));
        let (again, second, _) = with.with_extension(TUNNEL_POLICIES, "pool", &json!({}));
        assert_eq!(
            (again.extensions.len(), second.name.as_str()),
            (1, "POOL"),
            "the creator's spelling stays"
        );
        assert_eq!(with.without_extension(TUNNEL_POLICIES, "Pool"), Some(document.clone()));
        assert_eq!(document.without_extension(TUNNEL_POLICIES, "pool"), None);
    }

    #[test]
    fn what_a_get_shows_can_be_sent_back() {
        let shown = json!({ "name": "default", "id": "/x", "type": "y", "etag": "z", "properties": {
            "provisioningState": "Succeeded", "appliesTo": [{ "id": "/pool" }], "drainSpread": "even" } });
        assert_eq!(violations(TUNNEL_POLICIES, "default", &shown), []);
    }

    #[test]
    fn mistakes_are_named() {
        let tunnels =
            |properties: Value| violations(TUNNEL_POLICIES, "default", &json!({ "properties": properties }));
        let is = |code: &'static str, target: &str| vec![(code, target.to_owned())];
        assert_eq!(tunnels(json!({ "maxTunels": 1 })), is(code::UNKNOWN_PROPERTY, "properties.maxTunels"));
        assert_eq!(tunnels(json!({ "colour": 1 })), is(code::UNKNOWN_PROPERTY, "properties.colour"));
        let inner = json!({ "onMemberDown": { "action": "keep", "why": 1 } });
        assert_eq!(tunnels(inner), is(code::UNKNOWN_PROPERTY, "properties.onMemberDown.why"));
        let word = json!({ "onMemberDown": { "action": "explode" } });
        assert_eq!(tunnels(word), is(code::INVALID_JSON, "properties.onMemberDown.action"));
        assert_eq!(tunnels(json!({ "closeFrame": "some" })), is(code::INVALID_JSON, "properties.closeFrame"));
        let beside = json!({ "tags": {}, "properties": {} });
        assert_eq!(violations(TUNNEL_POLICIES, "default", &beside), is(code::UNKNOWN_PROPERTY, "tags"));
        assert_eq!(violations(TUNNEL_POLICIES, "nowhere", &json!({})), is(code::INVALID_REFERENCE, "name"));
        assert_eq!(violations(HTTP2_POLICIES, "pool", &json!({})), is(code::INVALID_NAME, "name"));
        let other = json!({ "name": "other" });
        assert_eq!(violations(HTTP2_POLICIES, "default", &other), is(code::INVALID_NAME, "name"));
    }

    #[test]
    fn the_default_is_for_the_pools_without_a_policy_of_their_own() {
        let document = read(whole());
        let with = |document: &Document, name| document.with_extension(TUNNEL_POLICIES, name, &json!({})).0;
        let both = with(&with(&document, "default"), "pool");
        let pools = |document: &Document, name| {
            let extension = document.extension(TUNNEL_POLICIES, name).unwrap();
            let pools = document.pools_of(extension).into_iter();
            pools.map(|pool| pool.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((pools(&both, "default").as_str(), pools(&both, "pool").as_str()), ("empty", "pool"));
        let pool = Collection::named(POOLS).unwrap();
        let gone = both.without_child(pool, "pool").unwrap();
        assert_eq!((pools(&gone, "default").as_str(), pools(&gone, "pool").as_str()), ("empty", ""));
    }

    #[test]
    fn each_pool_may_have_a_policy_however_many_there_are() {
        let mut body = whole();
        let pools: Vec<Value> = (0..260).map(|number| json!({ "name": format!("pool{number}") })).collect();
        body["properties"][POOLS].as_array_mut().unwrap().extend(pools);
        let mut document = read(body);
        let pool = Collection::named(POOLS).unwrap();
        let put = |document: &Document, name: &str| {
            let (document, _, violations) = document.with_extension(TUNNEL_POLICIES, name, &json!({}));
            (document, violations.0.into_iter().map(|violation| violation.code).collect::<Vec<_>>())
        };
        for name in ["default".to_owned()].into_iter().chain((0..260).map(|number| format!("pool{number}"))) {
            let (with, violations) = put(&document, &name);
            assert_eq!(violations, [] as [&str; 0], "{name}");
            document = with;
        }
        // Those of pools that are gone have a limit.
        for number in 0..260 {
            document = document.without_child(pool, &format!("pool{number}")).unwrap();
        }
        assert_eq!(put(&document, "pool").1, [code::EXTENSION_LIMIT]);
    }
}
