//! The published API description matches the routes that are served. (The harness checks every response in every
//! test against it.)

use serde_json::Value;
use tidegate_harness::HttpClient;

use crate::tidegate;

/// Returns the path with an example for each parameter.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{operationId}" | "{workerId}" => "00000000-0000-0000-0000-000000000001",
        parameter if parameter.starts_with('{') => "x",
        fixed => fixed,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_description_is_served_to_everybody_and_is_the_committed_one() {
    let tidegate = tidegate().start().await;
    let served =
        tidegate.management().with_token(None).send("GET", "/openapi.json", &[], "").await.expect(200);
    assert_eq!(served.text(), include_str!("../../../openapi/tidegate.json"));
}

#[tokio::test]
async fn whatever_is_described_is_served_and_no_other_method_is() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let description: Value = management.send("GET", "/openapi.json", &[], "").await.expect(200).json();
    // One connection for all requests: none goes further than the router.
    let mut client = HttpClient::connect(management.address(), "management.test").await;
    let token = format!("Bearer {}", tidegate.admin_token());
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "TRACE", "OPTIONS"] {
            let headers = [("authorization", token.as_str())];
            let answer = client.send(method, &example(path), &headers, "").await;
            let described = methods.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, described, "{method} {path}: {}", answer.text());
            if answer.status == 404 {
                assert_ne!(
                    answer.error_code(),
                    "NotFound",
                    "{method} {path} leads nowhere: {}",
                    answer.text()
                );
            }
        }
    }
}
