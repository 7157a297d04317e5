//! The store on a real SQLite file.

mod deployments;
mod error_pages;
mod extensions;
mod full_disk;
mod keys;
mod lifecycle;
mod migration;
mod networks;
mod pages;
mod retention;
mod revisions;
mod undone;
mod unserved;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Map, json};
use tempfile::TempDir;
use tidegate_shared::id::{Digest, GatewayId, Generation};
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use super::*;
use crate::arm::collection::Collection;
use crate::arm::document::{Child, Document};
use crate::arm::network::path::references_of;
use crate::arm::page::Pages;
use crate::audit::{Activity, Author};
use crate::clock::Millis;
use crate::testing::{activity, path};

async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    (dir, store)
}

fn port(name: &str, number: u16) -> Child {
    let properties = Map::from_iter([("port".to_owned(), json!(number))]);
    Child {
        collection: Collection::named("frontendPorts").unwrap(),
        name: name.into(),
        properties,
        secret: None,
    }
}

fn document(name: &str, children: Vec<Child>) -> Document {
    let body = Map::from_iter([("location".to_owned(), json!("here"))]);
    Document { path: path(name), body, children, extensions: Vec::new() }
}

fn claim(address: &str, port: u16) -> Claim {
    Claim { address: address.into(), port }
}

/// A change of the gateway by a test.
fn act_on(resource: &str) -> Activity {
    Activity { resource: resource.to_owned(), ..activity() }
}

async fn write(store: &Store, document: Document, claims: &[Claim]) -> Result<Written, StoreError> {
    let path = document.path.clone();
    let claims = claims.to_vec();
    store
        .write(&path, &act_on(&path.to_string()), &[], |_, _| {
            let (document, claims) = (document.clone(), claims.clone());
            Ok::<_, StoreError>(Decision::Replace {
                held: Default::default(),
                references: references_of(&document),
                document,
                claims,
                config_digest: Digest(Uuid::new_v4().to_string()),
                pages: Pages::default(),
            })
        })
        .await
}

async fn listed(store: &Store, subscription: &str, group: Option<&str>) -> Vec<Gateway> {
    store.page_of_gateways(subscription, group, None, 100).await.unwrap().gateways
}

async fn keep(store: &Store, name: &str) -> Written {
    store.write(&path(name), &activity(), &[], |_, _| Ok::<_, StoreError>(Decision::Keep)).await.unwrap()
}

/// Settles the current or an earlier wanted generation of a gateway.
async fn settle(store: &Store, id: GatewayId, of: u64, settlement: &Settlement) -> Result<bool, StoreError> {
    let wanted = store.desired_states().await?.into_iter().find(|wanted| wanted.gateway == id).unwrap();
    store.settle(&DesiredState { generation: Generation(of), ..wanted }, settlement).await
}

async fn state(store: &Store, operation: &Operation) -> OperationState {
    store.operation("SUB", operation.id).await.unwrap().unwrap().state
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again_under_any_case() {
    let (dir, store) = store().await;
    let secret = Some(Secret::new(b"the private key".to_vec()));
    let certificate = Child {
        collection: Collection::named("sslCertificates").unwrap(),
        name: "Cert".into(),
        properties: Map::new(),
        secret,
    };
    // In the canonical order of a document.
    let document = document("Gw", vec![certificate, port("b", 1), port("a", 2)]);
    let written = write(&store, document.clone(), &[]).await.unwrap();
    store.close().await;

    let db = dir.path().join("tidegate.db");
    assert_eq!(fs::metadata(&db).unwrap().permissions().mode() & 0o777, 0o600);
    let on_disk = fs::read(&db).unwrap();
    assert!(!on_disk.windows(15).any(|bytes| bytes == b"the private key"), "secrets are sealed");

    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    let read = store.gateway(&path("gW")).await.unwrap().unwrap();
    assert_eq!(read.document, document);
    assert_eq!((read.id, &read.etag), (written.gateway.id, &written.gateway.etag));
    assert_eq!(read.child_etags, written.gateway.child_etags);
    assert_eq!(read.generation, Generation(1));
    assert_eq!(listed(&store, "SUB", Some("GROUP")).await.len(), 1);
    assert_eq!(listed(&store, "sub", None).await.len(), 1);
    assert!(listed(&store, "sub", Some("other")).await.is_empty());
    let names = store.gateway_names().await.unwrap();
    assert_eq!(names[&read.id], path("Gw").to_string());
}

#[tokio::test]
async fn a_row_changes_its_version_when_it_changes_and_only_then() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![port("a", 1), port("b", 2)]), &[]).await.unwrap();
    assert!(one.created);
    let children = vec![port("new", 3), port("A", 1), port("b", 9)];
    let two = write(&store, document("gw", children.clone()), &[]).await.unwrap();
    assert!(!two.created && two.grown, "the gateway is old, one child is new");
    let (before, after) = (&one.gateway, &two.gateway);
    assert_ne!(before.etag, after.etag);
    assert_eq!(after.generation, Generation(2));
    assert_eq!(before.id, after.id);
    assert_ne!(after.child_etags[1], before.child_etags[0], "another spelling");
    assert_ne!(after.child_etags[2], before.child_etags[1], "another port");

    let moved = vec![children[2].clone(), children[1].clone()];
    let three = write(&store, document("gw", moved.clone()), &[]).await.unwrap();
    assert!(!three.created && !three.grown);
    assert_eq!(three.gateway.child_etags, [after.child_etags[2].clone(), after.child_etags[1].clone()]);
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!(read.document.children, moved);
}

