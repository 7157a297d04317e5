//! The resource IDs that are authorized are those that are stored.

mod fuzz;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::etag::Preconditions;
use crate::identity::role::Role;
use crate::resource_id::ResourceId;
use crate::testing::{VERSION, body, context, path, sent};

const OURS: &str = "/subscriptions/Sub/resourceGroups/Group";
const THEIRS: &str = "/subscriptions/Sub/resourceGroups/Theirs";

fn client() -> Client {
    Client { app_id: Uuid::nil(), role: Role::Contributor, scopes: vec![OURS.parse().unwrap()] }
}

fn address(group: &str) -> String {
    format!("{group}/providers/Microsoft.Network/publicIPAddresses/ip")
}

fn subnet(group: &str) -> String {
    format!("{group}/providers/Microsoft.Network/virtualNetworks/v/subnets/s")
}

/// A gateway whose children refer to this address and these subnets.
fn leaning(address: &str, subnets: [&str; 2]) -> Value {
    let mut body = body(8080);
    let properties = &mut body["properties"];
    let frontends = properties["frontendIPConfigurations"].as_array_mut().unwrap();
    frontends.push(json!({"name": "public", "properties": {"PublicIpAddress": {"Id": address}}}));
    properties["gatewayIPConfigurations"] =
        json!([{"name": "g", "properties": {"subnet": {"id": subnets[0]}}}]);
    properties["privateLinkConfigurations"] = json!([{"name": "p", "properties": {"ipConfigurations": [
        {"name": "i", "properties": {"primary": true, "privateIPAllocationMethod": "Dynamic",
            "subnet": {"id": subnets[1]}}},
    ]}}]);
    body
}

/// Decides about a client's PUT of this body, with the checks of [`Service::write`].
fn put(client: Client, body: Value) -> Result<Decision, EditError> {
    let action = EditAction::Put { body: sent(body), version: VERSION };
    let edit = Edit { path: path("gw"), preconditions: Preconditions::default(), action };
    let activity = activity(Author { client: Some(client), ..Author::itself() }, &edit);
    check_links(&activity, &edit)?;
    let decision = edit.decision(context(), None)?;
    check_stored_links(&activity, &decision, None)?;
    Ok(decision)
}

/// Returns a variant spelling of an ID, with at most one change.
fn respelt(id: &str, random: &mut fastrand::Rng) -> String {
    let slashes: Vec<usize> = id.match_indices('/').map(|(at, _)| at).collect();
    let at = slashes[random.usize(..slashes.len())];
    let (before, after) = id.split_at(at);
    match random.u8(..24) {
        0 => format!("{before}/{after}"),
        1 => format!("{before}/.{after}"),
        2 => format!("{before}/x/..{after}"),
        3 => format!("{before}%2F{}", &after[1..]),
        4 => format!("{before}\\{}", &after[1..]),
        5 => format!("{id}/"),
        6 => id[1..].to_owned(),
        7 => id.replacen('G', "%47", 1),
        8 => format!(" {id}"),
        9 => id.to_ascii_uppercase(),
        10 => id.to_ascii_lowercase(),
        _ => id.to_owned(),
    }
}

/// Returns the ID as a lenient parser would understand it.
fn lenient(id: &str) -> String {
    let decoded = id.replace("%2F", "/").replace("%47", "G").replace('\\', "/").replace("/x/..", "/");
    let segments = decoded.trim().split('/').filter(|segment| !segment.is_empty() && *segment != ".");
    segments.collect::<Vec<_>>().join("/").to_ascii_lowercase()
}

#[test]
fn the_id_that_was_authorised_is_the_id_that_is_stored() {
    let (client, mut random) = (client(), fastrand::Rng::with_seed(2));
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..3000 {
        let mut group = || if random.u8(..4) == 0 { THEIRS } else { OURS };
        let meant = [address(group()), subnet(group()), subnet(group())];
        let sent: Vec<String> = meant.iter().map(|id| respelt(id, &mut random)).collect();
        match put(client.clone(), leaning(&sent[0], [&sent[1], &sent[2]])) {
            Ok(Decision::Replace { document, .. }) => {
                let mut targets: Vec<String> =
                    references_of(&document).into_iter().map(|reference| reference.target).collect();
                // Nothing is dropped, and only a missing leading slash is added.
                let mut expected: Vec<String> =
                    sent.iter().map(|id| format!("/{}", id.strip_prefix('/').unwrap_or(id))).collect();
                targets.sort_unstable();
                expected.sort_unstable();
                assert_eq!(targets, expected, "{sent:?}");
                for target in &targets {
                    assert!(ResourceId::parse(target).is_some_and(|id| id.as_str() == target), "{target}");
                    assert!(client.covers(target), "{target}");
                    assert!(lenient(target).starts_with(&lenient(&format!("{OURS}/"))), "{target}");
                }
                stored += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => refused += 1,
        }
    }
    assert!(stored > 50 && refused > 50, "{stored} {refused}");
}
