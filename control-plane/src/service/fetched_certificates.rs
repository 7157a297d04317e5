//! The certificates that come from vaults and files: how old they are, and the task that fetches them again.
//!
//! Files are read when they change. A reference to a vault without a version is fetched every few hours, as Azure does, and
//! at the start of the control plane; one that leads to nothing also if it has a version. A change is an ordinary write of the gateway by the control plane itself, with
//! a generation, an operation and an audit entry. Nothing is fetched within a transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::arm::body::Opened;
use crate::arm::document::{Child, Document, FileReference};
use crate::arm::secret_reference::SecretReference;
use crate::audit::Author;
use crate::clock::Millis;
use crate::edit::{Edit, EditAction};
use crate::etag::Preconditions;
use crate::events::{EventContent, Events};
use crate::store::{Gateway, ProvisioningState, StoreError};

use super::Service;
use super::certificate_files::Stamp;

/// What is known of the certificates that come from elsewhere.
#[derive(Debug)]
pub(crate) struct FetchedCertificates {
    events: Arc<Events>,
    /// By the key of the gateway's path and the resource ID of the certificate.
    known: Mutex<BTreeMap<(String, String), FetchState>>,
    /// Notified when certificates may be older than what runs with them.
    wanted: Notify,
    /// The files of certificates, with their versions when they were last read.
    files: Mutex<BTreeMap<FileReference, Stamp>>,
}

/// What is known of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FetchState {
    /// The time at which its present content was first fetched.
    content: Option<i64>,
    /// The time of the last successful attempt.
    read_at: Option<Millis>,
    /// The reason of the last attempt, if it failed.
    failure: Option<String>,
    /// True if there is no certificate, so that listeners are disabled.
    is_missing: bool,
}

impl FetchedCertificates {
    /// Publishes what happens as `events`.
    pub(crate) fn new(events: Arc<Events>) -> FetchedCertificates {
        FetchedCertificates {
            events,
            known: Mutex::default(),
            wanted: Notify::new(),
            files: Mutex::default(),
        }
    }

    /// Has certificates fetched soon.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Notes what the references of a gateway stand for now. `attempts` are the results of fetching some of them.
    pub(super) fn note(&self, gateway: &Gateway, attempts: Option<&Opened>) {
        let (document, now) = (&gateway.document, Millis::now());
        let key = document.path.key();
        let mut seen = Vec::new();
        for (child, reference) in document.referring() {
            let id = document.path.child_id(child.collection, &child.name);
            let before = self.lock().get(&(key.clone(), id.clone())).cloned();
            let attempt = attempts.and_then(|attempts| attempts.fetched(&reference, child.collection));
            let attempt =
                attempt.map(|outcome| outcome.as_ref().err().map(|fault| fault.reason().to_owned()));
            let state = state(child, before.as_ref(), attempt, now);
            self.tell(gateway.id, &id, before.as_ref(), &state);
            self.lock().insert((key.clone(), id.clone()), state);
            seen.push(id);
        }
        self.lock().retain(|(other, id), _| *other != key || seen.contains(id));
    }

    /// Returns whether a gateway has files that are not watched yet.
    pub(super) fn lacks_files_of(&self, gateway: &Gateway) -> bool {
        let watched = self.files();
        let mut files =
            gateway.document.referring().filter_map(|(_, reference)| FileReference::parse(&reference));
        files.any(|files| !watched.contains_key(&files))
    }

    /// Forgets the certificates of all gateways but these.
    fn keep_gateways(&self, keys: &[String]) {
        self.lock().retain(|(gateway, _), _| keys.contains(gateway));
    }

    /// Forgets the certificates of a gateway.
    pub(super) fn forget(&self, key: &str) {
        self.lock().retain(|(gateway, _), _| gateway != key);
    }

    /// Returns the resource ID of each certificate, the time since the last success, and whether the last attempt failed.
    pub(super) fn ages(&self) -> Vec<(String, Option<Duration>, bool)> {
        let now = Millis::now();
        let age = |state: &FetchState| {
            let since = now.since(state.read_at?);
            Some(Duration::from_millis(u64::try_from(since).unwrap_or_default()))
        };
        let known = self.lock();
        known.iter().map(|((_, id), state)| (id.clone(), age(state), state.failure.is_some())).collect()
    }

    /// Publishes and logs what has changed.
    fn tell(&self, gateway: GatewayId, id: &str, before: Option<&FetchState>, now: &FetchState) {
        let event = |kind| EventContent::new(kind).of(gateway).with("certificate", id);
        let is_new_failure = before.is_none_or(|before| before.failure != now.failure);
        if let Some(reason) = now.failure.as_ref().filter(|_| is_new_failure) {
            tracing::warn!(
                certificate = id,
                reason,
                unavailable = now.is_missing,
                "a certificate could not be fetched"
            );
            let event = event("certificateFetchFailed").with("reason", reason.as_str());
            self.events.publish(event.with("unavailable", now.is_missing));
        }
        let is_replaced = before.is_some_and(|before| before.content != now.content || before.is_missing);
        if is_replaced && !now.is_missing && now.content.is_some() {
            tracing::info!(certificate = id, "a certificate was fetched");
            self.events.publish(event("certificateFetched"));
        }
    }

