//! The history of gateways: `tidegate revision`, and `tidegate rollback`.

use std::error::Error;

use jiff::Timestamp;
use serde_json::Value;

use crate::api_client::{ApiRequest, Condition, EXTENSIONS, ResourceId};
use crate::cli::{Format, RevisionCommand, RevisionDiffOptions, RollbackOptions};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table, Tone, line, message};

use super::apply::{self, Changes};
use super::confirm;
use super::progress::Rollout;
use super::session::Session;
use super::view;

/// Runs `tidegate revision …`.
///
/// # Errors
/// There is no such revision, or the control plane refuses.
pub(super) async fn run(command: &RevisionCommand) -> CommandResult {
    match command {
        RevisionCommand::List(options) => {
            let session = Session::open(&options.common)?;
            let gateway = session.gateway(options.gateway.gateway.as_deref()).await?;
            let rows = list(&session, &gateway).await?;
            session.output.list(&rows, || table(&rows))
        }
        RevisionCommand::Show(options) => {
            let session = Session::open(&options.common)?;
            let gateway = session.gateway(options.gateway.gateway.as_deref()).await?;
            session.output.document(&get(&session, &gateway, options.number).await?)
        }
        RevisionCommand::Diff(options) => diff(options).await,
    }
}

/// Runs `tidegate rollback`: a new generation with the content of an earlier one.
///
/// # Errors
/// There is no such revision, or the control plane refuses.
pub(super) async fn rollback(options: &RollbackOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let gateway = session.gateway(options.gateway.gateway.as_deref()).await?;
    let all = list(&session, &gateway).await?;
    let present = number(all.first()).ok_or_else(|| none(&gateway))?;
    // A write since then, also one of an extension document, is refused and not undone.
    let etag = all.first().and_then(|revision| revision["etag"].as_str()).map(str::to_owned);
    let target = match options.number {
        Some(number) => number,
        None => number(all.get(1)).ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("{} has no earlier revision", gateway.gateway))
        })?,
    };
    let (from, to) = (get(&session, &gateway, present).await?, get(&session, &gateway, target).await?);
    let changes = between(&gateway, &from, &to, &secrets(&session, &gateway, present, target).await?);
    let text = changes.render(&gateway, session.output.color);
    if options.write.dry_run {
        return line(text.trim_end());
    }
    message(text.trim_end());
    confirm::ask(&format!("Return {} to revision {target}?", gateway.gateway), options.write.yes).await?;
    let condition = match options.write.if_match.as_deref() {
        Some("*") => None,
        Some(etag) => Some(Condition::Match(etag.to_owned())),
        None => {
            let is_changing = || format!("{} is being changed at this moment; try again", gateway.gateway);
            Some(Condition::Match(etag.ok_or_else(|| Failure::new(Exit::Conflict, is_changing()))?))
        }
    };
    let rollout = Rollout::new(session.api(), gateway.clone()).await;
    let request =
        ApiRequest::post(format!("{}/restore", place(&gateway, target)), None).on(condition.as_ref());
    let answer = session.api().send(&apply::with_reason(request, &options.write)).await?;
    if options.write.no_wait {
        return Ok(());
    }
    rollout.wait(&answer, &format!("is returned to revision {target}")).await
}

async fn diff(options: &RevisionDiffOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let gateway = session.gateway(options.gateway.gateway.as_deref()).await?;
    let to = match options.to {
        Some(to) => to,
        None => number(list(&session, &gateway).await?.first()).ok_or_else(|| none(&gateway))?,
    };
    if session.output.format != Format::Table {
        return session.output.document(&patch(&session, &gateway, options.from, to).await?);
    }
    let (older, newer) = (get(&session, &gateway, options.from).await?, get(&session, &gateway, to).await?);
    let changes = between(&gateway, &older, &newer, &secrets(&session, &gateway, options.from, to).await?);
    line(changes.render(&gateway, session.output.color).trim_end())
}

fn place(gateway: &ResourceId, number: u64) -> ResourceId {
    gateway.join(&format!("providers/{EXTENSIONS}/revisions/{number}"))
}

async fn list(session: &Session, gateway: &ResourceId) -> Result<Vec<Value>, Box<dyn Error>> {
    let list = gateway.join(&format!("providers/{EXTENSIONS}/revisions"));
    Ok(session.api().list(&ApiRequest::get(list.to_string())).await?)
}

async fn get(session: &Session, gateway: &ResourceId, number: u64) -> Result<Value, Box<dyn Error>> {
    Ok(session.api().get(&place(gateway, number).to_string()).await?.body)
}

/// Asks for the difference as the control plane tells it.
async fn patch(session: &Session, gateway: &ResourceId, from: u64, to: u64) -> Result<Value, Box<dyn Error>> {
    let request = ApiRequest::get(format!("{}/diff", place(gateway, from))).with("to", to.to_string());
    Ok(session.api().send(&request).await?.body)
}

/// Returns the IDs of the children whose secrets differ: only the control plane can compare them.
async fn secrets(
    session: &Session,
    gateway: &ResourceId,
    from: u64,
    to: u64,
) -> Result<Vec<ResourceId>, Box<dyn Error>> {
    let patch = patch(session, gateway, from, to).await?;
    let ids = patch["changedSecrets"].as_array().into_iter().flatten();
    Ok(ids.filter_map(|id| ResourceId::parse(id.as_str()?)).collect())
}

/// Compares two revisions.
fn between(gateway: &ResourceId, older: &Value, newer: &Value, secrets: &[ResourceId]) -> Changes {
    let (older, newer) = (&older["properties"], &newer["properties"]);
    let extensions = |revision: &Value| revision["extensions"].as_array().cloned().unwrap_or_default();
    Changes::between(
        gateway,
        (&older["document"], &newer["document"]),
        (&extensions(older), &extensions(newer)),
        secrets,
    )
}

fn number(revision: Option<&Value>) -> Option<u64> {
    revision?["properties"]["generation"].as_u64()
}

fn none(gateway: &ResourceId) -> Failure {
    Failure::new(Exit::NotFound, format!("{} has no revisions", gateway.gateway))
}

fn table(rows: &[Value]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::new(&[
        "REVISION",
        "",
        "WRITTEN",
        "AUTHOR",
        "LISTENERS",
        "RULES",
        "POOLS",
        "MEMBERS",
        "CERTIFICATES",
        "REASON",
    ]);
    for row in rows {
        let properties = &row["properties"];
        let count = |name: &str| Cell::from(view::text(&properties["counts"][name]));
        let is_present = properties["current"] == Value::Bool(true);
        let written = properties["createdAt"].as_str().unwrap_or_default();
        table.row([
            view::text(&row["name"]).into(),
            Cell::new(if is_present { "*" } else { "" }, Tone::Good),
            format!("{} ago", view::age(written, now)).into(),
            view::text(&properties["author"]).into(),
            count("listeners"),
            count("rules"),
            count("pools"),
            count("members"),
            count("certificates"),
            view::text(&properties["reason"]).into(),
        ]);
    }
    table
}
