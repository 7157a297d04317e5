//! Health probes: custom ones, and the default probe of settings without one.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::uri::PathAndQuery;
use tidegate_shared::snapshot;

use super::hosts;
use super::resources::{Resource, Resources, given, in_range};
use crate::arm::gateway::{Probe, Protocol};
use crate::violation::{Violations, code};

/// The maximum length of the text to search in the body of a response, in characters.
const MATCH_LENGTH: usize = 4090;

/// A compiled custom probe. The host may still depend on the settings that use it.
#[derive(Clone)]
pub(super) struct Compiled {
    /// The protocol that the settings must have.
    pub(super) protocol: Protocol,
    /// True if the host is that of the settings.
    pub(super) host_from_settings: bool,
    /// The probe itself.
    pub(super) probe: snapshot::Probe,
}

/// The probe of settings without a custom one.
pub(super) fn default_probe() -> snapshot::Probe {
    snapshot::Probe {
        // The value of the `Host` header only; the connection goes to the backend.
        host: Some("127.0.0.1".to_owned()),
        port: None,
        path: "/".to_owned(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(30),
        unhealthy_threshold: 3,
        min_servers: 0,
        statuses: vec![200..=399],
        body: String::new(),
    }
}

/// Compiles the custom probes; `None` for an invalid one.
pub(super) fn compile(probes: &Resources<Probe>, violations: &mut Violations) -> Vec<Option<Compiled>> {
    probes.iter().map(|resource| compile_one(resource, violations)).collect()
}

fn compile_one(resource: &Resource<Probe>, violations: &mut Violations) -> Option<Compiled> {
    let properties = &resource.properties;
    let host = host(resource, violations);
    let path = path(resource, violations);
    let mut seconds = |value, property| {
        let target = resource.at(property);
        in_range(value, 1..=86_400, code::OUT_OF_RANGE, target, violations).map(Duration::from_secs)
    };
    let interval = seconds(properties.interval, "interval");
    let timeout = seconds(properties.timeout, "timeout");
    let mut number = |value, range, property| {
        in_range::<u32>(value, range, code::OUT_OF_RANGE, resource.at(property), violations)
    };
    let unhealthy_threshold = number(properties.unhealthy_threshold, 1..=20, "unhealthyThreshold");
    let min_servers = number(properties.min_servers, 0..=1200, "minServers");
    let port = properties
        .port
        .map(|port| in_range(port, 1..=65_535, code::OUT_OF_RANGE, resource.at("port"), violations));
    let (statuses, body) = criterion(resource, violations);
    Some(Compiled {
        protocol: properties.protocol,
        host_from_settings: properties.pick_host_name_from_backend_http_settings,
        probe: snapshot::Probe {
            host,
            port: port.map_or(Some(None), |port| port.map(Some))?,
            path,
            interval: interval?,
            timeout: timeout?,
            unhealthy_threshold: unhealthy_threshold?,
            min_servers: min_servers?,
            statuses,
            body,
        },
    })
}

fn host(resource: &Resource<Probe>, violations: &mut Violations) -> Option<String> {
    let picked = resource.properties.pick_host_name_from_backend_http_settings;
    let host = given(resource.properties.host.as_ref());
    let id = &resource.id;
    match host {
        Some(_) if picked => {
            let message = format!(
                "Probe '{id}' has both host and pickHostNameFromBackendHttpSettings. Only one is allowed."
            );
            violations.push(code::EXCLUSIVE, resource.at("host"), message);
        }
        Some(host) if !hosts::is_host(host) => {
            violations.push(code::HOST_NAME, resource.at("host"), format!("'{host}' is not a host name."));
        }
        None if !picked => {
            let message = format!(
                "Probe '{id}' is not valid. Host can only be null when pickHostNameFromBackendHttpSettings is set to \
                 true."
            );
            violations.push(code::PROBE_HOST_IS_NULL, resource.at("host"), message);
        }
        _ => {}
    }
    host.map(str::to_owned)
}

fn path(resource: &Resource<Probe>, violations: &mut Violations) -> String {
    let path = &resource.properties.path;
    let sendable = path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && path.parse::<PathAndQuery>().is_ok();
    if !sendable {
        let message = format!(
            "'{path}' is not a valid path. It must begin with '/' and be percent-encoded where needed."
        );
        violations.push(code::PROBE_PATH, resource.at("path"), message);
    }
    path.clone()
}

fn criterion(resource: &Resource<Probe>, violations: &mut Violations) -> (Vec<RangeInclusive<u16>>, String) {
    let criterion = resource.properties.criterion.clone().unwrap_or_default();
    let body = criterion.body.unwrap_or_default();
    if body.chars().count() > MATCH_LENGTH {
        let message = format!("The text must have at most {MATCH_LENGTH} characters.");
        violations.push(code::PROBE_MATCH, resource.at("match.body"), message);
    }
    if criterion.status_codes.is_empty() {
        return (default_probe().statuses, body);
    }
    let mut statuses = Vec::new();
    for (i, text) in criterion.status_codes.iter().enumerate() {
        match status_range(text) {
            Some(range) => statuses.push(range),
            None => {
                let message =
                    format!("'{text}' is neither a status such as '200' nor a range such as '200-399'.");
                violations.push(code::PROBE_MATCH, resource.at(&format!("match.statusCodes[{i}]")), message);
            }
        }
    }
    (statuses, body)
}

fn status_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let status = |text: &str| text.trim().parse().ok().filter(|status| (100..=599).contains(status));
    let (low, high) = (status(low)?, status(high)?);
    (low <= high).then_some(low..=high)
}
