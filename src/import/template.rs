//! Templates: given ones, and those that are made of resources.

use serde_json::{Map, Value, json};

use super::Resource;
use super::check;
use super::finding::Finding;

/// The schema of the templates that are made here.
const SCHEMA: &str = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

/// The version with which resources are sent.
const API_VERSION: &str = "2025-05-01";

/// A template and the resource group to which it is deployed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) subscription: String,
    pub(crate) group: String,
    /// The template itself.
    pub(crate) body: Value,
    /// True if it was given as a template, with parameters of its own.
    pub(crate) is_given: bool,
}

/// Returns whether a document is an ARM template.
pub(super) fn is_template(document: &Map<String, Value>) -> bool {
    let schema = document.get("$schema").and_then(Value::as_str).unwrap_or_default();
    schema.to_ascii_lowercase().contains("deploymenttemplate.json") && document.contains_key("resources")
}

/// Returns how people call a resource: its type without the provider, and its name.
pub(crate) fn label(id: &str) -> String {
    let (_, below) = id.rsplit_once("/providers/").unwrap_or(("", id));
    below.split_once('/').map_or(below, |(_, rest)| rest).to_owned()
}

impl Template {
    /// A template as it was given, whose literal resources are checked.
    pub(super) fn given(
        mut document: Map<String, Value>,
        (subscription, group): (&str, &str),
        source: &str,
        findings: &mut Vec<Finding>,
    ) -> Template {
        let parameters = document.get("parameters").cloned().unwrap_or_default();
        let mut check_one = |resource: &mut Value| {
            let label = named(resource, &parameters);
            if let Value::Object(body) = resource {
                check::resource(&label, body, source, findings);
            }
        };
        match document.get_mut("resources") {
            Some(Value::Array(list)) => list.iter_mut().for_each(&mut check_one),
            Some(Value::Object(named)) => named.values_mut().for_each(&mut check_one),
            _ => {}
        }
        let (subscription, group) = (subscription.to_owned(), group.to_owned());
        Template { subscription, group, body: document.into(), is_given: true }
    }

    /// Adds a resource to the template of its group.
    pub(super) fn add(templates: &mut Vec<Template>, resource: &Resource) {
        let segments: Vec<&str> = resource.id.split('/').collect();
        let [_, _, subscription, _, group, _, provider, rest @ ..] = segments.as_slice() else { return };
        let is_it = |template: &&mut Template| {
            !template.is_given
                && template.subscription.eq_ignore_ascii_case(subscription)
                && template.group.eq_ignore_ascii_case(group)
        };
        let added = written(provider, rest, &resource.body);
        if let Some(template) = templates.iter_mut().find(is_it) {
            if let Some(list) = template.body["resources"].as_array_mut() {
                list.push(added);
            }
            return;
        }
        let body = json!({"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [added]});
        let (subscription, group) = ((*subscription).to_owned(), (*group).to_owned());
        templates.push(Template { subscription, group, body, is_given: false });
    }

    /// Lets the resources of a made template wait for those to which they refer.
    pub(crate) fn with_dependencies(mut self) -> Template {
        if self.is_given {
            return self;
        }
        let Some(resources) = self.body["resources"].as_array_mut() else { return self };
        let prefix = format!("/subscriptions/{}/resourceGroups/{}/providers/", self.subscription, self.group);
        let ids: Vec<String> = resources.iter().map(|one| format!("{prefix}{}", path(one))).collect();
        for (at, resource) in resources.iter_mut().enumerate() {
            let text = resource.to_string().to_ascii_lowercase();
            let refers = |id: &String| {
                let id = id.to_ascii_lowercase();
                let is_end = |end: Option<char>| end.is_none_or(|end| ['"', '/'].contains(&end));
                text.match_indices(&id).any(|(found, _)| is_end(text[found + id.len()..].chars().next()))
            };
            let mut others: Vec<&String> = ids
                .iter()
                .enumerate()
                .filter(|(other, id)| *other != at && refers(id))
                .map(|(_, id)| id)
                .collect();
            // A subnet is written after its network, which does not name it.
            others.extend(ids.iter().filter(|id| ids[at].starts_with(&format!("{id}/"))));
            resource["dependsOn"] = json!(others);
        }
        self
    }

    /// Splits a path in the request of a deployment: the resource, and the path in it. Other paths have no resource.
    pub(crate) fn place(&self, target: &str) -> (String, String) {
        let within = target.strip_prefix("properties.template.resources");
        let Some((at, rest)) = within.and_then(|within| within.strip_prefix('[')?.split_once(']')) else {
            return (String::new(), target.to_owned());
        };
        let resources = &self.body["resources"];
        let name = at.trim_matches('\'');
        let resource = at.parse::<usize>().map_or_else(|_| resources.get(name), |at| resources.get(at));
        match resource {
            Some(resource) => {
                let label = named(resource, &self.body["parameters"]);
                (label, rest.trim_start_matches('.').to_owned())
            }
            None => (String::new(), target.to_owned()),
        }
    }

    pub(crate) fn has_gateway(&self) -> bool {
        self.body.to_string().to_ascii_lowercase().contains("\"microsoft.network/applicationgateways\"")
    }

    /// The path of the deployment.
    pub(crate) fn path(&self) -> String {
        format!(
            "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.Resources/deployments/tidegate-import",
            self.subscription, self.group
        )
    }

    /// The resource ID of the group.
    pub(crate) fn group_id(&self) -> String {
        format!("/subscriptions/{}/resourcegroups/{}", self.subscription, self.group)
    }

    /// The location of its first resource that has one.
    pub(crate) fn location(&self) -> Option<&str> {
        let resources = self.body["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
        resources
            .iter()
            .find_map(|resource| resource["location"].as_str())
            .filter(|text| !text.starts_with('['))
    }
}

/// Returns what people call a resource of a template. A name that is a parameter is that parameter's default.
fn named(resource: &Value, parameters: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap_or_default();
    let (kind, name) = (text("type"), text("name"));
    let parameter = name.strip_prefix("[parameters('").and_then(|rest| rest.strip_suffix("')]"));
    let name = parameter.and_then(|name| parameters[name]["defaultValue"].as_str()).unwrap_or(name);
    let kinds = kind.split_once('/').map_or(kind, |(_, kinds)| kinds).split('/');
    let pairs: Vec<String> =
        kinds.zip(name.split('/')).map(|(kind, name)| format!("{kind}/{name}")).collect();
    pairs.join("/")
}

/// Writes a resource as a template has it. `rest` is the path after the provider: types and names in turn.
fn written(provider: &str, rest: &[&str], body: &Map<String, Value>) -> Value {
    let kinds: Vec<&str> = rest.iter().step_by(2).copied().collect();
    let names: Vec<&str> = rest.iter().skip(1).step_by(2).copied().collect();
    let mut resource = json!({
        "type": format!("{provider}/{}", kinds.join("/")), "apiVersion": API_VERSION, "name": names.join("/"),
    });
    for (key, value) in body {
        resource[key.as_str()] = escaped(value);
    }
    resource
}

/// The path of a written resource after `providers`.
fn path(resource: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text("type"), text("name"));
    let mut kinds = kind.split('/');
    let provider = kinds.next().unwrap_or_default().to_owned();
    let pairs = kinds.zip(name.split('/')).map(|(kind, name)| format!("/{kind}/{name}"));
    provider + &pairs.collect::<String>()
}

/// Returns a value whose texts a template takes literally.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('[') && text.ends_with(']') => format!("[{text}").into(),
        Value::Array(list) => list.iter().map(escaped).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), escaped(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str, body: &Value) -> Resource {
        let id = format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/{path}");
        Resource { id, body: body.as_object().cloned().unwrap(), source: "file".into() }
    }

