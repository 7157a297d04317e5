//! Authorization as a table.

use super::*;

const GATEWAYS: &str = "providers/microsoft.network/applicationgateways";

fn client(role: Role, scopes: &[&str]) -> Client {
    let scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    Client { app_id: Uuid::from_u128(1), role, scopes }
}

fn decide(client: &Client, method: &str, path: &str) -> Verdict {
    let path: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    client.decide(Verb::of(method), &path)
}

fn about(id: &str) -> Verdict {
    Verdict::AboutOperation(id.to_owned())
}

#[test]
fn what_may_be_done_where() {
    use Role::{Contributor, Reader};
    use Verdict::{Allowed, Denied, Sieved};
    let group = "/subscriptions/s/resourcegroups/g";
    let gateway = format!("{group}/{GATEWAYS}/gw");
    let (all, in_group, in_gateway): (&[&str], &[&str], &[&str]) =
        (&["/"], &["/subscriptions/s/resourceGroups/G"], &[&gateway]);
    let subscription: &[&str] = &["/subscriptions/s"];
    let operation = "/subscriptions/s/providers/microsoft.network/locations/local/operations/i";
    let result = "/subscriptions/s/providers/microsoft.network/locations/local/operationresults/i";
    let available =
        "/subscriptions/s/providers/microsoft.network/applicationgatewayavailablessloptions/default";
    let cases = [
        // All scopes, by role.
        (Reader, all, "GET", gateway.clone(), Allowed),
        (Reader, all, "HEAD", group.to_owned(), Allowed),
        (Reader, all, "PUT", gateway.clone(), Denied),
        (Reader, all, "PATCH", gateway.clone(), Denied),
        (Reader, all, "DELETE", gateway.clone(), Denied),
        (Reader, all, "PROPFIND", gateway.clone(), Denied),
        (Reader, all, "POST", format!("{gateway}/backendhealth"), Allowed),
        (Reader, all, "POST", format!("{gateway}/getbackendhealthondemand"), Denied),
        (Reader, all, "POST", format!("{gateway}/stop"), Denied),
        (Contributor, all, "PUT", gateway.clone(), Allowed),
        (Contributor, all, "POST", format!("{gateway}/stop"), Allowed),
        (Contributor, all, "DELETE", group.to_owned(), Allowed),
        // Reserved for the administrator.
        (Reader, all, "GET", "/workers".to_owned(), Allowed),
        (Reader, all, "GET", "/audit".to_owned(), Allowed),
        (Contributor, all, "DELETE", "/workers/w".to_owned(), Denied),
        (Contributor, subscription, "GET", "/workers".to_owned(), Denied),
        (Contributor, subscription, "GET", "/audit".to_owned(), Denied),
        // A group, and resources beside it.
        (Contributor, in_group, "PUT", gateway.clone(), Allowed),
        (Contributor, in_group, "PUT", gateway.replace("/g/", "/G/"), Allowed),
        (Contributor, in_group, "PUT", gateway.replace("/g/", "/g2/"), Denied),
        (Contributor, in_group, "PUT", gateway.replace("/s/", "/s2/"), Denied),
        (Contributor, in_group, "GET", gateway.replace("/g/", "/g2/"), Denied),
        (Contributor, in_group, "GET", gateway.replace("/g/", "/g%2Fx/"), Denied),
        (Contributor, in_group, "PUT", group.to_owned(), Allowed),
        (
            Contributor,
            in_group,
            "PUT",
            format!("{group}/providers/microsoft.resources/deployments/d"),
            Allowed,
        ),
        (Reader, in_group, "POST", format!("{gateway}/backendhealth"), Allowed),
        (Reader, in_group, "POST", format!("{gateway}/backendhealth").replace("/g/", "/g2/"), Denied),
        (Reader, in_group, "DELETE", format!("{gateway}/probes/backendhealth"), Denied),
        // The parents of the group.
        (Reader, in_group, "GET", "/subscriptions".to_owned(), Sieved),
        (Reader, in_group, "GET", "/subscriptions/s".to_owned(), Allowed),
        (Reader, in_group, "GET", "/subscriptions/s2".to_owned(), Denied),
        (Contributor, in_group, "PUT", "/subscriptions/s".to_owned(), Denied),
        (Reader, in_group, "GET", "/subscriptions/s/locations".to_owned(), Allowed),
        (Reader, in_group, "GET", "/subscriptions/s/resourcegroups".to_owned(), Sieved),
        (Reader, in_group, "GET", "/subscriptions/s2/resourcegroups".to_owned(), Denied),
        (Reader, in_group, "GET", "/subscriptions/s/resourcegroups/g2".to_owned(), Denied),
        (Reader, in_group, "GET", "/subscriptions/s/resources".to_owned(), Sieved),
        (Reader, in_group, "GET", format!("/subscriptions/s/{GATEWAYS}"), Sieved),
        (Reader, in_group, "GET", format!("{group}/{GATEWAYS}"), Allowed),
        (Reader, in_group, "GET", format!("{group}2/{GATEWAYS}"), Denied),
        (Reader, in_group, "GET", "/tenants".to_owned(), Allowed),
        (Reader, in_group, "GET", "/subscriptions/s/providers/microsoft.network".to_owned(), Allowed),
        (
            Contributor,
            in_group,
            "POST",
            "/subscriptions/s/providers/microsoft.network/register".to_owned(),
            Denied,
        ),
        (Reader, in_group, "GET", available.to_owned(), Allowed),
        (Reader, in_group, "GET", available.replace("/s/", "/s2/"), Denied),
        (Reader, in_group, "GET", operation.to_owned(), about("i")),
        (Reader, in_group, "GET", result.to_owned(), about("i")),
        (Reader, in_group, "GET", operation.replace("/s/", "/s2/"), Denied),
        (Reader, in_group, "GET", "/subscriptions/s/operationresults/i".to_owned(), about("i")),
        (Reader, subscription, "GET", operation.to_owned(), Allowed),
        (Reader, in_group, "GET", "/nothing".to_owned(), Denied),
        // A single resource.
        (Contributor, in_gateway, "PUT", gateway.clone(), Allowed),
        (Contributor, in_gateway, "PUT", format!("{gateway}/probes/p"), Allowed),
        (Contributor, in_gateway, "PUT", format!("{gateway}2"), Denied),
        (Contributor, in_gateway, "DELETE", group.to_owned(), Denied),
        (Reader, in_gateway, "GET", group.to_owned(), Allowed),
        (Reader, in_gateway, "GET", format!("{group}/{GATEWAYS}"), Sieved),
        (Reader, in_gateway, "GET", format!("{group}/resources"), Sieved),
        (Reader, in_gateway, "GET", format!("{gateway}2"), Denied),
    ];
    for (role, scopes, method, path, expected) in cases {
        assert_eq!(
            decide(&client(role, scopes), method, &path),
            expected,
            "{role} of {scopes:?}: {method} {path}"
        );
    }
}

