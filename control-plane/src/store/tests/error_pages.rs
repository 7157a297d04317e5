//! The stored error pages: exactly those that the document names, in their latest version.

use bytes::Bytes;

use super::*;
use crate::arm::page::{Page, PageError};

fn page(text: &'static str) -> Result<Page, PageError> {
    Ok(Page {
        content_type: "text/html; charset=utf-8".to_owned(),
        body: Bytes::from_static(text.as_bytes()),
    })
}

fn naming(urls: &[&str]) -> Document {
    let list: Vec<_> = urls.iter().map(|url| json!({ "customErrorPageUrl": url })).collect();
    let mut document = document("gw", vec![]);
    document.body.insert("properties".to_owned(), json!({ "customErrorConfigurations": list }));
    document
}

async fn write_with(
    store: &Store,
    document: &Document,
    found: &[(&str, Result<Page, PageError>)],
) -> GatewayId {
    let decide = |_: Option<&Gateway>, stored: &StoredRefs| {
        let mut newer = Pages::default();
        found.iter().for_each(|(url, outcome)| newer.insert(*url, outcome.clone()));
        Ok::<_, StoreError>(Decision::Replace {
            held: Default::default(),
            document: document.clone(),
            claims: vec![],
            config_digest: Digest(Uuid::new_v4().to_string()),
            references: vec![],
            pages: document.pages_among(&stored.pages.with(&newer)),
        })
    };
    store.write(&path("gw"), &activity(), &[], decide).await.unwrap().gateway.id
}

#[tokio::test]
async fn pages_are_kept_as_long_as_they_are_named() {
    let (_dir, store) = store().await;
    let stored = async |id| {
        let (_, stored_refs) = store.gateway_by_id(id).await.unwrap().unwrap();
        let found: Vec<_> =
            stored_refs.pages.found().map(|(url, page)| (url.to_owned(), page.body.clone())).collect();
        found.iter().map(|(url, body)| format!("{url}={}", String::from_utf8_lossy(body))).collect::<Vec<_>>()
    };
    let id =
        write_with(&store, &naming(&["a", "b"]), &[("a", page("1")), ("b", page("1")), ("c", page("1"))])
            .await;
    assert_eq!(stored(id).await, ["a=1", "b=1"]);
    write_with(&store, &naming(&["a", "b"]), &[("b", page("2"))]).await;
    assert_eq!(stored(id).await, ["a=1", "b=2"]);
    write_with(&store, &naming(&["b"]), &[]).await;
    assert_eq!(stored(id).await, ["b=2"]);
    write_with(&store, &naming(&[]), &[]).await;
    assert!(stored(id).await.is_empty());
}
