//! Checks of what runs, asked from the control plane of the directory: workers, gateways and their certificates.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::api_client::ApiRequest;
use crate::cli::ConnectionOptions;
use crate::context::Context;
use crate::manage::{CERTIFICATES, Session, validity};
use crate::output::Output;

use super::finding::Findings;

/// The file with the addresses of a control plane that runs, or was killed.
const ENDPOINTS: &str = "endpoints.json";

/// The time limit of each request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// True if a control plane runs in the directory, or was killed there.
pub(super) fn is_running(directory: &Path) -> bool {
    directory.join(ENDPOINTS).exists()
}

/// Checks what runs.
pub(super) async fn check(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "control plane";
    if !is_running(directory) {
        return findings.warn(CHECK, "it does not run", "start `tidegate up`, or `systemctl start tidegate`");
    }
    let options = ConnectionOptions {
        context: None,
        data_dir: Some(directory.to_owned()),
        subscription: None,
        resource_group: None,
        timeout: TIMEOUT,
    };
    let session = match Context::select(&options) {
        Ok(context) => Session { context, output: Output::plain() },
        Err(e) => return findings.problem(CHECK, e.message, "correct the file that it names"),
    };
    let endpoint = session.api().endpoint().to_string();
    match ask(&session, findings).await {
        Ok(()) => {}
        Err(e) => findings.problem(
            CHECK,
            format!("{ENDPOINTS} names {endpoint}, and the answer there is: {e}"),
            "look into its log; if the process was killed, start it again",
        ),
    }
}

async fn ask(session: &Session, findings: &mut Findings) -> Result<(), Box<dyn Error>> {
    let gateways = session.gateways().await?;
    findings.good("control plane", format!("it answers at {}", session.api().endpoint()));
    let state = session.api().get("/workers").await?.body;
    let (workers, failed) = (members(&state["value"]), members(&state["failed"]));
    workers_of(&workers, findings);
    for gateway in &failed {
        let found = format!("{} has failed: {}", text(&gateway["id"]), text(&gateway["reason"]));
        findings.problem("gateways", found, "remove the cause: the workers try again each second");
    }
    if failed.is_empty() {
        findings.good("gateways", format!("{} of {} are applied", gateways.len(), gateways.len()));
    }
    certificates(&gateways, Timestamp::now(), findings);
    let not_enforced = session.api().list(&ApiRequest::get("/not-enforced")).await?.len();
    if not_enforced > 0 {
        findings.warn(
            "protection",
            format!("{not_enforced} resources state a protection that is not provided"),
            "see `tidegate status`, or start with --unserved-protection refuse",
        );
    }
    Ok(())
}

fn workers_of(workers: &[Value], findings: &mut Findings) {
    const CHECK: &str = "workers";
    let connected = workers.iter().filter(|worker| worker["connected"] == true).count();
    let absent: Vec<String> = workers
        .iter()
        .filter(|worker| worker["connected"] != true)
        .map(|worker| text(&worker["id"]))
        .collect();
    if connected == 0 {
        let action = "start `tidegate up`, or `tidegate data-plane` with a token of `tidegate worker token`";
        findings.problem(CHECK, "no worker is connected", action);
    } else if absent.is_empty() {
        findings.good(CHECK, format!("{connected} connected"));
    } else {
        let found = format!("{connected} connected, and not {}", absent.join(", "));
        findings.warn(
            CHECK,
            found,
            "start them, or remove those that are gone with `tidegate worker delete ID`",
        );
    }
}

fn certificates(gateways: &[Value], now: Timestamp, findings: &mut Findings) {
    const CHECK: &str = "certificates";
    let (mut number, mut all_good) = (0, true);
    for gateway in gateways {
        for collection in CERTIFICATES {
            for one in members(&gateway["properties"][collection]) {
                let Some(validity) = validity(&one) else { continue };
                number += 1;
                let name = format!("{} of {}", text(&one["name"]), text(&gateway["name"]));
                let action = "put the next one under the same name: no connection is closed";
                let end = validity.end.strftime("%Y-%m-%d");
                if validity.begin > now {
                    let begin = validity.begin;
                    let action = "wait, or set the clock if it is wrong";
                    findings.problem(CHECK, format!("{name} is not valid before {begin}"), action);
                } else if validity.end <= now {
                    findings.problem(CHECK, format!("{name} has ended on {end}"), action);
                } else if validity.ends_soon(now) {
                    findings.warn(CHECK, format!("{name} ends on {end}"), action);
                } else {
                    continue;
                }
                all_good = false;
            }
        }
    }
    if all_good {
        findings.good(CHECK, format!("none of {number} ends within 30 days"));
    }
}

fn members(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    #[test]
    fn missing_workers_are_told() {
        for (workers, level, part) in [
            (json!([]), Level::Problem, "no worker"),
            (json!([{"id": "a", "connected": false}]), Level::Problem, "no worker"),
            (json!([{"id": "a", "connected": true}]), Level::Good, "1 connected"),
            (
                json!([{"id": "a", "connected": true}, {"id": "b", "connected": false}]),
                Level::Warning,
                "not b",
            ),
        ] {
            let mut findings = Findings::default();
            workers_of(&members(&workers), &mut findings);
            let [found] = findings.0.as_slice() else { panic!("{findings:?}") };
            assert!(found.level == level && found.found.contains(part), "{found:?}");
        }
    }
}
