//! `list`, `show`, `apply` and `delete` of every kind below a gateway.

use std::error::Error;

use jiff::Timestamp;
use serde_json::Value;

use crate::api_client::{ApiRequest, ResourceId};
use crate::cli::{AGE, DeleteOptions, EXPIRY, PARENT, ResourceCommand, ResourceKind, Verb};
use crate::outcome::CommandResult;
use crate::output::{Cell, Table};

use super::apply::{self, Target};
use super::certificate;
use super::session::Session;
use super::view;

/// Runs a command for one kind.
///
/// # Errors
/// A name means no resource, or the control plane refuses.
pub(super) async fn run(ResourceCommand { kind, verb }: &ResourceCommand) -> CommandResult {
    match verb {
        Verb::List(options) => {
            let session = Session::open(&options.common)?;
            let (rows, several) = list(&session, kind, options.gateway.gateway.as_deref()).await?;
            session.output.list(&rows, || table(kind, &rows, several))
        }
        Verb::Show(options) => {
            let session = Session::open(&options.common)?;
            let id = session.resource(kind, &options.name, options.gateway.gateway.as_deref()).await?;
            session.output.document(&session.api().get(&id.to_string()).await?.body)
        }
        Verb::Apply(options) => {
            let session = Session::open(&options.common)?;
            {
                let named = (options.name.as_deref(), options.gateway.gateway.as_deref());
                apply::one(&session, &options.file, Target::Kind(kind), named, &options.write).await
            }
        }
        Verb::Delete(options) => delete(kind, options).await,
    }
}

async fn delete(kind: &ResourceKind, options: &DeleteOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let id = session.resource(kind, &options.name, options.gateway.gateway.as_deref()).await?;
    apply::delete(&session, &id, &options.write).await
}

/// Returns the members of a kind: those of one gateway, or those of all gateways if none is named.
async fn list(
    session: &Session,
    kind: &ResourceKind,
    gateway: Option<&str>,
) -> Result<(Vec<Value>, bool), Box<dyn Error>> {
    let gateways = match (session.named_gateway(gateway).await?, kind.path()) {
        (Some(gateway), Some(path)) => {
            let list = gateway.join(&path).to_string();
            return Ok((session.api().list(&ApiRequest::get(list)).await?, false));
        }
        (Some(gateway), None) => vec![session.api().get(&gateway.to_string()).await?.body],
        (None, _) => session.gateways().await?,
    };
    let mut rows = Vec::new();
    for gateway in &gateways {
        rows.extend(session.members(kind, gateway).await?);
    }
    Ok((rows, gateways.len() > 1))
}

/// Returns the table of a kind, with a column for the gateway if there are several.
fn table(kind: &ResourceKind, rows: &[Value], several: bool) -> Table {
    let now = Timestamp::now();
    let mut headings = vec!["NAME"];
    if several {
        headings.push("GATEWAY");
    }
    headings.extend(kind.columns.iter().map(|(heading, _)| heading));
    headings.push("STATE");
    let mut table = Table::new(&headings);
    for row in rows {
        let gateway = || {
            let id = row["id"].as_str().and_then(ResourceId::parse);
            id.map(|id| Cell::from(id.gateway)).unwrap_or_default()
        };
        let name = [Cell::from(row["name"].as_str().unwrap_or_default())];
        let columns = kind.columns.iter().map(|(_, column)| cell(row, column, now));
        table.row(name.into_iter().chain(several.then(gateway)).chain(columns).chain([view::state(row)]));
    }
    table
}

/// Returns the cell of a column: the value at a JSON pointer, or what is read from the certificate or the ID.
fn cell(document: &Value, column: &str, now: Timestamp) -> Cell {
    let validity = || certificate::validity(document);
    match column {
        EXPIRY => validity().map_or_else(Cell::default, |validity| validity.end_cell(now)),
        AGE => validity().map_or_else(Cell::default, |validity| validity.age_cell(now)),
        PARENT => {
            let id = document["id"].as_str().and_then(ResourceId::parse);
            id.and_then(|id| id.below.get(1).cloned()).map(Cell::from).unwrap_or_default()
        }
        column => document.pointer(column).map(|value| view::text(value).into()).unwrap_or_default(),
    }
}
