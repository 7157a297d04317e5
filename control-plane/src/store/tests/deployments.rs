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
        template: None,
        body: Map::new(),
        warnings: None,
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
    store.end_deployment(outer, Err(&Failure::new("Code", "message")), None).await.unwrap();
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

#[tokio::test]
async fn a_damaged_row_hides_no_other_deployment() {
    let (_dir, store) = store().await;
    begin(&store, within("Group", "damaged"), None).await;
    let whole = begin(&store, within("Group", "whole"), None).await;
    let damage = "UPDATE deployments SET id = 'damaged' WHERE name = 'damaged'";
    sqlx::query(damage).execute(store.database.writer().pool()).await.unwrap();
    assert_eq!(store.running_deployments().await.unwrap(), [whole]);
    let listed = store.deployments("Sub", Some("Group")).await.unwrap();
    assert_eq!(listed.iter().map(|found| found.id).collect::<Vec<_>>(), [whole]);
    store.end_orphaned_deployments().await.unwrap();
    store.end_deployment(whole, Err(&Failure::new("Code", "message")), None).await.unwrap();
}

#[tokio::test]
async fn templates_are_kept_sealed_and_up_to_a_total_size() {
    let (_dir, store) = store().await;
    let template = |size: usize| Some(Secret::new(vec![b'x'; size]));
    let add = async |name: &str, template| {
        let new = NewDeployment {
            id: Uuid::new_v4(),
            parent: None,
            path: within("Group", name),
            request: None,
            template,
            body: Map::new(),
            warnings: None,
            correlation_id: String::new(),
        };
        let age = sqlx::query("UPDATE deployments SET started_at = started_at - 1000");
        age.execute(store.database.writer().pool()).await.unwrap();
        store.add_deployment(&activity(), new).await.unwrap();
    };
    let size_of = async |name: &str| {
        let kept = store.deployment_template(&within("group", name)).await.unwrap().unwrap();
        kept.map(|template| template.expose().len())
    };
    add("none", None).await;
    add("small", template(10)).await;
    add("large", template(40 << 20)).await;
    assert_eq!((size_of("none").await, size_of("small").await), (None, Some(10)));
    add("larger", template(50 << 20)).await;
    assert_eq!(size_of("larger").await, Some(50 << 20));
    assert_eq!((size_of("large").await, size_of("small").await), (None, None));
    assert!(store.deployment_template(&within("Group", "other")).await.unwrap().is_none());
}
