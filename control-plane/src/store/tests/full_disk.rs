//! Writes on a full disk, simulated by SQLite's limit of pages, which causes the same result code.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;

/// SQLite's message for a full disk.
const FULL: &str = "database or disk is full";

/// The options of later connections.
fn options(dir: &TempDir) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(dir.path().join("tidegate.db")).foreign_keys(true)
}

/// Limits the database to its present number of pages, on this and every later connection.
async fn fill(dir: &TempDir, store: &Store) {
    let mut transaction = store.begin().await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *transaction).await.unwrap();
    let query = format!("PRAGMA max_page_count = {pages}");
    sqlx::query(sqlx::AssertSqlSafe(query)).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    store.database.writer().connect_with(options(dir).pragma("max_page_count", pages.to_string()));
}

/// Removes the limit from connections opened later; open ones keep it.
fn make_room(dir: &TempDir, store: &Store) {
    store.database.writer().connect_with(options(dir));
}

fn large(name: &str, size: usize) -> Document {
    let mut document = document(name, vec![port("p", 80)]);
    document.body.insert("tags".to_owned(), json!({"filler": "x".repeat(size)}));
    document
}

fn assert_full<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert_eq!(outcome.unwrap_err().unwritable(), Some(FULL));
}

#[tokio::test]
async fn a_write_on_a_full_disk_leaves_nothing_behind_and_the_next_one_begins_afresh() {
    let (dir, store) = store().await;
    let kept = write(&store, document("kept", vec![]), &[]).await.unwrap();
    fill(&dir, &store).await;
    for _ in 0..3 {
        assert_full(write(&store, large("gw", 100_000), &[claim("public", 80)]).await);
    }
    make_room(&dir, &store);
    let after = async { while store.database.writer().probe().await.is_err() {} };
    timeout(Duration::from_secs(5), after).await.unwrap();
    assert!(store.gateway(&path("gw")).await.unwrap().is_none());
    let written = write(&store, large("gw", 100_000), &[claim("public", 80)]).await.unwrap();
    assert!(written.created);
    assert!(settle(&store, kept.gateway.id, 1, &Settlement::Applied).await.unwrap());
    let author = Author::itself();
    store.add_join_token(author, "hash").await.unwrap();
}

#[tokio::test]
async fn failing_writes_are_a_state_that_ends_by_itself() {
    let (dir, store) = store().await;
    let stop = CancellationToken::new();
    let states = async {
        let mut failure = store.write_failure();
        store.check().await.unwrap();
        fill(&dir, &store).await;
        assert_full(write(&store, large("gw", 100_000), &[]).await);
        assert_eq!(failure.borrow_and_update().as_deref(), Some(FULL));
        assert_full(store.check().await);
        for _ in 0..3 {
            assert_full(store.database.writer().probe().await);
        }
        assert_full(store.check().await);
        make_room(&dir, &store);
        timeout(Duration::from_secs(1), failure.wait_for(Option::is_none)).await.unwrap().unwrap();
        store.check().await.unwrap();
        write(&store, large("gw", 100_000), &[]).await.unwrap();
        stop.cancel();
    };
    tokio::join!(states, store.watch_writes(stop.clone()));
}

#[tokio::test]
async fn a_write_that_its_client_gave_up_does_not_spoil_the_next() {
    let (_dir, store) = store().await;
    for _ in 0..20 {
        let mut transaction = store.begin().await.unwrap();
        sqlx::query("INSERT INTO join_tokens (hash, expires_at) VALUES ('given up', 0)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        drop(transaction);
    }
    write(&store, document("gw", vec![]), &[]).await.unwrap();
    let mut reader = store.database.reader().await.unwrap();
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM join_tokens").fetch_one(&mut *reader).await.unwrap();
    assert_eq!(left, 0);
    assert!(store.write_failure().borrow().is_none());
}
