//! `tidegate health`: the health of the backends, as the probes of the workers see it.

use std::error::Error;

use serde_json::Value;

use crate::api_client::{ApiRequest, ResourceId};
use crate::cli::{Format, HealthOptions};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table};

use super::session::{Session, ids};
use super::view;

/// A member of a pool with one set of settings.
#[derive(Clone, Debug)]
pub(super) struct MemberHealth {
    pub(super) gateway: String,
    pub(super) pool: String,
    pub(super) settings: String,
    pub(super) address: String,
    pub(super) health: String,
    pub(super) reason: String,
}

impl MemberHealth {
    /// True if requests are sent to the member.
    pub(super) fn is_up(&self) -> bool {
        self.health == "Up"
    }
}

/// Runs the command.
///
/// # Errors
/// The control plane refuses; with `--failing`, a member is not up.
pub(super) async fn run(options: &HealthOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let gateways = match session.named_gateway(options.name.as_deref()).await? {
        Some(one) => vec![one],
        None => ids(&session.gateways().await?),
    };
    let mut documents = Vec::new();
    let mut members = Vec::new();
    for gateway in &gateways {
        let report = report(&session, gateway).await?;
        members.extend(read(&report, &gateway.gateway));
        documents.push(serde_json::json!({"id": gateway.to_string(), "health": report}));
    }
    if options.failing {
        members.retain(|member| !member.is_up());
    }
    match session.output.format {
        Format::Table if members.is_empty() && options.failing => {}
        Format::Table => session.output.table(&table(&members, gateways.len() > 1))?,
        _ => session.output.list(&documents, Table::default)?,
    }
    match members.iter().filter(|member| !member.is_up()).count() {
        0 => Ok(()),
        _ if !options.failing => Ok(()),
        1 => Err(Failure::new(Exit::Failed, "1 member is not up").into()),
        several => Err(Failure::new(Exit::Failed, format!("{several} members are not up")).into()),
    }
}

/// Asks for the report of a gateway.
///
/// # Errors
/// The control plane refuses.
pub(super) async fn report(session: &Session, gateway: &ResourceId) -> Result<Value, Box<dyn Error>> {
    let request = ApiRequest::post(format!("{gateway}/backendhealth"), None);
    Ok(session.api().result(session.api().send(&request).await?).await?)
}

/// Reads a report. Pure.
pub(super) fn read(report: &Value, gateway: &str) -> Vec<MemberHealth> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut members = Vec::new();
    for pool in list(&report["backendAddressPools"]) {
        for settings in list(&pool["backendHttpSettingsCollection"]) {
            for server in list(&settings["servers"]) {
                members.push(MemberHealth {
                    gateway: gateway.to_owned(),
                    pool: view::text(&pool["backendAddressPool"]["id"]),
                    settings: view::text(&settings["backendHttpSettings"]["id"]),
                    address: view::text(&server["address"]),
                    health: view::text(&server["health"]),
                    reason: view::text(&server["healthProbeLog"]),
                });
            }
        }
    }
    members
}

/// Returns the table of members.
pub(super) fn table(members: &[MemberHealth], several: bool) -> Table {
    let mut table = Table::new(&["MEMBER", "HEALTH", "POOL", "SETTINGS", "GATEWAY", "REASON"]);
    for member in members {
        let gateway = if several { member.gateway.as_str() } else { "" };
        let reason = if member.is_up() { "" } else { member.reason.as_str() };
        table.row([
            member.address.as_str().into(),
            Cell::new(member.health.as_str(), view::tone(&member.health)),
            member.pool.as_str().into(),
            member.settings.as_str().into(),
            gateway.into(),
            reason.into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_read_by_member() {
        let report = json!({"backendAddressPools": [{
            "backendAddressPool": {"id": "/subscriptions/s/backendAddressPools/app"},
            "backendHttpSettingsCollection": [{
                "backendHttpSettings": {"id": "/subscriptions/s/backendHttpSettingsCollection/plain"},
                "servers": [
                    {"address": "10.0.0.1", "health": "Up", "healthProbeLog": "Success."},
                    {"address": "10.0.0.2", "health": "Down", "healthProbeLog": "Connection refused."},
                ],
            }],
        }]});
        let members = read(&report, "edge");
        assert_eq!(members.iter().map(MemberHealth::is_up).collect::<Vec<_>>(), [true, false]);
        let table = table(&members, false).render(None, false);
        let expected = "MEMBER    HEALTH  POOL  SETTINGS  REASON\n10.0.0.1  Up      app   plain\n10.0.0.2  Down    app   plain     Connection refused.\n";
        assert_eq!(table, expected);
        assert!(read(&Value::Null, "edge").is_empty());
    }
}
