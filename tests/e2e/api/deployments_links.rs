//! Linked templates and parameters: fetched before anything is written, once, and under limits.

use serde_json::{Value, json};
use tidegate_harness::{FileServer, TidegateBuilder, Worker, wait_for};

use super::deployments::{deploy, deployment, error_of, is_there, network, request, template};
use super::deployments_nested::stuck;

/// A control plane that may fetch from the servers of these tests, which are on loopback.
fn tidegate() -> TidegateBuilder {
    crate::tidegate().control_plane_alone().option("--fetch-deny", "none")
}

fn address(name: &str) -> Value {
    json!({
        "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2023-09-01", "name": name, "location": "local",
        "properties": {"publicIPAllocationMethod": "Static"},
    })
}

/// A template that links to others, with the usual default of the location of its files.
fn main() -> Value {
    let linked = |name: &str, link: Value, parameters: Value| {
        json!({
            "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": name,
            "properties": {"mode": "Incremental", "templateLink": link, "parameters": parameters},
        })
    };
    let uri = "[uri(parameters('_artifactsLocation'), 'nested/one.json')]";
    let mut main = template(&json!([
        linked(
            "absolute",
            json!({"uri": uri, "contentVersion": "1.0.0.0"}),
            json!({"name": {"value": "one"}})
        ),
        linked("relative", json!({"relativePath": "nested/one.json"}), json!({"name": {"value": "two"}})),
    ]));
    main["parameters"] = json!({
        "_artifactsLocation": {"type": "string", "defaultValue": "[deployment().properties.templateLink.uri]"},
        "tag": {"type": "string"},
    });
    main["outputs"] = json!({
        "tag": {"type": "string", "value": "[parameters('tag')]"},
        "deep": {"type": "string", "value": "[reference('relative').outputs.deep.value]"},
    });
    main
}

/// The template that the other one links to. It links to one beside it.
fn one() -> Value {
    let mut one = template(&json!([
        address("[parameters('name')]"),
        {
            "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01",
            "name": "[concat('deep-', parameters('name'))]",
            "properties": {"mode": "Incremental", "templateLink": {"relativePath": "../deep.json"}},
        },
    ]));
    one["parameters"] = json!({"name": {"type": "string"}});
    one["outputs"] = json!({"deep": {
        "type": "string",
        "value": "[reference(concat('deep-', parameters('name'))).outputs.where.value]",
    }});
    one
}

async fn files() -> FileServer {
    let mut deep = template(&json!([]));
    deep["outputs"] =
        json!({"where": {"type": "string", "value": "[deployment().properties.templateLink.uri]"}});
    let parameters =
        json!({"$schema": "x", "contentVersion": "1.0.0.0", "parameters": {"tag": {"value": "t"}}});
    FileServer::start(&[
        ("/a/main.json", format!("\u{feff}{} // as people write it", main())),
        ("/a/nested/one.json", one().to_string()),
        ("/a/deep.json", deep.to_string()),
        ("/a/main.parameters.json", parameters.to_string()),
        ("/a/text.json", "not a template".to_owned()),
        ("/a/large.json", format!("{{\"a\": \"{}\"}}", "x".repeat(1024 * 1024))),
    ])
    .await
}

fn linked(files: &FileServer, path: &str) -> Value {
    json!({"properties": {
        "mode": "Incremental",
        "templateLink": {"uri": files.url(path), "queryString": "sig=secret-signature"},
        "parametersLink": {"uri": files.url("/a/main.parameters.json")},
    }})
}

#[tokio::test]
async fn linked_templates_are_fetched_once_and_deployed() {
    let (tidegate, files) = (tidegate().start().await, files().await);
    let management = tidegate.management();
    let shown = deploy(&management, "main", &linked(&files, "/a/main.json")).await;
    let properties = &shown["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(properties["outputs"]["tag"]["value"], "t");
    assert_eq!(properties["outputs"]["deep"]["value"], files.url("/a/deep.json"));
    let link = json!({"uri": files.url("/a/main.json"), "contentVersion": "1.0.0.0"});
    assert_eq!(properties["templateLink"], link);
    assert!(properties["templateHash"].as_str().unwrap().parse::<u128>().is_ok());
    for name in ["one", "two"] {
        assert!(is_there(&management, &network(&format!("publicIPAddresses/{name}"))).await, "{name}");
    }
    let nested = management.get(&deployment("relative")).await.expect(200).json();
    assert_eq!(nested["properties"]["templateLink"]["uri"], files.url("/a/nested/one.json"));
    // The signature goes with relative links, and is not shown.
    let mut targets = files.targets();
    targets.sort();
    let signed = |path: &str| format!("{path}?sig=secret-signature");
    let expected = [
        "/a/deep.json".to_owned(),
        signed("/a/deep.json"),
        signed("/a/main.json"),
        "/a/main.parameters.json".to_owned(),
        "/a/nested/one.json".to_owned(),
        signed("/a/nested/one.json"),
    ];
    assert_eq!(targets, expected);
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200).text();
    assert!(!listed.contains("secret-signature") && !tidegate.output().contains("secret-signature"));
}

