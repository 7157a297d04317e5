//! Deployments of ARM templates: names, request bodies, and ARM's error structure.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::normalize::{expect_object, take};
use crate::violation::code::template as code;
use crate::violation::{ROOT, Violation, Violations};

/// The namespace and type of a deployment.
pub(crate) const DEPLOYMENT_TYPE: &str = "Microsoft.Resources/deployments";

/// The maximum length of a deployment's name, in bytes.
const MAX_NAME: usize = 64;

/// The resource ID of a deployment, as its creator spelled it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeploymentPath {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Resource group.
    pub(crate) group: String,
    /// The deployment's name.
    pub(crate) name: String,
}

impl DeploymentPath {
    /// Returns whether the name is valid: 1 to 64 letters, digits, `-`, `_`, `.`, `(` and `)`.
    pub(crate) fn is_valid(&self) -> bool {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte);
        (1..=MAX_NAME).contains(&self.name.len()) && self.name.bytes().all(good)
    }
}

impl fmt::Display for DeploymentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeploymentPath { subscription, group, name } = self;
        write!(f, "/subscriptions/{subscription}/resourceGroups/{group}/providers/{DEPLOYMENT_TYPE}/{name}")
    }
}

/// The body of a request for a deployment.
pub(crate) struct DeploymentBody {
    pub(crate) template: Value,
    /// The values for the parameters of the template.
    pub(crate) parameters: Value,
}

impl fmt::Debug for DeploymentBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeploymentBody(…)")
    }
}

impl DeploymentBody {
    /// Reads a body as sent.
    ///
    /// # Errors
    /// The violations of the body. Template and parameters are only checked for presence.
    pub(crate) fn read(body: Value) -> Result<DeploymentBody, Violations> {
        let mut flaws = Violations::default();
        let mut body = expect_object(body, ROOT, &mut flaws).unwrap_or_default();
        let properties = take(&mut body, "properties", "properties", &mut flaws);
        let properties = properties.and_then(|value| expect_object(value, "properties", &mut flaws));
        let mut properties = properties.unwrap_or_default();
        let mut part = |name: &str| take(&mut properties, name, &format!("properties.{name}"), &mut flaws);
        let (mode, template, parameters) = (part("mode"), part("template"), part("parameters"));
        let links = [("templateLink", part("templateLink")), ("parametersLink", part("parametersLink"))];
        let mode = mode.as_ref().and_then(Value::as_str).unwrap_or_default();
        if !mode.eq_ignore_ascii_case("Incremental") {
            let message = match mode.eq_ignore_ascii_case("Complete") {
                true => {
                    "The mode 'Complete' is not supported. Use 'Incremental', and delete resources \
                     separately."
                }
                false => "The mode of a deployment must be 'Incremental'.",
            };
            flaws.push(code::MODE, "properties.mode", message);
        }
        for (name, link) in links {
            if link.is_some_and(|link| !link.is_null()) {
                let message = "Links are not supported. Put the content into the request.";
                flaws.push(code::LINK, format!("properties.{name}"), message);
            }
        }
        let Some(template) = template.filter(|template| !template.is_null()) else {
            flaws.push(code::STRUCTURE, "properties.template", "A deployment must have a template.");
            return Err(flaws);
        };
        let parameters = parameters.unwrap_or_default();
        if flaws.is_empty() { Ok(DeploymentBody { template, parameters }) } else { Err(flaws) }
    }
}

/// An ARM error with its causes, in the form of error responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The ARM error code, such as `InvalidTemplate`.
    pub(crate) code: String,
    /// A sentence for the user.
    pub(crate) message: String,
    /// The subject of the error: a path in the request, or a resource ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// The causes of the error.
    #[serde(default)]
    pub(crate) details: Vec<Failure>,
}

impl Failure {
    /// An error with this code and message, without target and details.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure { code: code.into(), message: message.into(), target: None, details: Vec::new() }
    }

    /// Sets the target.
    #[must_use]
    pub(crate) fn about(self, target: impl Into<String>) -> Failure {
        Failure { target: Some(target.into()), ..self }
    }

    /// Sets the causes.
    #[must_use]
    pub(crate) fn because(self, details: Vec<Failure>) -> Failure {
        Failure { details, ..self }
    }

    /// Applies `change` to every message and target.
    #[must_use]
    pub(crate) fn map(self, change: &impl Fn(&str) -> String) -> Failure {
        Failure {
            code: self.code,
            message: change(&self.message),
            target: self.target.map(|target| change(&target)),
            details: self.details.into_iter().map(|detail| detail.map(change)).collect(),
        }
    }
}

impl From<&Violation> for Failure {
    fn from(violation: &Violation) -> Failure {
        Failure::new(violation.code, &violation.message).about(&violation.target)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_are_read_in_any_case_and_whole() {
        let read = |properties: Value| DeploymentBody::read(json!({"Properties": properties}));
        let body = read(json!({"Mode": "incremental", "TEMPLATE": {"a": 1}, "templateLink": null})).unwrap();
        assert_eq!((body.template, body.parameters), (json!({"a": 1}), Value::Null));
        let cases = [
            (json!({"mode": "Complete", "template": {}}), code::MODE, "properties.mode"),
            (json!({"template": {}}), code::MODE, "properties.mode"),
            (json!({"mode": "Incremental"}), code::STRUCTURE, "properties.template"),
            (
                json!({"mode": "Incremental", "template": {}, "templateLink": {"uri": "https://x"}}),
                code::LINK,
                "properties.templateLink",
            ),
        ];
        for (properties, code, target) in cases {
            let flaws = read(properties.clone()).unwrap_err();
            assert_eq!((flaws.0[0].code, flaws.0[0].target.as_str()), (code, target), "{properties}");
        }
        DeploymentBody::read(json!([])).unwrap_err();
    }

    #[test]
    fn names() {
        let path =
            |name: &str| DeploymentPath { subscription: "S".into(), group: "G".into(), name: name.into() };
        let long = "a".repeat(64);
        for good in ["a", "ag_deploy_(1).x-y", &long] {
            assert!(path(good).is_valid(), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", &format!("{long}a")] {
            assert!(!path(bad).is_valid(), "{bad}");
        }
        assert_eq!(
            path("d").to_string(),
            "/subscriptions/S/resourceGroups/G/providers/Microsoft.Resources/deployments/d"
        );
    }
}
