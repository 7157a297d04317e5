//! The operations of older writes that a newer write cancels, and those that succeed with it.

use super::*;

/// Writes the port of that number on its own URL; `others` exist already.
async fn put_port(store: &Store, others: &[Child], name: &str, number: u16) -> Written {
    let mut children: Vec<Child> = others.iter().filter(|other| other.name != name).cloned().collect();
    children.push(port(name, number));
    let target = format!("{}/frontendPorts/{name}", path("gw"));
    store
        .write(&path("gw"), &act_on(&target), &[], |_, _| {
            let config_digest = Digest(Uuid::new_v4().to_string());
            let (document, pages) = (document("gw", children.clone()), Pages::default());
            Ok::<_, StoreError>(Decision::Replace {
                held: Default::default(),
                document,
                claims: vec![],
                config_digest,
                references: vec![],
                pages,
            })
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn writes_of_other_children_succeed_with_the_newest_generation() {
    let (_dir, store) = store().await;
    let whole = write(&store, document("gw", vec![]), &[]).await.unwrap();
    let a = put_port(&store, &[], "a", 1).await;
    let b = put_port(&store, &[port("a", 1)], "b", 1).await;
    let b_again = put_port(&store, &[port("a", 1), port("b", 1)], "b", 2).await;
    assert_eq!(state(&store, &b.operation).await, OperationState::Canceled, "its content is gone");
    for operation in [&whole.operation, &a.operation, &b_again.operation] {
        assert_eq!(state(&store, operation).await, OperationState::InProgress);
    }
    assert!(settle(&store, whole.gateway.id, 4, &Settlement::Applied).await.unwrap());
    for operation in [&whole.operation, &a.operation, &b_again.operation] {
        assert_eq!(state(&store, operation).await, OperationState::Succeeded);
    }
}

#[tokio::test]
async fn an_older_generation_that_is_in_force_ends_the_operations_up_to_it() {
    let (_dir, store) = store().await;
    let whole = write(&store, document("gw", vec![]), &[]).await.unwrap();
    let a = put_port(&store, &[], "a", 1).await;
    let b = put_port(&store, &[port("a", 1)], "b", 1).await;
    let id = whole.gateway.id;
    assert_eq!(store.desired_states().await.unwrap()[0].oldest_waited_for, Some(Generation(1)));
    store.settle_up_to(id, Generation(2)).await.unwrap();
    assert_eq!(state(&store, &whole.operation).await, OperationState::Succeeded);
    assert_eq!(state(&store, &a.operation).await, OperationState::Succeeded);
    assert_eq!(state(&store, &b.operation).await, OperationState::InProgress);
    let wanted = store.desired_states().await.unwrap().remove(0);
    assert_eq!((wanted.oldest_waited_for, wanted.state), (Some(Generation(3)), ProvisioningState::Updating));

    let deletion = store.delete(&path("gw"), &activity(), |_| Ok::<_, StoreError>(())).await.unwrap();
    assert_eq!(state(&store, &b.operation).await, OperationState::Canceled);
    store.settle_up_to(id, Generation(3)).await.unwrap();
    assert_eq!(state(&store, &deletion.operation).await, OperationState::InProgress);
}
