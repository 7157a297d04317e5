//! Join tokens, and the certificates of workers.

use std::time::Duration;

use super::*;
use crate::clock::Millis;
use crate::pki::{IssuedCertificate, Validity};

fn issued(fingerprint: &str, issuer: &str) -> IssuedCertificate {
    IssuedCertificate {
        pem: String::new(),
        fingerprint: fingerprint.to_owned(),
        issuer: issuer.to_owned(),
        validity: Validity::starting(Millis(1_000_000), Duration::from_secs(60)),
    }
}

async fn is_known(store: &Store, fingerprint: &str) -> bool {
    store.worker_certificate(fingerprint).await.unwrap().is_some()
}

async fn confirm(store: &Store, fingerprint: &str) {
    let certificate = store.worker_certificate(fingerprint).await.unwrap().unwrap();
    store.confirm_certificate(&certificate).await.unwrap();
}

#[tokio::test]
async fn a_join_token_is_good_for_one_key_until_its_worker_has_connected() {
    let (_dir, store) = store().await;
    let join = async |key| store.join(Author::itself(), "hash", key).await.unwrap();
    assert!(!store.is_join_token("hash").await.unwrap());
    join("key").await.unwrap_err();
    store.add_join_token(Author::itself(), "hash").await.unwrap();
    assert!(store.is_join_token("hash").await.unwrap());
    let worker = join("key").await.unwrap();
    join("another").await.unwrap_err();
    assert!(store.add_certificate(worker, &issued("lost", "ca"), None).await.unwrap());

    assert_eq!(join("key").await.unwrap(), worker, "the answer was lost");
    assert!(store.add_certificate(worker, &issued("print", "ca"), None).await.unwrap());
    assert!(!is_known(&store, "lost").await);
    confirm(&store, "print").await;
    join("key").await.unwrap_err();
    assert!(!store.is_join_token("hash").await.unwrap());
    let workers = store.workers().await.unwrap();
    assert_eq!(workers.len(), 1);
    assert_eq!(workers[0].certificate.as_ref().unwrap().fingerprint, "print");
}

#[tokio::test]
async fn a_worker_that_was_removed_is_known_by_no_certificate_and_no_token() {
    let (_dir, store) = store().await;
    store.add_join_token(Author::itself(), "hash").await.unwrap();
    let worker = store.join(Author::itself(), "hash", "key").await.unwrap().unwrap();
    store.add_certificate(worker, &issued("print", "ca"), None).await.unwrap();
    assert!(store.remove_worker(Author::itself(), worker).await.unwrap());
    assert!(!is_known(&store, "print").await);
    store.join(Author::itself(), "hash", "key").await.unwrap().unwrap_err();
    assert!(!store.add_certificate(worker, &issued("other", "ca"), None).await.unwrap());
    assert!(store.workers().await.unwrap().is_empty());
}

#[tokio::test]
async fn two_certificates_are_good_until_the_worker_shows_the_new_one() {
    let (_dir, store) = store().await;
    store.add_join_token(Author::itself(), "hash").await.unwrap();
    let worker = store.join(Author::itself(), "hash", "key").await.unwrap().unwrap();
    store.add_certificate(worker, &issued("one", "old"), None).await.unwrap();
    confirm(&store, "one").await;
    let behind = async || store.workers_without_certificate_of("new").await.unwrap();
    assert_eq!(behind().await, [worker]);
    for next in ["two", "three"] {
        store.add_certificate(worker, &issued(next, "new"), Some("one")).await.unwrap();
        assert!(is_known(&store, "one").await && is_known(&store, next).await);
    }
    assert!(!is_known(&store, "two").await, "it was never shown, and another took its place");
    assert_eq!(behind().await, [worker], "it may not have kept the new one");
    confirm(&store, "three").await;
    assert!(!is_known(&store, "one").await);
    assert!(behind().await.is_empty());
}

#[tokio::test]
async fn a_worker_from_before_certificates_were_renewed_is_still_known() {
    let dir = tempfile::tempdir().unwrap();
    let database = migration::database_before(&dir, 12).await;
    let worker = Uuid::new_v4().to_string();
    sqlx::query("INSERT INTO workers VALUES (?, 'print', 5)").bind(&worker).execute(&database).await.unwrap();
    database.close().await;

    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    let certificate = store.worker_certificate("print").await.unwrap().unwrap();
    assert_eq!(certificate.worker.to_string(), worker);
    assert_eq!((certificate.issuer.as_str(), certificate.validity.issued_at), ("", Millis(5)));
    assert_eq!(store.workers_without_certificate_of("any").await.unwrap().len(), 1);
}
