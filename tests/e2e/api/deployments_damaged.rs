//! Deployments whose stored rows are damaged or incomplete: they end, instead of being run again for ever.

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tidegate_harness::{Tidegate, wait_for};

use super::deployments::{deployment, is_there, network, request};
use super::deployments_nested::stuck;
use crate::tidegate;

/// Begins a deployment that cannot end, and changes the database while no process has it open. Returns the next
/// process.
async fn changed(sql: &'static str) -> Tidegate {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    management.put(&deployment("main"), &request(&stuck(), &json!({}))).await.expect(201);
    let id = network("applicationGateways/gateway");
    wait_for("the gateway to be written", async || is_there(&management, &id).await.then_some(())).await;
    tidegate.kill();
    let options = SqliteConnectOptions::new().filename(tidegate.data_dir().join("tidegate.db"));
    let mut database = SqliteConnection::connect_with(&options).await.expect("the database can be opened");
    let changed = sqlx::query(sql).execute(&mut database).await.expect("the database can be changed");
    assert_eq!(changed.rows_affected(), 1);
    database.close().await.expect("the database can be closed");
    tidegate.start_again().await;
    tidegate
}

/// Waits until a deployment has ended with a state and a code.
async fn wait_for_end(tidegate: &Tidegate, name: &str, state: &str, code: &str) {
    let management = tidegate.management();
    let ended = async || {
        let shown = management.get(&deployment(name)).await.expect(200).json();
        let properties = &shown["properties"];
        (properties["provisioningState"] == state && properties["error"]["code"] == code).then_some(())
    };
    wait_for(&format!("'{name}' to be {state} with {code}"), ended).await;
}

#[tokio::test]
async fn a_damaged_request_fails_its_deployment() {
    let tidegate = changed("UPDATE deployments SET request = x'00' WHERE parent IS NULL").await;
    wait_for_end(&tidegate, "main", "Failed", "InternalServerError").await;
    assert!(tidegate.output().contains("a row is damaged"), "{}", tidegate.output());
}

#[tokio::test]
async fn a_deployment_during_which_processes_end_is_not_run_for_ever() {
    let tidegate = changed("UPDATE deployments SET starts = 3 WHERE parent IS NULL AND starts = 1").await;
    wait_for_end(&tidegate, "main", "Failed", "InternalServerError").await;
    let shown = tidegate.management().get(&deployment("main")).await.expect(200).json();
    let message = shown["properties"]["error"]["message"].as_str().expect("the error has a message");
    assert!(message.contains("ended unexpectedly 3 times"), "{message}");
    let operations = format!("{}/operations", deployment("main"));
    let operations = tidegate.management().get(&operations).await.expect(200).json();
    let states = operations["value"].as_array().expect("a list").iter();
    let states: Vec<_> = states.map(|operation| &operation["properties"]["provisioningState"]).collect();
    assert_eq!(states, ["Canceled"], "what the last run began is still shown");
}

#[tokio::test]
async fn nested_deployments_without_the_one_around_them_are_cancelled() {
    let tidegate = changed("DELETE FROM deployments WHERE parent IS NULL").await;
    for name in ["outer", "second"] {
        wait_for_end(&tidegate, name, "Canceled", "DeploymentCanceled").await;
    }
}
