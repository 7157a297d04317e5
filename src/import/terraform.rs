//! The state of Terraform's provider `azurerm`, as `terraform show -json` prints it, in ARM's form.

mod convert;
mod made;
mod table;

use serde_json::{Map, Value};

use super::Resource;
use super::finding::{Finding, Outcome};
use convert::converted;
use table::{Kind, TYPES};

/// The beginning of the types that are reported if they are not imported.
const PROVIDER: &str = "azurerm_";

/// Returns whether a document is a state or a plan of Terraform.
pub(super) fn is_state(document: &Map<String, Value>) -> bool {
    document.contains_key("terraform_version") || document.contains_key("format_version")
}

/// Returns the resources of a state, or those that a plan would make.
///
/// # Errors
/// The document has no resources that can be imported.
pub(super) fn resources(
    source: &str,
    document: &Map<String, Value>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Resource>, String> {
    let state = ["values", "planned_values"].iter().find_map(|name| document.get(*name));
    let mut found = Vec::new();
    collect(state.map_or(&Value::Null, |state| &state["root_module"]), &mut found);
    let mut read = Vec::new();
    for resource in found {
        let kind = resource["type"].as_str().unwrap_or_default();
        let address = resource["address"].as_str().unwrap_or_default();
        let Some(known) = TYPES.iter().find(|known| known.name == kind) else {
            if kind.starts_with(PROVIDER) && kind != "azurerm_resource_group" {
                let message =
                    "resources of this type are not imported: export them with `az` and import that";
                findings.push(Finding::new(Outcome::WithoutEffect, address, "", message));
            }
            continue;
        };
        let values = resource["values"].as_object().cloned().unwrap_or_default();
        // A plan has no IDs yet.
        let Some(id) = values.get("id").and_then(Value::as_str).filter(|id| id.starts_with('/')) else {
            let message = "it has no ID: apply the plan, or import `terraform show -json` of the state";
            findings.push(Finding::new(Outcome::MustChange, address, "id", message));
            continue;
        };
        for name in unknown(known, &values) {
            let message = "this attribute is not known, and is left out";
            findings.push(Finding::new(Outcome::WithoutEffect, address, name, message));
        }
        let (id, source) = (id.to_owned(), format!("{address} of {source}"));
        read.push(Resource { body: converted(known.attributes, &values, &id), id, source });
    }
    match read.is_empty() && !findings.iter().any(|finding| finding.outcome == Outcome::MustChange) {
        true => {
            Err(format!("{source}: the state has no gateway, address or network of the provider azurerm"))
        }
        false => Ok(read),
    }
}

/// Collects the managed resources of a module and of those within it.
fn collect<'v>(module: &'v Value, found: &mut Vec<&'v Value>) {
    let own = module["resources"].as_array().into_iter().flatten();
    found.extend(own.filter(|resource| resource["mode"] != "data"));
    for child in module["child_modules"].as_array().into_iter().flatten() {
        collect(child, found);
    }
}

/// Returns the attributes with a value that the table does not have.
fn unknown(known: &Kind, values: &Map<String, Value>) -> Vec<String> {
    let is_known = |name: &str| {
        known.attributes.iter().any(|attribute| attribute.from == name) || known.ignored.contains(&name)
    };
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    };
    let names = values.iter().filter(|(name, value)| !is_known(name) && is_set(value));
    names.map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests;
