//! Secrets in nested deployments: secure parameters and outputs reach the modules that need them, and nobody else.

use serde_json::json;

use super::deployments::{deploy, deployment, network, request, template};
use super::deployments_nested::{address_module, module};
use crate::tidegate;

#[tokio::test]
async fn secrets_stay_secret_through_all_levels() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let mut innermost = address_module();
    innermost["outputs"] = json!({
        "plain": {"type": "string", "value": "[parameters('network')]"},
        "secure": {"type": "secureString", "value": "secret of its own"},
    });
    let mut middle = template(&json!([module(
        "innermost",
        &innermost,
        &json!({"network": {"value": "[concat(parameters('password'), '-x')]"}}),
    )]));
    middle["parameters"] = json!({"password": {"type": "string"}});
    let password = json!({"password": {"value": "[base64(parameters('password'))]"}});
    let mut whole = template(&json!([module("middle", &middle, &password)]));
    whole["parameters"] = json!({"password": {"type": "secureString"}});
    let given = json!({"password": {"value": "hunter2-and-more"}});
    let shown = deploy(&management, "main", &request(&whole, &given)).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let innermost = management.get(&deployment("innermost")).await.expect(200).json();
    assert_eq!(innermost["properties"]["parameters"]["network"], json!({"type": "String"}));
    let outputs = json!({"plain": {"type": "String"}, "secure": {"type": "SecureString"}});
    assert_eq!(innermost["properties"]["outputs"], outputs);
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200);
    let encoded = "aHVudGVyMi1hbmQtbW9yZQ";
    for text in [shown.to_string(), listed.text(), tidegate.output()] {
        assert!(
            !text.contains("hunter2") && !text.contains(encoded) && !text.contains("of its own"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_secure_output_of_a_module_reaches_another_one_and_nobody_else() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let mut first = template(&json!([]));
    first["outputs"] = json!({"password": {"type": "secureString", "value": "hunter2-of-a-module"}});
    let given = "[listOutputsWithSecureValues('first', '2025-04-01').password]";
    let second = module("second", &address_module(), &json!({"network": {"value": given}}));
    let first = module("first", &first, &json!({}));
    let mut whole = template(&json!([second, first]));
    whole["outputs"] = json!({"leak": {"type": "string", "value": given}});
    let shown = deploy(&management, "main", &request(&whole, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(shown["properties"]["outputs"]["leak"], json!({"type": "String"}));
    let address = management.get(&network("publicIPAddresses/address")).await.expect(200).json();
    assert_eq!(address["tags"]["network"], "hunter2-of-a-module");
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200).text();
    let foreseen = management
        .send_json("POST", &format!("{}/whatIf", deployment("main")), &request(&whole, &json!({})))
        .await
        .expect(200)
        .text();
    for text in [shown.to_string(), listed, foreseen, tidegate.output()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn an_output_that_derives_from_a_secret_is_seen_around_its_module_and_not_shown() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    // As in the Verified Module for key vaults: a secure part makes the whole parameter secret.
    let mut inner = template(&json!([]));
    inner["parameters"] = json!({"name": {"type": "string"}});
    inner["outputs"] = json!({
        "id": {"type": "string", "value": "[concat('id-of-', parameters('name'))]"},
        "secure": {"type": "securestring", "value": "[parameters('name')]"},
    });
    let name = json!({"name": {"value": "[parameters('secrets').name]"}});
    let id = "[reference('inner').outputs['id'].value]";
    let mut whole = template(&json!([
        module("inner", &inner, &name),
        module("second", &address_module(), &json!({"network": {"value": id}})),
    ]));
    whole["parameters"] = json!({"secrets": {"type": "secureObject"}});
    whole["outputs"] = json!({"id": {"type": "string", "value": id}});
    let given = json!({"secrets": {"value": {"name": "hunter2-name"}}});
    let shown = deploy(&management, "main", &request(&whole, &given)).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(shown["properties"]["outputs"]["id"], json!({"type": "String"}));
    let address = management.get(&network("publicIPAddresses/address")).await.expect(200).json();
    assert_eq!(address["tags"]["network"], "id-of-hunter2-name");
    let second = management.get(&deployment("second")).await.expect(200).text();
    assert!(!second.contains("hunter2") && !shown.to_string().contains("hunter2"), "{second}");

    whole["outputs"]["secure"] =
        json!({"type": "string", "value": "[reference('inner').outputs.secure.value]"});
    let refused = deploy(&management, "main", &request(&whole, &given)).await;
    assert_ne!(refused["properties"]["provisioningState"], "Succeeded", "{refused}");
}
