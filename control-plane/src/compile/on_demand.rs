//! Compiles an on-demand probe from its body and the compiled gateway.

use tidegate_shared::snapshot::{self, Content, HostHeader, Pool, Settings, TrustedRoot, UpstreamTrust};

use super::probes;
use super::resources::Resources;
use crate::arm::collection::Collection;
use crate::arm::gateway::{Probe, Protocol, SubResource};
use crate::arm::on_demand::ApplicationGatewayOnDemandProbe;
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::violation::{ROOT, Violations, code};

/// The data that a worker needs for an on-demand probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnDemand {
    /// The pool whose members are probed.
    pub(crate) pool: Pool,
    /// The settings of the connections, with the on-demand probe as their probe.
    pub(crate) settings: Settings,
    /// The certificate certificate authorities that the settings trust, and no others.
    pub(crate) roots: Vec<TrustedRoot>,
}

/// Compiles an on-demand probe for a gateway whose document compiles to `content`.
///
/// # Errors
/// All violations. Targets are paths within the probe's body.
pub(crate) fn compile_on_demand(
    gateway: &GatewayPath,
    content: &Content,
    request: &ApplicationGatewayOnDemandProbe,
) -> Result<OnDemand, Violations> {
    let mut violations = Violations::default();
    let mut found = |collection: &str, property: &str, reference: &Option<SubResource>, names: Vec<&str>| {
        find(gateway, collection, (property, reference.as_ref()), &names, &mut violations)
    };
    let names = content.pools.iter().map(|pool| pool.name.as_str()).collect();
    let pool = found("backendAddressPools", "backendAddressPool", &request.backend_address_pool, names);
    let names = content.settings.iter().map(|settings| settings.name.as_str()).collect();
    let settings =
        found("backendHttpSettingsCollection", "backendHttpSettings", &request.backend_http_settings, names);
    let probe = probe(request, &mut violations);
    let settings = settings.and_then(|index| content.settings.get(index)).cloned();
    let settings =
        settings.zip(probe).map(|(settings, probe)| with(settings, probe, request, &mut violations));
    let pool = pool.and_then(|index| content.pools.get(index)).cloned();
    match (pool, settings) {
        (Some(pool), Some(mut settings)) if violations.is_empty() => {
            let roots = take_roots(&mut settings, content);
            Ok(OnDemand { pool, settings, roots })
        }
        _ => Err(violations),
    }
}

/// Resolves the reference of a property to an index in `names`.
fn find(
    gateway: &GatewayPath,
    collection: &str,
    (property, reference): (&str, Option<&SubResource>),
    names: &[&str],
    violations: &mut Violations,
) -> Option<usize> {
    let Some(id) = reference.and_then(|reference| reference.id.as_deref()) else {
        violations.push(
            code::ON_DEMAND_MUST_REFERENCE,
            property,
            format!("A probe must reference a {property}."),
        );
        return None;
    };
    let target = format!("{property}.id");
    let parsed = Reference::parse(id).filter(|to| to.collection.eq_ignore_ascii_case(collection));
    let Some(to) = parsed else {
        let expected = Collection::named(collection).map(Collection::resource_type).unwrap_or_default();
        let message = format!(
            "Reference Id {id} is not formatted correctly. The Id is expected to reference resources of type \
             {expected}."
        );
        violations.push(code::INVALID_REFERENCE_FORMAT, target, message);
        return None;
    };
    let place = names.iter().position(|name| name.eq_ignore_ascii_case(&to.name));
    let place = place.filter(|_| to.gateway == *gateway);
    if place.is_none() {
        let message = format!("Resource {id} referenced by the probe was not found in {gateway}.");
        violations.push(code::INVALID_REFERENCE, target, message);
    }
    place
}

/// Compiles the probe by the rules for probes of a gateway.
fn probe(request: &ApplicationGatewayOnDemandProbe, violations: &mut Violations) -> Option<snapshot::Probe> {
    let default = Probe::default();
    let alike = Probe {
        protocol: request.protocol.unwrap_or_default(),
        host: request.host.clone(),
        path: request.path.clone().unwrap_or(default.path),
        timeout: request.timeout.unwrap_or(default.timeout),
        pick_host_name_from_backend_http_settings: request.pick_host_name_from_backend_http_settings,
        criterion: request.criterion.clone(),
        ..Probe::default()
    };
    let mut found = Violations::default();
    let compiled = probes::compile(&Resources::alone("on demand", ROOT, alike), &mut found).pop().flatten();
    violations.absorb(found.seen_from(ROOT));
    compiled.map(|compiled| compiled.probe)
}

/// Returns the settings with this probe instead of their own.
fn with(
    settings: Settings,
    mut probe: snapshot::Probe,
    request: &ApplicationGatewayOnDemandProbe,
    violations: &mut Violations,
) -> Settings {
    let spoken = if settings.tls.is_some() { Protocol::Https } else { Protocol::Http };
    if request.protocol.is_some_and(|protocol| protocol != spoken) {
        let message = format!(
            "The probe's protocol does not match that of Backend Http Setting {} ({spoken:?}).",
            settings.name
        );
        violations.push(code::PROBE_PROTOCOL, "protocol", message);
    }
    if request.pick_host_name_from_backend_http_settings {
        probe.host = match &settings.host {
            HostHeader::Fixed(name) => Some(name.clone()),
            HostHeader::Member => None,
            HostHeader::Client => {
                let message = format!(
                    "The probe takes its host from {}, which has neither a hostName nor \
                     pickHostNameFromBackendAddress.",
                    settings.name
                );
                violations.push(code::PROBE_HOST_IS_NULL, "pickHostNameFromBackendHttpSettings", message);
                None
            }
        };
    }
    Settings { probe, ..settings }
}