#[tokio::test]
async fn what_cannot_be_fetched_or_used_is_said_before_anything_is_written() {
    let (tidegate, files) = (tidegate().start().await, files().await);
    let management = tidegate.management();
    let link = |link: Value| json!({"properties": {"mode": "Incremental", "templateLink": link}});
    let mut both = linked(&files, "/a/main.json");
    both["properties"]["parameters"] = json!({"tag": {"value": "t"}});
    for (body, message) in [
        (link(json!({"uri": files.url("/a/none.json")})), "its server answered 404"),
        (link(json!({"uri": files.url("/a/text.json?sig=s")})), "it is not JSON"),
        (link(json!({"uri": files.url("/a/large.json")})), "fewer than 1048576 bytes"),
        (
            link(json!({"uri": files.url("/a/deep.json"), "contentVersion": "2.0.0.0"})),
            "contentVersion '1.0.0.0'",
        ),
        (link(json!({"relativePath": "a.json"})), "was not linked"),
        (link(json!({"id": "/subscriptions/s/…"})), "Template specs"),
        (link(json!({"uri": "http://127.0.0.1:1/a.json"})), "no complete HTTP response"),
        (both, "parameters or a parametersLink"),
    ] {
        let answer = management.put(&deployment("main"), &body).await.expect(400);
        let detail = &error_of(&answer)["details"][0];
        assert_eq!(detail["code"], "InvalidContentLink", "{detail}");
        assert!(detail["message"].as_str().unwrap().contains(message), "{message}: {detail}");
        assert!(!answer.text().contains("sig=s"), "{}", answer.text());
    }
    management.get(&deployment("main")).await.expect(404);

    let denying = crate::tidegate().control_plane_alone().start().await;
    let answer =
        denying.management().put(&deployment("main"), &linked(&files, "/a/main.json")).await.expect(400);
    assert!(answer.text().contains("--fetch-deny"), "{}", answer.text());
}

#[tokio::test]
async fn a_second_run_finds_the_templates_of_the_first() {
    let stuck = stuck();
    let files = FileServer::start(&[("/main.json", stuck.to_string())]).await;
    let mut tidegate = tidegate().start().await;
    let management = tidegate.management();
    let body =
        json!({"properties": {"mode": "Incremental", "templateLink": {"uri": files.url("/main.json")}}});
    let begun = management.put(&deployment("main"), &body).await.expect(201);
    let id = network("applicationGateways/gateway");
    wait_for("the gateway to be written", async || is_there(&management, &id).await.then_some(())).await;
    assert_eq!(files.targets().len(), 1);
    drop(files);
    tidegate.kill();
    tidegate.start_again().await;
    let _worker = Worker::start(&tidegate, "late", Some(&tidegate.worker_token().await));
    assert_eq!(tidegate.management().operation(&begun).await.status, "Succeeded");
}

#[tokio::test]
async fn a_template_in_the_request_needs_no_place() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut inline = main();
    inline["resources"] = json!([address("[last(split(parameters('_artifactsLocation'), '/'))]")]);
    inline["outputs"] = json!({});
    let given = json!({"tag": {"value": "t"}, "_artifactsLocation": {"value": "https://h.test/there"}});
    let shown = deploy(&management, "main", &request(&inline, &given)).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let without =
        management.put(&deployment("main"), &request(&inline, &json!({"tag": {"value": "t"}}))).await;
    assert!(without.expect(400).text().contains("_artifactsLocation"));
}

#[tokio::test]
async fn links_that_fail_count_towards_the_limit_of_a_deployment() {
    let (tidegate, files) = (tidegate().start().await, FileServer::start(&[]).await);
    let management = tidegate.management();
    // Each URL is only guessed, because it depends on a resource that is not deployed yet.
    let uri = format!(
        "[concat('{}', copyIndex(), '.json?', reference('address').publicIPAllocationMethod)]",
        files.url("/")
    );
    let nested = json!({
        "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "[concat('n', copyIndex())]",
        "copy": {"name": "loop", "count": 700},
        "properties": {"mode": "Incremental", "templateLink": {"uri": uri}},
    });
    let body = request(&template(&json!([address("address"), nested])), &json!({}));
    let answer = management.put(&deployment("main"), &body).await.expect(400);
    let message = error_of(&answer)["details"][0]["message"].to_string();
    assert!(message.contains("at most 100 contents"), "{}", answer.text());
    assert_eq!(files.targets().len(), 100);
    assert!(files.targets().iter().all(|target| target.ends_with("?Static")), "{:?}", files.targets());
}
