//! Default priorities of rules, for api-versions before 2021-08-01.
//!
//! Newer versions require a priority, which [`crate::compile`] checks. For older versions this module fills in
//! missing ones. Rules of a v1 gateway need none in any version, and are left as they were sent.

use serde_json::Value;

use super::{ApiVersion, Child, Document};
use crate::arm::collection::Collection;
use crate::violation::{Violations, code};

const REQUIRED_SINCE: ApiVersion = ApiVersion { date: (2021, 8, 1) };

/// The distance between default priorities.
const STEP: i64 = 10;

const COLLECTION: &str = "requestRoutingRules";
const PROPERTY: &str = "priority";

/// Fills in the priorities of a whole document in the order of its rules. It is a violation if only some rules
/// have one.
pub(super) fn fill(document: &mut Document, version: ApiVersion, violations: &mut Violations) {
    if version >= REQUIRED_SINCE || document.is_v1() {
        return;
    }
    let rules: Vec<&mut Child> =
        document.children.iter_mut().filter(|child| child.collection.name == COLLECTION).collect();
    if rules.iter().any(|rule| rule.properties.contains_key(PROPERTY)) {
        for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.properties.contains_key(PROPERTY))
        {
            let target = format!("properties.{COLLECTION}[{i}].properties.{PROPERTY}");
            let message = format!(
                "Either all or no rule should have the priority specified; '{}' has none.",
                rule.name
            );
            violations.push(code::PRIORITY_PARTIAL, target, message);
        }
        return;
    }
    for (rule, priority) in rules.into_iter().zip((1..).map(|i: i64| i * STEP)) {
        rule.properties.insert(PROPERTY.to_owned(), Value::from(priority));
    }
}

/// Fills in the priority of a rule that is about to be put into `document`: its previous one, or the highest
/// plus [`STEP`].
pub(super) fn fill_one(document: &Document, child: &mut Child, version: ApiVersion) {
    if version >= REQUIRED_SINCE
        || child.collection.name != COLLECTION
        || child.properties.contains_key(PROPERTY)
    {
        return;
    }
    let of = |rule: &Child| rule.properties.get(PROPERTY).and_then(Value::as_i64);
    let before = document.child(child.collection, &child.name).and_then(of);
    let highest = || {
        let rules = Collection::named(COLLECTION).into_iter().flat_map(|rules| document.members(rules));
        rules.filter_map(of).max().unwrap_or(0)
    };
    let priority = before.unwrap_or_else(|| highest().saturating_add(STEP));
    child.properties.insert(PROPERTY.to_owned(), Value::from(priority));
}