    /// Locks the files. They stay consistent even if a holder panics.
    fn files(&self) -> MutexGuard<'_, BTreeMap<FileReference, Stamp>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks what is known. It stays consistent even if a holder panics.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), FetchState>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what is known of a certificate after an attempt to fetch it, whose reason of failure is given; `None` without an
/// attempt.
fn state(
    child: &Child,
    before: Option<&FetchState>,
    attempt: Option<Option<String>>,
    now: Millis,
) -> FetchState {
    let stored = child.stored_certificate().unwrap_or_default();
    let was_read = attempt == Some(None);
    let read_at = if was_read { Some(now) } else { before.and_then(|before| before.read_at) };
    let failure = match attempt {
        Some(failure) => failure,
        None => stored.fault.clone().or_else(|| before.and_then(|before| before.failure.clone())),
    };
    FetchState {
        content: stored.fetched_at,
        read_at: read_at.or(stored.fetched_at.map(Millis)),
        failure,
        is_missing: stored.fault.is_some(),
    }
}

/// Fetches certificates until `stop`: at once, in this interval, and when they are wanted. Files are read when they change.
pub(crate) async fn refresh_certificates(service: Arc<Service>, interval: Duration, stop: CancellationToken) {
    let mut next = Instant::now();
    let mut watch = tokio::time::interval(WATCH);
    watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let what = tokio::select! {
            () = sleep_until(next) => Refresh::All,
            () = service.fetched.wanted.notified() => Refresh::All,
            _ = watch.tick() => match service.have_files_changed() {
                true => Refresh::Files,
                false => continue,
            },
            () = stop.cancelled() => return,
        };
        tokio::select! {
            refreshed = service.refresh_all(what) => if let Err(error) = refreshed {
                tracing::warn!(%error, "certificates could not be fetched");
            },
            () = stop.cancelled() => return,
        }
        if what == Refresh::All {
            next = Instant::now() + jittered(interval);
        }
    }
}

/// The interval at which the versions of files are compared.
const WATCH: Duration = Duration::from_secs(1);

/// The certificates to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    All,
    /// Only those in files.
    Files,
}

/// Returns a time between nine and eleven tenths of the interval, so that many control planes do not ask a vault at once.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + 0.2 * fastrand::f64())
}

impl Service {
    /// Returns whether any file of a certificate has changed since it was read.
    fn have_files_changed(&self) -> bool {
        let known = self.fetched.files();
        known.iter().any(|(reference, stamp)| self.body_preparer.files().stamp(reference) != *stamp)
    }

    async fn refresh_all(&self, what: Refresh) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        let mut files = BTreeMap::new();
        for id in self.store.gateway_names().await?.into_keys() {
            match self.store.gateway_by_id(id).await {
                Ok(Some((gateway, _))) => {
                    keys.push(gateway.document.path.key());
                    for (_, reference) in gateway.document.referring() {
                        let Some(reference) = FileReference::parse(&reference) else { continue };
                        // Before the files are read, so that a later change is noticed.
                        let stamp = self.body_preparer.files().stamp(&reference);
                        files.insert(reference, stamp);
                    }
                    self.refresh(&gateway, what).await;
                }
                // A request for a damaged gateway returns the error.
                Ok(None) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.fetched.keep_gateways(&keys);
        *self.fetched.files() = files;
        Ok(())
    }

    /// Fetches the certificates of a gateway that may have changed, and stores those that have.
    async fn refresh(&self, gateway: &Gateway, what: Refresh) {
        let mut wanted = due(&gateway.document);
        if what == Refresh::Files {
            wanted.retain(|reference| FileReference::parse(reference).is_some());
        }
        let is_off = gateway.state == ProvisioningState::Deleting || gateway.operational.is_off();
        if wanted.is_empty() || is_off {
            return self.fetched.note(gateway, None);
        }
        let author = Author::itself();
        let fetched = self.body_preparer.fetch_certificates(wanted, &author.name).await;
        if gateway.document.with_fetched(&fetched) == gateway.document {
            return self.fetched.note(gateway, Some(&fetched));
        }
        let path = gateway.document.path.clone();
        let reason = Some("Certificates have changed at their source".to_owned());
        let action = EditAction::StoreFetched { fetched };
        let edit = Edit { path, preconditions: Preconditions::default(), action };
        if let Err(error) = self.write(Author { reason, ..author }, edit).await {
            tracing::warn!(gateway.id = %gateway.id, %error, "fetched certificates could not be stored");
        }
    }
}

/// Returns the references that are to be fetched again: those without a version, and those that lead to nothing yet.
fn due(document: &Document) -> Vec<String> {
    let mut due: Vec<String> = document
        .referring()
        .filter(|(child, reference)| {
            let is_fixed = SecretReference::parse(reference).is_ok_and(|parsed| parsed.is_versioned());
            !is_fixed || child.stored_certificate().is_none_or(|stored| stored.fault.is_some())
        })
        .map(|(_, reference)| reference)
        .collect();
    due.sort();
    due.dedup();
    due
}
