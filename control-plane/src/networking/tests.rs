//! Changes of networks and addresses, with and without gateways that refer to them.

use serde_json::json;
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use super::*;
use crate::arm::network::{FirewallPolicy, NetworkKind, PublicIpAddress, VirtualNetwork};

fn path(kind: NetworkKind) -> NetworkPath {
    NetworkPath { subscription: "S".into(), group: "G".into(), kind, name: "Name".into() }
}

fn decide(
    action: NetworkAction,
    stored: Option<&NetworkResource>,
    users: &[User],
) -> Result<NetworkDecision, NetworkError> {
    let kind = match &action {
        NetworkAction::PutPublicAddress { .. } => NetworkKind::PublicAddress,
        NetworkAction::PutFirewallPolicy(_) => NetworkKind::FirewallPolicy,
        _ => stored.map_or(NetworkKind::VirtualNetwork, |stored| stored.path.kind),
    };
    NetworkEdit { path: path(kind), preconditions: Preconditions::default(), action }
        .decide(&DocumentRules::default(), stored, users)
        .map(|(decision, _)| decision)
}

fn stored(kind: NetworkKind, body: Value) -> NetworkResource {
    let mut violations = Violations::default();
    let body = match kind {
        NetworkKind::VirtualNetwork => VirtualNetwork::read(body, &mut violations),
        NetworkKind::PublicAddress => PublicIpAddress::read(body, &mut violations),
        NetworkKind::FirewallPolicy => FirewallPolicy::read(body, &mut violations),
    };
    assert!(violations.is_empty(), "{violations}");
    NetworkResource { id: Uuid::nil(), path: path(kind), body, etag: Etag::fresh(), allocated: None }
}

fn user(target: String) -> User {
    User { gateway: GatewayId(Uuid::nil()), source: "/gateway/frontend".into(), target }
}

fn network() -> Value {
    json!({"location": "here", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [
            {"name": "One", "properties": {"addressPrefix": "10.0.1.0/24"}},
            {"name": "two", "properties": {"addressPrefix": "10.0.2.0/24"}},
        ],
    }})
}

fn address(properties: &Value) -> Value {
    json!({"location": "here", "sku": {"name": "Standard"}, "properties": properties})
}

fn put_address(mut properties: Value, shown: Option<&str>) -> NetworkAction {
    properties["publicIPAllocationMethod"] = "Static".into();
    NetworkAction::PutPublicAddress { body: address(&properties), shown: shown.map(str::to_owned) }
}

