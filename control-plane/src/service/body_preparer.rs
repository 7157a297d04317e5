//! Prepares a request body off the async threads: opens and fetches certificates, compiles patterns of rewrite rules, and
//! fetches error pages.
//!
//! The sender chooses the amount of this work, within bounds. It runs on blocking threads, in fair shares, so
//! that it delays neither other clients nor the shutdown.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::secret::Secret;
use tokio::time::Instant;

use crate::arm::body::{
    Body, FetchedSecret, Opened, SealedCertificate, certificates_in, rewrite_sets_in, secret_references_in,
};
use crate::arm::certificate::{
    CertificateError, FetchFault, ServerCertificate, StoredCertificate, read_authorities,
};
use crate::arm::collection::over_limit;
use crate::arm::document::FileReference;
use crate::clock::Millis;
use crate::compile::{BUNDLED, PatternCache, try_patterns};
use crate::fair_share::{Bounds, FairShare};
use crate::fetch_policy::FetchDeny;

use super::certificate_files::CertificateFiles;
use super::fetcher::Fetcher;
use super::vaults::{VaultSecret, Vaults};

/// The time limit for opening all certificates of one body, without the time spent waiting for other clients.
const DEADLINE: Duration = Duration::from_secs(10);

/// One piece of work for each client and two in total, so that a second client does not wait for the first.
const SHARES: Bounds = Bounds { total: 2, each: 1, waiting: 64 };

/// Prepares bodies.
#[derive(Clone, Debug)]
pub(crate) struct BodyPreparer {
    certificates: FairShare<String>,
    deadline: Duration,
    turns_of_patterns: FairShare<String>,
    patterns: Arc<PatternCache>,
    fetcher: Fetcher,
    vaults: Vaults,
    files: CertificateFiles,
}

impl BodyPreparer {
    /// Creates a preparer that fetches nothing from the addresses that `deny` refuses, and caches the results
    /// for patterns in `patterns`. Vaults are asked with the credentials in the first directory, and certificates are read
    /// from files below the second one.
    pub(crate) fn new(
        deny: FetchDeny,
        (credentials, files): (Option<PathBuf>, Option<PathBuf>),
        patterns: Arc<PatternCache>,
    ) -> BodyPreparer {
        BodyPreparer {
            certificates: FairShare::new(SHARES),
            deadline: DEADLINE,
            turns_of_patterns: FairShare::new(SHARES),
            patterns,
            vaults: Vaults::new(credentials, deny.clone()),
            files: CertificateFiles::new(files),
            fetcher: Fetcher::new(deny),
        }
    }

    /// The fetcher of error pages and linked templates, which share its limits.
    pub(super) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Returns the body with the results for its certificates and error pages. An exceeded time limit is such a
    /// result too.
    pub(crate) async fn prepare(&self, json: Value, client: &str) -> Body {
        let client = client.to_owned();
        let certificates = self.open_certificates(&json, &client);
        let secrets = self.vaults.fetch(secret_references_in(&json), &client);
        let (mut opened, secrets, pages, ()) = tokio::join!(
            certificates,
            secrets,
            self.fetcher.fetch(&json, &client),
            self.try_patterns(&json, &client)
        );
        self.open_secrets(secrets, &mut opened, &client).await;
        Body { json, opened, pages }
    }

    /// Fetches certificates by their references, from vaults and from files.
    pub(super) async fn fetch_certificates(&self, references: Vec<String>, client: &str) -> Opened {
        let (mut opened, client) = (Opened::default(), client.to_owned());
        let (mut files, mut secrets) = (Vec::new(), Vec::new());
        for reference in references {
            match FileReference::parse(&reference) {
                Some(parsed) => files.push(parsed),
                None => secrets.push(reference),
            }
        }
        let secrets = self.vaults.fetch(secrets, &client).await;
        self.open_secrets(secrets, &mut opened, &client).await;
        for reference in files {
            let server = self.read_files(&reference, &client).await;
            let authorities = server.clone();
            opened.insert_fetched(reference.text(), FetchedSecret { server, authorities });
        }
        opened
    }

