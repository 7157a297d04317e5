//! Recompiles stored gateways at the start, once for each new version of the compiler.
//!
//! A newer version may compile a document to a different configuration. A worker that runs the old one under
//! the same generation would never be updated, so such a gateway gets a new generation by an ordinary write.

use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::network::path::references_of;
use crate::arm::resource_id::GatewayPath;
use crate::audit::{Activity, Author};
use crate::compile::{PatternCache, compile};
use crate::edit::replacement;
use crate::networking::external_refs;
use crate::store::{Gateway, ProvisioningState, Store, StoreError, StoredRefs};

/// Gives stored public IP addresses an address of the pool, after an upgrade or a new `--public-pool`. Warns about those
/// that have one of another pool, which they keep: an address does not change while it exists.
///
/// # Errors
/// If the database fails.
pub(crate) async fn allocate_addresses(store: &Store) -> Result<(), StoreError> {
    for (path, address) in store.allocate_missing_addresses().await? {
        tracing::warn!(
            resource = %path,
            %address,
            "a public IP address keeps its address, which --public-pool does not contain; delete it and create it again \
             to get another one"
        );
    }
    Ok(())
}

/// Recompiles every stored document and writes those whose content differs. Also drops references of earlier
/// versions that have no canonical form; they no longer hold an address or subnet.
///
/// # Errors
/// If the database fails. A gateway that no longer compiles or is damaged is left to the rollout, which reports
/// it.
pub(crate) async fn recompile(store: &Store, patterns: &PatternCache) -> Result<(), StoreError> {
    for id in store.gateway_names().await?.into_keys() {
        let (gateway, stored_refs) = match store.gateway_by_id(id).await {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(gateway.id = %id, %error, "a stored gateway cannot be read");
                continue;
            }
            Err(error) => return Err(error),
        };
        let document = gateway.document;
        let deleted = store.delete_outdated_references(id, &references_of(&document)).await?;
        if deleted > 0 {
            tracing::warn!(gateway.id = %id, deleted, "deleted references without a canonical resource ID");
        }
        // Stopped gateways are compiled too, because this fills the pattern cache for a later start.
        let refs = external_refs(&stored_refs);
        let Ok(content) = compile(&document, &refs, patterns) else { continue };
        // A stopped gateway is not written; it is compiled again when it is started.
        let stays = gateway.state == ProvisioningState::Deleting || gateway.operational.is_off();
        let config_digest = content.digest();
        if stays || config_digest == gateway.config_digest {
            continue;
        }
        let path = document.path.clone();
        let decide = |_: Option<&Gateway>, _: &StoredRefs| {
            Ok::<_, StoreError>(replacement(document.clone(), &content, config_digest.clone(), &refs))
        };
        match store.write(&path, &activity(&path), &[], decide).await {
            Ok(written) => {
                let generation = written.gateway.generation;
                tracing::info!(gateway.id = %id, %generation, "recompiled for this version");
            }
            Err(StoreError::PortClaimed { address, port, holder }) => {
                tracing::error!(gateway.id = %id, address, port, holder, "the gateway needs a port that is in use");
            }
            Err(StoreError::AddressHeld { address, holder, .. }) => {
                tracing::error!(gateway.id = %id, address, holder, "its public address is in use");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The control plane itself is the author.
fn activity(path: &GatewayPath) -> Activity {
    Activity { author: Author::itself(), action: format!("{GATEWAY_TYPE}/write"), resource: path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::document::Document;
    use crate::arm::external_refs::ExternalRefs;
    use crate::testing::{VERSION, body, path, sent};
    use tidegate_shared::id::{Digest, Generation};

    #[tokio::test]
    async fn only_what_means_something_else_now_gets_a_new_generation() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), crate::store::Schema::Migrate).await.unwrap();
        for (name, config_digest) in
            [("same", None), ("other", Some(Digest("of an earlier version".to_owned())))]
        {
            let text = body(if name == "same" { 8080 } else { 8081 })
                .to_string()
                .replace("/gw/", &format!("/{name}/"));
            let (document, violations) =
                Document::read(path(name), &sent(serde_json::from_str(&text).unwrap()), None, VERSION);
            assert!(violations.is_empty(), "{violations}");
            let content = compile(&document, &ExternalRefs::default(), &PatternCache::default()).unwrap();
            let decide = |_: Option<&Gateway>, _: &StoredRefs| {
                let config_digest = config_digest.clone().unwrap_or_else(|| content.digest());
                let refs = ExternalRefs::default();
                Ok::<_, StoreError>(replacement(document.clone(), &content, config_digest, &refs))
            };
            store.write(&path(name), &activity(&path(name)), &[], decide).await.unwrap();
        }
        for _ in 0..2 {
            recompile(&store, &PatternCache::default()).await.unwrap();
            let generation = async |name| store.gateway(&path(name)).await.unwrap().unwrap().generation;
            assert_eq!(generation("same").await, Generation(1));
            assert_eq!(generation("other").await, Generation(2));
        }
    }
}
