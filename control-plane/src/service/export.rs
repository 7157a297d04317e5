//! The export of a resource group as a template that deploys its resources again.

mod template;

use serde_json::{Map, Value, json};

use crate::arm::collection::COLLECTIONS;
use crate::arm::extension::{DEFAULT_NAME, Extension};
use crate::arm::normalize::{expect_object, take};
use crate::arm::resource_id::GatewayPath;
use crate::arm::resource_kind::ResourceKind;
use crate::store::{Gateway, ResourceRow};
use crate::violation::{ROOT, Violations, code};

use super::error::{EXPORT_INCOMPLETE, RESOURCE_NOT_FOUND, SECRET_LEFT_OUT};
use super::{ResourceGroupError, Service, ServiceError};
use template::{Exported, Options, template};

/// The properties of children that only a response has.
const READ_ONLY: [&str; 3] = ["publicCertData", "validatedCertData", "clientCertIssuerDN"];

impl Service {
    /// Returns a template of the resources of a group, or of those that the body names, and what is missing
    /// in it.
    ///
    /// # Errors
    /// [`ResourceGroupError::NoGroup`], the violations of the body, or an error of the store.
    pub(crate) async fn export_group(
        &self,
        subscription: &str,
        group: &str,
        body: Value,
    ) -> Result<Value, ServiceError> {
        let (wanted, options) = read(body).map_err(ServiceError::Invalid)?;
        if self.store.group(subscription, group).await?.is_none() {
            return Err(ResourceGroupError::NoGroup(group.to_owned()).into());
        }
        let mut rows = self.store.resources(subscription, Some(group)).await?;
        rows.sort_by_key(|row| row.id.to_ascii_lowercase());
        let mut problems = missing(&wanted, &rows);
        let is_wanted = |row: &&ResourceRow| {
            wanted.iter().any(|wanted| wanted == "*" || wanted.eq_ignore_ascii_case(&row.id))
        };
        let mut exported = Vec::new();
        for row in rows.iter().filter(is_wanted) {
            if row.kind != ResourceKind::Gateway {
                exported.push(Exported::new(&row.id, row.body.clone()));
                continue;
            }
            // It may have been deleted in the meantime.
            let Some(gateway) = self.gateway_to_export(&row.id).await? else { continue };
            problems.extend(secrets_of(&gateway));
            exported.push(Exported::new(&row.id, whole(&gateway)));
            let document = &gateway.document;
            // Another gateway would refuse the document of a pool that is gone.
            let has_effect = |extension: &&Extension| {
                extension.name.eq_ignore_ascii_case(DEFAULT_NAME) || !document.pools_of(extension).is_empty()
            };
            exported.extend(document.extensions.iter().filter(has_effect).map(|extension| {
                let properties = Value::Object(extension.properties.clone());
                let body = Map::from_iter([("properties".to_owned(), properties)]);
                Exported::new(&document.extension_id(extension), body)
            }));
        }
        let mut result = json!({"template": template(&exported, options)});
        if !problems.is_empty() {
            let message = "The template is not complete. See details.";
            result["error"] = json!({"code": EXPORT_INCOMPLETE, "message": message, "details": problems});
        }
        Ok(result)
    }

    async fn gateway_to_export(&self, id: &str) -> Result<Option<Gateway>, ServiceError> {
        let Some(path) = GatewayPath::parse(id) else { return Ok(None) };
        Ok(self.store.gateway(&path).await?)
    }
}

/// Reads the body of a request: the IDs of the resources, and the options.
fn read(body: Value) -> Result<(Vec<String>, Options), Violations> {
    let mut flaws = Violations::default();
    let mut body = expect_object(body, ROOT, &mut flaws).unwrap_or_default();
    let resources = take(&mut body, "resources", "resources", &mut flaws);
    let listed = resources.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wanted: Vec<String> = listed.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    if wanted.is_empty() || wanted.len() < listed.len() {
        let why = "The resources to export must be a list of resource IDs, or [\"*\"] for all of the group.";
        flaws.push(code::INVALID_JSON, "resources", why);
    }
    let format = take(&mut body, "outputFormat", "outputFormat", &mut flaws);
    if format.is_some_and(|format| !format.as_str().is_some_and(|word| word.eq_ignore_ascii_case("Json"))) {
        flaws.push(code::INVALID_JSON, "outputFormat", "Templates are exported as 'Json' only.");
    }
    let options = take(&mut body, "options", "options", &mut flaws);
    let mut read = Options::default();
    let words = options.as_ref().and_then(Value::as_str).unwrap_or_default();
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if !read.set(word) {
            let why = format!(
                "'{word:.60}' is not an option. The options are {}, separated by commas.",
                Options::NAMES.join(", ")
            );
            flaws.push(code::INVALID_JSON, "options", why);
        }
    }
    if flaws.is_empty() { Ok((wanted, read)) } else { Err(flaws) }
}

/// Names the wanted resources that are not in the group.
fn missing(wanted: &[String], rows: &[ResourceRow]) -> Vec<Value> {
    let is_there = |id: &str| id == "*" || rows.iter().any(|row| row.id.eq_ignore_ascii_case(id));
    let missing = wanted.iter().filter(|id| !is_there(id));
    let problem = |id: &String| {
        let message = "There is no such resource in the group. Children are exported with their parent.";
        json!({"code": RESOURCE_NOT_FOUND, "message": message, "target": id})
    };
    missing.map(problem).collect()
}

/// Names the children whose secrets are left out.
fn secrets_of(gateway: &Gateway) -> Vec<Value> {
    let document = &gateway.document;
    let with_secret = document.children.iter().filter(|child| child.secret.is_some());
    let problem = |child: &crate::arm::document::Child| {
        let message = format!(
            "The private key of '{}' is left out. Add its 'data' and 'password' to deploy the template to \
             another group.",
            child.name
        );
        let target = document.path.child_id(child.collection, &child.name);
        json!({"code": SECRET_LEFT_OUT, "message": message, "target": target})
    };
    with_secret.map(problem).collect()
}

/// Returns the body of a PUT that makes a gateway with its children.
fn whole(gateway: &Gateway) -> Map<String, Value> {
    let document = &gateway.document;
    let mut body = document.body.clone();
    let mut properties = match body.shift_remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for collection in COLLECTIONS {
        let of_collection = document.children.iter().filter(|child| child.collection == collection);
        let members: Vec<Value> = of_collection
            .map(|child| {
                let own = child.properties.iter().filter(|(key, _)| !READ_ONLY.contains(&key.as_str()));
                let own: Map<String, Value> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
                json!({"name": child.name, "properties": own})
            })
            .collect();
        if !members.is_empty() {
            properties.insert(collection.name.to_owned(), members.into());
        }
    }
    body.insert("properties".to_owned(), properties.into());
    body
}