    /// Reads a server certificate from files.
    pub(super) async fn read_files(
        &self,
        reference: &FileReference,
        client: &String,
    ) -> Result<StoredCertificate, FetchFault> {
        let text = self.files.read(reference)?;
        let sealed = SealedCertificate::new(text, Secret::new(Vec::new()));
        let (outcome, _) = self.open_one(sealed, client).await;
        let certificate = outcome.map_err(|error| {
            let FileReference { certificate, key } = reference;
            FetchFault::Unreachable(format!("the files '{certificate}' and '{key}' cannot be used: {error}"))
        })?;
        Ok(StoredCertificate::server(&certificate, Millis::now()))
    }

    /// The files of certificates.
    pub(super) fn files(&self) -> &CertificateFiles {
        &self.files
    }

    async fn open_secrets(
        &self,
        secrets: Vec<(String, Result<VaultSecret, FetchFault>)>,
        opened: &mut Opened,
        client: &String,
    ) {
        for (reference, secret) in secrets {
            let secret = match secret {
                Err(fault) => FetchedSecret::failed(fault),
                Ok(VaultSecret { server, password, authorities }) => {
                    let now = Millis::now();
                    let (outcome, _) = self.open_one(SealedCertificate::new(server, password), client).await;
                    let server = match outcome {
                        Ok(certificate) => Ok(StoredCertificate::server(&certificate, now)),
                        Err(error @ CertificateError::Busy) => {
                            Err(FetchFault::Unreachable(error.to_string()))
                        }
                        Err(error) => Err(FetchFault::Refused(format!("it cannot be used: {error}"))),
                    };
                    FetchedSecret { server, authorities: trusted(&authorities, now) }
                }
            };
            opened.insert_fetched(reference, secret);
        }
    }

    async fn open_certificates(&self, json: &Value, client: &String) -> Opened {
        let (mut opened, mut left) = (Opened::default(), self.deadline);
        for sealed in certificates_in(json) {
            let outcome = if left.is_zero() {
                Err(CertificateError::NotOpened)
            } else {
                let (outcome, taken) = self.open_one(sealed.clone(), client).await;
                left = left.saturating_sub(taken);
                outcome
            };
            opened.insert(&sealed, outcome);
        }
        opened
    }

    /// Opens a certificate. Also returns the time it took.
    async fn open_one(
        &self,
        sealed: SealedCertificate,
        client: &String,
    ) -> (Result<ServerCertificate, CertificateError>, Duration) {
        let open = move || {
            let begun = Instant::now();
            (sealed.open(), begun.elapsed())
        };
        let opened = self.certificates.run(client, open).await;
        opened.unwrap_or((Err(CertificateError::Busy), Duration::ZERO))
    }

    /// Fills the cache with the results for the body's patterns. Returns at once for a body without rewrite
    /// rules.
    async fn try_patterns(&self, json: &Value, client: &String) {
        let sets = rewrite_sets_in(json);
        if !sets.is_empty() {
            // The compiler compiles the patterns that could not be compiled here.
            let cache = self.patterns.clone();
            let _ = self.turns_of_patterns.run(client, move || try_patterns(&sets, &cache)).await;
        }
    }
}

