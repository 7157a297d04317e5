//! The revisions of gateways.

use super::*;
use crate::store::model::RevisionCounts;

/// Writes a document with this digest, for a reason.
async fn write_as(store: &Store, document: &Document, digest: &str, reason: Option<&str>) -> Gateway {
    let (path, document) = (document.path.clone(), document.clone());
    let mut act = act_on(&path.to_string());
    act.author.reason = reason.map(str::to_owned);
    let decide = |_: Option<&Gateway>, _: &StoredRefs| {
        Ok::<_, StoreError>(Decision::Replace {
            held: Default::default(),
            references: references_of(&document),
            document: document.clone(),
            claims: Vec::new(),
            config_digest: Digest(digest.to_owned()),
            pages: Pages::default(),
        })
    };
    store.write(&path, &act, &[], decide).await.unwrap().gateway
}

async fn generations(store: &Store, gateway: &Gateway) -> Vec<u64> {
    let (revisions, _) = store.page_of_revisions(gateway.id, None, 1000).await.unwrap();
    revisions.iter().map(|revision| revision.generation.0).collect()
}

fn certificate(secret: &[u8]) -> Child {
    Child {
        collection: Collection::named("sslCertificates").unwrap(),
        name: "c".into(),
        properties: Map::new(),
        secret: Some(Secret::new(secret.to_vec())),
    }
}

#[tokio::test]
async fn each_generation_is_kept_whole_and_sealed_and_what_workers_do_not_notice_is_part_of_it() {
    let (dir, store) = store().await;
    let first = document("gw", vec![certificate(b"the first private key"), port("p", 1)]);
    let gateway = write_as(&store, &first, "a", Some("first")).await;
    let second = document("gw", vec![certificate(b"the second private key"), port("p", 2)]);
    write_as(&store, &second, "b", Some("second")).await;
    let inert = document("gw", vec![certificate(b"the second private key"), port("p", 3)]);
    let inert_gateway = write_as(&store, &inert, "b", Some("inert")).await;
    assert_eq!(generations(&store, &gateway).await, [2, 1]);

    let place = (gateway.id, &gateway.document.path);
    let (revision, content) = store.revision(place, Generation(1)).await.unwrap().unwrap();
    assert_eq!((revision.reason.as_deref(), content.document), (Some("first"), first));
    assert_eq!(revision.counts, RevisionCounts { certificates: 1, ..RevisionCounts::default() });
    let (revision, content) = store.revision(place, Generation(2)).await.unwrap().unwrap();
    assert_eq!((revision.reason.as_deref(), content.document), (Some("second"), inert));
    assert_eq!(revision.etag, inert_gateway.etag);
    assert!(store.revision(place, Generation(3)).await.unwrap().is_none());
    store.close().await;
    let on_disk = fs::read(dir.path().join("tidegate.db")).unwrap();
    for secret in ["the first private key", "the second private key"] {
        assert!(!on_disk.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn the_newest_are_kept_and_all_go_with_the_gateway() {
    let (_dir, store) = store().await;
    let store = store.with_revisions(3);
    let mut gateway = None;
    for number in 1..=5 {
        let document = document("gw", vec![port("p", number)]);
        gateway = Some(write_as(&store, &document, &number.to_string(), None).await);
    }
    let gateway = gateway.unwrap();
    assert_eq!(generations(&store, &gateway).await, [5, 4, 3]);
    let (page, more) = store.page_of_revisions(gateway.id, Some(Generation(5)), 1).await.unwrap();
    assert_eq!((page[0].generation, more), (Generation(4), true));
    // One that an earlier version wrote has none.
    sqlx::query("DELETE FROM revisions").execute(store.database.writer().pool()).await.unwrap();
    store.add_missing_revisions().await.unwrap();
    assert_eq!(generations(&store, &gateway).await, [5]);
    store.add_missing_revisions().await.unwrap();

    let decide = |_: Option<&Gateway>| Ok::<_, StoreError>(());
    store.delete(&path("gw"), &activity(), decide).await.unwrap();
    assert!(store.remove(gateway.id).await.unwrap());
    assert_eq!(generations(&store, &gateway).await, [0; 0]);
}
