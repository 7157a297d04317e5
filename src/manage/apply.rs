//! `tidegate apply`: from files to one write of each gateway, with a look at it before.
//!
//! 1. `documents` reads files and finds the place of each document.
//! 2. `plan` merges the documents into what is stored, and says what is sent.
//! 3. `rehearsal` asks the control plane what that would do, and `changes` says it.
//! 4. After the answer of a person, everything is sent under the condition that nobody else has changed it since.

mod changes;
mod compare;
pub(super) mod documents;
mod plan;
mod rehearsal;

use std::error::Error;
use std::path::Path;

use hyper::header::HeaderName;
use serde_json::{Value, json};

use crate::api_client::{ApiRequest, Condition, ResourceId};
use crate::cli::{ApplyOptions, Format, ResourceKind, WriteOptions};
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{line, message};

pub(super) use self::changes::Changes;
use self::documents::{Document, Source};
use self::plan::{Plan, Write};
use self::rehearsal::Rehearsal;

use super::confirm;
use super::progress::Rollout;
use super::session::Session;

/// The header with the reason of a change, which the history of a gateway keeps.
const REASON: HeaderName = HeaderName::from_static("x-tidegate-reason");

/// What a document is if it does not say so itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// Whatever the document says.
    Any,
    /// A gateway.
    Gateway,
    /// A child or an extension of a gateway.
    Kind(&'static ResourceKind),
}

/// Runs `tidegate apply`.
///
/// # Errors
/// A file cannot be read, a document has no place, or the control plane refuses.
pub(super) async fn run(options: &ApplyOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let mut sources = Vec::new();
    for path in &options.file {
        sources.extend(documents::read(path)?);
    }
    let documents = places(&session, sources, Target::Any, None, options.gateway.gateway.as_deref()).await?;
    apply(&session, &documents, &options.write, options.prune).await
}

/// Applies one document of a known kind. The command line may name it, and its gateway.
///
/// # Errors
/// As [`run`]; or the file has several documents.
pub(super) async fn one(
    session: &Session,
    file: &Path,
    target: Target,
    (name, gateway): (Option<&str>, Option<&str>),
    options: &WriteOptions,
) -> CommandResult {
    let sources = documents::read(file)?;
    if sources.len() != 1 {
        let (path, count) = (file.display(), sources.len());
        return Err(Failure::usage(format!("{path} has {count} documents; expected one")).into());
    }
    let documents = places(session, sources, target, name, gateway).await?;
    apply(session, &documents, options, false).await
}

/// Deletes a gateway, a child or an extension.
///
/// # Errors
/// It does not exist, or the control plane refuses.
pub(super) async fn delete(session: &Session, id: &ResourceId, options: &WriteOptions) -> CommandResult {
    let current = session.api().get(&id.to_string()).await?;
    let plan = Plan::deletion(id, &current);
    execute(session, &[plan], options).await
}

/// Finds the place of each document.
async fn places(
    session: &Session,
    sources: Vec<Source>,
    target: Target,
    name: Option<&str>,
    gateway: Option<&str>,
) -> Result<Vec<Document>, Box<dyn Error>> {
    if sources.is_empty() {
        return Err(Failure::usage("the files have no documents").into());
    }
    let mut placed = Vec::new();
    for source in sources {
        placed.push(documents::place(session, source, target, name, gateway).await?);
    }
    Ok(placed)
}

async fn apply(
    session: &Session,
    documents: &[Document],
    options: &WriteOptions,
    prune: bool,
) -> CommandResult {
    let mut plans = Vec::new();
    for (gateway, documents) in documents::by_gateway(documents)? {
        plans.push(Plan::new(session, gateway, &documents, prune).await?);
    }
    execute(session, &plans, options).await
}

