//! Compiles a body with one change and compares its violations with the expected ones, for the tests of
//! violations. Must not contain tests.

use super::*;

/// Replaces properties of one member of the whole gateway and checks the violations. A target that begins with
/// a dot is relative to these properties.
pub(super) fn check(collection: &str, index: usize, changes: Value, expected: &[(&str, &str)]) {
    check_member(whole(), collection, index, changes, expected);
}

/// The same for any gateway.
pub(super) fn check_member(
    mut body: Value,
    collection: &str,
    index: usize,
    changes: Value,
    expected: &[(&str, &str)],
) {
    let what = format!("{collection}[{index}] {changes}");
    let Value::Object(changes) = changes else { panic!("{what}") };
    properties(&mut body, collection, index).as_object_mut().unwrap().extend(changes);
    let prefix = format!("properties.{collection}[{index}].properties");
    check_body(body, &what, &prefix, expected);
}

pub(super) fn check_body(body: Value, what: &str, prefix: &str, expected: &[(&str, &str)]) {
    let violations = compile_body(body).err().unwrap_or_default();
    let found: Vec<_> =
        violations.0.iter().map(|v| (v.code, v.target.strip_prefix(prefix).unwrap_or(&v.target))).collect();
    assert_eq!(found, expected, "{what}: {violations}");
}

pub(super) fn check_gateway(changes: Value, expected: &[(&str, &str)]) {
    let what = changes.to_string();
    let mut body = json!({});
    body["properties"] = changes;
    check_body(body, &what, "properties", expected);
}
