//! The rows of extension documents: with the gateway in every write, and unchanged unless they are written themselves.

use super::*;
use crate::arm::extension::{Extension, HTTP2_POLICIES, TUNNEL_POLICIES};
use crate::etag::Etag;

fn policy(name: &str, max: u32) -> Extension {
    let properties = Map::from_iter([("maxTunnels".to_owned(), json!(max))]);
    Extension { kind: TUNNEL_POLICIES, name: name.into(), properties }
}

fn with(document: Document, extensions: &[Extension]) -> Document {
    Document { extensions: extensions.to_vec(), ..document }
}

#[tokio::test]
async fn they_have_etags_of_their_own_and_leave_that_of_the_gateway_alone() {
    let (dir, store) = store().await;
    let gateway = document("gw", vec![port("a", 1)]);
    let one = write(&store, gateway.clone(), &[]).await.unwrap().gateway;
    let limit = Extension { kind: HTTP2_POLICIES, name: "default".into(), properties: Map::new() };
    let three = [limit.clone(), policy("A", 1), policy("default", 2)];
    let two = write(&store, with(gateway.clone(), &three), &[]).await.unwrap();
    assert!(two.grown && !two.created);
    let two = two.gateway;
    assert_eq!((&two.etag, &two.child_etags), (&one.etag, &one.child_etags));
    assert_eq!(two.generation, Generation(2));
    store.close().await;

    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    let read = store.gateway(&path("GW")).await.unwrap().unwrap();
    assert_eq!((&read.document.extensions[..], &read.extension_etags), (&three[..], &two.extension_etags));
    let changed = [policy("A", 1), policy("default", 3)];
    let three = write(&store, with(gateway.clone(), &changed), &[]).await.unwrap().gateway;
    let etag = |gateway: &Gateway, name: &str| -> Option<Etag> {
        gateway.extension(TUNNEL_POLICIES, name).map(|(_, etag)| etag.clone())
    };
    assert_eq!(etag(&three, "a"), etag(&read, "a"));
    assert_ne!(etag(&three, "default"), etag(&read, "default"));
    let read = store.gateway(&path("gw")).await.unwrap().unwrap();
    assert_eq!(read.document.extensions, changed);

    let other = with(document("gw", vec![port("b", 2)]), &changed);
    let four = write(&store, other, &[]).await.unwrap().gateway;
    assert_ne!(four.etag, three.etag);
    assert_eq!(four.extension_etags, three.extension_etags);
}

#[tokio::test]
async fn they_go_with_their_gateway() {
    let (_dir, store) = store().await;
    let gateway = with(document("gw", vec![]), &[policy("default", 1)]);
    let id = write(&store, gateway, &[]).await.unwrap().gateway.id;
    store.delete(&path("gw"), &activity(), |_| Ok::<_, StoreError>(())).await.unwrap();
    assert!(store.remove(id).await.unwrap());
    let again = write(&store, document("gw", vec![]), &[]).await.unwrap().gateway;
    assert!(again.document.extensions.is_empty());
    assert!(store.gateway(&path("gw")).await.unwrap().unwrap().document.extensions.is_empty());
}

#[tokio::test]
async fn a_write_of_one_is_undone_by_another_write_of_it_alone() {
    let (_dir, store) = store().await;
    let gateway = document("gw", vec![]);
    let id = |name: &str| format!("{}/providers/Tidegate.Network/tunnelPolicies/{name}", path("gw"));
    let put = async |extensions: &[Extension], resource: &str| {
        let document = with(gateway.clone(), extensions);
        let decide = |_: Option<&Gateway>, _: &StoredRefs| {
            Ok::<_, StoreError>(Decision::Replace {
                held: Default::default(),
                references: references_of(&document),
                document: document.clone(),
                claims: Vec::new(),
                config_digest: Digest(Uuid::new_v4().to_string()),
                pages: Pages::default(),
            })
        };
        store.write(&path("gw"), &act_on(resource), &[], decide).await.unwrap().operation
    };
    let whole = put(&[], &path("gw").to_string()).await;
    let a = put(&[policy("a", 1)], &id("a")).await;
    let b = put(&[policy("a", 1), policy("b", 1)], &id("b")).await;
    let again = put(&[policy("a", 2), policy("b", 1)], &id("A")).await;
    for (operation, expected) in [
        (&whole, OperationState::InProgress),
        (&a, OperationState::Canceled),
        (&b, OperationState::InProgress),
        (&again, OperationState::InProgress),
    ] {
        assert_eq!(state(&store, operation).await, expected);
    }
}
