//! Lists of resources of types that Tidegate does not serve: pages, bounds and errors; and rows that are damaged.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tidegate_harness::{API_VERSION, GROUP, Management, SUBSCRIPTION, Tidegate};

use super::unserved::id;
use crate::tidegate;

const TABLES: &str = "Microsoft.Network/routeTables";

/// Changes the database while no process has it open.
pub(super) async fn change(tidegate: &mut Tidegate, sql: &'static str) {
    tidegate.kill();
    let options = SqliteConnectOptions::new().filename(tidegate.data_dir().join("tidegate.db"));
    let mut database = SqliteConnection::connect_with(&options).await.expect("the database can be opened");
    sqlx::raw_sql(sql).execute(&mut database).await.expect("the database can be changed");
    database.close().await.expect("the database can be closed");
    tidegate.start_again().await;
}

/// Returns the names on each page of a list.
async fn pages(management: &Management, path: &str, query: &str) -> Vec<Vec<String>> {
    let mut next = format!("{path}?api-version={API_VERSION}{query}");
    let mut pages = Vec::new();
    loop {
        let page = management.send("GET", &next, &[], "").await.expect(200).json();
        let rows = page["value"].as_array().expect("a list").clone();
        pages.push(rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect());
        match page["nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn lists_have_pages() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let network = id("Microsoft.Network/virtualNetworks/Mid");
    let space =
        json!({"location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    management.put(&network, &space).await.expect(201);
    for name in ["a", "B", "c", "d", "e"] {
        management.put(&id(&format!("{TABLES}/{name}")), &json!({"location": "local"})).await.expect(201);
    }
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    for list in [id(TABLES), format!("{subscription}/providers/{TABLES}")] {
        let found = pages(&management, &list, "&$top=2").await;
        assert_eq!(found, [vec!["a", "B"], vec!["c", "d"], vec!["e"]], "{list}");
    }
    let group = format!("{subscription}/resourceGroups/{GROUP}");
    for list in [format!("{group}/resources"), format!("{subscription}/resources")] {
        let found = pages(&management, &list, "&$top=4").await;
        assert_eq!(found, [vec!["a", "B", "c", "d"], vec!["e", "Mid"]], "{list}");
        let networks = "&$top=1&$filter=resourceType%20eq%20'Microsoft.Network/virtualNetworks'";
        assert_eq!(pages(&management, &list, networks).await, [vec!["Mid"]], "{list}");
    }
    let foreign = format!("{}?api-version={API_VERSION}&$skipToken=x", id(TABLES));
    management.send("GET", &foreign, &[], "").await.expect(400);
}

#[tokio::test]
async fn a_list_below_nothing_is_not_found() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let code = async |path: &str| management.get(path).await.expect(404).error_code().to_owned();
    assert_eq!(code(&id(TABLES)).await, "ResourceGroupNotFound");
    management.put(&id(&format!("{TABLES}/t")), &json!({"location": "local"})).await.expect(201);
    management.get(&id("Microsoft.Network/natGateways")).await.expect(200);
    let zone = id("Microsoft.Network/privateDnsZones/none.local");
    let gateway = id("Microsoft.Network/applicationGateways/none");
    let settings = "providers/Microsoft.Insights/diagnosticSettings";
    for path in [format!("{zone}/A"), format!("{zone}/{settings}"), format!("{gateway}/{settings}")] {
        assert_eq!(code(&path).await, "ResourceNotFound", "{path}");
    }
}

#[tokio::test]
async fn a_group_has_at_most_800_resources_of_a_type() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let first = id(&format!("{TABLES}/first"));
    tidegate.management().put(&first, &json!({"location": "local"})).await.expect(201);
    change(
        &mut tidegate,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 799) \
         INSERT INTO unserved_resources (resource_key, resource_id, id, subscription_key, resource_group_key, type_key, \
         body, etag, created_at, changed_at) SELECT resource_key || i, resource_id || i, \
         printf('00000000-0000-4000-8000-%012d', i), subscription_key, resource_group_key, type_key, body, etag, \
         created_at, changed_at FROM unserved_resources, n",
    )
    .await;
    let management = tidegate.management();
    let refused =
        management.put(&id(&format!("{TABLES}/more")), &json!({"location": "local"})).await.expect(409);
    assert_eq!(refused.error_code(), "ResourceQuotaExceeded");
    let sentence = "would exceed the quota of '800' resources of type 'Microsoft.Network/routeTables' per resource group";
    assert!(refused.text().contains(sentence), "{}", refused.text());
    management.put(&first, &json!({"location": "local"})).await.expect(200);
    management.put(&id("Microsoft.Network/natGateways/n"), &json!({"location": "local"})).await.expect(201);
    management.delete(&first).await.expect(200);
    management.put(&first, &json!({"location": "local"})).await.expect(201);
    let all: Vec<String> = pages(&management, &id(TABLES), "").await.into_iter().flatten().collect();
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (800, 800));
}

#[tokio::test]
async fn a_resource_does_not_move_to_another_location() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let table = id(&format!("{TABLES}/t"));
    management.put(&table, &json!({"location": "westeurope"})).await.expect(201);
    management.put(&table, &json!({"location": "West Europe"})).await.expect(200);
    let sentence = "The resource 't' already exists in location 'West Europe' in resource group";
    let moved = json!({"location": "northeurope"});
    for refused in [management.put(&table, &moved).await, management.send_json("PATCH", &table, &moved).await]
    {
        let refused = refused.expect(409);
        assert_eq!(refused.error_code(), "InvalidResourceLocation");
        assert!(refused.text().contains(sentence), "{}", refused.text());
    }
    let without = json!({"tags": {"a": "b"}, "location": null});
    for answer in [
        management.put(&table, &json!({})).await,
        management.put(&table, &without).await,
        management.send_json("PATCH", &table, &without).await,
    ] {
        assert_eq!(answer.expect(200).json()["location"], "West Europe");
        management.send_json("PATCH", &table, &moved).await.expect(409);
    }
    let wrong = management.put(&table, &json!({"location": 5})).await.expect(400);
    assert!(wrong.text().contains("must be a string"), "{}", wrong.text());
    assert_eq!(management.get(&table).await.expect(200).json()["location"], "West Europe");
}

#[tokio::test]
async fn a_damaged_resource_can_be_deleted() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    for name in ["good", "bad"] {
        management.put(&id(&format!("{TABLES}/{name}")), &json!({"location": "local"})).await.expect(201);
    }
    change(
        &mut tidegate,
        "UPDATE unserved_resources SET body = '{', id = 'x' WHERE resource_key LIKE '%/bad'",
    )
    .await;
    let management = tidegate.management();
    let bad = id(&format!("{TABLES}/bad"));
    assert_eq!(pages(&management, &id(TABLES), "").await, [vec!["good"]]);
    let listed: Value = management.get("/not-enforced").await.expect(200).json();
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(2), "{listed}");
    management.delete(&bad).await.expect(200);
    management.delete(&bad).await.expect(204);
    assert!(tidegate.output().contains("is damaged"), "{}", tidegate.output());
}
