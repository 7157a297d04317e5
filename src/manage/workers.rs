//! The commands of workers.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::api_client::{ApiClient, ApiRequest};
use crate::cli::{WorkerDeleteOptions, WorkerListOptions, WorkerShowOptions, WorkerSwitchOptions};
use crate::context::Context;
use crate::outcome::{CommandResult, Exit, Failure};
use crate::output::{Cell, Table, Tone, message};

use super::confirm;
use super::progress::short;
use super::session::Session;
use super::view;

/// The place of the workers.
pub(super) const PLACE: &str = "/providers/Tidegate.Network/workers";

/// The pause between two looks at a worker that drains.
const PAUSE: Duration = Duration::from_millis(500);

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

/// `tidegate worker drain`.
///
/// # Errors
/// There is no such worker, or the control plane refuses.
pub(super) async fn drain(options: &WorkerSwitchOptions) -> CommandResult {
    switch(options, "drain", "drained").await
}

/// `tidegate worker resume`.
///
/// # Errors
/// There is no such worker, or the control plane refuses.
pub(super) async fn resume(options: &WorkerSwitchOptions) -> CommandResult {
    switch(options, "resume", "serving").await
}

/// Asks a worker for another state, and waits until it is in it. A worker that is not connected gets there when it
/// connects, and is not waited for.
async fn switch(options: &WorkerSwitchOptions, action: &str, state: &str) -> CommandResult {
    let context = Context::select(&options.connection)?;
    let worker = find(&context.api, &options.id).await?;
    let id = view::text(&worker["name"]);
    let mut now = context.api.send(&ApiRequest::post(format!("{PLACE}/{id}/{action}"), None)).await?.body;
    loop {
        let present = view::text(&now["properties"]["state"]);
        if present == state || present == "disconnected" || options.no_wait {
            message(&format!("the worker {id} is {present}"));
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        now = context.api.get(&format!("{PLACE}/{id}")).await?.body;
    }
}

/// `tidegate worker delete`.
///
/// # Errors
/// There is no such worker, or the control plane refuses.
pub(super) async fn delete(options: &WorkerDeleteOptions) -> CommandResult {
    let context = Context::select(&options.connection)?;
    let worker = find(&context.api, &options.id).await?;
    let id = worker["name"].as_str().unwrap_or_default();
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
    Ok(api.list(&ApiRequest::get(PLACE)).await?)
}

/// Finds a worker by the beginning of its ID.
async fn find(api: &ApiClient, id: &str) -> Result<Value, Box<dyn Error>> {
    let workers = all(api).await?;
    let begins = |worker: &&Value| {
        let whole = worker["name"].as_str().unwrap_or_default();
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
    let headings = [
        "WORKER",
        "STATE",
        "VERSION",
        "ADDRESS",
        "GATEWAYS",
        "TUNNELS",
        "CONNECTIONS",
        "CPU",
        "JOINED",
        "CERTIFICATE ENDS",
        "REJECTED",
    ];
    let mut table = Table::new(&headings);
    for worker in workers {
        let properties = &worker["properties"];
        let gateways = properties["gateways"].as_array().map(Vec::as_slice).unwrap_or_default();
        let runs = gateways.iter().filter(|gateway| gateway["generation"].is_u64()).count();
        let rejected: Vec<String> = gateways
            .iter()
            .filter(|gateway| gateway["rejected"].is_object())
            .map(|gateway| {
                format!("{}: {}", view::text(&gateway["id"]), view::text(&gateway["rejected"]["reason"]))
            })
            .collect();
        let state = view::text(&properties["state"]);
        let load = |name: &str| Cell::from(view::text(&properties["load"][name]));
        let cpu = properties["load"]["cpuPercent"].as_f64().map(|percent| format!("{percent:.0}%"));
        let end = properties["certificate"]["expiresAt"].as_str().unwrap_or_default();
        let joined = properties["joinedAt"].as_str().map(|at| format!("{} ago", view::age(at, now)));
        table.row([
            short(worker["name"].as_str().unwrap_or_default()).into(),
            Cell::new(state.as_str(), view::tone(&state)),
            view::text(&properties["version"]).into(),
            view::text(&properties["address"]).into(),
            runs.to_string().into(),
            load("tunnels"),
            load("connections"),
            cpu.unwrap_or_default().into(),
            joined.unwrap_or_default().into(),
            end.get(..10).unwrap_or(end).into(),
            Cell::new(rejected.join("; "), Tone::Bad),
        ]);
    }
    table
}
