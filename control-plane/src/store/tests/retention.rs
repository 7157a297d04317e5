//! A clock that jumps does not empty what is kept for a time.

use super::*;
use crate::store::audit::forget_old;
use crate::store::retention::DAY;

/// Noon of some day, in milliseconds since 1970.
const NOW: i64 = 20_000 * DAY + DAY / 2;

/// Adds a row to the audit log, after what a change at that moment deletes.
async fn change(connection: &mut sqlx::SqliteConnection, at: i64) {
    forget_old(connection, at).await.unwrap();
    sqlx::query("INSERT INTO audit (at, author, action, resource_id) VALUES (?, 'a', 'b', 'c')")
        .bind(at)
        .execute(connection)
        .await
        .unwrap();
}

async fn ages(connection: &mut sqlx::SqliteConnection, now: i64) -> Vec<i64> {
    let query = "SELECT (? - at) / ? FROM audit ORDER BY id";
    sqlx::query_scalar(query).bind(now).bind(DAY).fetch_all(connection).await.unwrap()
}

/// The ages in days of what is left of a log with rows of these ages, the oldest first, after `changes` today.
async fn left(before: &[i64], changes: usize) -> Vec<i64> {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    for age in before {
        sqlx::query("INSERT INTO audit (at, author, action, resource_id) VALUES (?, 'a', 'b', 'c')")
            .bind(NOW - age * DAY)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    for _ in 0..changes {
        change(&mut transaction, NOW).await;
    }
    let left = ages(&mut transaction, NOW).await;
    transaction.commit().await.unwrap();
    left
}

#[tokio::test]
async fn the_audit_log_loses_a_day_with_the_first_change_of_a_day() {
    for (before, expected) in [
        (vec![92, 91, 50, 1], vec![91, 50, 1]),
        (vec![92, 92, 91, 50, 1], vec![91, 50, 1]),
        (vec![90, 89, 1], vec![90, 89, 1]),
        // The clock has jumped ahead of all that is there.
        (vec![200, 150, 91], vec![200, 150, 91]),
        // There was a change today.
        (vec![200, 150, 0], vec![200, 150, 0]),
        (vec![], vec![]),
    ] {
        for changes in [1, 50] {
            let expected = [&expected[..], &vec![0; changes]].concat();
            assert_eq!(left(&before, changes).await, expected, "{before:?}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_stays_ahead_costs_a_day_of_the_log_each_day() {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    for day in 0..30 {
        change(&mut transaction, NOW + day * DAY).await;
    }
    let ahead = NOW + 1000 * DAY;
    for day in 0..5 {
        change(&mut transaction, ahead + day * DAY).await;
        let old = ages(&mut transaction, ahead).await.into_iter().filter(|age| *age > 90).count();
        assert_eq!(i64::try_from(old).unwrap(), 30 - day);
    }
    // Set right again, the clock is behind the newest rows; nothing of the last ninety days goes.
    for day in 30..33 {
        change(&mut transaction, NOW + day * DAY).await;
    }
    assert_eq!(ages(&mut transaction, NOW).await.len(), 30 - 4 + 5 + 3);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn join_tokens_that_expired_today_stay() {
    let (_dir, store) = store().await;
    let now = Millis::now().0;
    let mut transaction = store.begin().await.unwrap();
    for (hash, days) in [("old", -3), ("fresh", -1), ("good", 1)] {
        sqlx::query("INSERT INTO join_tokens (hash, expires_at) VALUES (?, ?)")
            .bind(hash)
            .bind(now + days * DAY + 60_000)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    store.add_join_token(Author::itself(), "new").await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT hash FROM join_tokens ORDER BY hash")
        .fetch_all(&store.readers)
        .await
        .unwrap();
    assert_eq!(left, ["fresh", "good", "new"]);
}
