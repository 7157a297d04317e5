//! The version of a database: its applied migrations.

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqlitePool;
use sqlx::{Row, Sqlite};

use super::super::StoreError;

/// All migrations, embedded in the binary.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// The migrations of a database compared with those that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaState {
    /// The same.
    Current,
    /// The first ones of them, up to this number; 0 for none, as after an interrupted first start.
    Older(i64),
    /// All of them and further ones, up to this number.
    Newer(i64),
    /// Neither: another program has made it, or a version from between two releases.
    Other,
}

/// The number of the newest migration.
pub(crate) fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Compares the migrations of a database with those of this version.
pub(super) async fn state(database: &SqlitePool) -> Result<SchemaState, StoreError> {
    let known = sqlx::query::<Sqlite>("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if known.fetch_optional(database).await?.is_none() {
        return Ok(SchemaState::Older(0));
    }
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .fetch_all(database)
        .await?;
    let mut seen = Vec::with_capacity(rows.len());
    for row in &rows {
        seen.push((row.try_get::<i64, _>("version")?, row.try_get::<Vec<u8>, _>("checksum")?));
    }
    let ours: Vec<_> = MIGRATIONS.iter().map(|m| (m.version, m.checksum.to_vec())).collect();
    Ok(compare(&ours, &seen))
}

fn compare<T: PartialEq>(ours: &[(i64, T)], seen: &[(i64, T)]) -> SchemaState {
    let last = seen.last().map_or(0, |(version, _)| *version);
    match () {
        () if seen == ours => SchemaState::Current,
        () if ours.starts_with(seen) => SchemaState::Older(last),
        () if seen.starts_with(ours) => SchemaState::Newer(last),
        () => SchemaState::Other,
    }
}

/// Returns whether the database has been created with a different set of migrations. An interrupted first start has
/// applied none.
pub(super) async fn is_of_another_version(database: &SqlitePool) -> Result<bool, StoreError> {
    Ok(!matches!(state(database).await?, SchemaState::Current | SchemaState::Older(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_tell_which_version_is_newer() {
        let ours = [(1, "a"), (2, "b")];
        for (seen, expected) in [
            (&[][..], SchemaState::Older(0)),
            (&[(1, "a")], SchemaState::Older(1)),
            (&[(1, "a"), (2, "b")], SchemaState::Current),
            (&[(1, "a"), (2, "b"), (3, "c")], SchemaState::Newer(3)),
            (&[(1, "a"), (2, "x")], SchemaState::Other),
            (&[(2, "b")], SchemaState::Other),
        ] {
            assert_eq!(compare(&ours, seen), expected, "{seen:?}");
        }
    }
}
