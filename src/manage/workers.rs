//! The commands of workers.

use std::error::Error;

use jiff::Timestamp;
use serde_json::Value;

use crate::api_client::{ApiClient, ApiRequest};
use crate::cli::{WorkerDeleteOptions, WorkerListOptions, WorkerShowOptions};
use crate::context::Context;
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table, Tone, message};

use super::confirm;
use super::progress::short;
use super::session::Session;
use super::view;

/// `tidegate worker list`.
///
/// # Errors
/// The control plane refuses.
pub(super) async fn list(options: &WorkerListOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let workers = all(session.api()).await?;
    session.output.list(&workers, || table(&workers))
}

/// `tidegate worker show`.
///
/// # Errors
/// There is no such worker, or the control plane refuses.
pub(super) async fn show(options: &WorkerShowOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    session.output.document(&find(session.api(), &options.id).await?)
}

/// `tidegate worker delete`.
///
/// # Errors
/// There is no such worker, or the control plane refuses.
pub(super) async fn delete(options: &WorkerDeleteOptions) -> CommandResult {
    let context = Context::select(&options.connection)?;
    let worker = find(&context.api, &options.id).await?;
    let id = worker["id"].as_str().unwrap_or_default();
    confirm::ask(&format!("Revoke the worker {id}?"), options.yes).await?;
    context.api.send(&ApiRequest::delete(format!("/workers/{id}"))).await?;
    message(&format!("the worker {id} is revoked; it serves its last configuration until it is stopped"));
    Ok(())
}

/// Returns all workers.
///
/// # Errors
/// The control plane refuses.
pub(super) async fn all(api: &ApiClient) -> Result<Vec<Value>, Box<dyn Error>> {
    Ok(api.list(&ApiRequest::get("/workers")).await?)
}

/// Finds a worker by the beginning of its ID.
async fn find(api: &ApiClient, id: &str) -> Result<Value, Box<dyn Error>> {
    let workers = all(api).await?;
    let begins = |worker: &&Value| {
        let whole = worker["id"].as_str().unwrap_or_default();
        whole.get(..id.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(id))
    };
    let found: Vec<&Value> = workers.iter().filter(begins).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(Exit::NotFound, format!("there is no worker `{id}`")).into()),
        _ => Err(Failure::usage(format!("several workers begin with `{id}`; give more of the ID")).into()),
    }
}

/// Returns the table of workers.
pub(super) fn table(workers: &[Value]) -> Table {
    let now = Timestamp::now();
    let mut table = Table::new(&["WORKER", "STATE", "GATEWAYS", "REJECTED", "JOINED", "CERTIFICATE ENDS"]);
    for worker in workers {
        let connected = worker["connected"] == Value::Bool(true);
        let state = if connected { "connected" } else { "away" };
        let gateways = worker["gateways"].as_array().map(Vec::as_slice).unwrap_or_default();
        let runs = gateways.iter().filter(|gateway| gateway["generation"].is_u64()).count();
        let rejected: Vec<String> = gateways
            .iter()
            .filter(|gateway| gateway["rejected"].is_object())
            .map(|gateway| {
                format!("{}: {}", view::text(&gateway["id"]), view::text(&gateway["rejected"]["reason"]))
            })
            .collect();
        let end = worker["certificate"]["expiresAt"].as_str().unwrap_or_default();
        let joined = worker["joinedAt"].as_str().map(|at| format!("{} ago", view::age(at, now)));
        table.row([
            short(worker["id"].as_str().unwrap_or_default()).into(),
            Cell::new(state, if connected { Tone::Good } else { Tone::Warning }),
            runs.to_string().into(),
            Cell::new(rejected.join("; "), Tone::Bad),
            joined.unwrap_or_default().into(),
            end.get(..10).unwrap_or(end).into(),
        ]);
    }
    table
}
