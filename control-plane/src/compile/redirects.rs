//! Redirects: where clients are sent instead of being served.

use http::Uri;

use super::resources::{Resource, Resources, given};
use crate::arm::gateway::{Listener, RedirectConfiguration};
use crate::violation::{Violations, code};

/// Checks that each has a type and one target that a client can go to.
pub(super) fn check(
    redirects: &Resources<RedirectConfiguration>,
    listeners: &Resources<Listener>,
    violations: &mut Violations,
) {
    for resource in redirects.iter() {
        let properties = &resource.properties;
        if properties.redirect_type.is_none() {
            let message = format!("Redirect configuration {} must have a redirectType.", resource.id);
            violations.push(code::REDIRECT_TYPE, resource.at("redirectType"), message);
        }
        let url = given(properties.target_url.as_ref());
        match (&properties.target_listener, url) {
            (None, None) => {
                let message = format!(
                    "Redirect configuration {} must have a targetListener or a targetUrl.",
                    resource.id
                );
                violations.push(code::REDIRECT_TARGET, resource.target(), message);
            }
            (Some(_), Some(_)) => {
                let message = format!(
                    "Redirect configuration {} has a targetListener and a targetUrl. Give one.",
                    resource.id
                );
                violations.push(code::EXCLUSIVE, resource.at("targetUrl"), message);
            }
            _ => {}
        }
        check_listener(resource, listeners, violations);
        if let Some(url) = url.filter(|url| !is_absolute(url)) {
            let message = format!("'{url}' is no absolute URL that begins with http:// or https://.");
            violations.push(code::REDIRECT_TARGET, resource.at("targetUrl"), message);
        }
    }
}

/// Of a listener with several names or wildcards, it could not be said where to go.
fn check_listener(
    resource: &Resource<RedirectConfiguration>,
    listeners: &Resources<Listener>,
    violations: &mut Violations,
) {
    let reference = resource.properties.target_listener.as_ref();
    let index = listeners.optional(resource, "targetListener", reference, violations);
    let Some(listener) = index.and_then(|index| listeners.get(index)) else { return };
    let names = &listener.properties.host_names;
    if names.len() > 1 || names.iter().any(|name| name.contains(['*', '?'])) {
        let message = format!(
            "Redirect configuration {} cannot have the target listener {}, which has several host names or wildcards.",
            resource.id, listener.id
        );
        violations.push(code::REDIRECT_TARGET, resource.at("targetListener"), message);
    }
}

fn is_absolute(url: &str) -> bool {
    url.is_ascii()
        && url.parse::<Uri>().is_ok_and(|uri| {
            let scheme = uri.scheme_str().unwrap_or_default();
            ["http", "https"].contains(&scheme) && uri.host().is_some_and(|host| !host.is_empty())
        })
}
