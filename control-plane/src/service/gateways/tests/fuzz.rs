//! Fuzz target of resource IDs in bodies: all parsers agree on them, and a permitted write stores exactly the
//! authorized IDs.

use super::{OURS, client, leaning, lenient, put, subnet};
use crate::arm::network::path::{NetworkPath, references_of};
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::resource_id::ResourceId;
use crate::store::Decision;

/// Returns the IDs built from the parts that other parsers of IDs find in a text.
fn rebuilt(text: &str) -> impl Iterator<Item = String> {
    let child = |child: Reference| format!("{}/{}/{}", child.gateway, child.collection, child.name);
    let built = [
        GatewayPath::parse(text).map(|gateway| gateway.to_string()),
        Reference::parse(text).map(child),
        NetworkPath::parse(text).map(|network| network.to_string()),
    ];
    built.into_iter().flatten()
}

#[test]
fn fuzz_authorised_ids() {
    let (client, subnets) = (client(), [subnet(OURS), subnet(OURS)]);
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        for built in rebuilt(text) {
            assert_eq!(ResourceId::parse(&built), ResourceId::parse(text), "{text}");
        }
        let body = leaning(text, [&subnets[0], &subnets[1]]);
        let Ok(Decision::Replace { document, .. }) = put(client.clone(), body) else { return };
        let sent = format!("/{}", text.strip_prefix('/').unwrap_or(text));
        for target in references_of(&document).into_iter().map(|reference| reference.target) {
            assert!(ResourceId::parse(&target).is_some_and(|id| id.as_str() == target), "{target}");
            assert!(client.covers(&target), "{target}");
            assert!(lenient(&target).starts_with(&lenient(&format!("{OURS}/"))), "{target}");
            assert!(target == sent || subnets.contains(&target), "{target}, but {text} was sent");
        }
    });
}
