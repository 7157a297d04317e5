//! Writes that leave the configuration unchanged, and operations without a write.

use super::*;

async fn decide(store: &Store, decision: impl Fn(&Gateway) -> Decision) -> Written {
    let decide = |stored: Option<&Gateway>, _: &StoredRefs| Ok::<_, StoreError>(decision(stored.unwrap()));
    store.write(&path("gw"), &activity(), &[], decide).await.unwrap()
}

async fn stop(store: &Store) -> Written {
    decide(store, |_| Decision::Stop).await
}

#[tokio::test]
async fn a_stopped_gateway_is_started_by_any_write_and_each_supersedes_the_other() {
    use OperationalState::{Created, Running, Starting, Stopped, Stopping};
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![]), &[claim("public", 80)]).await.unwrap();
    let id = one.gateway.id;
    assert_eq!(one.gateway.operational, Created);
    settle(&store, id, 1, &Settlement::Applied).await.unwrap();

    let first = stop(&store).await;
    assert_eq!((first.gateway.operational, first.gateway.state), (Stopping, ProvisioningState::Updating));
    assert!(!store.desired_states().await.unwrap()[0].is_to_run());
    let second = stop(&store).await;
    assert_eq!(state(&store, &first.operation).await, OperationState::InProgress, "the second joins it");
    let running = DesiredState { operational: Running, ..store.desired_states().await.unwrap().remove(0) };
    assert!(!store.settle(&running, &Settlement::Applied).await.unwrap(), "that was wanted before");
    assert!(settle(&store, id, 1, &Settlement::Stopped).await.unwrap());
    for operation in [&first.operation, &second.operation] {
        assert_eq!(state(&store, operation).await, OperationState::Succeeded);
    }
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!((read.operational, read.state), (Stopped, ProvisioningState::Succeeded));
    assert_eq!(stop(&store).await.operation.state, OperationState::Succeeded, "there is nothing to wait for");
    write(&store, document("other", vec![]), &[claim("public", 80)]).await.unwrap_err();

    let started = keep(&store, "gw").await;
    assert_eq!((started.gateway.operational, started.gateway.state), (Starting, ProvisioningState::Updating));
    assert_eq!(started.gateway.generation, Generation(1));
    stop(&store).await;
    assert_eq!(state(&store, &started.operation).await, OperationState::Canceled);
    let stopping = stop(&store).await;
    let written = write(&store, document("gw", vec![port("a", 1)]), &[]).await.unwrap();
    assert_eq!(state(&store, &stopping.operation).await, OperationState::Canceled);
    assert_eq!(written.gateway.operational, Starting);
    settle(&store, id, 2, &Settlement::Applied).await.unwrap();
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!((read.operational, read.state), (Running, ProvisioningState::Succeeded));
    assert_eq!(keep(&store, "gw").await.operation.state, OperationState::Succeeded);
}

#[tokio::test]
async fn other_tags_leave_everything_else_as_it_is() {
    let (_dir, store) = store().await;
    let one = write(&store, document("gw", vec![port("a", 1)]), &[]).await.unwrap();
    let retagged = decide(&store, |gateway| {
        let mut document = gateway.document.clone();
        document.body.insert("tags".into(), json!({"a": "b"}));
        Decision::ReplaceTags(document)
    })
    .await;
    assert_eq!(state(&store, &one.operation).await, OperationState::InProgress);
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!(read.document.body["tags"], json!({"a": "b"}));
    assert_eq!((read.generation, &read.config_digest), (Generation(1), &one.gateway.config_digest));
    assert_eq!(read.state, ProvisioningState::Updating);
    assert_ne!(read.etag, one.gateway.etag);
    assert_eq!((&read.etag, &read.child_etags), (&retagged.gateway.etag, &one.gateway.child_etags));
}

#[tokio::test]
async fn a_probe_on_demand_ends_by_itself_and_by_nothing_else() {
    let (_dir, store) = store().await;
    let gateway = write(&store, document("gw", vec![]), &[]).await.unwrap().gateway;
    settle(&store, gateway.id, 1, &Settlement::Applied).await.unwrap();
    let (one, two) =
        (store.begin_on_demand(&gateway).await.unwrap(), store.begin_on_demand(&gateway).await.unwrap());
    assert_eq!(
        store.desired_states().await.unwrap()[0].waiting_since,
        None,
        "the rollout does not wait for it"
    );
    write(&store, document("gw", vec![port("a", 1)]), &[]).await.unwrap();
    settle(&store, gateway.id, 2, &Settlement::Applied).await.unwrap();
    store.delete(&path("gw"), &activity(), |_| Ok::<_, StoreError>(())).await.unwrap();
    store.remove(gateway.id).await.unwrap();
    for operation in [&one, &two] {
        assert_eq!(state(&store, operation).await, OperationState::InProgress);
    }
    let mut endings = store.endings();
    store.end_on_demand(one.id, Ok(&json!({"a": 1}))).await.unwrap();
    assert!(endings.has_changed().unwrap());
    endings.mark_unchanged();
    let problem = Problem { code: "Code".into(), message: "restarted".into() };
    store.end_all_on_demand(&problem).await.unwrap();
    let one = store.operation("sub", one.id).await.unwrap().unwrap();
    assert_eq!((one.state, one.result), (OperationState::Succeeded, Some(json!({"a": 1}))));
    let two = store.operation("sub", two.id).await.unwrap().unwrap();
    assert_eq!((two.state, two.problem), (OperationState::Failed, Some(problem)));
}