fn names(decision: Result<NetworkDecision, NetworkError>) -> Vec<String> {
    let NetworkDecision::Replace { body, .. } = decision.unwrap() else { panic!("not replaced") };
    let list = body["properties"]["subnets"].as_array().unwrap().clone();
    list.iter().map(|subnet| subnet["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_network_keeps_its_subnets_unless_it_is_told_which() {
    let before = stored(NetworkKind::VirtualNetwork, network());
    let same = decide(NetworkAction::PutVirtualNetwork(network()), Some(&before), &[]);
    assert_eq!(same.unwrap(), NetworkDecision::Keep);

    let mut without = network();
    without["tags"] = json!({"a": "b"});
    without["properties"].as_object_mut().unwrap().remove("subnets");
    let kept = decide(NetworkAction::PutVirtualNetwork(without.clone()), Some(&before), &[]);
    assert_eq!(names(kept), ["One", "two"]);

    without["properties"]["Subnets"] = json!([]);
    let gone = decide(NetworkAction::PutVirtualNetwork(without.clone()), Some(&before), &[]);
    assert_eq!(names(gone), [""; 0]);
    let used = [user(before.path.subnet_id("ONE"))];
    let error = decide(NetworkAction::PutVirtualNetwork(without), Some(&before), &used).unwrap_err();
    assert!(matches!(error, NetworkError::SubnetInUse { subnet, .. } if subnet == "One"));
}

#[test]
fn a_damaged_network_goes_unless_a_gateway_refers_to_it() {
    let sound = stored(NetworkKind::VirtualNetwork, network());
    let damaged = NetworkResource { body: Map::new(), ..sound };
    let used = [user(damaged.path.subnet_id("One"))];
    let error = decide(NetworkAction::Delete, Some(&damaged), &used).unwrap_err();
    assert!(matches!(error, NetworkError::SubnetInUse { subnet, .. } if subnet == "One"));
    assert_eq!(decide(NetworkAction::Delete, Some(&damaged), &[]).unwrap(), NetworkDecision::Delete);
}

#[test]
fn subnets_come_and_go_one_by_one() {
    let before = stored(NetworkKind::VirtualNetwork, network());
    let subnet = |prefix: &str| json!({"properties": {"addressPrefix": prefix}});
    let put = |name: &str, prefix: &str| {
        decide(NetworkAction::PutSubnet(name.into(), subnet(prefix)), Some(&before), &[])
    };
    assert_eq!(names(put("three", "10.0.3.0/24")), ["One", "two", "three"]);
    assert_eq!(names(put("one", "10.0.4.0/24")), ["One", "two"]);
    let NetworkError::Invalid(violations) = put("three", "10.0.1.0/25").unwrap_err() else { panic!() };
    assert_eq!((violations.0[0].code, violations.0[0].target.as_str()), (code::SUBNETS_OVERLAP, "$"));
    let missing = decide(NetworkAction::PutSubnet("a".into(), subnet("10.0.0.0/24")), None, &[]);
    assert!(matches!(missing, Err(NetworkError::NotThere)));

    let delete =
        |name: &str, users: &[User]| decide(NetworkAction::DeleteSubnet(name.into()), Some(&before), users);
    assert_eq!(names(delete("ONE", &[])), ["two"]);
    assert!(matches!(delete("none", &[]), Err(NetworkError::NoSubnet)));
    let used = [user(before.path.subnet_id("one"))];
    assert!(matches!(delete("One", &used), Err(NetworkError::SubnetInUse { .. })));
    assert_eq!(names(delete("two", &used)), ["One"]);
    assert!(matches!(
        decide(NetworkAction::Delete, Some(&before), &used),
        Err(NetworkError::SubnetInUse { .. })
    ));
    // The user refers to a subnet that does not exist.
    let elsewhere = [user(before.path.subnet_id("none"))];
    assert_eq!(decide(NetworkAction::Delete, Some(&before), &elsewhere).unwrap(), NetworkDecision::Delete);
}

#[test]
fn an_address_stays_until_another_one_is_given() {
    let given = stored(
        NetworkKind::PublicAddress,
        address(&json!({"publicIPAllocationMethod": "Static", "ipAddress": "127.0.0.9"})),
    );
    let replaced = |decision: Result<NetworkDecision, NetworkError>| match decision.unwrap() {
        NetworkDecision::Keep => None,
        NetworkDecision::Replace { body, .. } => Some(body["properties"]["ipAddress"].clone()),
        NetworkDecision::Delete => panic!("deleted"),
    };
    assert_eq!(replaced(decide(put_address(json!({}), None), Some(&given), &[])), None);
    let other = put_address(json!({"ipAddress": "127.0.0.10"}), None);
    assert_eq!(replaced(decide(other, Some(&given), &[])), Some(json!("127.0.0.10")));

    let open = stored(NetworkKind::PublicAddress, address(&json!({"publicIPAllocationMethod": "Static"})));
    let shown = json!({"ipAddress": "127.0.0.9"});
    assert_eq!(replaced(decide(put_address(shown.clone(), Some("127.0.0.9")), Some(&open), &[])), None);
    let given_now = decide(put_address(shown, Some("127.0.0.1")), Some(&open), &[]);
    assert_eq!(replaced(given_now), Some(json!("127.0.0.9")));
}

#[test]
fn what_a_gateway_is_bound_to_stays() {
    let open = stored(NetworkKind::PublicAddress, address(&json!({"publicIPAllocationMethod": "Static"})));
    let used = [user(open.path.to_string())];
    let settled = |decision| matches!(decision, Err(NetworkError::AddressSettled { .. }));
    let given = || put_address(json!({"ipAddress": "127.0.0.9"}), None);
    assert!(settled(decide(given(), Some(&open), &used)));
    assert!(settled(decide(given(), None, &used)), "it was referred to before it was stored");
    let labelled = put_address(json!({"idleTimeoutInMinutes": 5}), None);
    assert!(matches!(decide(labelled, Some(&open), &used), Ok(NetworkDecision::Replace { .. })));
    assert!(matches!(decide(put_address(json!({}), None), None, &used), Ok(NetworkDecision::Replace { .. })));
    let two = [used[0].clone(), User { gateway: GatewayId(Uuid::max()), ..used[0].clone() }];
    assert!(settled(decide(put_address(json!({}), None), None, &two)), "it is for one gateway");
    let basic = NetworkAction::PutPublicAddress { body: json!({"location": "here"}), shown: None };
    assert!(settled(decide(basic, None, &used)));

    let error = decide(NetworkAction::Delete, Some(&open), &used).unwrap_err();
    assert!(matches!(error, NetworkError::AddressInUse { .. }), "{error}");
    assert_eq!(decide(NetworkAction::Delete, Some(&open), &[]).unwrap(), NetworkDecision::Delete);
}

#[test]
fn conditions_are_about_what_is_written() {
    let before = stored(NetworkKind::VirtualNetwork, network());
    let new = Preconditions { if_match: None, if_none_match: Some("*".into()) };
    let subnet = |name: &str| NetworkEdit {
        path: path(NetworkKind::VirtualNetwork),
        preconditions: new.clone(),
        action: NetworkAction::PutSubnet(
            name.into(),
            json!({"properties": {"addressPrefix": "10.0.9.0/24"}}),
        ),
    };
    assert!(subnet("new").decide(&DocumentRules::default(), Some(&before), &[]).is_ok());
    let error = subnet("one").decide(&DocumentRules::default(), Some(&before), &[]).unwrap_err();
    assert!(matches!(error, NetworkError::PreconditionFailed));
}

#[test]
fn a_firewall_policy_is_replaced_freely_and_deleted_once_nothing_refers_to_it() {
    let policy = |mode: &str| {
        json!({"location": "here", "properties": {"policySettings": {"mode": mode},
            "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]}}})
    };
    let put = |body: Value| NetworkAction::PutFirewallPolicy(body);
    assert!(matches!(decide(put(policy("Detection")), None, &[]), Ok(NetworkDecision::Replace { .. })));
    assert!(matches!(decide(put(json!({"location": "here"})), None, &[]), Err(NetworkError::Invalid(_))));

    let before = stored(NetworkKind::FirewallPolicy, policy("Detection"));
    let used = [user(before.path.to_string())];
    let same = decide(put(policy("detection")), Some(&before), &used);
    assert_eq!(same.unwrap(), NetworkDecision::Keep);
    assert_eq!(decide(NetworkAction::Delete, Some(&before), &[]).unwrap(), NetworkDecision::Delete);
    let error = decide(NetworkAction::Delete, Some(&before), &used).unwrap_err();
    assert!(matches!(error, NetworkError::PolicyInUse { users, .. } if users == "/gateway/frontend"));
}