#[tokio::test]
async fn a_refused_write_leaves_everything_as_it_was() {
    let (_dir, store) = store().await;
    write(&store, document("one", vec![]), &[claim("public", 80), claim("10.0.0.1", 80)]).await.unwrap();
    let two = write(&store, document("two", vec![port("a", 1)]), &[claim("public", 81)]).await.unwrap();
    let error = write(&store, document("two", vec![]), &[claim("public", 80)]).await.unwrap_err();
    let StoreError::PortClaimed { address, port: 80, holder } = error else { panic!("{error}") };
    assert_eq!((address.as_str(), holder), ("public", path("one").to_string()));
    let read = store.gateway(&path("two")).await.unwrap().unwrap();
    assert_eq!((&read.etag, read.generation), (&two.gateway.etag, Generation(1)));
    assert_eq!(read.document.children.len(), 1);
    assert_eq!(state(&store, &two.operation).await, OperationState::InProgress);
    // The gateway may use the port that it holds, and the port that it releases is free.
    write(&store, document("two", vec![]), &[claim("public", 81), claim("public", 82)]).await.unwrap();
    write(&store, document("two", vec![]), &[claim("public", 82)]).await.unwrap();
    write(&store, document("three", vec![]), &[claim("public", 81)]).await.unwrap();
}

#[tokio::test]
async fn an_older_rollout_cannot_finish_a_newer_write() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[]).await.unwrap();
    let two = write(&store, document("gw", vec![port("a", 1)]), &[]).await.unwrap();
    let superseded = store.operation("sub", one.operation.id).await.unwrap().unwrap();
    assert_eq!(superseded.state, OperationState::Canceled);
    assert_eq!(superseded.problem.unwrap().code, "CanceledAndSupersededDueToAnotherOperation");

    let id = one.gateway.id;
    assert!(!settle(&store, id, 1, &Settlement::Applied).await.unwrap());
    assert_eq!(state(&store, &two.operation).await, OperationState::InProgress);
    assert!(settle(&store, id, 2, &Settlement::Applied).await.unwrap());
    assert_eq!(state(&store, &two.operation).await, OperationState::Succeeded);
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!((read.state, read.operational), (ProvisioningState::Succeeded, OperationalState::Running));
    assert_eq!(keep(&store, "gw").await.operation.state, OperationState::Succeeded);
}

#[tokio::test]
async fn a_failure_is_kept_until_the_next_write_or_success() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[]).await.unwrap();
    let problem = Problem { code: "Code".into(), message: "why".into() };
    let failed = Settlement::Failed(problem.clone());
    assert!(settle(&store, one.gateway.id, 1, &failed).await.unwrap());
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!((read.state, read.reason.as_deref()), (ProvisioningState::Failed, Some("why")));
    let operation = store.operation("Sub", one.operation.id).await.unwrap().unwrap();
    assert_eq!((operation.state, operation.problem), (OperationState::Failed, Some(problem.clone())));

    let again = keep(&store, "gw").await;
    assert_eq!(again.operation.state, OperationState::InProgress);
    assert_eq!((again.gateway.state, again.gateway.reason), (ProvisioningState::Updating, None));
    let abandoned = Settlement::Abandoned(Millis::now(), problem);
    assert!(settle(&store, one.gateway.id, 1, &abandoned).await.unwrap());
    assert_eq!(state(&store, &again.operation).await, OperationState::Failed);
    let wanted = &store.desired_states().await.unwrap()[0];
    assert_eq!((wanted.state, wanted.waiting_since), (ProvisioningState::Updating, None));
}

