//! Warnings about the resources of a deployment stand in the answers about the deployment.

use serde_json::json;

use super::deployments::{deployment, request, template};
use crate::tidegate;

#[tokio::test]
async fn warnings_of_its_resources_stand_in_the_answer_of_a_deployment() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let network = |name: &str, prefix: &str| {
        json!({"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-04-01", "name": name,
        "location": "local", "properties": {"addressSpace": {"addressPrefixes": [prefix]}, "entirelyUnheardOf": 1}})
    };
    let inner = template(&json!([network("inner", "10.1.0.0/16")]));
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "nested",
        "properties": {"mode": "Incremental", "template": inner}});
    let body = request(&template(&json!([network("outer", "10.0.0.0/16"), nested])), &json!({}));
    let begun = management.put(&deployment("d"), &body).await.expect(201);
    let header = begun.header("x-tidegate-warnings").unwrap_or_default().to_owned();
    assert!(header.contains("properties.template.resources[0].properties.entirelyUnheardOf"), "{header}");
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let url = begun.header("azure-asyncoperation").expect("a URL");
    let status = management.send("GET", url, &[], "").await.expect(200);
    assert!(status.header("x-tidegate-warnings").is_some_and(|text| text.contains("entirelyUnheardOf")));
    let warnings = status.json()["properties"]["warnings"].as_array().expect("warnings").clone();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(warnings[0]["code"], "UnknownProperty");
    let targets: Vec<&str> = warnings.iter().map(|one| one["target"].as_str().expect("a target")).collect();
    let inside =
        "properties.template.resources[1].properties.template.resources[0].properties.entirelyUnheardOf";
    assert!(targets.contains(&inside), "{targets:?}");
    let shown = management.get(&deployment("d")).await.expect(200).json();
    assert_eq!(shown["properties"]["diagnostics"].as_array().map(Vec::len), Some(2), "{shown}");
}

#[tokio::test]
async fn a_preview_has_the_warnings_as_diagnostics() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let network = json!({"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-04-01", "name": "n",
        "location": "local",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "entirelyUnheardOf": 1}});
    let body = request(&template(&json!([network])), &json!({}));
    for step in ["validate", "whatIf"] {
        let path = format!("{}/{step}", deployment("d"));
        let answer = management.send_json("POST", &path, &body).await.expect(200);
        let found = &answer.json()["properties"]["diagnostics"][0];
        assert_eq!(
            (&found["level"], &found["code"]),
            (&json!("Warning"), &json!("UnknownProperty")),
            "{found}"
        );
        let target = "properties.template.resources[0].properties.entirelyUnheardOf";
        assert_eq!(found["target"], target, "{found}");
    }
}
