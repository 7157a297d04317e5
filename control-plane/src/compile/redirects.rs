//! Redirects of clients.

use http::Uri;

use tidegate_shared::host::HostPattern;
use tidegate_shared::snapshot::{self, Redirect, RedirectTarget};

use super::resources::{Resource, Resources, given};
use crate::arm::gateway::{Listener, RedirectConfiguration, RedirectType};
use crate::violation::{Violations, code};

/// Compiles the redirects, in the order of `redirects`. Each needs a type and exactly one target.
pub(super) fn compile(
    redirects: &Resources<RedirectConfiguration>,
    listeners: &Resources<Listener>,
    compiled_listeners: &[snapshot::Listener],
    violations: &mut Violations,
) -> Vec<Option<Redirect>> {
    let compiled = redirects.iter().map(|resource| {
        let target = target(resource, listeners, compiled_listeners, violations);
        Some(Redirect {
            status: status(resource, violations)?,
            target: target?,
            include_path: resource.properties.include_path.unwrap_or_default(),
            include_query: resource.properties.include_query_string.unwrap_or_default(),
        })
    });
    compiled.collect()
}

fn status(resource: &Resource<RedirectConfiguration>, violations: &mut Violations) -> Option<u16> {
    let Some(kind) = resource.properties.redirect_type else {
        let message = format!("Redirect configuration {} must have a redirectType.", resource.id);
        violations.push(code::REDIRECT_TYPE, resource.at("redirectType"), message);
        return None;
    };
    Some(match kind {
        RedirectType::Permanent => 301,
        RedirectType::Found => 302,
        RedirectType::SeeOther => 303,
        RedirectType::Temporary => 307,
    })
}

fn target(
    resource: &Resource<RedirectConfiguration>,
    listeners: &Resources<Listener>,
    compiled_listeners: &[snapshot::Listener],
    violations: &mut Violations,
) -> Option<RedirectTarget> {
    let properties = &resource.properties;
    let url = given(properties.target_url.as_ref());
    match (&properties.target_listener, url) {
        (None, None) => {
            let message =
                format!("Redirect configuration {} must have a targetListener or a targetUrl.", resource.id);
            violations.push(code::REDIRECT_TARGET, resource.target(), message);
        }
        (Some(_), Some(_)) => {
            let message = format!(
                "Redirect configuration {} has both a targetListener and a targetUrl. Only one is allowed.",
                resource.id
            );
            violations.push(code::EXCLUSIVE, resource.at("targetUrl"), message);
        }
        _ => {}
    }
    let listener = listener(resource, listeners, violations);
    if let Some(url) = url {
        if !is_absolute(url) {
            let message = format!("'{url}' is not an absolute URL that begins with http:// or https://.");
            violations.push(code::REDIRECT_TARGET, resource.at("targetUrl"), message);
        }
        return Some(RedirectTarget::Url(url.to_owned()));
    }
    let name = &listener?.name;
    // A listener that did not compile has been reported already.
    let listener = compiled_listeners.iter().find(|compiled| compiled.name == *name)?;
    Some(RedirectTarget::Listener {
        secure: listener.tls.is_some(),
        host: listener.hosts.first().map(|host| host.as_str().to_owned()),
        port: listener.port,
    })
}

/// Resolves the target listener. The location is ambiguous if the listener has several host names or wildcards.
fn listener<'a>(
    resource: &Resource<RedirectConfiguration>,
    listeners: &'a Resources<Listener>,
    violations: &mut Violations,
) -> Option<&'a Resource<Listener>> {
    let reference = resource.properties.target_listener.as_ref();
    let index = listeners.optional(resource, "targetListener", reference, violations);
    let listener = listeners.get(index?)?;
    let names = &listener.properties.host_names;
    if names.len() > 1 || names.iter().any(|name| name.contains(HostPattern::WILDCARDS)) {
        let message = format!(
            "Redirect configuration {} cannot have the target listener {}, which has several host names or wildcards.",
            resource.id, listener.id
        );
        violations.push(code::REDIRECT_TARGET, resource.at("targetListener"), message);
    }
    Some(listener)
}

fn is_absolute(url: &str) -> bool {
    url.is_ascii()
        && url.parse::<Uri>().is_ok_and(|uri| {
            let scheme = uri.scheme_str().unwrap_or_default();
            ["http", "https"].contains(&scheme) && uri.host().is_some_and(|host| !host.is_empty())
        })
}
