//! The summary of a deployment that is stored beside its request. It holds no secrets. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::template::{Plan, Resource};

use super::preview::Preview;

/// Summarises a request.
pub(crate) fn summary(preview: &Preview) -> Map<String, Value> {
    let plan = &preview.plan;
    Map::from_iter([
        ("templateHash".to_owned(), plan.template_hash().into()),
        ("parameters".to_owned(), Value::Object(plan.parameters_shown.clone())),
        ("mode".to_owned(), "Incremental".into()),
        ("providers".to_owned(), providers(plan)),
        ("dependencies".to_owned(), dependencies(plan)),
        ("resources".to_owned(), resources(plan)),
    ])
}

fn resources(plan: &Plan) -> Value {
    plan.resources.iter().map(|resource| json!({"id": resource.id})).collect()
}

fn providers(plan: &Plan) -> Value {
    let mut types: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in &plan.resources {
        if let Some((namespace, kind)) = resource.kind.split_once('/') {
            let known = types.entry(namespace).or_default();
            if !known.contains(&kind) {
                known.push(kind);
            }
        }
    }
    let shown = |(namespace, kinds): (&str, Vec<&str>)| {
        let kinds: Vec<Value> =
            kinds.into_iter().map(|kind| json!({"resourceType": kind, "locations": [null]})).collect();
        json!({"namespace": namespace, "resourceTypes": kinds})
    };
    types.into_iter().map(shown).collect()
}

fn dependencies(plan: &Plan) -> Value {
    let basic = |resource: &Resource| json!({"id": resource.id, "resourceType": resource.kind, "resourceName": resource.name.join("/")});
    let waiting = plan.resources.iter().filter(|resource| !resource.depends_on.is_empty());
    let shown = waiting.map(|resource| {
        let mut shown = basic(resource);
        let on = resource.depends_on.iter().filter_map(|at| plan.resources.get(*at));
        shown["dependsOn"] = on.map(basic).collect();
        shown
    });
    shown.collect()
}
