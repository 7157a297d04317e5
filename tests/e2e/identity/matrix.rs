//! Every role with every kind of scope on every described route: which requests are allowed, and which names
//! responses contain.
//!
//! The expectations repeat the rules of `docs/operations.md` independently of the code, so that a new route that violates
//! them fails.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tidegate_harness::{Answer, GatewayDocument, Management, SUBSCRIPTION, version_of};

use super::{create, gateway_in, group};
use crate::tidegate;

/// The prefix of all names outside the narrow scopes, and of no others.
const SEALED: &str = "sealed-";
const THEIRS: &str = "sealed-group";
const OURS: &str = "ours";

/// The scope of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everything,
    Subscription,
    Group,
    Gateway,
}

impl Reach {
    fn scope(self) -> String {
        match self {
            Reach::Everything => "/".to_owned(),
            Reach::Subscription => format!("/subscriptions/{SUBSCRIPTION}"),
            Reach::Group => group(OURS),
            Reach::Gateway => gateway_in(OURS, "gateway"),
        }
    }

    fn is_narrow(self) -> bool {
        matches!(self, Reach::Group | Reach::Gateway)
    }
}

/// One request: a described path with the names of one of the two groups.
#[derive(Debug)]
struct Request {
    method: String,
    template: String,
    path: String,
    is_theirs: bool,
}

impl Request {
    fn new(method: &str, template: &str, is_theirs: bool) -> Request {
        let name = |kind: &str| if is_theirs { format!("{SEALED}{kind}") } else { kind.to_owned() };
        let segments = template.split('/').map(|segment| match segment {
            "{subscriptionId}" => SUBSCRIPTION.to_owned(),
            "{resourceGroupName}" => (if is_theirs { THEIRS } else { OURS }).to_owned(),
            "{applicationGatewayName}" => name("gateway"),
            "{virtualNetworkName}" => name("network"),
            "{publicIpAddressName}" => name("address"),
            "{resourceProviderNamespace}" => "Microsoft.Network".to_owned(),
            "{operationId}" | "{workerId}" => "00000000-0000-0000-0000-000000000001".to_owned(),
            parameter if parameter.starts_with('{') => "x".to_owned(),
            fixed => fixed.to_owned(),
        });
        let path = segments.collect::<Vec<_>>().join("/");
        Request { method: method.to_uppercase(), template: template.to_owned(), path, is_theirs }
    }

    /// Returns true if `docs/operations.md` allows such a client this request.
    fn is_allowed(&self, contributor: bool, reach: Reach) -> bool {
        let reads = matches!(self.method.as_str(), "GET" | "HEAD");
        let by_role = reads || contributor || self.template.ends_with("/backendhealth");
        let in_group = self.template.split_once("/{resourceGroupName}").map(|(_, rest)| rest);
        match (self.template.as_str(), in_group) {
            ("/workers/{workerId}", _) => false,
            (template, _) if template.contains("/workers/") && !reads => false,
            (
                "/tenants" | "/subscriptions" | "/not-enforced" | "/providers/Tidegate.Network/operations",
                _,
            ) => reads,
            (template, None) if !template.starts_with("/subscriptions/") => {
                by_role && reach == Reach::Everything
            }
            // A deployment to the subscription is no way down to anything.
            (template, None) if template.contains("/Microsoft.Resources/deployments/") => {
                by_role && !reach.is_narrow()
            }
            // Above its scope, a client may read the way down to it.
            (_, None) => by_role && (!reach.is_narrow() || reads),
            (_, Some(_)) if self.is_theirs => by_role && !reach.is_narrow(),
            (_, Some(rest)) if reach == Reach::Gateway => {
                let is_list = rest.starts_with("/providers/") && rest.split('/').count() == 4;
                let is_way = rest.is_empty() || rest == "/resources" || is_list;
                let is_own = rest
                    .starts_with("/providers/Microsoft.Network/applicationGateways/{applicationGatewayName}");
                by_role && is_own || reads && is_way
            }
            (_, Some(_)) => by_role,
        }
    }
}

