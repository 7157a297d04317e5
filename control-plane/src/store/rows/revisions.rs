//! The table `revisions`: the content of each generation of a gateway.

use sqlx::AssertSqlSafe;
use tidegate_shared::id::{GatewayId, Generation};

use crate::clock::Millis;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{Revision, RevisionCounts};

use super::{generation, number, parse_uuid};

/// The columns that [`revision`] reads.
const COLUMNS: &str = "generation, created_at, author, reason, changed_at, etag, listeners, pools, members, rules, certificates";

/// Returns at most `limit` revisions of a gateway, the newest first: all, or those before a generation.
pub(in crate::store) async fn page(
    connection: &mut Connection,
    gateway: GatewayId,
    before: Option<Generation>,
    limit: i64,
) -> Result<Vec<Revision>, StoreError> {
    let statement = format!(
        "SELECT {COLUMNS} FROM revisions WHERE gateway = $1 AND ($2 IS NULL OR generation < $2) \
         ORDER BY generation DESC LIMIT $3"
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(gateway.to_string())
        .bind(before.map(number))
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(revision).collect()
}

/// Returns a revision with its sealed content.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    gateway: GatewayId,
    generation: Generation,
) -> Result<Option<(Revision, Vec<u8>)>, StoreError> {
    let statement =
        format!("SELECT {COLUMNS}, content FROM revisions WHERE gateway = $1 AND generation = $2");
    let row = sqlx::query(AssertSqlSafe(statement))
        .bind(gateway.to_string())
        .bind(number(generation))
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((revision(&row)?, row.try_get("content")?))).transpose()
}

/// Returns the gateways whose current generation has no revision.
pub(in crate::store) async fn gateways_without(
    connection: &mut Connection,
) -> Result<Vec<GatewayId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM gateways WHERE NOT EXISTS (SELECT 1 FROM revisions \
         WHERE revisions.gateway = gateways.id AND revisions.generation = gateways.generation) ORDER BY id",
    )
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| Ok(GatewayId(parse_uuid(id)?))).collect()
}

/// Inserts a revision. One of the same generation keeps the time, the author and the reason of its creation.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    gateway: GatewayId,
    revision: &Revision,
    sealed: &[u8],
) -> Result<(), StoreError> {
    let RevisionCounts { listeners, pools, members, rules, certificates } = revision.counts;
    sqlx::query(
        "INSERT INTO revisions (gateway, generation, created_at, author, reason, changed_at, etag, listeners, \
         pools, members, rules, certificates, content) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (gateway, generation) DO UPDATE SET changed_at = excluded.changed_at, \
         etag = excluded.etag, listeners = excluded.listeners, pools = excluded.pools, \
         members = excluded.members, rules = excluded.rules, certificates = excluded.certificates, \
         content = excluded.content",
    )
    .bind(gateway.to_string())
    .bind(number(revision.generation))
    .bind(revision.created_at.0)
    .bind(&revision.author)
    .bind(&revision.reason)
    .bind(revision.changed_at.0)
    .bind(&revision.etag.0)
    .bind(listeners)
    .bind(pools)
    .bind(members)
    .bind(rules)
    .bind(certificates)
    .bind(sealed)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the oldest revisions of a gateway: those after the `kept` newest, and those whose content, together with
/// that of the newer ones, has more than `size` bytes. The newest one stays.
pub(in crate::store) async fn delete_beyond(
    connection: &mut Connection,
    gateway: GatewayId,
    kept: i64,
    size: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM revisions WHERE gateway = $1 AND generation IN (SELECT generation FROM (\
         SELECT generation, ROW_NUMBER() OVER (ORDER BY generation DESC) AS place, \
         SUM(LENGTH(content)) OVER (ORDER BY generation DESC) AS total FROM revisions WHERE gateway = $1) \
         WHERE place > $2 OR (place > 1 AND total > $3))",
    )
    .bind(gateway.to_string())
    .bind(kept)
    .bind(size)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the times of the newest and of the oldest revision of a gateway, in milliseconds since 1970.
pub(in crate::store) async fn newest_and_oldest(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let times = "SELECT (SELECT created_at FROM revisions WHERE gateway = $1 ORDER BY generation DESC LIMIT 1), \
                 (SELECT MIN(created_at) FROM revisions WHERE gateway = $1)";
    Ok(sqlx::query_as(times).bind(gateway.to_string()).fetch_one(connection).await?)
}

/// Deletes the revisions of a gateway from before a time, except for the newest one.
pub(in crate::store) async fn delete_before(
    connection: &mut Connection,
    gateway: GatewayId,
    before: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM revisions WHERE gateway = $1 AND created_at < $2 \
         AND generation < (SELECT MAX(generation) FROM revisions WHERE gateway = $1)",
    )
    .bind(gateway.to_string())
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(())
}

fn revision(row: &Row) -> Result<Revision, StoreError> {
    Ok(Revision {
        generation: generation(row.try_get("generation")?)?,
        created_at: Millis(row.try_get("created_at")?),
        author: row.try_get("author")?,
        reason: row.try_get("reason")?,
        changed_at: Millis(row.try_get("changed_at")?),
        etag: Etag(row.try_get("etag")?),
        counts: RevisionCounts {
            listeners: row.try_get("listeners")?,
            pools: row.try_get("pools")?,
            members: row.try_get("members")?,
            rules: row.try_get("rules")?,
            certificates: row.try_get("certificates")?,
        },
    })
}
