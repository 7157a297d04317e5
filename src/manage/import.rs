//! `tidegate import`: what Azure's tools print, as a report of what can be taken, and as deployments.
//!
//! 1. [`crate::import`] makes templates of the documents, and finds what the documents tell by themselves.
//! 2. The control plane is asked what it would do with the templates. What it refuses must change.
//! 3. With `--apply`, the templates are deployed.

use std::error::Error;

use serde_json::{Map, Value, json};

use crate::api_client::{ApiError, ApiRequest, Problem};
use crate::cli::{Format, ImportOptions};
use crate::import::{self, Finding, Home, Import, Outcome, Template};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table, Tone, message};

use super::apply::documents;
use super::confirm;
use super::session::Session;

/// The subscription of a control plane that nobody has named one to.
const DEFAULT_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// Runs `tidegate import`.
///
/// # Errors
/// A file cannot be read or imported, a part must change, or the control plane refuses.
pub(super) async fn run(options: &ImportOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let home = Home {
        subscription: session.context.subscription.clone().unwrap_or_else(|| DEFAULT_SUBSCRIPTION.to_owned()),
        group: session.context.resource_group.clone(),
    };
    let parameters = parameters(&options.parameter)?;
    let mut import = Import::default();
    for path in &options.file {
        for source in documents::read(path)? {
            import::read(&mut import, &source.place, source.body, &home).map_err(Failure::usage)?;
        }
    }
    if import.templates.is_empty() && import.findings.is_empty() {
        return Err(Failure::usage("the files have no documents").into());
    }
    import.templates = import.templates.into_iter().map(Template::with_dependencies).collect();
    for template in &import.templates {
        rehearse(&session, template, &parameters, &mut import.findings).await?;
    }
    import.arrange();
    print(&session, &import.findings)?;
    let open = import.findings.iter().filter(|finding| finding.outcome == Outcome::MustChange).count();
    if open > 0 {
        let what = if open == 1 { "1 part must".to_owned() } else { format!("{open} parts must") };
        return Err(Failure::new(Exit::Failed, format!("{what} change first; nothing was written")).into());
    }
    if !options.apply {
        message("nothing was written: give --apply to write it");
        return Ok(());
    }
    confirm::ask("Write this?", options.yes).await?;
    for template in &import.templates {
        deploy(&session, template, &parameters).await?;
    }
    Ok(())
}

/// Reads parameters of a template.
fn parameters(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let one = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--parameter `{text}`: expected NAME=VALUE, such as name=edge"))
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok((name.to_owned(), json!({"value": value})))
    };
    given.iter().map(one).collect()
}

/// The body of a deployment. Only a given template has parameters.
fn body(template: &Template, parameters: &Map<String, Value>) -> Value {
    let declared = |name: &String| {
        let all = template.body["parameters"].as_object();
        all.is_some_and(|all| all.keys().any(|known| known.eq_ignore_ascii_case(name)))
    };
    let parameters = parameters.iter().filter(|(name, _)| declared(name));
    let parameters: Map<String, Value> =
        parameters.map(|(name, value)| (name.clone(), value.clone())).collect();
    json!({"properties": {"mode": "Incremental", "template": template.body, "parameters": parameters}})
}

