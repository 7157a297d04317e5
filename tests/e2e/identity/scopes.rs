//! Authorization by scopes.

use serde_json::json;
use tidegate_harness::{API_VERSION, GROUP, GatewayDocument, SUBSCRIPTION};

use super::{all_gateways, create, gateway_in, group, usual_gateway};
use crate::tidegate;

#[tokio::test]
async fn a_client_is_held_to_its_role_and_its_scopes() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let gateway = usual_gateway();
    management.apply_gateway(&GatewayDocument::empty("gateway")).await;
    let login = async |name: &str, role: &str, scope: &str| {
        let credentials = create(&tidegate, &[name, "--role", role, "--scope", scope]).await;
        credentials.login(&management).await
    };
    let reader = login("reader", "reader", "/").await;
    let contributor = login("contributor", "contributor", "/").await;
    let of_group = login("of-group", "contributor", &group("TESTS")).await;
    let of_other = login("of-other", "contributor", &group("tests2")).await;
    let of_one = login("of-one", "contributor", &gateway).await;
    let health = format!("{gateway}/backendhealth");
    let worker = "/workers/00000000-0000-0000-0000-000000000009".to_owned();
    let elsewhere = gateway_in("tests2", "gateway");
    for (name, client, method, path, status) in [
        ("reader", &reader, "GET", &gateway, 200),
        ("reader", &reader, "POST", &health, 202),
        ("reader", &reader, "PUT", &gateway, 403),
        ("reader", &reader, "DELETE", &gateway, 403),
        ("reader", &reader, "DELETE", &worker, 403),
        ("reader", &reader, "GET", &"/workers".to_owned(), 200),
        ("reader", &reader, "GET", &"/audit".to_owned(), 200),
        ("reader", &reader, "GET", &"/metrics".to_owned(), 200),
        ("reader", &reader, "GET", &"/metrics/targets".to_owned(), 200),
        ("contributor", &contributor, "DELETE", &worker, 403),
        ("contributor", &contributor, "DELETE", &elsewhere, 204),
        ("of-group", &of_group, "GET", &gateway, 200),
        ("of-group", &of_group, "GET", &gateway.replace("/tests/", "/%54ests/"), 200),
        ("of-group", &of_group, "GET", &elsewhere, 403),
        ("of-group", &of_group, "GET", &gateway.replace("/tests/", "/tests%32/"), 403),
        ("of-group", &of_group, "DELETE", &elsewhere, 403),
        ("of-group", &of_group, "GET", &"/workers".to_owned(), 403),
        ("of-group", &of_group, "GET", &"/audit".to_owned(), 403),
        ("of-group", &of_group, "GET", &"/metrics".to_owned(), 403),
        ("of-group", &of_group, "GET", &"/metrics/targets".to_owned(), 403),
        ("of-other", &of_other, "GET", &gateway, 403),
        ("of-other", &of_other, "POST", &health, 403),
        ("of-one", &of_one, "GET", &gateway, 200),
        ("of-one", &of_one, "DELETE", &gateway_in(GROUP, "other"), 403),
    ] {
        let versioned = format!("{path}?api-version=2024-05-01");
        let answer = client.send(method, &versioned, &[], "{}").await;
        assert_eq!(answer.status, status, "{name}: {method} {path}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.error_code(), "AuthorizationFailed");
        }
    }
    let refused = reader.delete(&gateway).await.json()["error"]["message"].to_string();
    assert!(refused.contains("'Microsoft.Network/applicationGateways/delete'"), "{refused}");
    assert!(refused.contains(&format!("over scope '{gateway}'")), "{refused}");
}

