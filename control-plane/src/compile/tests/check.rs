//! Compiles a body that is changed in one place, and compares the violations with those that are expected. The tests of
//! violations use it; it must not hold tests of its own.

use super::*;

/// Replaces properties of one member of the whole gateway, and looks at what is wrong then. Targets are within those
/// properties when they begin with a dot, and whole otherwise.
pub(super) fn check(collection: &str, index: usize, changes: Value, expected: &[(&str, &str)]) {
    check_member(whole(), collection, index, changes, expected);
}

/// The same with any gateway.
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
