//! Routing by host and by path, and the path that the backend receives.

mod canonical;
mod redirects;
pub(crate) mod rewrites;

use serde_json::json;
use tidegate_harness::{Backend, Gateway, HTTP_PORT, HttpClient};

use crate::tidegate;

#[tokio::test]
async fn the_first_path_rule_that_matches_decides_and_the_default_takes_the_rest() {
    let (usual, images, large) = (Backend::start().await, Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[usual.ip()], |document| {
        let document = document.pool("images", &[images.ip()]).pool("large", &[large.ip()]);
        let rule = |name, paths, pool| document.path_rule(name, paths, pool, &json!({}));
        let rules = [
            rule("exact", &["/images/large/only"][..], "large"),
            rule("images", &["/images/*", "/pictures"], "images"),
            rule("never", &["/images/large/*"], "large"),
            rule("decoded", &["/abc%2Fdef"], "large"),
        ];
        document.clone().by_path(&json!({"pathRules": rules}))
    })
    .await;
    for (path, backend) in [
        ("/images/1", &images),
        ("/IMAGES/2?x=/pictures", &images),
        ("/imag%65s/3", &images),
        ("/images/large/4", &images),
        ("/images/large/ONLY", &large),
        ("/pictures", &images),
        ("/pictures/5", &usual),
        ("/images", &usual),
        ("/abc/def", &large),
        ("/abc%2fdef", &large),
        ("/?/images/6", &usual),
    ] {
        gateway.get(path).await.expect(200);
        backend.request(path).await;
    }
    let line = gateway.access_log().line_with(&["\"/pictures\""]).await;
    assert_eq!(
        (&line["ruleName"], &line["properties"]["pathRule"], &line["backendPoolName"]),
        (&json!("rule"), &json!("images"), &json!("images"))
    );
    let socket = gateway.websocket("/images/socket").await;
    images.request("/images/socket").await;
    drop(socket);
}

#[tokio::test]
async fn a_path_override_stands_in_the_place_of_what_the_rule_matched() {
    let (usual, other) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[usual.ip()], |document| {
        let document = document
            .pool("other", &[other.ip()])
            .settings("settings", &json!({"path": "/override/"}))
            .settings("without", &json!({}));
        let without = document.reference("backendHttpSettingsCollection", "without");
        let rule = |name, path, more| document.path_rule(name, &[path], "other", &more);
        let rules = [
            rule("home", "/pathrule/home*", json!({})),
            rule("rule", "/pathrule*", json!({})),
            rule("exact", "/exact/", json!({})),
            rule("kept", "/kept/*", json!({"backendHttpSettings": without})),
        ];
        document.clone().by_path(&json!({"pathRules": rules}))
    })
    .await;
    for (path, backend, seen) in [
        ("/home/secondhome/?q=1", &usual, "/override/home/secondhome/?q=1"),
        ("/PathRule/a/b", &other, "/override/a/b"),
        ("/pathrule/home/secondhome/", &other, "/override/secondhome/"),
        ("/exact/", &other, "/override/"),
        ("/pathrule/x%2Fy", &other, "/override/x%2Fy"),
        ("/kept/as/it/is", &other, "/kept/as/it/is"),
    ] {
        gateway.get(path).await.expect(200);
        backend.request(seen).await;
    }
}

#[tokio::test]
async fn the_smallest_priority_decides_among_hosts_that_overlap() {
    let (wild, exact, any) = (Backend::start().await, Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[any.ip()], |document| {
        let mut document = document
            .pool("wild", &[wild.ip()])
            .pool("exact", &[exact.ip()])
            .listener("wild", "http", &json!({"protocol": "Http", "hostNames": ["*.shop.test", "w?w.test"]}))
            .listener("exact", "http", &json!({"protocol": "Http", "hostName": "a.shop.test"}))
            .rule("wild", "wild", "wild", "settings")
            .rule("exact", "exact", "exact", "settings");
        let rules = document.body_mut()["properties"]["requestRoutingRules"].as_array_mut().unwrap();
        for (rule, priority) in rules.iter_mut().zip([30, 20, 10]) {
            rule["properties"]["priority"] = json!(priority);
        }
        document
    })
    .await;
    for (host, path, backend) in [
        ("a.shop.test", "/1", &exact),
        ("A.Shop.Test:20080", "/2", &exact),
        ("b.shop.test", "/3", &wild),
        ("b.c.shop.test", "/4", &wild),
        ("wow.test", "/5", &wild),
        ("woow.test", "/6", &any),
        ("shop.test", "/7", &any),
    ] {
        HttpClient::connect(gateway.http(), host).await.get(path).await.expect(200);
        backend.request(path).await;
    }
    assert_eq!(gateway.http().port(), HTTP_PORT);
}
