//! Brings what is stored up to this version of the compiler, once, at the start.
//!
//! A newer version may make something else of the same document. A worker that runs the old meaning under the same
//! generation would never be told, so such a gateway gets a new generation, by the way of every other write.

use crate::compile::compile;
use crate::store::{Decision, ProvisioningState, Store, StoreError, meaning};

/// Compiles every stored document again and writes those anew that mean something else than before.
///
/// # Errors
/// The database's. A document that no longer compiles is left to the rollout, which says so.
pub async fn recompile(store: &Store) -> Result<(), StoreError> {
    for id in store.gateway_names().await?.into_keys() {
        let Some(gateway) = store.gateway_by_id(id).await? else { continue };
        let (document, state) = (gateway.document, gateway.state);
        let Ok(content) = compile(&document) else { continue };
        if meaning(&content) == gateway.meaning || state == ProvisioningState::Deleting {
            continue;
        }
        let path = document.path.clone();
        match store.write(&path, |_| Ok::<_, StoreError>(Decision::of(document, &content))).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::document::Document;
    use crate::testing::{VERSION, body, path};
    use tidegate_shared::id::Generation;

    #[tokio::test]
    async fn only_what_means_something_else_now_gets_a_new_generation() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        for (name, meaning) in [("same", None), ("other", Some("of an earlier version".to_owned()))] {
            let text = body(if name == "same" { 8080 } else { 8081 })
                .to_string()
                .replace("/gw/", &format!("/{name}/"));
            let (document, violations) =
                Document::read(path(name), serde_json::from_str(&text).unwrap(), None, VERSION);
            assert!(violations.is_empty(), "{violations}");
            let content = compile(&document).unwrap();
            let mut decision = Decision::of(document, &content);
            if let (Decision::Replace { meaning, .. }, Some(earlier)) = (&mut decision, meaning) {
                *meaning = earlier;
            }
            store.write(&path(name), |_| Ok::<_, StoreError>(decision)).await.unwrap();
        }
        for _ in 0..2 {
            recompile(&store).await.unwrap();
            let generation = async |name| store.gateway(&path(name)).await.unwrap().unwrap().generation;
            assert_eq!(generation("same").await, Generation(1));
            assert_eq!(generation("other").await, Generation(2));
        }
    }
}