/// Extracts the certificate authorities that the settings trust, and renumbers the indices in the settings.
fn take_roots(settings: &mut Settings, content: &Content) -> Vec<TrustedRoot> {
    let trust = settings.tls.as_mut().map(|tls| &mut tls.trust);
    let Some(UpstreamTrust::Roots(indices)) = trust else { return Vec::new() };
    let roots: Vec<TrustedRoot> =
        indices.iter().filter_map(|index| content.roots.get(*index)).cloned().collect();
    *indices = (0..roots.len()).collect();
    roots
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::arm::document::Document;
    use crate::arm::external_refs::ExternalRefs;
    use crate::arm::on_demand::read;
    use crate::compile::{PatternCache, compile};
    use crate::testing::{VERSION, body, path, sent};

    fn compiled(request: Value) -> Result<OnDemand, Violations> {
        let mut document = body(8080);
        document["properties"]["backendHttpSettingsCollection"] = json!([
            {"name": "s", "properties": {"port": 9}},
            {"name": "named", "properties": {"port": 9, "hostName": "inner.test"}},
        ]);
        let (document, violations) = Document::read(path("gw"), &sent(document), None, VERSION);
        assert!(violations.is_empty(), "{violations}");
        let content = compile(&document, &ExternalRefs::default(), &PatternCache::default()).unwrap();
        let (request, mut violations) = read(request);
        match compile_on_demand(&document.path, &content, &request) {
            Ok(on_demand) if violations.is_empty() => Ok(on_demand),
            Ok(_) => Err(violations),
            Err(found) => {
                violations.absorb(found);
                Err(violations)
            }
        }
    }

    fn request(settings: &str, more: Value) -> Value {
        let gateway = path("gw").to_string();
        let mut request = json!({
            "backendAddressPool": {"id": format!("{gateway}/backendaddressPools/B")},
            "backendHttpSettings": {"id": format!("{gateway}/backendHttpSettingsCollection/{settings}")},
        });
        let Value::Object(more) = more else { panic!() };
        request.as_object_mut().unwrap().extend(more);
        request
    }

    #[test]
    fn it_is_the_settings_with_another_probe() {
        let one = compiled(request("S", json!({"host": "a.test", "Path": "/x", "timeout": "5"}))).unwrap();
        assert_eq!((one.pool.name.as_str(), one.settings.name.as_str()), ("b", "s"));
        assert_eq!(
            (one.settings.probe.host.as_deref(), one.settings.probe.path.as_str()),
            (Some("a.test"), "/x")
        );
        assert_eq!(one.settings.probe.timeout.as_secs(), 5);
        let picked =
            compiled(request("named", json!({"pickHostNameFromBackendHttpSettings": true}))).unwrap();
        assert_eq!(picked.settings.probe.host.as_deref(), Some("inner.test"));
    }

    #[test]
    fn everything_wrong_is_found_at_once() {
        let gateway = path("gw").to_string();
        let reference = |id: &str| json!({"id": format!("{gateway}/{id}")});
        let elsewhere = json!({"id": format!("{}/backendAddressPools/b", path("other"))});
        let host = json!({"host": "a.test"});
        let with = |more: Value| {
            let mut all = request("s", host.clone());
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let must = code::ON_DEMAND_MUST_REFERENCE;
        let cases: &[(Value, &[(&str, &str)])] = &[
            (
                json!({}),
                &[
                    (must, "backendAddressPool"),
                    (must, "backendHttpSettings"),
                    (code::PROBE_HOST_IS_NULL, "host"),
                ],
            ),
            (with(json!({"backendAddressPool": {}})), &[(must, "backendAddressPool")]),
            (
                with(json!({"backendAddressPool": reference("probes/p")})),
                &[(code::INVALID_REFERENCE_FORMAT, "backendAddressPool.id")],
            ),
            (
                with(json!({"backendAddressPool": reference("backendAddressPools/none")})),
                &[(code::INVALID_REFERENCE, "backendAddressPool.id")],
            ),
            (
                with(json!({"backendAddressPool": elsewhere})),
                &[(code::INVALID_REFERENCE, "backendAddressPool.id")],
            ),
            (with(json!({"protocol": "Https"})), &[(code::PROBE_PROTOCOL, "protocol")]),
            (with(json!({"protocol": "Gopher"})), &[(code::INVALID_JSON, "protocol")]),
            (
                with(json!({"path": "x", "timeout": 0})),
                &[(code::PROBE_PATH, "path"), (code::OUT_OF_RANGE, "timeout")],
            ),
            (
                with(json!({"match": {"statusCodes": ["200", "abc"]}})),
                &[(code::PROBE_MATCH, "match.statusCodes[1]")],
            ),
            (
                request("s", json!({"pickHostNameFromBackendHttpSettings": true})),
                &[(code::PROBE_HOST_IS_NULL, "pickHostNameFromBackendHttpSettings")],
            ),
        ];
        for (request, expected) in cases {
            let violations = compiled(request.clone()).unwrap_err();
            let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
            assert_eq!(found, *expected, "{request}");
        }
    }
}
