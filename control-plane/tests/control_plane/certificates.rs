//! The certificates of workers: renewed while they are connected, renewed after they have expired, never for strangers.

use std::time::Duration;

use rcgen::KeyPair;
use tidegate_control_plane::{Config, Rotated, Rotation, rotate_authority};
use tidegate_shared::protocol::{RefusalCause, ToControlPlane, ToWorker, VERSION};
use tokio::time::timeout;

use crate::worker::{FakeWorker, Identity, dial, join_with, request};
use crate::{DEADLINE, Running, wait_for};

/// The shortest lifetime that counts in whole seconds whatever moment a certificate is issued at.
const SHORT: Duration = Duration::from_secs(2);

async fn with_lifetime(certificate_lifetime: Duration) -> Running {
    let change = |config| Config { certificate_lifetime, ..config };
    Running::start_configured(tempfile::tempdir().unwrap(), change).await
}

/// Says hello, and takes the next message that is not about whom to trust.
async fn greeted(running: &Running, identity: &Identity) -> Option<ToWorker> {
    let address = running.plane.addresses().channel;
    let (mut send, mut receive) = dial(address, &identity.authority, Some(identity)).await.unwrap();
    let hello = ToControlPlane::Hello { version: VERSION, running: vec![], metrics: None };
    send.send(&hello).await.unwrap();
    loop {
        match timeout(DEADLINE, receive.receive()).await.unwrap().unwrap() {
            Some(ToWorker::Authorities { .. }) => {}
            other => return other,
        }
    }
}

/// Waits until a certificate's lifetime has passed.
async fn expired(running: &Running, identity: &Identity) {
    let workers = running.client().get("/workers").await.body;
    let worker = workers["value"].as_array().unwrap().iter().find(|w| w["id"] == identity.id.to_string());
    let expires: jiff::Timestamp =
        worker.unwrap()["certificate"]["expiresAt"].as_str().unwrap().parse().unwrap();
    wait_for("the certificate to expire", async || (jiff::Timestamp::now() > expires).then_some(())).await;
}

/// Answers a reminder with a request for the key of the identity, and keeps what comes.
async fn renew(worker: &mut FakeWorker, identity: &mut Identity) {
    assert_eq!(worker.hear().await, ToWorker::Renew);
    let key = KeyPair::from_pem(&identity.key).unwrap();
    worker.say(ToControlPlane::Renew { request: request(&key) }).await;
    let message = worker.hear().await;
    let ToWorker::Renewed { certificate } = message else { panic!("{message:?}") };
    identity.certificate = certificate;
    worker.say(ToControlPlane::Renewed).await;
}

#[tokio::test]
async fn a_connected_worker_renews_its_certificate_again_and_again_in_one_session() {
    let running = with_lifetime(Duration::from_secs(6)).await;
    let mut identity = running.join().await;
    let first = identity.certificate.clone();
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, vec![]).await;
    for _ in 0..2 {
        let before = identity.certificate.clone();
        renew(&mut worker, &mut identity).await;
        assert_ne!(identity.certificate, before);
    }
    let old = Identity {
        certificate: first,
        key: identity.key.clone(),
        authority: identity.authority.clone(),
        ..identity
    };
    let refused = greeted(&running, &old).await;
    assert!(
        matches!(refused, Some(ToWorker::Refused { cause: RefusalCause::UnknownWorker, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_worker_whose_certificate_has_expired_gets_another_and_nothing_else() {
    let running = with_lifetime(SHORT).await;
    let mut identity = running.join().await;
    expired(&running, &identity).await;
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, vec![]).await;
    renew(&mut worker, &mut identity).await;
    worker.closed().await;
    let workers = running.client().get("/workers").await.body;
    assert_eq!(workers["value"][0]["connected"], false, "{workers}");
    let welcomed = greeted(&running, &identity).await;
    assert!(matches!(welcomed, Some(ToWorker::Heartbeat | ToWorker::Renew)), "{welcomed:?}");
}

#[tokio::test]
async fn a_worker_that_was_shut_out_does_not_come_back_with_an_expired_certificate() {
    let running = with_lifetime(SHORT).await;
    let identity = running.join().await;
    expired(&running, &identity).await;
    let path = format!("/workers/{}", identity.id);
    assert_eq!(running.client().call("DELETE", &path, &serde_json::Value::Null).await.status, 204);
    let refused = greeted(&running, &identity).await;
    assert!(
        matches!(refused, Some(ToWorker::Refused { cause: RefusalCause::UnknownWorker, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_gets_a_certificate_that_was_not_to_be_renewed() {
    let running = with_lifetime(Duration::from_secs(60 * 60)).await;
    let identity = running.join().await;
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, vec![]).await;
    let key = KeyPair::from_pem(&identity.key).unwrap();
    worker.say(ToControlPlane::Renew { request: request(&key) }).await;
    worker.closed().await;
}

#[tokio::test]
async fn a_worker_whose_joining_was_cut_short_joins_with_the_same_token_and_key() {
    let running = with_lifetime(Duration::from_secs(60 * 60)).await;
    let (address, token) = (running.plane.addresses().channel, running.plane.tokens().issue().await.unwrap());
    let key = KeyPair::generate().unwrap();
    let lost = join_with(address, &token, &key).await.unwrap();
    join_with(address, &token, &KeyPair::generate().unwrap()).await.err().unwrap();
    let identity = join_with(address, &token, &key).await.unwrap();
    assert_eq!(identity.id, lost.id);
    FakeWorker::connect(address, &identity, vec![]).await;
    join_with(address, &token, &key).await.err().unwrap();
}

#[tokio::test]
async fn the_authority_is_replaced_while_workers_are_connected() {
    let running = with_lifetime(Duration::from_secs(60 * 60)).await;
    let address = running.plane.addresses().channel;
    let (mut identity, away) = (running.join().await, running.join().await);
    let mut worker = FakeWorker::connect(address, &identity, vec![]).await;
    let rotate = async |rotation| rotate_authority(running.dir.path(), rotation).await.unwrap();
    let finish = |force| Rotation::Finish { force };

    assert_eq!(rotate(finish(false)).await, Rotated::NotBegun);
    let Rotated::Begun(waiting) = rotate(Rotation::Begin).await else { panic!() };
    assert_eq!(waiting.len(), 2);
    renew(&mut worker, &mut identity).await;
    let only_one_behind = Rotated::Waiting(vec![away.id]);
    wait_for("the worker that was away to be the only one behind", async || {
        (rotate(finish(false)).await == only_one_behind).then_some(())
    })
    .await;
    assert_eq!(rotate(finish(true)).await, Rotated::Finished);

    // Who knows the old authority alone cannot dial any more; who has learnt of the new one can.
    wait_for("the channel to show a certificate of the new authority", async || {
        dial(address, &away.authority, Some(&away)).await.err()
    })
    .await;
    identity.authority = std::fs::read_to_string(running.dir.path().join("ca.pem")).unwrap();
    assert_eq!(greeted(&running, &identity).await, Some(ToWorker::Heartbeat));
}
