//! Lists page by page, and the URLs in answers.

use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use tidegate_control_plane::Config;

use crate::{Running, gateway_path};

const SLOW: Duration = Duration::from_secs(60);

#[tokio::test]
async fn next_links_lead_through_a_whole_list() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    for name in ["c", "A", "b", "e", "d"] {
        let put = client.call("PUT", &gateway_path(name), &json!({"location": "here"})).await;
        assert_eq!(put.status, 201, "{put:?}");
    }
    let provider = "/providers/Microsoft.Network/applicationGateways";
    for list in [
        format!("/subscriptions/aaaaaaaa-0000-0000-0000-00000000000a{provider}"),
        format!("/subscriptions/aaaaaaaa-0000-0000-0000-00000000000a/resourceGroups/group{provider}"),
    ] {
        let (mut names, mut pages) = (Vec::new(), 0);
        let mut next = format!("http://gateway.example:9080{list}?api-version=2024-05-01&$top=2");
        loop {
            let page = client.follow(&next).await;
            assert_eq!(page.status, 200, "{page:?}");
            let value = page.body["value"].as_array().unwrap();
            names.extend(value.iter().map(|gateway| gateway["name"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(link) = page.body.get("nextLink") else { break };
            link.as_str().unwrap().clone_into(&mut next);
            assert!(next.contains(&list) && next.contains("api-version=2024-05-01"), "{next}");
        }
        assert_eq!((names.join(" "), pages), ("A b c d e".to_owned(), 3), "{list}");
        let whole = client.get(&list).await;
        assert_eq!(whole.body["value"].as_array().unwrap().len(), 5);
        assert!(whole.body.get("nextLink").is_none(), "{whole:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn urls_begin_as_a_trusted_proxy_says_and_nobody_else() {
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-host", "api.example")];
    for (proxies, begins) in [
        (vec!["127.0.0.0/8"], "https://api.example/"),
        (vec![], "http://inner:1/"),
        (vec!["10.0.0.0/8"], "http://inner:1/"),
    ] {
        let trusted_proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        let dir = tempfile::tempdir().unwrap();
        let running = Running::start_configured(dir, |config| Config { trusted_proxies, ..config }).await;
        let token = std::fs::read_to_string(running.dir.path().join("admin-token")).unwrap();
        let mut request = Request::builder()
            .method("PUT")
            .uri(format!("{}?api-version=2024-05-01", gateway_path("gw")))
            .header("host", "inner:1")
            .header("authorization", format!("Bearer {token}"));
        for (name, value) in forwarded {
            request = request.header(name, value);
        }
        let body = json!({"location": "here"}).to_string();
        let put = running.client().send(request.body(Full::from(body)).unwrap()).await;
        let url = put.header("azure-asyncoperation");
        assert!(url.starts_with(begins), "{proxies:?}: {url}");
        running.stop().await;
    }
}
