//! The places of a document that refer to a web application firewall policy.

use serde_json::{Map, Value};

use super::{Child, Document};
use crate::arm::collection::Collection;
use crate::arm::resource_id::MemberPath;

/// The property with the reference.
const PROPERTY: &str = "firewallPolicy";

/// A reference to a web application firewall policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyReference {
    /// The resource ID of the gateway, listener or path rule.
    pub(crate) source: String,
    /// The JSON path of the reference.
    pub(crate) target: String,
    /// The resource ID of the policy.
    pub(crate) policy: String,
}

impl Document {
    /// Returns the references to policies: those of the gateway, of its listeners and of its path rules.
    pub(crate) fn policy_references(&self) -> Vec<PolicyReference> {
        let mut found = Vec::new();
        let own = self.body.get("properties").and_then(Value::as_object);
        add(&mut found, own, || (self.path.to_string(), "properties".to_owned()));
        for name in ["httpListeners", "urlPathMaps"] {
            let collection = Collection::named(name).expect("the collection exists");
            for (i, child) in self.members(collection).enumerate() {
                let target = format!("properties.{name}[{i}].properties");
                if name == "httpListeners" {
                    let place = || (self.path.child_id(collection, &child.name), target.clone());
                    add(&mut found, Some(&child.properties), place);
                }
                self.add_members(&mut found, child, &target);
            }
        }
        found
    }

    fn add_members(&self, found: &mut Vec<PolicyReference>, child: &Child, target: &str) {
        for nested in child.collection.nested() {
            for (i, member) in child.members(&nested).iter().enumerate() {
                let name = member["name"].as_str().unwrap_or_default().to_owned();
                let path = MemberPath { nested, child: child.name.clone(), name };
                let target = format!("{target}.{}[{i}].properties", nested.name);
                add(found, member["properties"].as_object(), || (self.path.member_id(&path), target));
            }
        }
    }
}

fn add(
    found: &mut Vec<PolicyReference>,
    properties: Option<&Map<String, Value>>,
    place: impl FnOnce() -> (String, String),
) {
    let id = properties.and_then(|properties| properties.get(PROPERTY)?.get("id")?.as_str());
    if let Some(policy) = id.filter(|id| !id.is_empty()) {
        let (source, target) = place();
        found.push(PolicyReference {
            source,
            target: format!("{target}.{PROPERTY}"),
            policy: policy.to_owned(),
        });
    }
}