/// Reads a secret as trusted authorities.
fn trusted(secret: &Secret, now: Millis) -> Result<StoredCertificate, FetchFault> {
    let unusable = |reason: String| FetchFault::Refused(format!("it cannot be used: {reason}"));
    let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
    let list = read_authorities(text).map_err(|error| unusable(error.to_string()))?;
    if list.len() > BUNDLED {
        return Err(unusable(over_limit("certificates in a trusted root certificate", list.len(), BUNDLED)));
    }
    Ok(StoredCertificate::authorities(&list, now))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::document::Document;
    use crate::testing::{VERSION, path};
    use crate::violation::code;

    fn preparer() -> BodyPreparer {
        BodyPreparer::new(FetchDeny::default(), (None, None), Arc::default())
    }

    #[tokio::test]
    async fn a_certificate_that_takes_too_long_is_a_violation() {
        let body = || {
            let data = include_str!("../arm/certificate/fixtures/modern.pfx.base64");
            let properties = json!({ "data": data, "password": "secret" });
            json!({ "properties": { "sslCertificates": [{ "name": "c", "properties": properties }] } })
        };
        let body_preparer = BodyPreparer { deadline: Duration::ZERO, ..preparer() };
        let (_, violations) =
            Document::read(path("gw"), &body_preparer.prepare(body(), "a").await, None, VERSION);
        assert_eq!(violations.0[0].code, code::CERTIFICATE_INVALID);
        assert_eq!(violations.0[0].target, "properties.sslCertificates[0].properties.data");

        let (document, violations) =
            Document::read(path("gw"), &preparer().prepare(body(), "a").await, None, VERSION);
        assert!(violations.is_empty(), "{violations}");
        assert!(document.children[0].secret.is_some());
    }

    #[tokio::test]
    async fn a_client_whose_certificates_are_being_opened_keeps_no_other_waiting() {
        let data = include_str!("../arm/certificate/fixtures/modern.pfx.base64");
        let properties = json!({ "data": data, "password": "secret" });
        let body =
            json!({ "properties": { "sslCertificates": [{ "name": "c", "properties": properties }] } });
        let body_preparer = preparer();
        let _busy = body_preparer.certificates.take(&"busy".to_owned()).await.unwrap();
        let opened = body_preparer.prepare(body.clone(), "other").await;
        let (_, violations) = Document::read(path("gw"), &opened, None, VERSION);
        assert!(violations.is_empty(), "{violations}");
        let waits = tokio::time::timeout(Duration::ZERO, body_preparer.prepare(body, "busy")).await;
        assert!(waits.is_err(), "its own share is used up");
    }

    #[tokio::test]
    async fn what_came_of_patterns_is_known_before_anything_is_decided() {
        let set = |pattern: &str| json!({ "rewriteRules": [{ "conditions": [{ "pattern": pattern }] }] });
        let (good, bad) = ("^/of a gateway$", "(of a child");
        let gateway = json!({ "properties": { "rewriteRuleSets": [{ "properties": set(good) }] } });
        for (body, pattern) in [(gateway, good), (json!({ "properties": set(bad) }), bad)] {
            let preparer = preparer();
            assert!(!preparer.patterns.contains(pattern));
            preparer.prepare(body, "a").await;
            assert!(preparer.patterns.contains(pattern), "{pattern}");
        }
    }

    #[tokio::test]
    async fn patterns_that_will_not_count_keep_none_from_being_tried() {
        // Each pattern is invalid, which costs as much as any other; together they exceed the limit of a
        // gateway.
        let wrong: Vec<_> = (0..257).map(|number| json!({ "pattern": format!("({number}") })).collect();
        let decoy = json!({ "properties": { "rewriteRules": [{ "conditions": wrong }] } });
        let set = |pattern: &str| json!([{ "conditions": [{ "pattern": pattern }] }]);
        let (gateways, childs) = ("^/a gateway's, behind a decoy$", "^/a child's, beside a decoy$");
        let gateway =
            json!({ "rewriteRuleSets": [decoy, { "properties": { "rewriteRules": set(gateways) } }] });
        let child = json!({ "rewriteRuleSets": [decoy], "rewriteRules": set(childs) });
        for (properties, pattern) in [(gateway, gateways), (child, childs)] {
            let preparer = preparer();
            preparer.prepare(json!({ "properties": properties }), "a").await;
            assert!(preparer.patterns.contains(pattern), "{pattern}");
        }
    }
}