#[tokio::test]
async fn a_client_of_a_group_lives_in_it() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let elsewhere = gateway_in("elsewhere", "gateway");
    management.apply(&elsewhere, GatewayDocument::empty("gateway").body()).await;
    let ours = create(&tidegate, &["ours", "--role", "contributor", "--scope", &group(GROUP)]).await;
    let ours = ours.login(&management).await;
    let theirs = create(&tidegate, &["theirs", "--role", "reader", "--scope", &group("theirs")]).await;
    let theirs = theirs.login(&management).await;

    let document = GatewayDocument::empty("gateway");
    let begun = ours.put(document.id(), document.body()).await.expect(201);
    assert_eq!(ours.operation(&begun).await.status, "Succeeded");
    let operation = begun.header("azure-asyncoperation").unwrap();
    theirs.send("GET", operation, &[], "").await.expect(403);

    let ids = |list: serde_json::Value| -> Vec<String> {
        list["value"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let seen = ids(ours.get(&all_gateways()).await.expect(200).json());
    assert_eq!(seen, [document.id()]);
    assert_eq!(ids(theirs.get(&all_gateways()).await.expect(200).json()), [""; 0]);
    assert_eq!(ids(management.get(&all_gateways()).await.expect(200).json()).len(), 2);
    ours.get(&all_gateways().replace(SUBSCRIPTION, "another")).await.expect(403);

    // A written resource may refer to resources of its own group, and to no others.
    let address = |group_name: &str| {
        format!("{}/providers/Microsoft.Network/publicIPAddresses/address", group(group_name))
    };
    for (group_name, status) in [("elsewhere", 403), (GROUP, 200)] {
        let mut document = GatewayDocument::empty("gateway");
        let frontend = json!({"name": "f", "properties": {"publicIPAddress": {"id": address(group_name)}}});
        document.body_mut()["properties"]["frontendIPConfigurations"] = json!([frontend]);
        let answer = ours.put(document.id(), document.body()).await.expect(status);
        if status == 403 {
            assert_eq!(answer.error_code(), "LinkedAuthorizationFailed");
            assert!(answer.text().contains(&address(group_name)), "{}", answer.text());
            // A template may not do so either; it is refused before it is stored.
            let mut resource = document.body().clone();
            resource["type"] = "Microsoft.Network/applicationGateways".into();
            resource["apiVersion"] = API_VERSION.into();
            resource["name"] = "gateway".into();
            let template = json!({"contentVersion": "1.0.0.0", "resources": [resource]});
            let body = json!({"properties": {"mode": "Incremental", "template": template}});
            let deployment = format!("{}/providers/Microsoft.Resources/deployments/link", group(GROUP));
            let refused = ours.put(&deployment, &body).await.expect(400).text();
            assert!(refused.contains("LinkedAuthorizationFailed"), "{refused}");
        }
    }
    ours.remove(document.id()).await;
    theirs.send("GET", operation, &[], "").await.expect(403);

    // A template cannot read other resources either, even if it only computes their names at run time.
    let own = address(GROUP);
    let body = json!({"location": "here", "tags": {"next": elsewhere}});
    ours.put(&own, &body).await.expect(201);
    let read = format!("[string(reference(reference('{own}', '2024-05-01', 'Full').tags.next))]");
    let template = json!({"contentVersion": "1.0.0.0", "resources": [],
        "outputs": {"read": {"type": "string", "value": read}}});
    let deployment = format!("{}/providers/Microsoft.Resources/deployments/d", group(GROUP));
    let body = json!({"properties": {"mode": "Incremental", "template": template}});
    let begun = ours.put(&deployment, &body).await.expect(201);
    let ended = ours.operation(&begun).await;
    assert_eq!(ended.status, "Failed");
    let shown = ours.get(&deployment).await.expect(200).json();
    assert_eq!(shown["properties"]["error"]["code"], "LinkedAuthorizationFailed", "{shown}");
}

#[tokio::test]
async fn a_reference_is_authorised_in_the_form_in_which_it_is_stored() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mine = create(&tidegate, &["mine", "--role", "contributor", "--scope", &group("mine")]).await;
    let mine = mine.login(&management).await;
    let address = format!("{}/providers/Microsoft.Network/publicIPAddresses/ip", group("first"));
    management.put(&address, &json!({"location": "here"})).await.expect(201);
    let write = async |reference: &str| {
        let mut body = GatewayDocument::empty("gw").body().clone();
        let frontend = json!({"name": "f", "properties": {"publicIPAddress": {"id": reference}}});
        body["properties"]["frontendIPConfigurations"] = json!([frontend]);
        mine.put(&gateway_in("mine", "gw"), &body).await
    };
    write(&address).await.expect(403);
    write(&address.to_uppercase()).await.expect(403);
    write(&address[1..]).await.expect(403);
    for odd in [
        format!("/{address}"),
        format!("////{address}"),
        format!("{address}/"),
        address.replace("/first/", "//first/"),
        address.replace("/first/", "/mine/../first/"),
        address.replace("/first/", "/%66irst/"),
    ] {
        let refused = write(&odd).await.expect(400);
        assert_eq!(refused.error_code(), "LinkedInvalidPropertyId", "{odd}");
        let target = refused.json()["error"]["target"].to_string();
        assert!(target.contains("frontendIPConfigurations[0].properties.publicIPAddress.id"), "{target}");
    }
    // None of the refused references was stored: the address is unused.
    let shown = management.get(&address).await.expect(200).json();
    assert!(shown["properties"]["ipConfiguration"].is_null(), "{shown}");
    management.delete(&address).await.expect(200);
}

