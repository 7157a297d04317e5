//! The values that templates made from secure parameters for resources of unserved types. Each is sealed for the ID of
//! its resource, and nothing reads it but the write of a member, which keeps what belongs to the others.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arm::unserved::UnservedPath;
use crate::store::{Store, UnservedResource};

/// The secrets by place: of each member, by list and name in lower case, and of the resource itself, which has an empty
/// name.
type Secrets = BTreeMap<String, Map<String, Value>>;

impl Store {
    /// Returns the secrets of a resource after a write, sealed: of the resource as a whole, or of one member. `None` keeps
    /// what is stored.
    pub(super) fn sealed_secrets(
        &self,
        stored: &UnservedResource,
        member: Option<&UnservedPath>,
        secrets: Option<Map<String, Value>>,
    ) -> Option<Vec<u8>> {
        let Some(secrets) = secrets else { return stored.sealed_secrets.clone() };
        let mut all = match member {
            Some(_) => self.open_secrets(stored),
            None => Secrets::new(),
        };
        let part = member.map(|path| format!("{}/{}", path.list(), path.name).to_ascii_lowercase());
        let part = part.unwrap_or_default();
        match secrets.is_empty() {
            true => drop(all.remove(&part)),
            false => drop(all.insert(part, secrets)),
        }
        let plain = serde_json::to_vec(&all).expect("a map of texts has a JSON form");
        (!all.is_empty()).then(|| self.key.seal(purpose(stored.id).as_bytes(), &plain))
    }

    /// Opens the secrets of a resource. Damaged ones count as none: nothing but the next write would miss them.
    fn open_secrets(&self, stored: &UnservedResource) -> Secrets {
        let sealed = stored.sealed_secrets.as_deref();
        let opened = sealed.and_then(|sealed| self.key.open(purpose(stored.id).as_bytes(), sealed).ok());
        opened.and_then(|opened| serde_json::from_slice(opened.expose()).ok()).unwrap_or_default()
    }
}

/// The purpose for which the secrets of a resource are sealed.
fn purpose(id: Uuid) -> String {
    format!("secrets of unserved resource {id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::etag::Etag;
    use crate::store::Schema;

    #[tokio::test]
    async fn secrets_of_members_are_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
        let id = "/subscriptions/s/resourceGroups/g/providers/A.B/c/d";
        let path = |rest: &str| UnservedPath::parse(&format!("{id}{rest}")).unwrap();
        let mut stored = UnservedResource {
            id: Uuid::from_u128(1),
            path: path(""),
            body: Map::new(),
            sealed_secrets: None,
            etag: Etag(String::new()),
        };
        let secret = |text: &str| Map::from_iter([("/properties/x".to_owned(), json!(text))]);
        let steps = [
            (None, Some(secret("own")), json!({"": {"/properties/x": "own"}})),
            (
                Some(path("/e/F")),
                Some(secret("f")),
                json!({"": {"/properties/x": "own"}, "e/f": {"/properties/x": "f"}}),
            ),
            (Some(path("/e/F")), None, json!({"": {"/properties/x": "own"}, "e/f": {"/properties/x": "f"}})),
            (Some(path("/E/f")), Some(Map::new()), json!({"": {"/properties/x": "own"}})),
            (None, Some(Map::new()), json!({})),
        ];
        for (member, secrets, expected) in steps {
            stored.sealed_secrets = store.sealed_secrets(&stored, member.as_ref(), secrets);
            assert_eq!(json!(store.open_secrets(&stored)), expected);
        }
        assert_eq!(stored.sealed_secrets, None);
        store.close().await;
    }
}