#[tokio::test]
async fn a_refusal_does_not_end_an_operation_that_began_after_it() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[]).await.unwrap();
    let before = store.desired_states().await.unwrap().remove(0);
    let again = keep(&store, "gw").await;
    let failed = Settlement::Failed(Problem { code: "Code".into(), message: "refused".into() });
    assert!(!store.settle(&before, &failed).await.unwrap());
    for operation in [&one.operation, &again.operation] {
        assert_eq!(state(&store, operation).await, OperationState::InProgress);
    }
    let now = store.desired_states().await.unwrap().remove(0);
    assert!(before.newest_operation < now.newest_operation, "{before:?} {now:?}");
    assert!(store.settle(&now, &failed).await.unwrap());
    for operation in [&one.operation, &again.operation] {
        assert_eq!(state(&store, operation).await, OperationState::Failed);
    }
}

#[tokio::test]
async fn an_operation_has_a_deadline_of_its_own() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[]).await.unwrap();
    // Times are whole milliseconds, so the second one must begin in a later one.
    let mut two = keep(&store, "gw").await;
    while two.operation.started_at <= one.operation.started_at {
        two = keep(&store, "gw").await;
    }
    let problem = Problem { code: "Code".into(), message: "late".into() };
    let id = one.gateway.id;
    for (began_by, ended, gateway) in [
        (one.operation.started_at, OperationState::InProgress, ProvisioningState::Updating),
        (two.operation.started_at, OperationState::Failed, ProvisioningState::Failed),
    ] {
        let late = Settlement::Late(began_by, problem.clone());
        assert!(settle(&store, id, 1, &late).await.unwrap());
        assert_eq!(state(&store, &one.operation).await, OperationState::Failed);
        assert_eq!(state(&store, &two.operation).await, ended);
        assert_eq!(store.gateway(&path("gw")).await.unwrap().unwrap().state, gateway);
    }
}

#[tokio::test]
async fn health_operations_are_not_kept_without_end() {
    let (_dir, store) = store().await;
    let gateway = write(&store, document("gw", vec![]), &[]).await.unwrap().gateway;
    let report =
        async || store.ended_operation(&gateway, OperationKind::BackendHealth, &json!({})).await.unwrap();
    report().await;
    let double = "INSERT INTO operations (id, gateway, resource_id, subscription_key, kind, generation, \
                  state, result, started_at, ended_at) SELECT hex(randomblob(16)), gateway, resource_id, \
                  subscription_key, kind, generation, state, result, started_at, ended_at - 1 \
                  FROM operations WHERE kind = 'BackendHealth'";
    for _ in 0..10 {
        sqlx::query(double).execute(store.database.writer().pool()).await.unwrap();
    }
    let last = report().await;
    let count = "SELECT COUNT(*) FROM operations WHERE kind = 'BackendHealth'";
    let pool = store.database.writer().pool();
    let count = async || sqlx::query_scalar::<_, i64>(count).fetch_one(pool).await.unwrap();
    assert_eq!(count().await, 1000);
    assert_eq!(state(&store, &last).await, OperationState::Succeeded);
}

#[tokio::test]
async fn a_damaged_gateway_can_be_deleted_and_does_not_hide_the_others() {
    let (_dir, store) = store().await;
    for name in ["damaged", "good"] {
        write(&store, document(name, vec![port("a", 1)]), &[]).await.unwrap();
    }
    let damage = "UPDATE children SET secret = x'00' WHERE resource_id LIKE '%/damaged/%'";
    sqlx::query(damage).execute(store.database.writer().pool()).await.unwrap();
    let error = store.gateway(&path("damaged")).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let listed = listed(&store, "sub", None).await;
    assert_eq!(listed.iter().map(|g| g.document.path.name.as_str()).collect::<Vec<_>>(), ["good"]);

    let deleted = store.delete(&path("damaged"), &activity(), |_| Ok::<_, StoreError>(())).await.unwrap();
    assert_eq!(deleted.gateway.state, ProvisioningState::Deleting);
    assert!(store.remove(deleted.gateway.id).await.unwrap());
}