#[tokio::test]
async fn nothing_outside_of_the_scopes_has_a_name_in_an_answer() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mine = create(&tidegate, &["mine", "--role", "contributor", "--scope", &group("mine")]).await;
    let mine = mine.login(&management).await;
    let listening = |id: &str| {
        let mut body = GatewayDocument::empty("gw").body().clone();
        let own = |rest: &str| json!({"id": format!("{id}/{rest}")});
        let properties = &mut body["properties"];
        properties["frontendIPConfigurations"] = json!([{"name": "f", "properties": {
            "privateIPAddress": "127.0.0.1", "privateIPAllocationMethod": "Static"}}]);
        properties["frontendPorts"] = json!([{"name": "p", "properties": {"port": 4711}}]);
        properties["httpListeners"] = json!([{"name": "l", "properties": {"protocol": "Http",
            "frontendIPConfiguration": own("frontendIPConfigurations/f"), "frontendPort": own("frontendPorts/p")}}]);
        body
    };
    let theirs = gateway_in("first", "secret-name");
    management.put(&theirs, &listening(&theirs)).await.expect(201);
    let ours = gateway_in("mine", "gw");
    let refused = mine.put(&ours, &listening(&ours)).await.expect(409).text();
    assert!(refused.contains("outside of your scopes") && !refused.contains("secret-name"), "{refused}");
    let told = management.put(&ours, &listening(&ours)).await.expect(409).text();
    assert!(told.contains("secret-name"), "the administrator is told: {told}");

    // No page ends after a name that the client may not see.
    for list in [all_gateways(), format!("/subscriptions/{SUBSCRIPTION}/resources")] {
        let page = mine.get(&format!("{list}?api-version={API_VERSION}&$top=1")).await.expect(200).json();
        assert_eq!(page["value"], json!([]), "{page}");
        if let Some(next) = page["nextLink"].as_str() {
            let token = next.split("skipToken=").nth(1).unwrap();
            let tampered = next.replace(token, "WyJmaXJzdCIsImd3Il0");
            mine.send("GET", &tampered, &[], "").await.expect(400);
            mine.send("GET", next, &[], "").await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_client_finds_its_subscription_before_there_is_anything_in_it() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    management.apply_gateway(&GatewayDocument::empty("gateway")).await;
    let own = "00000000-0000-0000-0000-00000000000a";
    let scope = format!("/subscriptions/{own}/resourceGroups/g");
    let client = create(&tidegate, &["ci", "--role", "contributor", "--scope", &scope]).await;
    let client = client.login(&management).await;
    let list = client.get("/subscriptions").await.expect(200).json();
    assert_eq!(list["value"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["value"][0]["subscriptionId"], own);
    client.get(&format!("/subscriptions/{own}")).await.expect(200);
    client.get(&format!("/subscriptions/{SUBSCRIPTION}")).await.expect(403);
}

#[tokio::test]
async fn without_authentication_everybody_is_the_administrator() {
    let tidegate = tidegate().flag("--no-auth").start().await;
    let credentials = create(&tidegate, &["ci", "--role", "reader", "--scope", &group("g")]).await;
    let client = credentials.login(&tidegate.management()).await;
    client.get("/audit").await.expect(200);
}
