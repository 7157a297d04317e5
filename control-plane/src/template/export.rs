//! Templates as they are shown to readers: without secrets. Pure.
//!
//! A template has the values of secrets in two places: as the default of a secure parameter, and in a nested
//! template that the template around it has evaluated.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::expression::{TemplateText, classify};
use super::value::{property, take};

/// Returns a template without the defaults of its secure parameters, and of those of the templates in it. `hide`
/// removes secrets from a text; it is given for a template that has been evaluated.
pub(super) fn exported(template: &Value, hide: Option<&dyn Fn(&str) -> String>) -> Value {
    let mut shown = match hide {
        Some(hide) => hidden(template, hide),
        None => template.clone(),
    };
    without_defaults(&mut shown);
    shown
}

fn hidden(value: &Value, hide: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => hide(text).into(),
        Value::Array(list) => list.iter().map(|value| hidden(value, hide)).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (hide(key), hidden(value, hide))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Removes the defaults of secure parameters, except for expressions, at every level.
fn without_defaults(template: &mut Value) {
    let Value::Object(parts) = template else { return };
    let secure = property(parts, "definitions").map(secure_definitions).unwrap_or_default();
    for parameter in members(parts, "parameters") {
        let is_secure = Scan::of(parameter).is_secure_with(&secure);
        let Value::Object(parameter) = parameter else { continue };
        let default = property(parameter, "defaultValue").and_then(Value::as_str);
        let is_expression = default.is_some_and(|text| matches!(classify(text), TemplateText::Expression(_)));
        if is_secure && !is_expression {
            take(parameter, "defaultValue");
        }
    }
    in_resources(parts);
}

fn in_resources(parts: &mut Map<String, Value>) {
    for resource in members(parts, "resources") {
        let Value::Object(resource) = resource else { continue };
        let properties = resource.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("properties"));
        for (key, value) in properties.filter_map(|(_, value)| value.as_object_mut()).flatten() {
            if key.eq_ignore_ascii_case("template") {
                without_defaults(value);
            }
        }
        in_resources(resource);
    }
}

/// Iterates over the elements of a list or the values of an object, which is a property in any case.
fn members<'v>(object: &'v mut Map<String, Value>, name: &str) -> Vec<&'v mut Value> {
    let found = object.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let values = found.flat_map(|(_, value)| match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(object) => object.values_mut().collect(),
        _ => Vec::new(),
    });
    values.collect()
}

/// What is secure in a type: itself, if a part of it is, and the definitions to which it refers.
#[derive(Default)]
struct Scan {
    is_secure: bool,
    refers_to: BTreeSet<String>,
}

impl Scan {
    fn of(value: &Value) -> Scan {
        let mut scan = Scan::default();
        scan.visit(value);
        scan
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Object(object) => object.iter().for_each(|(key, value)| self.member(key, value)),
            Value::Array(list) => list.iter().for_each(|value| self.visit(value)),
            _ => {}
        }
    }

    fn member(&mut self, key: &str, value: &Value) {
        match (key.to_ascii_lowercase().as_str(), value) {
            ("type", Value::String(kind)) => {
                self.is_secure |= kind.to_ascii_lowercase().starts_with("secure")
            }
            ("$ref", Value::String(name)) => {
                self.refers_to.extend(name.rsplit('/').next().map(str::to_owned))
            }
            ("defaultvalue" | "metadata", _) => {}
            (_, value) => self.visit(value),
        }
    }

    fn is_secure_with(&self, secure: &BTreeSet<String>) -> bool {
        self.is_secure || self.refers_to.iter().any(|name| secure.contains(name))
    }
}

/// Returns the names of the definitions that are secure, also through others.
fn secure_definitions(definitions: &Value) -> BTreeSet<String> {
    let members = definitions.as_object().into_iter().flatten();
    let mut open: Vec<(String, Scan)> = members.map(|(name, of)| (name.clone(), Scan::of(of))).collect();
    let mut secure = BTreeSet::new();
    loop {
        let (found, rest): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(_, scan)| scan.is_secure_with(&secure));
        if found.is_empty() {
            return secure;
        }
        secure.extend(found.into_iter().map(|(name, _)| name));
        open = rest;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secure_defaults_are_left_out_at_every_level() {
        let template = |open: bool| {
            let secret = |default: &str| match open {
                true => json!({"type": "secureString", "defaultValue": default}),
                false => json!({"type": "secureString"}),
            };
            let mut referring = json!({"$ref": "#/definitions/login"});
            if open {
                referring["defaultValue"] = json!({"password": "secret"});
            }
            let parameters = json!({
                "plain": {"type": "string", "defaultValue": "shown"}, "secret": secret("secret"),
                "made": {"type": "securestring", "defaultValue": "[newGuid()]"}, "login": referring,
            });
            let within = json!({"properties": {"template": {"Parameters": {"own": secret("other")}}}});
            json!({
                "definitions": {
                    "login": {"type": "object", "properties": {"password": {"$ref": "#/definitions/password"}}},
                    "password": {"type": "securestring"},
                },
                "parameters": parameters,
                "resources": {"nested": within, "parent": {"resources": [within]}},
            })
        };
        assert_eq!(exported(&template(true), None), template(false));
    }

    #[test]
    fn an_evaluated_template_has_no_secrets() {
        let hide = |text: &str| text.replace("secret", "(secure)");
        let template = json!({"resources": [{"tags": {"secret": ["a secret"]}, "count": 1}]});
        let expected = json!({"resources": [{"tags": {"(secure)": ["a (secure)"]}, "count": 1}]});
        assert_eq!(exported(&template, Some(&hide)), expected);
        assert_eq!(exported(&template, None), template);
    }
}
