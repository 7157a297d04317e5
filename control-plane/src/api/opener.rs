//! Gets ready what a body is to be decided with, where it holds nobody up: opens its certificates, on a thread of its
//! own, one at a time, within a deadline; has its error pages fetched; and tries the patterns of its rewrite rules.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::arm::body::{Body, Opened, SealedCertificate, certificates_in, rewrite_sets_in};
use crate::arm::certificate::{CertificateError, ServerCertificate};
use crate::compile::try_patterns;
use crate::fetch_policy::FetchDeny;

use super::fetcher::Fetcher;

/// How long all certificates of one body may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Opens certificates, tries patterns, and has error pages fetched.
#[derive(Clone, Debug)]
pub struct Opener {
    /// One permit: a hostile certificate, whose opening cannot be stopped, occupies one thread and not all of them.
    turn: Arc<Semaphore>,
    deadline: Duration,
    /// One permit too, for patterns: those of a gateway take about a second at most.
    pattern_turn: Arc<Semaphore>,
    fetcher: Fetcher,
}

impl Opener {
    /// One that fetches nothing from the addresses that `deny` refuses.
    pub fn new(deny: FetchDeny) -> Opener {
        let one = || Arc::new(Semaphore::new(1));
        Opener { turn: one(), deadline: DEADLINE, pattern_turn: one(), fetcher: Fetcher::new(deny) }
    }

    /// The body with what its certificates and error pages came to. What is not there in time comes to that.
    pub(super) async fn open(&self, json: Value) -> Body {
        let deadline = Instant::now() + self.deadline;
        let open = async {
            let mut opened = Opened::default();
            for sealed in certificates_in(&json) {
                let outcome = timeout_at(deadline, self.open_one(sealed.clone())).await;
                opened.insert(&sealed, outcome.unwrap_or(Err(CertificateError::NotOpened)));
            }
            opened
        };
        let (opened, pages, ()) = tokio::join!(open, self.fetcher.fetch(&json), self.try_patterns(&json));
        Body { json, opened, pages }
    }

    /// What comes of them is remembered where it is asked for. Without rewrite rules nothing is done.
    async fn try_patterns(&self, json: &Value) {
        let sets = rewrite_sets_in(json);
        if sets.is_empty() {
            return;
        }
        let Ok(turn) = self.pattern_turn.clone().acquire_owned().await else { return };
        let trying = spawn_blocking(move || {
            try_patterns(&sets);
            drop(turn);
        });
        // Whoever asks for them finds out himself what was not tried.
        let _ = trying.await;
    }

    async fn open_one(&self, sealed: SealedCertificate) -> Result<ServerCertificate, CertificateError> {
        let turn = self.turn.clone().acquire_owned().await.map_err(|_| CertificateError::NotOpened)?;
        let opening = spawn_blocking(move || {
            let outcome = sealed.open();
            drop(turn);
            outcome
        });
        opening.await.unwrap_or(Err(CertificateError::NotOpened))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::document::Document;
    use crate::compile::is_remembered;
    use crate::testing::{VERSION, path};
    use crate::violation::code;

    #[tokio::test]
    async fn a_certificate_that_takes_too_long_is_a_violation() {
        let body = || {
            let data = include_str!("../arm/certificate/fixtures/modern.pfx.base64");
            let properties = json!({ "data": data, "password": "secret" });
            json!({ "properties": { "sslCertificates": [{ "name": "c", "properties": properties }] } })
        };
        let opener = Opener { deadline: Duration::from_millis(20), ..Opener::new(FetchDeny::default()) };
        let turn = opener.turn.clone().acquire_owned().await.unwrap();
        let (_, violations) = Document::read(path("gw"), &opener.open(body()).await, None, VERSION);
        assert_eq!(violations.0[0].code, code::CERTIFICATE_INVALID);
        assert_eq!(violations.0[0].target, "properties.sslCertificates[0].properties.data");

        drop(turn);
        let (document, violations) =
            Document::read(path("gw"), &Opener::new(FetchDeny::default()).open(body()).await, None, VERSION);
        assert!(violations.is_empty(), "{violations}");
        assert!(document.children[0].secret.is_some());
    }

    #[tokio::test]
    async fn what_came_of_patterns_is_known_before_anything_is_decided() {
        let set = |pattern: &str| json!({ "rewriteRules": [{ "conditions": [{ "pattern": pattern }] }] });
        let (good, bad) = ("^/of a gateway$", "(of a child");
        let gateway = json!({ "properties": { "rewriteRuleSets": [{ "properties": set(good) }] } });
        for (body, pattern) in [(gateway, good), (json!({ "properties": set(bad) }), bad)] {
            assert!(!is_remembered(pattern));
            Opener::new(FetchDeny::default()).open(body).await;
            assert!(is_remembered(pattern), "{pattern}");
        }
    }

    #[tokio::test]
    async fn patterns_that_will_not_count_keep_none_from_being_tried() {
        // Each is wrong, which costs as much as any: together they are more than a gateway may have.
        let wrong: Vec<_> = (0..257).map(|number| json!({ "pattern": format!("({number}") })).collect();
        let decoy = json!({ "properties": { "rewriteRules": [{ "conditions": wrong }] } });
        let set = |pattern: &str| json!([{ "conditions": [{ "pattern": pattern }] }]);
        let (gateways, childs) = ("^/a gateway's, behind a decoy$", "^/a child's, beside a decoy$");
        let gateway =
            json!({ "rewriteRuleSets": [decoy, { "properties": { "rewriteRules": set(gateways) } }] });
        let child = json!({ "rewriteRuleSets": [decoy], "rewriteRules": set(childs) });
        for (properties, pattern) in [(gateway, gateways), (child, childs)] {
            Opener::new(FetchDeny::default()).open(json!({ "properties": properties })).await;
            assert!(is_remembered(pattern), "{pattern}");
        }
    }
}