/// Returns every described request that needs a token, in both groups; those that delete come last.
async fn requests(management: &Management) -> Vec<Request> {
    let description: Value = management.send("GET", "/openapi.json", &[], "").await.expect(200).json();
    let mut requests = Vec::new();
    for (template, methods) in description["paths"].as_object().expect("the description is an object") {
        for (method, operation) in methods.as_object().expect("the description is an object") {
            // A stream of events has no end; `api::events` shows who may follow which.
            if template.ends_with("/events")
                || operation.get("responses").is_none()
                || operation.get("security").is_some()
            {
                continue;
            }
            requests.push(Request::new(method, template, false));
            if template.contains("{resourceGroupName}") {
                requests.push(Request::new(method, template, true));
            }
        }
    }
    let rank = |request: &Request| {
        ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"].iter().position(|m| *m == request.method)
    };
    // A group is deleted after its contents.
    requests.sort_by_key(|request| (rank(request), std::cmp::Reverse(request.path.len())));
    requests
}

/// Returns the names in a text that lie outside the narrow scopes.
fn sealed_names(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let found =
        text.match_indices(SEALED).map(|(at, _)| text[at..].chars().take_while(|c| is_of_name(*c)).collect());
    found.collect()
}

/// Returns the names outside the narrow scopes that a response contains and its request does not.
fn told(request: &Request, answer: &Answer) -> Vec<String> {
    let mut text = answer.text().to_owned();
    if let Some(token) = text.split("skipToken=").nth(1) {
        let token = token.split(['"', '&']).next().unwrap_or_default();
        text =
            format!("{text} {}", String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(token).unwrap_or_default()));
    }
    sealed_names(&text).difference(&sealed_names(&request.path)).map(String::to_owned).collect()
}

/// Sends a request, and follows a list for a few pages. Returns true if a response contained a name outside the
/// narrow scopes that the request did not contain.
async fn make(client: &Management, request: &Request, who: &str, contributor: bool, reach: Reach) -> bool {
    let mut has_told = false;
    let body = if matches!(request.method.as_str(), "GET" | "HEAD" | "DELETE") { "" } else { "{}" };
    let list = if request.method == "GET" { "&$top=1" } else { "" };
    let mut path = format!("{}?api-version={}{list}", request.path, version_of(&request.path));
    for _ in 0..4 {
        let answer = client.send(&request.method, &path, &[], body).await;
        let allowed = request.is_allowed(contributor, reach);
        let about = format!("{who}: {} {path}: {} {}", request.method, answer.status, answer.text());
        assert_eq!(answer.status != 403, allowed, "{about}");
        assert_ne!(answer.status, 401, "{about}");
        assert!(answer.status < 500, "{about}");
        let told = told(request, &answer);
        assert!(told.is_empty() || !reach.is_narrow(), "{about}: names {told:?}");
        has_told |= !told.is_empty();
        let next = (answer.status == 200 && request.method == "GET").then(|| answer.text().to_owned());
        let next = next.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        match next.as_ref().and_then(|page| page["nextLink"].as_str()) {
            Some(next) => next.clone_into(&mut path),
            None => return has_told,
        }
    }
    has_told
}

#[tokio::test]
async fn each_role_within_each_scope_gets_what_is_its_own_on_each_route() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for (name, prefix) in [(OURS, ""), (THEIRS, SEALED)] {
        management
            .apply(&gateway_in(name, &format!("{prefix}gateway")), GatewayDocument::empty("gateway").body())
            .await;
        let network = |kind: &str, name_of: &str| {
            format!("{}/providers/Microsoft.Network/{kind}/{prefix}{name_of}", group(name))
        };
        let body =
            json!({"location": "here", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}});
        management.put(&network("virtualNetworks", "network"), &body).await.expect(201);
        management
            .put(&network("publicIPAddresses", "address"), &json!({"location": "here"}))
            .await
            .expect(201);
    }
    let requests = requests(&management).await;
    assert!(requests.len() > 200, "{}", requests.len());
    // The clients that can delete most come last.
    for (role, contributor) in [("reader", false), ("contributor", true)] {
        for reach in [Reach::Gateway, Reach::Group, Reach::Subscription, Reach::Everything] {
            let who = format!("{role} of {reach:?}");
            let name = format!("{role}-{reach:?}").to_lowercase();
            let client = create(&tidegate, &[&name, "--role", role, "--scope", &reach.scope()]).await;
            let client = client.login(&management).await;
            let mut has_told = false;
            for request in &requests {
                has_told |= make(&client, request, &who, contributor, reach).await;
            }
            // A client that may read everything gets the names, until a contributor has deleted their resources.
            assert!(has_told || reach.is_narrow() || contributor, "{who} was told nothing");
        }
    }
}
