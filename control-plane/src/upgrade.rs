//! Brings what is stored up to this version of the compiler, once, at the start.
//!
//! A newer version may make something else of the same document. A worker that runs the old meaning under the same
//! generation would never be told, so such a gateway gets a new generation, by the way of every other write.

use crate::arm::resource_id::{GATEWAY_TYPE, GatewayPath};
use crate::audit::{Act, Author};
use crate::compile::compile;
use crate::store::{Decision, ProvisioningState, Store, StoreError};

/// Compiles every stored document again and writes those anew that mean something else than before.
///
/// # Errors
/// The database's. A gateway that no longer compiles, or is damaged, is left to the rollout, which says so.
pub async fn recompile(store: &Store) -> Result<(), StoreError> {
    for id in store.gateway_names().await?.into_keys() {
        let gateway = match store.gateway_by_id(id).await {
            Ok(Some(gateway)) => gateway,
            Ok(None) => continue,
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(gateway.id = %id, %error, "a stored gateway cannot be read");
                continue;
            }
            Err(error) => return Err(error),
        };
        let (document, state) = (gateway.document, gateway.state);
        let Ok(content) = compile(&document) else { continue };
        if content.digest() == gateway.meaning || state == ProvisioningState::Deleting {
            continue;
        }
        let path = document.path.clone();
        match store.write(&path, &act(&path), |_| Ok::<_, StoreError>(Decision::of(document.clone(), &content))).await {
            Ok(written) => {
                let generation = written.gateway.generation;
                tracing::info!(gateway.id = %id, %generation, "compiled anew for this version");
            }
            Err(StoreError::PortClaimed { address, port, holder }) => {
                tracing::error!(gateway.id = %id, address, port, holder, "its new meaning needs a port in use");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What it does is nobody's wish but its own.
fn act(path: &GatewayPath) -> Act {
    Act { author: Author::itself(), action: format!("{GATEWAY_TYPE}/write"), resource: path.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::document::Document;
    use crate::store::Gateway;
    use crate::testing::{VERSION, body, path, sent};
    use tidegate_shared::id::{Digest, Generation};

    #[tokio::test]
    async fn only_what_means_something_else_now_gets_a_new_generation() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), crate::store::Schema::Migrate).await.unwrap();
        for (name, meaning) in [("same", None), ("other", Some(Digest("of an earlier version".to_owned())))] {
            let text = body(if name == "same" { 8080 } else { 8081 })
                .to_string()
                .replace("/gw/", &format!("/{name}/"));
            let (document, violations) =
                Document::read(path(name), &sent(serde_json::from_str(&text).unwrap()), None, VERSION);
            assert!(violations.is_empty(), "{violations}");
            let content = compile(&document).unwrap();
            let decide = |_: Option<&Gateway>| {
                let mut decision = Decision::of(document.clone(), &content);
                if let (Decision::Replace { meaning, .. }, Some(earlier)) = (&mut decision, &meaning) {
                    meaning.clone_from(earlier);
                }
                Ok::<_, StoreError>(decision)
            };
            store.write(&path(name), &act(&path(name)), decide).await.unwrap();
        }
        for _ in 0..2 {
            recompile(&store).await.unwrap();
            let generation = async |name| store.gateway(&path(name)).await.unwrap().unwrap().generation;
            assert_eq!(generation("same").await, Generation(1));
            assert_eq!(generation("other").await, Generation(2));
        }
    }
}