#[tokio::test]
async fn a_deletion_frees_everything_and_its_operation_outlives_it() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![port("a", 1)]), &[claim("public", 80)]).await.unwrap();
    assert!(!store.remove(one.gateway.id).await.unwrap(), "it is not to go");
    let delete = async || store.delete(&path("gw"), &activity(), |_| Ok::<_, StoreError>(())).await;
    let first = delete().await.unwrap();
    let second = delete().await.unwrap();
    assert_eq!(state(&store, &one.operation).await, OperationState::Canceled);
    assert_eq!(state(&store, &first.operation).await, OperationState::InProgress, "the second joins it");
    assert!(store.desired_states().await.unwrap()[0].is_going());
    assert!(!settle(&store, one.gateway.id, 1, &Settlement::Applied).await.unwrap());
    assert!(store.remove(one.gateway.id).await.unwrap());
    for operation in [&first.operation, &second.operation] {
        assert_eq!(state(&store, operation).await, OperationState::Succeeded);
        let about = store.resource_of_operation(operation.id).await.unwrap();
        assert_eq!(about, Some(path("gw").to_string()), "who may ask after it can still be told");
    }
    let again = write(&store, document("gw", vec![port("a", 1)]), &[claim("public", 80)]).await.unwrap();
    assert_ne!(again.gateway.id, one.gateway.id, "another gateway under the same name");
}

#[tokio::test]
async fn an_operation_is_found_in_its_own_subscription_only() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[]).await.unwrap();
    assert!(store.operation("other", one.operation.id).await.unwrap().is_none());
    let result = json!({"backendAddressPools": []});
    let ended = store.ended_operation(&one.gateway, OperationKind::BackendHealth, &result).await.unwrap();
    let read = store.operation("sub", ended.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.result), (OperationState::Succeeded, Some(result)));
    assert!(read.ended_at.is_some());
}

#[tokio::test]
async fn only_who_may_migrate_opens_a_database_of_another_version() {
    let (dir, store) = store().await;
    Store::open(dir.path(), Schema::Current).await.unwrap().close().await;
    sqlx::query("UPDATE _sqlx_migrations SET version = version + 99")
        .execute(store.database.writer().pool())
        .await
        .unwrap();
    store.close().await;
    let error = Store::open(dir.path(), Schema::Current).await.unwrap_err();
    assert!(matches!(error, StoreError::Version(_)), "{error}");
}

#[tokio::test]
async fn a_key_that_exists_already_is_told_apart_from_other_failures() {
    let (_dir, store) = store().await;
    let gateway = write(&store, document("gw", vec![]), &[claim("public", 80)]).await.unwrap().gateway;
    let mut transaction = store.begin().await.unwrap();
    let twin = Gateway { id: GatewayId(Uuid::new_v4()), ..gateway.clone() };
    let error = rows::gateways::insert(&mut transaction, &twin, Millis::now()).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate) && error.is_retryable(), "{error}");
    // A port that is taken is no failure: the transaction goes on.
    assert!(
        !rows::frontend_claims::insert(&mut transaction, gateway.id, &claim("public", 80)).await.unwrap()
    );
    let unknown = GatewayId(Uuid::new_v4());
    let error =
        rows::frontend_claims::insert(&mut transaction, unknown, &claim("public", 81)).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)) && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn writers_take_turns_and_lose_nothing() {
    let (_dir, store) = store().await;
    write(&store, document("gw", vec![]), &[]).await.unwrap();
    let add = |name: String| {
        let store = &store;
        async move {
            let decide = |stored: Option<&Gateway>, _: &StoredRefs| {
                let mut document = stored.unwrap().document.clone();
                document.children.push(port(&name, 1));
                Ok::<_, StoreError>(Decision::Replace {
                    held: Default::default(),
                    document,
                    references: vec![],
                    claims: vec![],
                    config_digest: Digest(Uuid::new_v4().to_string()),
                    pages: Pages::default(),
                })
            };
            store.write(&path("gw"), &activity(), &[], decide).await.unwrap()
        }
    };
    let (a, b, c) = tokio::join!(add("a".into()), add("b".into()), add("c".into()));
    let last = [a, b, c].into_iter().map(|w| w.gateway.generation).max().unwrap();
    assert_eq!(last, Generation(4));
    assert_eq!(store.gateway(&path("gw")).await.unwrap().unwrap().document.children.len(), 3);
}
