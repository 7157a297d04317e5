//! The retention of rows. A jump of the clock does not delete everything that is kept for a time.

use super::*;
use crate::arm::deployment::DeploymentPath;
use crate::store::database::Connection;
use crate::store::retention::DAY;
use crate::store::workers::prune_join_tokens;

/// A fixed noon, in milliseconds since 1970.
const NOW: i64 = 20_000 * DAY + DAY / 2;

/// Adds a row to the audit log, after the deletion that a change at that time causes.
async fn change(connection: &mut Connection, at: i64) {
    audit::prune(connection, Millis(at)).await.unwrap();
    add_entry(connection, at).await;
}

async fn add_entry(connection: &mut Connection, at: i64) {
    rows::audit::insert(connection, &activity(), None, None, Millis(at)).await.unwrap();
}

async fn ages(connection: &mut Connection, now: i64) -> Vec<i64> {
    let query = "SELECT (? - at) / ? FROM audit ORDER BY id";
    sqlx::query_scalar(query).bind(now).bind(DAY).fetch_all(connection).await.unwrap()
}

/// Returns the ages in days of the remaining rows of a log with rows of these ages, oldest first, after
/// `changes` changes today.
async fn left(before: &[i64], changes: usize) -> Vec<i64> {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    for age in before {
        add_entry(&mut transaction, NOW - age * DAY).await;
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
        // The clock has jumped ahead of all rows.
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
    // After correction the clock is behind the newest rows; no row of the last 90 days is deleted.
    for day in 30..33 {
        change(&mut transaction, NOW + day * DAY).await;
    }
    assert_eq!(ages(&mut transaction, NOW).await.len(), 30 - 4 + 5 + 3);
    transaction.commit().await.unwrap();
}

/// Adds this many join tokens with this expiry.
async fn add_tokens(connection: &mut Connection, count: i64, expires_at: i64) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
                INSERT INTO join_tokens (hash, expires_at) SELECT hex(randomblob(16)), ? FROM n";
    sqlx::query(many).bind(count).bind(expires_at).execute(connection).await.unwrap();
}

/// Returns the remaining lifetimes of join tokens in days, with their numbers.
async fn tokens(connection: &mut Connection) -> Vec<(i64, i64)> {
    let query = "SELECT (expires_at - ?) / ? AS days, COUNT(*) FROM join_tokens GROUP BY days ORDER BY days";
    sqlx::query_as(query).bind(NOW).bind(DAY).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn join_tokens_that_expired_long_ago_go_and_the_newest_thousand_stay_whatever_the_clock_says() {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    for (count, days) in [(2, -3), (500, -1), (499, 1)] {
        add_tokens(&mut transaction, count, NOW + days * DAY).await;
    }
    prune_join_tokens(&mut transaction, Millis(NOW)).await.unwrap();
    assert_eq!(tokens(&mut transaction).await, [(-3, 1), (-1, 500), (1, 499)], "the newest thousand");
    add_tokens(&mut transaction, 1, NOW + DAY).await;
    prune_join_tokens(&mut transaction, Millis(NOW)).await.unwrap();
    assert_eq!(tokens(&mut transaction).await, [(-1, 500), (1, 500)]);
    for ahead in 1..10 {
        add_tokens(&mut transaction, 1, NOW + 1000 * DAY).await;
        prune_join_tokens(&mut transaction, Millis(NOW + 1000 * DAY)).await.unwrap();
        assert_eq!(tokens(&mut transaction).await, [(-1, 500 - ahead), (1, 500), (1000, ahead)]);
    }
    transaction.commit().await.unwrap();
}

/// Adds this many operations that ended at this time.
async fn add_operations(connection: &mut Connection, count: i64, ended_at: i64) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                INSERT INTO operations (id, gateway, resource_id, subscription_key, kind, generation, state, \
                started_at, ended_at) SELECT hex(randomblob(16)), 'g', 'r', 's', 'Write', 1, 'Succeeded', ?2, ?2 \
                FROM n";
    sqlx::query(many).bind(count).bind(ended_at).execute(connection).await.unwrap();
}

#[tokio::test]
async fn operations_that_ended_long_ago_go_and_the_newest_thousand_stay_whatever_the_clock_says() {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    let left = async |connection: &mut Connection| {
        let query = "SELECT (ended_at - ?) / ? AS days, COUNT(*) FROM operations GROUP BY days ORDER BY days";
        let left: Vec<(i64, i64)> =
            sqlx::query_as(query).bind(NOW).bind(DAY).fetch_all(connection).await.unwrap();
        left
    };
    add_operations(&mut transaction, 2, NOW - 2 * DAY).await;
    add_operations(&mut transaction, 999, NOW).await;
    operations::prune(&mut transaction, Millis(NOW)).await.unwrap();
    assert_eq!(left(&mut transaction).await, [(-2, 1), (0, 999)]);
    // A jump ahead, followed by writes.
    for ahead in 1..10 {
        add_operations(&mut transaction, 1, NOW + 1000 * DAY).await;
        operations::prune(&mut transaction, Millis(NOW + 1000 * DAY)).await.unwrap();
        assert_eq!(left(&mut transaction).await, [(0, 1000 - ahead), (1000, ahead)]);
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn the_oldest_ended_deployments_of_a_group_go_and_those_that_run_stay() {
    let (_dir, store) = store().await;
    let mut transaction = store.begin().await.unwrap();
    let (running, ended) = (DeploymentState::Running, DeploymentState::Succeeded);
    for (started_at, group, name, state) in [
        (1, "Group", "running", running),
        (2, "Group", "oldest", ended),
        (3, "Group", "older", ended),
        (4, "Group", "newer", DeploymentState::Failed),
        (5, "Group", "newest", ended),
        (1, "Other", "elsewhere", ended),
    ] {
        let deployment = Deployment {
            id: Uuid::new_v4(),
            path: DeploymentPath { subscription: "Sub".into(), group: Some(group.into()), name: name.into() },
            body: Map::new(),
            state,
            outputs: None,
            error: None,
            warnings: None,
            correlation_id: String::new(),
            started_at: Millis(started_at),
            ended_at: None,
        };
        rows::deployments::insert(&mut transaction, &deployment, None, (None, None), &Author::itself())
            .await
            .unwrap();
    }
    rows::deployments::delete_oldest(&mut transaction, "SUB", Some("GROUP"), 2).await.unwrap();
    let mut left = Vec::new();
    for group in ["group", "other"] {
        let found = rows::deployments::list(&mut transaction, "sub", Some(group)).await.unwrap();
        left.extend(found.into_iter().map(|deployment| deployment.path.name));
    }
    assert_eq!(left, ["newest", "newer", "running", "elsewhere"]);
    transaction.commit().await.unwrap();
}