#[test]
fn a_deployment_takes_the_whole_group() {
    for (subscription, group) in [("s", "g"), ("s", "deployments"), ("deployments", "g")] {
        let group = format!("/subscriptions/{subscription}/resourcegroups/{group}");
        let deployment = format!("{group}/providers/microsoft.resources/deployments/d");
        let only_it = client(Role::Contributor, &[&deployment]);
        assert_eq!(decide(&only_it, "PUT", &deployment), Verdict::Denied, "{deployment}");
        assert_eq!(decide(&only_it, "POST", &format!("{deployment}/validate")), Verdict::Denied);
        assert_eq!(decide(&only_it, "GET", &deployment), Verdict::Allowed);
    }
}

#[test]
fn a_deployment_to_a_subscription_takes_all_of_it() {
    let deployment = "/subscriptions/s/providers/microsoft.resources/deployments/d";
    let of_group = client(Role::Contributor, &["/subscriptions/s/resourceGroups/g"]);
    let of_subscription = client(Role::Contributor, &["/subscriptions/s"]);
    for (method, path) in [("PUT", deployment.to_owned()), ("POST", format!("{deployment}/whatif"))] {
        assert_eq!(decide(&of_group, method, &path), Verdict::Denied, "{method} {path}");
        assert_eq!(decide(&of_subscription, method, &path), Verdict::Allowed, "{method} {path}");
    }
    assert_eq!(decide(&of_group, "GET", deployment), Verdict::Denied);
}

#[test]
fn a_client_without_a_scope_may_do_nothing() {
    for (method, path) in [("GET", "/workers"), ("GET", "/audit"), ("GET", "/subscriptions/s")] {
        assert_eq!(decide(&client(Role::Contributor, &[]), method, path), Verdict::Denied);
    }
}

#[test]
fn lists_show_the_way_and_what_is_at_its_end() {
    let reader = client(Role::Reader, &["/subscriptions/s/resourceGroups/g"]);
    for (id, seen) in [
        ("/subscriptions/S", true),
        ("/subscriptions/s2", false),
        ("/subscriptions/s/resourceGroups/G", true),
        ("/subscriptions/s/resourceGroups/g2", false),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/gw", true),
        ("/subscriptions/s/resourceGroups/g2/providers/Microsoft.Network/applicationGateways/gw", false),
        ("", false),
        // Text that another parser could read as an ID within the scope.
        ("//subscriptions/s/resourceGroups/g", false),
        ("/subscriptions/s//resourceGroups/g", false),
        ("/subscriptions/s/resourceGroups/g/", false),
    ] {
        assert_eq!(reader.sees(id), seen, "{id}");
        assert!(client(Role::Reader, &["/"]).sees(id), "{id}");
    }
}

#[test]
fn a_write_names_what_is_within_the_scopes_or_in_its_own_group() {
    let id = |group: &str, name: &str| {
        format!(
            "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/{name}"
        )
    };
    let of_group = client(Role::Contributor, &["/subscriptions/s/resourceGroups/g"]);
    let of_one = client(Role::Contributor, &[&id("g", "a")]);
    for (client, written, named, allowed) in [
        (&of_group, id("g", "a"), id("G", "b"), true),
        (&of_group, id("g", "a"), id("h", "b"), false),
        (&of_one, id("g", "a"), id("g", "b"), true),
        (&of_one, id("g", "a"), id("h", "b"), false),
        (&of_one, id("g", "a"), "/subscriptions/s".to_owned(), false),
        (&of_one, id("g", "a"), format!("/{}", id("g", "b")), false),
    ] {
        assert_eq!(client.may_name(&written, &named), allowed, "{written} {named}");
    }
}
