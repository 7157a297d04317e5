//! The key with which secrets are sealed belongs to its database.

use super::*;

#[tokio::test]
async fn a_database_without_its_key_is_left_alone() {
    let (dir, store) = store().await;
    store.close().await;
    let key = dir.path().join("store.key");
    fs::remove_file(&key).unwrap();
    let error = Store::open(dir.path(), Schema::Migrate).await.unwrap_err().to_string();
    assert!(error.contains("store.key") && error.contains("tidegate.db"), "{error}");
    assert!(!key.exists());
}

#[tokio::test]
async fn the_key_of_another_database_is_refused_at_the_start() {
    let (dir, store) = store().await;
    let made = || StoredIdentity { tenant: Uuid::new_v4(), signing_key: Secret::new(b"key".to_vec()) };
    store.identity(made).await.unwrap();
    store.close().await;
    let key = dir.path().join("store.key");
    fs::remove_file(&key).unwrap();
    SealKey::load_or_create(&key).unwrap();
    let error = Store::open(dir.path(), Schema::Migrate).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongKey), "{error}");
}
