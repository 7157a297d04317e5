//! The body of a deployment: of a request, or of a resource of a template.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::normalize::{expect_object, take};
use super::ContentLink;
use crate::violation::code::template as code;
use crate::violation::{ROOT, Violations};

/// The treatment of the resources of the group that are not in the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DeploymentMode {
    /// They are kept.
    #[default]
    Incremental,
    /// They are deleted.
    Complete,
}

impl DeploymentMode {
    /// The name in responses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DeploymentMode::Incremental => "Incremental",
            DeploymentMode::Complete => "Complete",
        }
    }
}

/// A template.
pub(crate) enum Content {
    /// The template itself.
    Inline(Value),
    /// The place from which it is fetched.
    Linked(ContentLink),
}

/// The body of a deployment.
pub(crate) struct DeploymentBody {
    pub(crate) mode: DeploymentMode,
    pub(crate) template: Content,
    /// The values for the parameters of the template.
    pub(crate) parameters: Value,
    /// The place from which more of them are fetched.
    pub(crate) parameters_link: Option<ContentLink>,
    /// The location of a deployment to a subscription.
    pub(crate) location: Option<String>,
    /// True if the changes of a preview are asked for without the resources' content.
    pub(crate) ids_only: bool,
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
        let location = take(&mut body, "location", "location", &mut flaws);
        let properties = take(&mut body, "properties", "properties", &mut flaws);
        let properties = properties.and_then(|value| expect_object(value, "properties", &mut flaws));
        let mut properties = properties.unwrap_or_default();
        let mut part = |name: &str| take(&mut properties, name, &format!("properties.{name}"), &mut flaws);
        let (mode, template, parameters) = (part("mode"), part("template"), part("parameters"));
        let (template_link, parameters_link) = (part("templateLink"), part("parametersLink"));
        let (settings, on_error) = (part("whatIfSettings"), part("onErrorDeployment"));
        if on_error.is_some() {
            let why = "Another deployment in the case of an error is not served. Remove onErrorDeployment.";
            flaws.push(code::STRUCTURE, "properties.onErrorDeployment", why);
        }
        let mode = read_mode(mode.as_ref(), &mut flaws);
        let link = |link: Option<Value>, name: &str, flaws: &mut Violations| {
            ContentLink::read(link?, &format!("properties.{name}"), flaws)
        };
        let template_was_linked = template_link.is_some();
        let template_link = link(template_link, "templateLink", &mut flaws);
        let parameters_link = link(parameters_link, "parametersLink", &mut flaws);
        let template = match (template, template_link) {
            (Some(_), _) if template_was_linked => {
                let why = "A deployment has a template or a templateLink, not both.";
                flaws.push(code::LINK, "properties.templateLink", why);
                None
            }
            (Some(template), _) => Some(Content::Inline(template)),
            (None, Some(link)) => Some(Content::Linked(link)),
            (None, None) => {
                if !template_was_linked {
                    let why = "A deployment must have a template or a templateLink.";
                    flaws.push(code::STRUCTURE, "properties.template", why);
                }
                None
            }
        };
        let has_values =
            parameters.as_ref().is_some_and(|values| values.as_object().is_none_or(|v| !v.is_empty()));
        if has_values && parameters_link.is_some() {
            let why = "A deployment has parameters or a parametersLink, not both.";
            flaws.push(code::LINK, "properties.parametersLink", why);
        }
        let location = location.and_then(|location| location.as_str().map(str::to_owned));
        let format = settings.as_ref().and_then(|settings| settings.get("resultFormat")?.as_str());
        let ids_only = format.is_some_and(|format| format.eq_ignore_ascii_case("ResourceIdOnly"));
        let parameters = parameters.unwrap_or_default();
        match template.filter(|_| flaws.is_empty()) {
            Some(template) => {
                Ok(DeploymentBody { mode, template, parameters, parameters_link, location, ids_only })
            }
            None => Err(flaws),
        }
    }
}

fn read_mode(mode: Option<&Value>, flaws: &mut Violations) -> DeploymentMode {
    let word = mode.and_then(Value::as_str).unwrap_or_default();
    let modes = [DeploymentMode::Incremental, DeploymentMode::Complete];
    let known = modes.into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(word));
    known.unwrap_or_else(|| {
        let why = "The mode of a deployment must be 'Incremental' or 'Complete'.";
        flaws.push(code::MODE, "properties.mode", why);
        DeploymentMode::Incremental
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(properties: &Value) -> Result<DeploymentBody, Violations> {
        DeploymentBody::read(json!({"Properties": properties}))
    }

    #[test]
    fn bodies_are_read_in_any_case_and_whole() {
        let body = read(&json!({"Mode": "incremental", "TEMPLATE": {"a": 1}, "templateLink": null})).unwrap();
        assert!(matches!(body.template, Content::Inline(template) if template == json!({"a": 1})));
        assert_eq!((body.parameters, body.mode), (Value::Null, DeploymentMode::Incremental));
        let linked = json!({
            "mode": "complete", "templateLink": {"uri": "https://x"}, "parametersLink": {"uri": "https://y"},
            "whatIfSettings": {"resultFormat": "ResourceIdOnly"},
        });
        let body = read(&linked).unwrap();
        assert!(
            matches!(body.template, Content::Linked(_)) && body.parameters_link.is_some() && body.ids_only
        );
        assert_eq!(body.mode, DeploymentMode::Complete);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let cases = [
            (json!({"template": {}}), code::MODE, "properties.mode"),
            (json!({"mode": "Both", "template": {}}), code::MODE, "properties.mode"),
            (json!({"mode": "Incremental"}), code::STRUCTURE, "properties.template"),
            (json!({"mode": "Incremental", "templateLink": {}}), code::LINK, "properties.templateLink"),
            (
                json!({"mode": "Incremental", "template": {}, "templateLink": {"uri": "https://x"}}),
                code::LINK,
                "properties.templateLink",
            ),
            (
                json!({"mode": "Incremental", "template": {}, "onErrorDeployment": {"type": "LastSuccessful"}}),
                code::STRUCTURE,
                "properties.onErrorDeployment",
            ),
        ];
        for (properties, code, target) in cases {
            let flaws = read(&properties).unwrap_err();
            assert_eq!((flaws.0[0].code, flaws.0[0].target.as_str()), (code, target), "{properties}");
        }
        DeploymentBody::read(json!([])).unwrap_err();
    }
}
