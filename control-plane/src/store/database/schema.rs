//! The version of a database: its applied migrations.

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqlitePool;
use sqlx::{Row, Sqlite};

use super::super::StoreError;

/// All migrations, embedded in the binary.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Returns whether the database has been created with a different set of migrations.
pub(super) async fn is_of_another_version(database: &SqlitePool) -> Result<bool, StoreError> {
    let known = sqlx::query::<Sqlite>("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if known.fetch_optional(database).await?.is_none() {
        return Ok(false);
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .fetch_all(database)
        .await?;
    let mut seen = Vec::with_capacity(rows.len());
    for row in &rows {
        seen.push((row.try_get::<i64, _>("version")?, row.try_get::<Vec<u8>, _>("checksum")?));
    }
    let ours = MIGRATIONS.iter().map(|m| (m.version, m.checksum.to_vec()));
    // An interrupted first start has applied none.
    Ok(!seen.is_empty() && !ours.eq(seen))
}
