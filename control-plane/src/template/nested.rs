//! Templates within a template: a deployment with the scope `inner` evaluates its own template, so the expressions
//! in it are not those of the template around it.

use serde_json::{Map, Value};

use super::value::{property, take};

/// The type of a deployment.
const DEPLOYMENT: &str = "Microsoft.Resources/deployments";

/// Returns whether a resource is a deployment that evaluates its template itself.
pub(super) fn has_own_template(resource: &Map<String, Value>) -> bool {
    let is = |value: Option<&Value>, word: &str| {
        value.and_then(Value::as_str).is_some_and(|v| v.eq_ignore_ascii_case(word))
    };
    let options = property(resource, "properties").and_then(Value::as_object);
    let options = options.and_then(|properties| property(properties, "expressionEvaluationOptions"));
    let scope = options.and_then(Value::as_object).and_then(|options| property(options, "scope"));
    is(property(resource, "type"), DEPLOYMENT) && is(scope, "inner")
}

/// Takes the template out of the body of such a deployment.
pub(super) fn take_template(body: &mut Map<String, Value>) -> Option<Value> {
    take(properties(body)?, "template")
}

/// Puts it back, once everything around it is evaluated.
pub(super) fn put_template(body: &mut Map<String, Value>, template: Value) {
    if let Some(properties) = properties(body) {
        properties.insert("template".to_owned(), template);
    }
}

fn properties(body: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let found = body.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("properties"));
    found.and_then(|(_, properties)| properties.as_object_mut())
}
