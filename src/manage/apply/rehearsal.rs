//! What the control plane says that a plan would do: the changes after all defaults, and the fate of tunnels.

use std::error::Error;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::api_client::{ApiError, ApiRequest, EXTENSIONS};
use crate::manage::session::Session;
use crate::manage::view;
use crate::output::{Tone, painted};

use super::changes::Changes;
use super::compare::printable;
use super::plan::Plan;

/// What a plan would do.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) changes: Changes,
    /// The answer of the control plane; none from one that has no what-if.
    told: Option<Value>,
}

impl Rehearsal {
    /// Asks the control plane. It refuses what the write would refuse, with the same error.
    ///
    /// # Errors
    /// The control plane refuses.
    pub(super) async fn of(session: &Session, plan: &Plan) -> Result<Rehearsal, Box<dyn Error>> {
        let resources = plan.writes.iter().filter_map(|write| {
            let mut body = write.body.clone()?;
            body["id"] = write.id.to_string().into();
            Some(body)
        });
        let deletions =
            plan.writes.iter().filter(|write| write.body.is_none()).map(|write| write.id.to_string());
        let body =
            json!({"resources": resources.collect::<Vec<_>>(), "deletions": deletions.collect::<Vec<_>>()});
        let path = format!("{}/providers/{EXTENSIONS}/whatIf", plan.gateway);
        match session.api().send(&ApiRequest::post(path, Some(&body))).await {
            Ok(answer) => {
                let changes =
                    answer.body["properties"]["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
                Ok(Rehearsal {
                    changes: Changes::told(changes),
                    told: Some(answer.body["properties"].clone()),
                })
            }
            // A control plane that is older than this command, or a set that is too large for a rehearsal.
            Err(error) if is_without_what_if(&error) => {
                Ok(Rehearsal { changes: Changes::of(plan), told: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// True if nothing would change.
    pub(super) fn is_empty(&self) -> bool {
        let replaced = self.list("certificatesReplaced");
        self.changes.is_empty()
            && replaced.is_empty()
            && !self.told.as_ref().is_some_and(|told| told["newGeneration"] == true)
    }

    /// Returns what would happen beside the changes, as lines.
    pub(super) fn notes(&self, color: bool) -> String {
        let Some(told) = &self.told else { return String::new() };
        let text = |value: &Value| printable(&view::text(value));
        let addresses = |name: &str| -> Vec<String> {
            let one = |socket: &Value| format!("{}:{}", text(&socket["address"]), text(&socket["port"]));
            self.list(name).iter().map(one).collect()
        };
        let mut lines = Vec::new();
        for (what, all) in [
            ("begins to listen at", addresses("listenersOpened")),
            ("ceases to listen at", addresses("listenersClosed")),
            ("replaces the certificates", self.list("certificatesReplaced").iter().map(text).collect()),
        ] {
            if !all.is_empty() {
                lines.push(format!("{what} {}", all.join(", ")));
            }
        }
        lines.extend(fates(&told["traffic"]));
        for worker in told["traffic"]["workers"].as_array().into_iter().flatten() {
            let id = text(&worker["worker"]);
            if worker["rejection"].is_string() {
                let line = format!("the worker {id} could not apply it: {}", text(&worker["rejection"]));
                lines.push(painted(&line, Tone::Bad, color));
            }
            if worker["unanswered"].is_string() {
                lines.push(format!("the worker {id} gave no answer: {}", text(&worker["unanswered"])));
            }
        }
        for warning in self.list("diagnostics") {
            lines.push(painted(&format!("warning: {}", text(&warning["message"])), Tone::Warning, color));
        }
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }

    /// Returns everything for programs.
    pub(super) fn to_json(&self) -> Value {
        self.told.clone().unwrap_or_else(|| json!({"changes": self.changes.to_json()}))
    }

    fn list(&self, name: &str) -> &[Value] {
        self.told.as_ref().and_then(|told| told[name].as_array()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Says what becomes of tunnels and requests, if there are any.
fn fates(traffic: &Value) -> Vec<String> {
    let within = match traffic["endWithinInSec"].as_i64() {
        Some(seconds) => format!(" within {}", view::seconds(seconds)),
        None => String::new(),
    };
    let mut lines = Vec::new();
    for what in ["tunnels", "requests"] {
        let number = |name: &str| traffic[what][name].as_u64().unwrap_or(0);
        let [kept, drained, closed] = ["kept", "drained", "closed"].map(number);
        let parts = [
            (kept, format!("{kept} stay")),
            (drained, format!("{drained} end{within}")),
            (closed, format!("{closed} end at once")),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, part)| part).collect();
        if !parts.is_empty() {
            lines.push(format!("{what}: {}", parts.join(", ")));
        }
    }
    lines
}

fn is_without_what_if(error: &ApiError) -> bool {
    let without = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::FORBIDDEN];
    error.status().is_some_and(|status| without.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_tunnels_is_one_line() {
        let traffic = json!({
            "tunnels": {"kept": 5, "drained": 2, "closed": 0}, "requests": {"kept": 0, "drained": 0}, "endWithinInSec": 30,
        });
        assert_eq!(fates(&traffic), ["tunnels: 5 stay, 2 end within 30s"]);
        assert!(fates(&Value::Null).is_empty());
    }

    #[test]
    fn a_rehearsal_tells_listeners_workers_and_warnings() {
        let told = json!({
            "changes": [], "newGeneration": true, "certificatesReplaced": ["/subscriptions/s/sslCertificates/web"],
            "listenersOpened": [{"address": "10.0.0.1", "port": 443}], "listenersClosed": [],
            "traffic": {"workers": [{"worker": "w", "rejection": "the port is in use"}, {"worker": "v", "unanswered": "5 s"}]},
            "diagnostics": [{"message": "unknown property"}],
        });
        let rehearsal = Rehearsal { changes: Changes::told(&[]), told: Some(told) };
        assert!(!rehearsal.is_empty());
        let expected = "  begins to listen at 10.0.0.1:443\n  replaces the certificates web\n  the worker w could not apply it: the port is in use\n  the worker v gave no answer: 5 s\n  warning: unknown property\n";
        assert_eq!(rehearsal.notes(false), expected);
    }
}