/// Shows the plans, asks, and sends them one after the other.
async fn execute(session: &Session, plans: &[Plan], options: &WriteOptions) -> CommandResult {
    let mut rehearsals = Vec::new();
    for plan in plans {
        rehearsals.push(Rehearsal::of(session, plan).await?);
    }
    if options.dry_run {
        return show(session, plans, &rehearsals);
    }
    let all = plans.iter().zip(&rehearsals);
    let changed: Vec<(&Plan, &Rehearsal)> = all.filter(|(_, rehearsal)| !rehearsal.is_empty()).collect();
    if changed.is_empty() {
        message("nothing to change");
        return print(session, &plans.iter().filter_map(|plan| plan.stored.clone()).collect::<Vec<_>>());
    }
    let writes: usize = changed.iter().map(|(plan, _)| plan.writes.len()).sum();
    if options.if_match.as_deref().is_some_and(|etag| etag != "*") && writes > 1 {
        let message = format!("--if-match is the ETag of one resource, and {writes} would be written");
        return Err(Failure::usage(message).into());
    }
    for (plan, rehearsal) in &changed {
        message(told(session, plan, rehearsal).trim_end());
    }
    confirm::ask("Apply this?", options.yes).await?;
    let mut written = Vec::new();
    for (plan, _) in changed {
        written.extend(send(session, plan, options).await?);
    }
    print(session, &written)
}

/// Sends the writes of a plan, and waits for each. Returns the documents that the control plane has answered with.
async fn send(session: &Session, plan: &Plan, options: &WriteOptions) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut written = Vec::new();
    for write in &plan.writes {
        let condition = condition(write, options);
        let request = match &write.body {
            Some(body) => ApiRequest::put(write.id.to_string(), body),
            None => ApiRequest::delete(write.id.to_string()),
        };
        let rollout = Rollout::new(session.api(), plan.gateway.clone()).await;
        let answer = session.api().send(&with_reason(request.on(condition.as_ref()), options)).await;
        let answer = answer.map_err(|error| match error.exit() {
            Exit::Conflict
                if options.if_match.is_none() && error.status().is_some_and(|status| status == 412) =>
            {
                let message = format!(
                    "{} was changed by somebody else meanwhile, and was not written: {error}",
                    write.id.name()
                );
                Box::new(Failure::new(Exit::Conflict, message)) as Box<dyn Error>
            }
            _ => Box::new(error),
        })?;
        if !options.no_wait {
            let is_gone = write.body.is_none() && write.id.below.is_empty();
            rollout.wait(&answer, if is_gone { "is deleted" } else { "is applied" }).await?;
        }
        if write.body.is_some() {
            // The answer to a write says `Updating`; after the operation it has its final state.
            let now = if options.no_wait { answer } else { session.api().get(&write.id.to_string()).await? };
            written.push(now.body);
        }
    }
    Ok(written)
}

/// Returns the condition of a write: what the options say, else what was shown.
fn condition(write: &Write, options: &WriteOptions) -> Option<Condition> {
    match options.if_match.as_deref() {
        Some("*") => None,
        Some(etag) => Some(Condition::Match(etag.to_owned())),
        None => write.condition.clone(),
    }
}

/// Adds the reason of a change to a request.
pub(super) fn with_reason<'a>(request: ApiRequest<'a>, options: &WriteOptions) -> ApiRequest<'a> {
    match &options.reason {
        Some(reason) => request.header(REASON, reason.clone()),
        None => request,
    }
}

/// Prints what would change.
fn show(session: &Session, plans: &[Plan], rehearsals: &[Rehearsal]) -> CommandResult {
    let all = plans.iter().zip(rehearsals);
    match session.output.format {
        Format::Table => {
            for (plan, rehearsal) in all {
                line(told(session, plan, rehearsal).trim_end())?;
            }
            Ok(())
        }
        _ => {
            let all = all.map(
                |(plan, rehearsal)| json!({"id": plan.gateway.to_string(), "whatIf": rehearsal.to_json()}),
            );
            session.output.document(&all.collect())
        }
    }
}

/// Returns what a plan would do, as a person reads it.
fn told(session: &Session, plan: &Plan, rehearsal: &Rehearsal) -> String {
    let color = session.output.color;
    format!("{}{}", rehearsal.changes.render(&plan.gateway, color), rehearsal.notes(color))
}

/// Prints documents for programs; people have read the messages.
fn print(session: &Session, documents: &[Value]) -> CommandResult {
    match (session.output.format, documents) {
        (Format::Table, _) | (_, []) => Ok(()),
        (_, [one]) => session.output.document(one),
        (_, several) => session.output.list(several, Default::default),
    }
}
