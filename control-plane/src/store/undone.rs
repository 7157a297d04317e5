//! The operations whose write is undone by a newer write before it is applied.
//!
//! A write is undone if its resource differs after the newer write in the stored document: it was deleted,
//! recreated or replaced by other content. A write of a gateway as a whole is undone by another write of the
//! whole with a different document, not by writes of its children. A stop, a start after a stop and a
//! deletion of the gateway undo everything before them ([`super::operations::supersede_operations`]). Every
//! other write is part of the newer generation, and its operation succeeds with it.

use tidegate_shared::id::GatewayId;

use crate::arm::document::Document;

use super::database::Connection;
use super::operations::cancel_operation;
use super::{StoreError, rows};

/// Cancels the operations in progress whose writes are undone when a write of the resource `by` replaces the
/// document `before` by `after`.
pub(super) async fn cancel_undone(
    connection: &mut Connection,
    gateway: GatewayId,
    (before, after): (&Document, &Document),
    by: &str,
) -> Result<(), StoreError> {
    for (id, target) in rows::operations::list_in_progress(connection, gateway).await? {
        if is_undone(target.as_deref(), (before, after), by) {
            cancel_operation(connection, id).await?;
        }
    }
    Ok(())
}

/// Returns whether a write of `target`, which `before` contains, is not contained in `after` any more.
fn is_undone(target: Option<&str>, (before, after): (&Document, &Document), by: &str) -> bool {
    let whole = before.path.to_string();
    match target {
        Some(target) if !target.eq_ignore_ascii_case(&whole) => before.part(target) != after.part(target),
        _ => by.eq_ignore_ascii_case(&whole) && before != after,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::arm::collection::Collection;
    use crate::arm::document::Child;
    use crate::testing::path;

    fn child(collection: &str, name: &str, properties: Value) -> Child {
        let properties: Map<String, Value> = serde_json::from_value(properties).unwrap();
        Child {
            collection: Collection::named(collection).unwrap(),
            name: name.into(),
            properties,
            secret: None,
        }
    }

    fn document(children: Vec<Child>) -> Document {
        Document { path: path("gw"), body: Map::new(), children, extensions: Vec::new() }
    }

    fn port(name: &str, number: u16) -> Child {
        child("frontendPorts", name, json!({"port": number}))
    }

    fn map(rules: &[(&str, &str)]) -> Child {
        let rules: Vec<Value> =
            rules.iter().map(|(name, path)| json!({"name": name, "properties": {"paths": [path]}})).collect();
        child("urlPathMaps", "m", json!({"pathRules": rules}))
    }

    #[test]
    fn a_write_is_undone_by_another_content_of_its_own_resource_alone() {
        let none = document(vec![]);
        let a = document(vec![port("a", 1)]);
        let both = document(vec![port("a", 1), port("b", 1)]);
        let turned = document(vec![port("b", 1), port("a", 1)]);
        let other = document(vec![port("a", 2), port("b", 1)]);
        let rule = document(vec![map(&[("r", "/r")])]);
        let rules = document(vec![map(&[("q", "/q"), ("r", "/r")])]);
        let changed = document(vec![map(&[("q", "/q"), ("r", "/s")])]);
        let (gateway, a_port, b_port) = ("", "/frontendPorts/a", "/frontendports/B");
        let (r_rule, q_rule) = ("/urlPathMaps/m/pathRules/r", "/urlPathMaps/m/pathRules/Q");
        // The target of the older write, the document that contains it, the newer document, and the target of
        // the newer write.
        let cases = [
            (a_port, &a, &both, b_port, false),
            (a_port, &a, &both, gateway, false),
            (a_port, &both, &turned, gateway, false),
            (a_port, &both, &other, a_port, true),
            (a_port, &both, &other, gateway, true),
            (b_port, &both, &other, a_port, false),
            (a_port, &a, &none, a_port, true),
            (a_port, &a, &none, gateway, true),
            // A deletion, and the recreation of the child.
            (a_port, &none, &a, a_port, true),
            (a_port, &none, &none, b_port, false),
            (gateway, &a, &both, b_port, false),
            (gateway, &a, &both, gateway, true),
            (gateway, &a, &a, gateway, false),
            (r_rule, &rule, &rules, q_rule, false),
            (r_rule, &rules, &changed, r_rule, true),
            (r_rule, &rules, &changed, "/urlPathMaps/m", true),
            (q_rule, &rules, &changed, r_rule, false),
            (q_rule, &rules, &rule, q_rule, true),
            (r_rule, &rules, &none, "/urlPathMaps/m", true),
            ("/elsewhere", &rules, &none, gateway, false),
        ];
        for (target, before, after, by, expected) in cases {
            let (of, by) = (format!("{}{target}", path("gw")), format!("{}{by}", path("GW")));
            let undone = is_undone(Some(&of), (before, after), &by);
            assert_eq!(undone, expected, "{of} by {by}: {before:?} to {after:?}");
        }
        // An operation stored by an earlier version has no target and counts as a write of the whole.
        assert!(is_undone(None, (&a, &both), &path("gw").to_string()));
    }
}
