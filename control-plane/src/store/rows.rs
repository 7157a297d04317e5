//! The rows: the only SQL statements, one narrow function for each.
//!
//! A function here reads or writes rows of one table (reads may join) on a connection that its caller has
//! taken, and decides nothing: no transaction begins or ends here, no time is read, no row is recorded in the
//! audit log.
//!
//! The statements are standard SQL with numbered parameters (`$1`). What compares without regard to case is
//! compared by the key columns, which [`key`] fills; the columns beside them hold the spelling that responses
//! show. Booleans are `TRUE` and `FALSE`, times are milliseconds since 1970.

pub(super) mod audit;
pub(super) mod children;
pub(super) mod clients;
pub(super) mod deployment_steps;
pub(super) mod deployments;
pub(super) mod error_pages;
pub(super) mod extensions;
pub(super) mod frontend_claims;
pub(super) mod gateways;
pub(super) mod groups;
pub(super) mod identity;
pub(super) mod join_tokens;
pub(super) mod network_references;
pub(super) mod network_resources;
pub(super) mod operations;
pub(super) mod private_addresses;
pub(super) mod revisions;
pub(super) mod unserved_resources;
pub(super) mod worker_certificates;
pub(super) mod workers;

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, QueryBuilder};
use tidegate_shared::id::Generation;
use uuid::Uuid;

use crate::arm::network::NetworkKind;

use super::StoreError;
use super::database::{Connection, Engine, Row};
use super::model::ResourceRow;

/// The condition of a page of resources of any type: those below the ID `$1` that follow the key `$2`, both in lower case.
/// `0` is the character after the slash.
const IN_PAGE: &str = "resource_key > $1 || '/' AND resource_key < $1 || '0' AND resource_key > $2";

/// A summary of a resource with its key. It may be damaged.
pub(super) type Summary = (String, Result<ResourceRow, StoreError>);

/// The maximum number of keys in a statement.
const KEYS_IN_A_STATEMENT: usize = 1_000;

/// Returns the form of a text in the key columns: resource IDs and names compare without regard to ASCII
/// case.
pub(super) fn key(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// Returns at most `limit` rows of a `SELECT` without conditions: of the resources below an ID that follow the key
/// `after`, by key.
async fn rows_of_page(
    connection: &mut Connection,
    select: &str,
    below: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let statement = format!("{select} WHERE {IN_PAGE} ORDER BY resource_key LIMIT $3");
    let rows = sqlx::query(AssertSqlSafe(statement)).bind(key(below)).bind(key(after)).bind(limit);
    Ok(rows.fetch_all(connection).await?)
}

/// Returns those of the keys that a table has in its column `resource_key`.
async fn stored_keys(
    connection: &mut Connection,
    table: &str,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    let mut stored = Vec::new();
    for keys in keys.chunks(KEYS_IN_A_STATEMENT) {
        let select = format!("SELECT resource_key FROM {table} WHERE resource_key IN (");
        let mut statement = QueryBuilder::<Engine>::new(select);
        let mut list = statement.separated(", ");
        for key in keys {
            list.push_bind(key);
        }
        statement.push(")");
        stored.extend(statement.build_query_scalar::<String>().fetch_all(&mut *connection).await?);
    }
    Ok(stored)
}

/// Reads an IP address.
///
/// # Errors
/// If the text is not one.
fn address(text: impl AsRef<str>) -> Result<IpAddr, StoreError> {
    let text = text.as_ref();
    text.parse().map_err(|_| StoreError::Damaged {
        what: "address".to_owned(),
        why: format!("'{text}' is not an IP address"),
    })
}

/// Reads a UUID.
///
/// # Errors
/// If the text is not one.
fn parse_uuid(text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| damaged("identity", format!("{text:?} is not a UUID")))
}

/// Reads the UUID of a resource.
///
/// # Errors
/// If the text is not one; the error names the resource.
fn uuid_of(resource: &str, text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| damaged(resource, format!("{text:?} is not a UUID")))
}

fn network_kind(segment: &str) -> Result<NetworkKind, StoreError> {
    let why = || format!("{segment:?} is not a type of network resource");
    NetworkKind::of_segment(segment).ok_or_else(|| damaged("network resource", why()))
}

fn generation(number: i64) -> Result<Generation, StoreError> {
    u64::try_from(number).map(Generation).map_err(|_| damaged("generation", format!("{number} is negative")))
}

/// Converts to the database's integer type. A gateway is not written 2^63 times.
fn number(generation: Generation) -> i64 {
    i64::try_from(generation.0).unwrap_or(i64::MAX)
}

/// Serializes a JSON object for storage.
fn json_text(map: &Map<String, Value>) -> String {
    serde_json::to_string(map).expect("a JSON object has a text form")
}

/// Reads JSON.
///
/// # Errors
/// If the text is not JSON of that type.
fn parse_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(what, error.to_string()))
}

fn damaged(what: &str, why: String) -> StoreError {
    StoreError::Damaged { what: what.to_owned(), why }
}
