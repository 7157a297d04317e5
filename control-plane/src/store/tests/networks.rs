//! Groups, networks and addresses: the migration of a database without them, and the references of gateways to them.

use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::audit::Filter;

fn public(name: &str) -> NetworkPath {
    let kind = NetworkKind::PublicAddress;
    NetworkPath { subscription: "Sub".into(), group: "Group".into(), kind, name: name.into() }
}

fn frontend(target: &str) -> Child {
    let properties = Map::from_iter([("publicIPAddress".to_owned(), json!({"id": target}))]);
    let collection = Collection::named("frontendIPConfigurations").unwrap();
    Child { collection, name: "f".into(), properties, secret: None }
}

async fn put(store: &Store, path: &NetworkPath) {
    let body = Map::from_iter([("location".to_owned(), json!("here"))]);
    let decide = |_: Option<&NetworkResource>, _: &[User]| {
        Ok::<_, StoreError>(NetworkDecision::Replace { body, location: None, wish: None })
    };
    store.write_network_resource(path, &activity(), decide).await.unwrap();
}

#[tokio::test]
async fn gateways_from_before_there_were_groups_get_theirs() {
    let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let gateways = "INSERT INTO gateways (id, resource_id, subscription, resource_group, name, body, etag, generation, \
                    meaning, provisioning_state, created_at, changed_at) VALUES \
                    ('1', '/1', 'S', 'g', 'a', '{\"location\":\"West\"}', 'e', 1, 'm', 'Succeeded', 7, 9), \
                    ('2', '/2', 's', 'G', 'b', '{}', 'e', 1, 'm', 'Succeeded', 8, 9); \
                    INSERT INTO children VALUES ('/1/f', '1', 'frontendIPConfigurations', 0, 'f', \
                    '{\"publicIPAddress\":{\"id\":\"subscriptions/ip\"}}', NULL, 'e');";
    for sql in [
        include_str!("../../../../migrations/0001_initial.sql"),
        include_str!("../../../../migrations/0002_audit.sql"),
        gateways,
        include_str!("../../../../migrations/0003_resources.sql"),
    ] {
        sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
    }
    let groups: Vec<(String, String, String, i64)> =
        sqlx::query_as("SELECT id, name, body, created_at FROM resource_groups")
            .fetch_all(&mut database)
            .await
            .unwrap();
    let [(id, name, body, created_at)] = &groups[..] else { panic!("{groups:?}") };
    id.parse::<Uuid>().unwrap();
    assert_eq!((name.as_str(), *created_at), ("g", 7));
    assert_eq!(body, "{\"location\":\"West\",\"tags\":{}}");
    let leans: Vec<(String, String)> =
        sqlx::query_as("SELECT target, source FROM leans").fetch_all(&mut database).await.unwrap();
    assert_eq!(leans, [("/subscriptions/ip".to_owned(), "/1/f".to_owned())]);
}

#[tokio::test]
async fn what_earlier_versions_took_for_a_reference_is_forgotten_at_the_upgrade() {
    let (_dir, store) = store().await;
    let (good, bad) = (public("good").to_string(), format!("/{}", public("bad")));
    let second = Child { name: "g".into(), ..frontend(&bad) };
    let written = write(&store, document("gw", vec![frontend(&good), second]), &[]).await.unwrap();
    let source = written.gateway.document.path.child_id(written.gateway.document.children[1].collection, "g");
    // In the form in which the earlier version stored them: with a single leading slash.
    let reference = "INSERT INTO network_references (target_key, target, source_key, source, gateway) \
                     VALUES (lower($1), $1, lower($2), $2, $3)";
    sqlx::query(reference)
        .bind(public("bad").to_string())
        .bind(source)
        .bind(written.gateway.id.to_string())
        .execute(store.database.writer().pool())
        .await
        .unwrap();
    put(&store, &public("bad")).await;
    let users = async |name| store.network_resource(&public(name)).await.unwrap().unwrap().1.len();
    assert_eq!(users("bad").await, 1);
    let made = references_of(&written.gateway.document);
    let forget = async || store.delete_outdated_references(written.gateway.id, &made).await.unwrap();
    assert_eq!((forget().await, forget().await), (1, 0));
    put(&store, &public("good")).await;
    assert_eq!((users("bad").await, users("good").await), (0, 1));
}

#[tokio::test]
async fn a_stored_address_is_for_one_gateway() {
    let (_dir, store) = store().await;
    let held = |result: Result<Written, StoreError>| matches!(result, Err(StoreError::AddressHeld { .. }));
    let shared = || frontend(&public("unstored").to_string());
    write(&store, document("a", vec![shared()]), &[]).await.unwrap();
    write(&store, document("b", vec![shared()]), &[]).await.unwrap();

    put(&store, &public("ip")).await;
    let own = || frontend(&public("IP").to_string());
    write(&store, document("a", vec![own()]), &[]).await.unwrap();
    write(&store, document("a", vec![own(), port("p", 1)]), &[]).await.unwrap();
    assert!(held(write(&store, document("b", vec![own()]), &[]).await));
    let (_, users) = store.network_resource(&public("ip")).await.unwrap().unwrap();
    assert_eq!(users.len(), 1, "{users:?}");
    write(&store, document("a", vec![]), &[]).await.unwrap();
    write(&store, document("b", vec![own()]), &[]).await.unwrap();
}

#[tokio::test]
async fn a_group_does_not_go_with_what_others_need() {
    let (_dir, store) = store().await;
    let elsewhere = NetworkPath { group: "Other".into(), ..public("ip") };
    put(&store, &elsewhere).await;
    write(&store, document("a", vec![frontend(&elsewhere.to_string())]), &[]).await.unwrap();
    let error = store.delete_group("sub", "other", &activity()).await.unwrap_err();
    assert!(matches!(error, StoreError::GroupInUse { .. }), "{error}");
    assert!(store.delete_group("sub", "none", &activity()).await.unwrap().is_none());
    write(&store, document("a", vec![]), &[]).await.unwrap();
    let ended = store.delete_group("sub", "other", &activity()).await.unwrap().unwrap();
    let about = Filter { resource: Some(elsewhere.to_string()), ..Filter::default() };
    let told = store.audit(&about, 10).await.unwrap();
    assert_eq!(
        told[0].activity.action, "Microsoft.Network/publicIPAddresses/delete",
        "its end is in the log"
    );
    assert_eq!(ended.state, OperationState::Succeeded, "there is no gateway to wait for");
    assert_eq!(state(&store, &ended).await, OperationState::Succeeded);
    assert!(store.network_resource(&elsewhere).await.unwrap().is_none());
    assert_eq!(store.subscriptions().await.unwrap(), ["Sub"]);
}
