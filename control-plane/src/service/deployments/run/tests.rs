//! Tests of the end of deployments, and of their next run.

use serde_json::Map;
use tempfile::TempDir;
use tidegate_shared::secret::Secret;

use super::*;
use crate::arm::deployment::DeploymentPath;
use crate::store::{Deployment, DeploymentState, NewDeployment, Schema, StepOperation};
use crate::testing::activity;

fn named(name: &str) -> DeploymentPath {
    DeploymentPath { subscription: "Sub".into(), group: None, name: name.into() }
}

async fn begin(store: &Store, name: &str, parent: Option<Uuid>) -> Uuid {
    let new = NewDeployment {
        id: Uuid::new_v4(),
        parent,
        path: named(name),
        request: None,
        template: None,
        body: Map::new(),
        warnings: None,
        correlation_id: String::new(),
    };
    store.add_deployment(&activity(), new).await.unwrap().0.id
}

async fn found(store: &Store, name: &str) -> Deployment {
    store.deployment(&named(name)).await.unwrap().unwrap()
}

async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    (dir, store)
}

/// Returns how a task ends that panics or, if not, is aborted.
async fn ended(panics: bool) -> JoinError {
    let mut tasks: JoinSet<()> = JoinSet::new();
    let handle = tasks.spawn(async move {
        assert!(!panics, "a task of a test panics");
        std::future::pending().await
    });
    if !panics {
        handle.abort();
    }
    tasks.join_next().await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_panic_ends_the_deployment_with_those_nested_in_it() {
    let (_dir, store) = store().await;
    let id = begin(&store, "outer", None).await;
    begin(&store, "nested", Some(id)).await;
    end_panicked(&store, id, &ended(false).await).await;
    assert_eq!(found(&store, "outer").await.state, DeploymentState::Running, "it was only interrupted");
    end_panicked(&store, id, &ended(true).await).await;
    let outer = found(&store, "outer").await;
    assert_eq!((outer.state, outer.error), (DeploymentState::Failed, Some(internal())));
    assert_eq!(found(&store, "nested").await.state, DeploymentState::Canceled);
    assert!(store.running_deployments().await.unwrap().is_empty());
}

#[test]
fn damage_is_a_failure_and_other_errors_of_the_store_are_not() {
    let author = Author::itself();
    let damaged = StoreError::Damaged { what: "row".into(), why: "a secret detail".into() };
    let failure = failed(damaged.into(), &author).unwrap();
    assert_eq!(failure, internal());
    assert!(!failure.message.contains("detail"));
    for error in [StoreError::Conflict, StoreError::Unwritable("disk full".into()), StoreError::Duplicate] {
        failed(error.into(), &author).unwrap_err();
    }
}

#[tokio::test]
async fn a_deployment_without_its_request_is_damaged() {
    let (_dir, store) = store().await;
    let id = begin(&store, "outer", None).await;
    let error = store.take_up_deployment(id, true, MAX_STARTS).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    fail(&store, id).await;
    assert_eq!(found(&store, "outer").await.error, Some(internal()));
}

#[tokio::test]
async fn the_starts_of_processes_that_did_not_stop_in_order_are_counted() {
    let (_dir, store) = store().await;
    let new = NewDeployment {
        id: Uuid::new_v4(),
        parent: None,
        path: named("main"),
        request: Some(Secret::new(b"{}".to_vec())),
        template: None,
        body: Map::new(),
        warnings: None,
        correlation_id: String::new(),
    };
    let id = store.add_deployment(&activity(), new).await.unwrap().0.id;
    let starts =
        async |counts| store.take_up_deployment(id, counts, MAX_STARTS).await.unwrap().unwrap().starts;
    assert_eq!((starts(true).await, starts(false).await, starts(true).await), (1, 1, 2));
    store.leave_deployment(id).await.unwrap();
    assert_eq!(starts(true).await, 2);
    let steps = async || store.deployment_steps(id).await.unwrap().len();
    for (start, kept) in [(MAX_STARTS, 0), (MAX_STARTS + 1, 1)] {
        store.begin_step(id, 0, (StepOperation::Create, "/id", "type")).await.unwrap();
        assert_eq!((starts(true).await, steps().await), (start, kept), "what the last run did can be seen");
    }
}
