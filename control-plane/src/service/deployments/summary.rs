//! The summary of a deployment that is stored beside its request. It holds no secrets. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::arm::deployment::{DeploymentMode, Located};
use crate::template::{Plan, Resource};

use super::change::Fate;
use super::level::Level;
use super::preview::Preview;

/// Summarises the request of an outermost deployment. Its resources include those of nested deployments, as
/// far as they are known.
pub(crate) fn summary(preview: &Preview) -> Map<String, Value> {
    let written = preview.changes.iter().filter(|change| change.fate == Fate::Written);
    let ids = written.map(|change| change.id.as_str()).collect();
    let mut shown = of_plan(&preview.plan, preview.mode, preview.link.as_ref(), ids);
    if let Some(location) = &preview.location {
        shown.insert("location".to_owned(), location.as_str().into());
    }
    shown
}

/// Summarises the request of a nested deployment.
pub(super) fn of_nested(level: &Level) -> Map<String, Value> {
    let ids = level.plan.resources.iter().map(|resource| resource.id.as_str()).collect();
    let mut shown = of_plan(&level.plan, level.mode, level.link.as_ref(), ids);
    if level.path.group.is_none() {
        shown.insert("location".to_owned(), level.plan.context().location.as_str().into());
    }
    shown
}

fn of_plan(plan: &Plan, mode: DeploymentMode, link: Option<&Located>, ids: Vec<&str>) -> Map<String, Value> {
    let mut shown = Map::from_iter([
        ("templateHash".to_owned(), plan.template_hash().into()),
        ("parameters".to_owned(), Value::Object(plan.parameters_shown.clone())),
        ("mode".to_owned(), mode.as_str().into()),
        ("providers".to_owned(), providers(plan)),
        ("dependencies".to_owned(), dependencies(plan)),
        ("resources".to_owned(), ids.into_iter().map(|id| json!({"id": id})).collect()),
    ]);
    if let Some(link) = link {
        let link = json!({"uri": link.shown(), "contentVersion": plan.content_version()});
        shown.insert("templateLink".to_owned(), link);
    }
    shown
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