/// Asks the control plane what a deployment would do.
async fn rehearse(
    session: &Session,
    template: &Template,
    parameters: &Map<String, Value>,
    findings: &mut Vec<Finding>,
) -> Result<(), Box<dyn Error>> {
    let (path, body) = (format!("{}/whatIf", template.path()), body(template, parameters));
    match session.api().send(&ApiRequest::post(path, Some(&body))).await {
        Ok(answer) => {
            for warning in answer.body["properties"]["diagnostics"].as_array().into_iter().flatten() {
                let text = |name: &str| warning[name].as_str().unwrap_or_default();
                let (resource, path) = place(template, text("target"));
                let found = Finding::new(Outcome::WithoutEffect, &resource, path, text("message"));
                add(findings, found);
            }
            Ok(())
        }
        Err(ApiError::Refused(problem)) if problem.status.is_some_and(|status| status.as_u16() == 400) => {
            let mut refused = Vec::new();
            flatten(template, &problem, "", &mut refused);
            refused.into_iter().for_each(|finding| add(findings, finding));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Adds a finding of the control plane. What the documents tell of the same part says better what to do.
fn add(findings: &mut Vec<Finding>, found: Finding) {
    let is_known =
        |other: &Finding| other.outcome == found.outcome && !other.path.is_empty() && other.overlaps(&found);
    if findings.iter().any(is_known) {
        return;
    }
    // What is refused, or has no effect, is not taken.
    findings
        .retain(|other| other.outcome != Outcome::Taken || other.path.is_empty() || !other.overlaps(&found));
    findings.push(found);
}

/// Splits the target of an error: a path in the request, or the ID of a resource.
fn place(template: &Template, target: &str) -> (String, String) {
    match target.starts_with('/') {
        true => (import::label(target), String::new()),
        false => template.place(target),
    }
}

/// Collects the innermost errors of a refusal, each with its resource.
fn flatten(template: &Template, problem: &Problem, resource: &str, found: &mut Vec<Finding>) {
    let target = problem.target.as_deref().unwrap_or_default();
    let (own, path) = place(template, target);
    let resource = if own.is_empty() { resource } else { &own };
    if problem.details.is_empty() {
        let message = format!("{} ({})", problem.message, problem.code);
        found.push(Finding::new(Outcome::MustChange, resource, path, message));
    }
    problem.details.iter().for_each(|detail| flatten(template, detail, resource, found));
}

/// Deploys a template, and waits for it.
async fn deploy(
    session: &Session,
    template: &Template,
    parameters: &Map<String, Value>,
) -> Result<(), Box<dyn Error>> {
    let api = session.api();
    if api.find(&template.group_id()).await?.is_none() {
        let group = json!({"location": template.location().unwrap_or("local")});
        api.send(&ApiRequest::put(template.group_id(), &group)).await?;
    }
    let body = body(template, parameters);
    let started = api.send(&ApiRequest::put(template.path(), &body)).await?;
    if let Err(error) = api.wait(&started).await {
        // The operation says only that the deployment has failed.
        let shown = api.get(&template.path()).await?.body;
        return match &shown["properties"]["error"] {
            Value::Null => Err(error.into()),
            error => Err(Failure::new(Exit::Failed, Problem::read(error).to_string()).into()),
        };
    }
    message(&format!("the resource group {} has it", template.group));
    Ok(())
}

/// Prints the report.
fn print(session: &Session, findings: &[Finding]) -> CommandResult {
    let of = |outcome: Outcome| findings.iter().filter(move |finding| finding.outcome == outcome);
    if session.output.format != Format::Table {
        let list = |outcome| of(outcome).map(Finding::to_json).collect::<Vec<_>>();
        let report = json!({
            "taken": list(Outcome::Taken),
            "withoutEffect": list(Outcome::WithoutEffect),
            "mustChange": list(Outcome::MustChange),
        });
        return session.output.document(&report);
    }
    let mut table = Table::new(&["", "RESOURCE", "PATH", "WHAT"]);
    for finding in findings {
        let tone = match finding.outcome {
            Outcome::MustChange => Tone::Bad,
            Outcome::WithoutEffect => Tone::Warning,
            Outcome::Taken => Tone::Good,
        };
        table.row([
            Cell::new(finding.outcome.words(), tone),
            Cell::from(finding.resource.as_str()),
            Cell::from(finding.path.as_str()),
            Cell::from(finding.message.as_str()),
        ]);
    }
    session.output.table(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &str, target: Option<&str>, details: Vec<Problem>) -> Problem {
        Problem {
            code: code.into(),
            message: "m".into(),
            target: target.map(str::to_owned),
            details,
            ..Problem::default()
        }
    }

    #[test]
    fn every_refusal_has_its_resource_and_its_path() {
        let at = |path: &str| format!("properties.template.resources[0]{path}");
        let inner = vec![
            problem("A", Some(&at(".properties.a")), Vec::new()),
            problem("B", Some(&at("")), Vec::new()),
        ];
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
        let outer = vec![problem("T", Some(&at("")), inner), problem("U", Some(id), Vec::new())];
        let body = json!({"resources": [{"type": "Microsoft.Network/applicationGateways", "name": "edge"}]});
        let template = Template { subscription: "s".into(), group: "g".into(), body, is_given: false };
        let mut found = Vec::new();
        flatten(&template, &problem("InvalidTemplateDeployment", None, outer), "", &mut found);
        let edge = "applicationGateways/edge";
        let places: Vec<(&str, &str)> =
            found.iter().map(|finding| (finding.resource.as_str(), finding.path.as_str())).collect();
        assert_eq!(places, [(edge, "properties.a"), (edge, ""), ("virtualNetworks/v", "")]);
    }

    #[test]
    fn what_is_refused_is_not_taken_and_not_told_twice() {
        let new = |outcome, path: &str| Finding::new(outcome, "applicationGateways/edge", path, "m");
        let mut findings = vec![
            new(Outcome::Taken, ""),
            new(Outcome::Taken, "properties.probes[0]"),
            new(Outcome::Taken, "properties.probes[10]"),
            new(Outcome::MustChange, "properties.sslCertificates[0]"),
        ];
        add(&mut findings, new(Outcome::MustChange, "properties.probes[0].properties.path"));
        add(&mut findings, new(Outcome::MustChange, "properties.sslCertificates[0].properties.data"));
        let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        let expected = [
            "",
            "properties.probes[10]",
            "properties.sslCertificates[0]",
            "properties.probes[0].properties.path",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn parameters_are_json_or_text() {
        let given = ["a=1", "b=text", "c={\"x\":[]}"].map(str::to_owned);
        let expected = json!({"a": {"value": 1}, "b": {"value": "text"}, "c": {"value": {"x": []}}});
        assert_eq!(Value::Object(parameters(&given).unwrap()), expected);
        assert!(parameters(&["x".to_owned()]).unwrap_err().message.contains("NAME=VALUE"));
    }
}