    #[test]
    fn resources_wait_for_those_to_which_they_refer() {
        let prefix = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";
        let mut templates = Vec::new();
        let reference =
            json!({"properties": {"a": {"id": format!("{prefix}/publicIPAddresses/ip").to_uppercase()}}});
        Template::add(&mut templates, &resource("applicationGateways/edge", &reference));
        Template::add(
            &mut templates,
            &resource("publicIPAddresses/ip", &json!({"location": "here", "tags": {"a": "[b]"}})),
        );
        Template::add(&mut templates, &resource("publicIPAddresses/ip2", &json!({})));
        Template::add(&mut templates, &resource("virtualNetworks/v/subnets/s", &json!({})));
        Template::add(&mut templates, &resource("virtualNetworks/v", &json!({})));
        let [template] = &templates[..] else { panic!("one group") };
        assert!(template.has_gateway());
        assert_eq!(template.location(), Some("here"));
        let template = template.clone().with_dependencies();
        let resources = template.body["resources"].as_array().unwrap();
        let depends = |at: usize| resources[at]["dependsOn"].clone();
        assert_eq!(depends(0), json!([format!("{prefix}/publicIPAddresses/ip")]));
        assert_eq!(depends(3), json!([format!("{prefix}/virtualNetworks/v")]));
        assert_eq!((depends(1), depends(4)), (json!([]), json!([])));
        assert_eq!(resources[1]["tags"]["a"], "[[b]");
        assert_eq!(resources[3]["type"], "Microsoft.Network/virtualNetworks/subnets");
        assert_eq!(resources[3]["name"], "v/s");
    }

    #[test]
    fn paths_of_a_request_are_those_of_its_resources() {
        let document = json!({"$schema": SCHEMA, "parameters": {"edge": {"defaultValue": "Edge"}}, "resources": [
            {"type": "Microsoft.Network/applicationGateways", "name": "[parameters('edge')]"},
            {"type": "Microsoft.Network/virtualNetworks/subnets", "name": "v/s"},
        ]});
        let document = document.as_object().cloned().unwrap();
        assert!(is_template(&document));
        let mut findings = Vec::new();
        let template = Template::given(document, ("s", "g"), "file", &mut findings);
        for (target, resource, path) in [
            ("properties.template.resources[0].properties.sku", "applicationGateways/Edge", "properties.sku"),
            ("properties.template.resources[1]", "virtualNetworks/v/subnets/s", ""),
            ("properties.template.resources[7].x", "", "properties.template.resources[7].x"),
            ("properties.parameters.p", "", "properties.parameters.p"),
        ] {
            assert_eq!(template.place(target), (resource.to_owned(), path.to_owned()), "{target}");
        }
        assert_eq!(findings[0].resource, "applicationGateways/Edge");
    }

    #[test]
    fn a_label_is_type_and_name() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s";
        assert_eq!(label(id), "virtualNetworks/v/subnets/s");
    }
}
