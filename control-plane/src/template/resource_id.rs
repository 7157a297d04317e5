//! Resource IDs: the functions that make them, and their parts. Pure.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::context::Context;
use super::fault::{EvalError, EvalResult};
use super::kinds::is_group;
use super::value::kind;

/// `resourceId([subscription], [group], type, name, …)`.
pub(super) fn resource_id(context: &Context, values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    let at = texts.iter().take(3).position(|text| text.contains('/'));
    let (before, rest) = texts.split_at(at.unwrap_or(0));
    let own = context.subscription.as_str();
    let scope = match (before, &context.group) {
        ([], _) => context.scope_id(),
        // In a deployment to a subscription, the first of the two may be either.
        ([one], None) if Uuid::try_parse(one).is_ok() => format!("/subscriptions/{one}"),
        ([group], _) => format!("/subscriptions/{own}/resourceGroups/{group}"),
        ([subscription, group, ..], _) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
    };
    Ok(shown(&format!("{scope}{}", provided(rest)?)))
}

/// `subscriptionResourceId([subscription], type, name, …)`.
pub(super) fn of_subscription(context: &Context, values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    let (subscription, rest) = match texts[0].contains('/') {
        true => (context.subscription.as_str(), &texts[..]),
        false => (texts[0], &texts[1..]),
    };
    Ok(shown(&format!("/subscriptions/{subscription}{}", provided(rest)?)))
}

/// `managementGroupResourceId(group, type, name, …)`. Without the group it would be that of the deployment,
/// which is never to a management group.
pub(super) fn of_management_group(values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    if texts[0].contains('/') {
        let why = "The function 'managementGroupResourceId' needs the name of the management group as \
                   its first argument, because the deployment is not to a management group.";
        return Err(EvalError::expression(why));
    }
    let group = format!("/providers/Microsoft.Management/managementGroups/{}", texts[0]);
    Ok(format!("{group}{}", provided(&texts[1..])?).into())
}

/// `tenantResourceId(type, name, …)`.
pub(super) fn of_tenant(values: &[Value]) -> EvalResult {
    Ok(provided(&texts(values)?)?.into())
}

/// `extensionResourceId(id, type, name, …)`.
pub(super) fn of_extension(values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    Ok(format!("{}{}", texts[0].trim_end_matches('/'), provided(&texts[1..])?).into())
}

/// Returns the arguments as texts.
pub(super) fn texts(values: &[Value]) -> Result<Vec<&str>, EvalError> {
    let text = |value: &'_ Value| -> Result<(), EvalError> {
        let why = || {
            EvalError::expression(format!("The parts of a resource ID must be strings, not {}.", kind(value)))
        };
        value.as_str().map(drop).ok_or_else(why)
    };
    values.iter().try_for_each(text)?;
    Ok(values.iter().filter_map(Value::as_str).collect())
}

/// Returns `/providers/{type}/{name}…`. A type of several segments needs one name less than segments.
/// Slashes at the end of a type are ignored as in Azure: many published templates write them.
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

/// Returns an ID as functions show it. The ID of a group is that with which the group is addressed: modules append
/// `/providers/…` to it.
fn shown(id: &str) -> Value {
    usual(id).into_owned().into()
}

/// Returns the usual form of a resource group's ID, or of an ID in a group. By its type, a group would be a
/// resource like any other one of a subscription: below `providers/Microsoft.Resources`.
pub(super) fn usual(id: &str) -> Cow<'_, str> {
    let segments: Vec<&str> = id.split('/').collect();
    match segments[..] {
        ["", subscriptions, subscription, providers, namespace, kind, ref rest @ ..]
            if subscriptions.eq_ignore_ascii_case("subscriptions")
                && providers.eq_ignore_ascii_case("providers")
                && is_group(&format!("{namespace}/{kind}")) =>
        {
            format!("/subscriptions/{subscription}/resourceGroups/{}", rest.join("/")).into()
        }
        _ => id.into(),
    }
}

/// Returns the type and the name, each with all its segments, of the last resource of an ID.
pub(super) fn parts(id: &str) -> Option<(String, String)> {
    let at = id.to_ascii_lowercase().rfind("/providers/")?;
    let mut segments = id[at + "/providers/".len()..].split('/');
    let (mut kind, mut name) = (segments.next()?.to_owned(), String::new());
    while let Some(next) = segments.next() {
        kind = format!("{kind}/{next}");
        let own = segments.next()?;
        name = if name.is_empty() { own.to_owned() } else { format!("{name}/{own}") };
    }
    (!name.is_empty()).then_some((kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_usual_id() {
        for (id, expected) in [
            (
                "/subscriptions/s/providers/microsoft.resources/resourcegroups/g",
                "/subscriptions/s/resourceGroups/g",
            ),
            ("/subscriptions/s/resourceGroups/g", "/subscriptions/s/resourceGroups/g"),
            (
                "/subscriptions/s/providers/Microsoft.Resources/deployments/g",
                "/subscriptions/s/providers/Microsoft.Resources/deployments/g",
            ),
            ("name", "name"),
        ] {
            assert_eq!(usual(id), expected, "{id}");
        }
    }

    #[test]
    fn an_id_has_a_type_and_a_name() {
        let some = |kind: &str, name: &str| Some((kind.to_owned(), name.to_owned()));
        let cases = [
            ("/subscriptions/s/resourceGroups/g/providers/A.B/c/d", some("A.B/c", "d")),
            ("/subscriptions/s/providers/A.B/c/d/e/f", some("A.B/c/e", "d/f")),
            ("/x/providers/A.B/c/d/Providers/E.F/g/h", some("E.F/g", "h")),
            ("/subscriptions/s", None),
            ("/providers/A.B", None),
            ("/providers/A.B/c", None),
        ];
        for (id, expected) in cases {
            assert_eq!(parts(id), expected, "{id}");
        }
    }
}
