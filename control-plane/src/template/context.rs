//! The context of a deployment: its place, time and name. Pure: randomness and time are inputs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fault::{EvalError, EvalResult};
use super::value::kind;

/// The context of a deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Context {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Tenant ID.
    pub(crate) tenant: String,
    /// Resource group, in its creator's spelling.
    pub(crate) group: String,
    /// The group's location.
    pub(crate) location: String,
    /// The group's tags.
    pub(crate) tags: Map<String, Value>,
    /// The name of the deployment.
    pub(crate) deployment: String,
    /// The seed of `newGuid`, constant for the life of a deployment.
    pub(crate) chance: Uuid,
    /// The time returned by `utcNow`, in milliseconds since 1970.
    pub(crate) now: i64,
}

impl Context {
    /// The ID of the resource group, the prefix of the IDs of its resources.
    pub(super) fn group_id(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }

    pub(super) fn group(&self) -> Value {
        json!({
            "id": self.group_id(),
            "name": self.group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "tags": self.tags,
            "properties": {"provisioningState": "Succeeded"},
        })
    }

    pub(super) fn subscription(&self) -> Value {
        json!({
            "id": format!("/subscriptions/{}", self.subscription),
            "subscriptionId": self.subscription,
            "tenantId": self.tenant,
            "displayName": self.subscription,
        })
    }

    /// `resourceId([subscription], [group], type, name, …)`.
    pub(super) fn resource_id(&self, values: &[Value]) -> EvalResult {
        let texts = texts(values)?;
        let at = texts.iter().take(3).position(|text| text.contains('/'));
        let (before, rest) = texts.split_at(at.unwrap_or(0));
        let (subscription, group) = match before {
            [] => (self.subscription.as_str(), self.group.as_str()),
            [group] => (self.subscription.as_str(), *group),
            [subscription, group, ..] => (*subscription, *group),
        };
        Ok(format!("/subscriptions/{subscription}/resourceGroups/{group}{}", provided(rest)?).into())
    }

    /// `subscriptionResourceId([subscription], type, name, …)`.
    pub(super) fn subscription_resource_id(&self, values: &[Value]) -> EvalResult {
        let texts = texts(values)?;
        let (subscription, rest) = match texts[0].contains('/') {
            true => (self.subscription.as_str(), &texts[..]),
            false => (texts[0], &texts[1..]),
        };
        Ok(format!("/subscriptions/{subscription}{}", provided(rest)?).into())
    }

    /// `utcNow([format])`.
    pub(super) fn utc_now(&self, values: &[Value]) -> EvalResult {
        let format = match values {
            [] => "yyyyMMddTHHmmssZ",
            [Value::String(format)] => format.as_str(),
            [other, ..] => {
                return Err(EvalError::expression(format!("utcNow takes a format, not {}.", kind(other))));
            }
        };
        let now = Timestamp::from_millisecond(self.now).unwrap_or_default();
        if format == "u" {
            return Ok(now.strftime("%Y-%m-%d %H:%M:%SZ").to_string().into());
        }
        let words = [
            ("yyyy", "%Y"),
            ("MM", "%m"),
            ("dd", "%d"),
            ("HH", "%H"),
            ("mm", "%M"),
            ("ss", "%S"),
            ("fff", "%3f"),
        ];
        let mut made = String::new();
        let mut rest = format;
        while let Some(first) = rest.chars().next() {
            if let Some((word, directive)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
                made.push_str(&now.strftime(directive).to_string());
                rest = &rest[word.len()..];
            } else if first.is_ascii_alphabetic() && !matches!(first, 'T' | 'Z') {
                let why =
                    format!("The format of utcNow supports yyyy, MM, dd, HH, mm, ss and fff, not '{first}'.");
                return Err(EvalError::expression(why));
            } else {
                made.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(made.into())
    }
}

/// `tenantResourceId(type, name, …)`.
pub(super) fn tenant_resource_id(values: &[Value]) -> EvalResult {
    Ok(provided(&texts(values)?)?.into())
}

/// `extensionResourceId(id, type, name, …)`.
pub(super) fn extension_resource_id(values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    Ok(format!("{}{}", texts[0], provided(&texts[1..])?).into())
}

fn texts(values: &[Value]) -> Result<Vec<&str>, EvalError> {
    let text = |value: &'_ Value| -> Result<(), EvalError> {
        let why = || {
            EvalError::expression(format!("The parts of a resource ID must be strings, not {}.", kind(value)))
        };
        value.as_str().map(drop).ok_or_else(why)
    };
    values.iter().try_for_each(text)?;
    Ok(values.iter().filter_map(Value::as_str).collect())
}

/// Returns `/providers/{type}/{name}…`. A type of several segments needs one name less than segments. Slashes at
/// the end of a type are ignored as in Azure: many published templates write them.
fn provided(texts: &[&str]) -> Result<String, EvalError> {
    let (kind, names) = texts.split_first().unwrap_or((&"", &[]));
    resource_path(kind.trim_end_matches('/'), names).ok_or_else(|| {
        EvalError::expression(format!(
            "The type '{kind:.200}' requires one name for each segment after its namespace, and has {}.",
            names.len()
        ))
    })
}

/// Returns the end of a resource ID, `/providers/{namespace}/{type}/{name}/{type}/{name}…`; `None` if the
/// numbers of types and names differ.
pub(super) fn resource_path(kind: &str, names: &[impl AsRef<str>]) -> Option<String> {
    let mut segments = kind.split('/');
    let mut path = format!("/providers/{}", segments.next().filter(|namespace| !namespace.is_empty())?);
    let types: Vec<&str> = segments.collect();
    if types.is_empty() || types.len() != names.len() {
        return None;
    }
    for (kind, name) in types.iter().zip(names) {
        path.push_str(&format!("/{kind}/{}", name.as_ref()));
    }
    Some(path)
}
