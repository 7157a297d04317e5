//! The members of lists in resources of types that Tidegate does not serve: rules of a network security group, pools of
//! a load balancer. Each has a URL of its own, and is part of its parent.

use serde_json::{Value, json};
use tidegate_harness::{GatewayDocument, Management};

use super::deployments::{deploy, request, template};
use super::unserved::id;
use crate::tidegate;

const GROUPS: &str = "Microsoft.Network/networkSecurityGroups";

fn rule(name: &str, priority: u32) -> Value {
    json!({"name": name, "properties": {"priority": priority, "access": "Allow"}})
}

async fn names(management: &Management, path: &str) -> Vec<String> {
    let list = management.get(path).await.expect(200).json();
    let rows = list["value"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_member_of_a_list_is_a_resource_of_its_own() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group = id(&format!("{GROUPS}/Nsg"));
    let body =
        json!({"location": "local", "properties": {"securityRules": [rule("In", 100), rule("out", 200)]}});
    let created = management.put(&group, &body).await.expect(201).json();
    let printed = created["properties"]["securityRules"][0]["id"].as_str().expect("an ID").to_owned();
    let shown = management.get(&printed.to_lowercase()).await.expect(200);
    assert!(shown.header("x-tidegate-not-enforced").is_some());
    let shown = shown.json();
    assert_eq!(shown["id"], printed);
    assert_eq!((&shown["name"], &shown["type"]), (&json!("In"), &json!(format!("{GROUPS}/securityRules"))));
    assert_eq!(shown["properties"]["priority"], 100);
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    let rules = format!("{group}/securityRules");
    assert_eq!(names(&management, &rules).await, ["In", "out"]);

    let change = json!({"properties": {"priority": 150, "access": "Deny"}});
    management.put(&format!("{rules}/in"), &change).await.expect(200);
    let more = json!({"properties": {"priority": 300, "access": "Deny"}});
    management.put(&format!("{rules}/more"), &more).await.expect(201);
    let whole = management.get(&group).await.expect(200).json();
    let inner = whole["properties"]["securityRules"].as_array().expect("a list").clone();
    let seen: Vec<_> = inner.iter().map(|rule| (&rule["name"], &rule["properties"]["priority"])).collect();
    assert_eq!(json!(seen), json!([["In", 150], ["out", 200], ["more", 300]]));
    assert_eq!(
        management.put(&group, &whole).await.expect(200).json(),
        whole,
        "what a GET says can be put back"
    );

    management.delete(&format!("{rules}/out")).await.expect(200);
    management.delete(&format!("{rules}/out")).await.expect(204);
    management.get(&format!("{rules}/out")).await.expect(404);
    assert_eq!(names(&management, &rules).await, ["In", "more"]);
    let none = json!({"location": "local", "properties": {"securityRules": []}});
    management.put(&group, &none).await.expect(200);
    management.get(&format!("{rules}/more")).await.expect(404);
    assert_eq!(names(&management, &rules).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_child_of_a_parent_without_the_list_agrees_with_the_list_that_comes_later() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group = id(&format!("{GROUPS}/Nsg"));
    management.put(&group, &json!({"location": "local"})).await.expect(201);
    let own = format!("{group}/securityRules/own");
    management.put(&own, &json!({"properties": {"priority": 100}})).await.expect(201);
    let whole = management.get(&group).await.expect(200).json();
    assert_eq!(whole["properties"]["securityRules"][0]["id"], own, "a rule shows in its group");

    // No list of this type is known, until the parent has one.
    let other = id("Contoso.Things/boxes/box");
    management.put(&other, &json!({"location": "local"})).await.expect(201);
    let part = format!("{other}/parts/one");
    management.put(&part, &json!({"properties": {"size": 1}})).await.expect(201);
    assert_eq!(management.get(&part).await.expect(200).json()["properties"]["size"], 1);
    let list = json!({"location": "local", "properties": {"parts": [{"name": "one", "properties": {"size": 2}}, {"name": "two"}]}});
    management.put(&other, &list).await.expect(200);
    assert_eq!(management.get(&part).await.expect(200).json()["properties"]["size"], 2);
    assert_eq!(names(&management, &format!("{other}/parts")).await, ["one", "two"]);
    let ids = management.get("/not-enforced").await.expect(200).json();
    assert!(!ids.to_string().contains("parts/one"), "the row of the child is gone: {ids}");
}

#[tokio::test]
async fn templates_refer_to_members() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let member = "[resourceId('Microsoft.Network/networkSecurityGroups/securityRules', 'Nsg', 'in')]";
    let priority = "[reference(resourceId('Microsoft.Network/networkSecurityGroups/securityRules', 'Nsg', 'in'), '2023-04-01').priority]";
    let group = json!({"type": GROUPS, "apiVersion": "2023-04-01", "name": "Nsg", "location": "local",
        "properties": {"securityRules": [rule("in", 100)]}});
    let mut whole = template(&json!([group]));
    whole["outputs"] = json!({"priority": {"type": "int", "value": priority}});
    let shown = deploy(&management, "inline", &request(&whole, &json!({}))).await;
    assert_eq!(shown["properties"]["outputs"]["priority"]["value"], 100, "{shown}");

    // Another template finds the stored member.
    let mut other = template(&json!([]));
    other["outputs"] = whole["outputs"].clone();
    let shown = deploy(&management, "stored", &request(&other, &json!({}))).await;
    assert_eq!(shown["properties"]["outputs"]["priority"]["value"], 100, "{shown}");

    // A child in the template becomes a member, and others wait for it.
    let child = json!({"type": format!("{GROUPS}/securityRules"), "apiVersion": "2023-04-01", "name": "Nsg/more",
        "dependsOn": ["[resourceId('Microsoft.Network/networkSecurityGroups', 'Nsg')]"], "properties": {"priority": 200}});
    let table = json!({"type": "Microsoft.Network/routeTables", "apiVersion": "2023-04-01", "name": "t", "location": "local",
        "dependsOn": [member.replace("'in'", "'more'")],
        "properties": {"seen": priority.replace("'in'", "'more'")}});
    let whole = template(&json!([table, child, group]));
    let shown = deploy(&management, "children", &request(&whole, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let table = management.get(&id("Microsoft.Network/routeTables/t")).await.expect(200).json();
    assert_eq!(table["properties"]["seen"], 200);
    let listed = names(&management, &id(&format!("{GROUPS}/Nsg/securityRules"))).await;
    assert_eq!(listed, ["in", "more"]);

    // `dependsOn` may name a member of a resource in the same template.
    let group = json!({"type": GROUPS, "apiVersion": "2023-04-01", "name": "Nsg", "location": "local",
        "properties": {"securityRules": [rule("in", 100)]}});
    let table = json!({"type": "Microsoft.Network/routeTables", "apiVersion": "2023-04-01", "name": "u", "location": "local",
        "dependsOn": [member], "properties": {}});
    let shown = deploy(&management, "waits", &request(&template(&json!([table, group])), &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
}

#[tokio::test]
async fn extensions_go_with_the_part_to_which_they_belong() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway").port("Web", 20080).port("Other", 20081);
    management.apply_gateway(&document).await;
    let network = id("Microsoft.Network/virtualNetworks/net");
    let subnets = |names: &[&str]| {
        let subnet = |(i, name): (usize, &&str)| json!({"name": name, "properties": {"addressPrefix": format!("10.0.{i}.0/24")}});
        let list: Vec<Value> = names.iter().enumerate().map(subnet).collect();
        json!({"location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": list}})
    };
    management.put(&network, &subnets(&["kept", "gone", "deleted"])).await.expect(201);
    let group = id(&format!("{GROUPS}/Nsg"));
    let rules = json!({"location": "local", "properties": {"securityRules": [rule("kept", 100), rule("gone", 200), rule("deleted", 300)]}});
    management.put(&group, &rules).await.expect(201);
    let extension = |of: &str| format!("{of}/providers/Microsoft.Authorization/locks/lock");
    let (kept, gone): (Vec<String>, Vec<String>) = (
        vec![
            document.id().to_owned(),
            document.child_id("frontendPorts", "web"),
            format!("{network}/subnets/kept"),
            format!("{group}/securityRules/kept"),
        ],
        vec![
            document.child_id("frontendPorts", "Other"),
            format!("{network}/subnets/gone"),
            format!("{network}/subnets/deleted"),
            format!("{group}/securityRules/gone"),
            format!("{group}/securityRules/deleted"),
        ],
    );
    for of in kept.iter().chain(&gone) {
        management.put(&extension(of), &json!({"properties": {}})).await.expect(201);
    }
    management.delete(&format!("{network}/subnets/deleted")).await.expect(200);
    management.put(&network, &subnets(&["kept"])).await.expect(200);
    management.delete(&format!("{group}/securityRules/deleted")).await.expect(200);
    let rules = json!({"location": "local", "properties": {"securityRules": [rule("kept", 100)]}});
    management.put(&group, &rules).await.expect(200);
    management.apply_gateway(&document.without("frontendPorts", "Other")).await;
    for of in &gone {
        management.get(&extension(of)).await.expect(404);
    }
    for of in &kept {
        management.get(&extension(of)).await.expect(200);
    }
    let listed = management.get("/not-enforced").await.expect(200).json();
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(kept.len() + 1), "{listed}");
}

#[tokio::test]
async fn an_extension_is_not_left_behind_by_a_deletion_at_the_same_time() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group = id(&format!("{GROUPS}/nsg"));
    management.put(&group, &json!({"location": "local"})).await.expect(201);
    let network = id("Microsoft.Network/virtualNetworks/net");
    let space =
        json!({"location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    management.put(&network, &space).await.expect(201);
    let subnet = json!({"properties": {"addressPrefix": "10.0.0.0/24"}});
    for _ in 0..10 {
        for (part, body) in [
            (format!("{group}/securityRules/r"), rule("r", 100)),
            (format!("{network}/subnets/s"), subnet.clone()),
        ] {
            management.put(&part, &body).await.expect(201);
            let lock = format!("{part}/providers/Microsoft.Authorization/locks/l");
            let empty = json!({"properties": {}});
            let (_, deleted) = tokio::join!(management.put(&lock, &empty), management.delete(&part));
            deleted.expect(200);
            management.get(&lock).await.expect(404);
        }
    }
}
