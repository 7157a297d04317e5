//! Nested deployments end with the deployments around them.

use super::*;
use crate::arm::deployment::{DeploymentPath, Failure};

fn within(group: &str, name: &str) -> DeploymentPath {
    DeploymentPath { subscription: "Sub".into(), group: Some(group.into()), name: name.into() }
}

async fn begin(store: &Store, path: DeploymentPath, parent: Option<Uuid>) -> Uuid {
    let new = NewDeployment {
        id: Uuid::new_v4(),
        parent,
        path,
        request: None,
        body: Map::new(),
        correlation_id: String::new(),
    };
    store.add_deployment(&activity(), new).await.unwrap().0.id
}

/// Begins a tree: `outer` in the group `Group`, and in `Other` one within the other, and one of a request.
async fn tree(store: &Store) -> Uuid {
    let outer = begin(store, within("Group", "outer"), None).await;
    let nested = begin(store, within("Other", "nested"), Some(outer)).await;
    begin(store, within("Other", "innermost"), Some(nested)).await;
    begin(store, within("Other", "by itself"), None).await;
    store.begin_step(nested, 0, (StepOperation::Create, "/id", "type")).await.unwrap();
    outer
}

/// Checks what is left of the tree after the end of `outer`.
async fn assert_ended(store: &Store) {
    for (name, state) in [
        ("nested", DeploymentState::Canceled),
        ("innermost", DeploymentState::Canceled),
        ("by itself", DeploymentState::Running),
    ] {
        let found = store.deployment(&within("Other", name)).await.unwrap().unwrap();
        assert_eq!(found.state, state, "{name}");
        let code = found.error.map(|error| error.code);
        assert_eq!(code.as_deref(), (state != DeploymentState::Running).then_some("DeploymentCanceled"));
        for step in store.deployment_steps(found.id).await.unwrap() {
            assert_eq!(step.state, DeploymentState::Canceled);
        }
    }
}

#[tokio::test]
async fn deleting_the_group_of_a_deployment_cancels_those_nested_in_it() {
    let (_dir, store) = store().await;
    tree(&store).await;
    store.delete_group("Sub", "Group", &activity()).await.unwrap().unwrap();
    assert!(store.deployment(&within("Group", "outer")).await.unwrap().is_none());
    assert_ended(&store).await;
}

#[tokio::test]
async fn the_end_of_a_deployment_cancels_those_still_running_in_it() {
    let (_dir, store) = store().await;
    let outer = tree(&store).await;
    store.end_deployment(outer, Err(&Failure::new("Code", "message"))).await.unwrap();
    assert_ended(&store).await;
}

#[tokio::test]
async fn deployments_that_lost_the_one_around_them_are_cancelled_at_the_start() {
    let (dir, store) = store().await;
    let outer = tree(&store).await;
    let mut transaction = store.begin().await.unwrap();
    rows::deployments::delete(&mut transaction, outer).await.unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    store.end_orphaned_deployments().await.unwrap();
    assert_ended(&store).await;
}

#[tokio::test]
async fn a_deployment_that_is_begun_in_one_that_is_gone_does_not_run() {
    let (_dir, store) = store().await;
    let id = begin(&store, within("Other", "nested"), Some(Uuid::new_v4())).await;
    assert!(!store.is_running(id).await.unwrap());
    assert!(!store.begin_step(id, 0, (StepOperation::Create, "/id", "type")).await.unwrap());
}
