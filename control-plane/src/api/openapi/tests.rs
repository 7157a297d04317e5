//! Consistency of the published description with the code.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{codes, description};

fn document() -> Value {
    serde_json::from_str(&description()).unwrap()
}

/// Visits every value of a document with its key.
fn walk<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            see(key, value);
            walk(value, see);
        }),
        Value::Array(list) => list.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

/// Run after a change: `TIDEGATE_BLESS=1 cargo test -p tidegate-control-plane openapi`.
#[test]
fn the_committed_description_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/tidegate.json");
    let text = description();
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    assert!(
        committed == text,
        "openapi/tidegate.json differs from what the code says, first in line {}. To write it anew: \
         TIDEGATE_BLESS=1 cargo test -p tidegate-control-plane openapi",
        differs.unwrap_or_default() + 1
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    let document = document();
    let mut targets = BTreeSet::new();
    walk(&document, &mut |key, value| {
        if let ("$ref", Some(target)) = (key, value.as_str()) {
            targets.insert(target.trim_start_matches('#').to_owned());
        }
    });
    for target in &targets {
        assert!(document.pointer(target).is_some(), "{target}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(targets.contains(&format!("/components/schemas/{name}")), "{name} is of no use");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let document = document();
    let mut known = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(known.insert(id.to_owned()), "{method} {path}: {id} twice");
        }
    }
}

#[test]
fn only_what_is_served_is_described_and_in_the_dialect_of_version_3_0() {
    walk(&document(), &mut |key, value| {
        for foreign in ["x-not-served", "x-members", "$schema", "$defs", "const"] {
            assert_ne!(key, foreign, "{value}");
        }
        assert!(key != "type" || !value.is_array(), "{value}");
    });
}

#[test]
fn every_code_is_listed() {
    let codes: BTreeSet<&str> = codes().into_iter().flatten().map(|code| code.name).collect();
    let declared = include_str!("../../violation/code.rs").matches(" const ").count();
    let listed = [
        crate::violation::code::CODES,
        crate::violation::code::limit::CODES,
        crate::violation::code::OWN_CODES,
    ];
    assert_eq!(listed.iter().map(|list| list.len()).sum::<usize>(), declared);
    // A code that is written as a literal would be in no list.
    for source in [include_str!("../error.rs"), include_str!("../../service/error.rs")] {
        assert!(!source.contains("=> \""), "declare codes by the macro");
    }
    let document = document();
    let published = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let published: BTreeSet<&str> = published.iter().filter_map(Value::as_str).collect();
    assert_eq!(published, codes);
}
