//! Lists of gateways, page by page.

use super::*;

#[tokio::test]
async fn pages_of_gateways_follow_one_another_whatever_comes_and_goes() {
    let (_dir, store) = store().await;
    for name in ["b", "D", "c", "A", "e"] {
        write(&store, document(name, vec![]), &[]).await.unwrap();
    }
    let names = |page: &GatewayPage| -> Vec<String> {
        page.gateways.iter().map(|gateway| gateway.document.path.name.clone()).collect()
    };
    let first = store.page_of_gateways("sub", None, None, 2).await.unwrap();
    assert_eq!(names(&first), ["A", "b"]);
    assert_eq!(first.last, Some(["Group".to_owned(), "b".to_owned()]));
    // One gateway is added before the position, and the one at the position is deleted.
    write(&store, document("AA", vec![]), &[]).await.unwrap();
    let gone = store.delete(&path("b"), &activity(), |_| Ok::<_, StoreError>(())).await.unwrap();
    store.remove(gone.gateway.id).await.unwrap();
    let second = store.page_of_gateways("SUB", Some("GROUP"), first.last.as_ref(), 2).await.unwrap();
    assert_eq!(names(&second), ["c", "D"]);
    let third = store.page_of_gateways("sub", None, second.last.as_ref(), 2).await.unwrap();
    assert_eq!((names(&third), third.last.is_none()), (vec!["e".to_owned()], true));
    let whole = store.page_of_gateways("sub", None, None, 5).await.unwrap();
    assert!(whole.gateways.len() == 5 && whole.last.is_none());
    assert!(store.page_of_gateways("sub", Some("other"), None, 5).await.unwrap().gateways.is_empty());
}
