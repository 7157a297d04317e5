//! Fetches the error pages that a body names before anything is written: each once, several at a time, within a
//! time limit and the maximum size for a gateway. Also fetches the templates to which a deployment links.
//!
//! Every author of a gateway chooses URLs, and the content is sent to clients of the gateway. So requests carry
//! no credentials, redirects are not followed, only URLs that look like pages are fetched, and none from an
//! address that the policy denies ([`FetchDeny`]). The error does not distinguish a closed port from a server
//! of another protocol; the log does.

pub(in crate::service) mod connector;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use connector::Web;

use crate::arm::page::{MAX_ALL, MAX_PAGE, MAX_PAGES, Page, PageError, Pages, locate, pages_in};
use crate::fair_share::{Bounds, FairShare, QueueFull};
use crate::fetch_policy::FetchDeny;

/// The time limit for all pages of one body, from the beginning of its turn.
const DEADLINE: Duration = Duration::from_secs(15);

/// The number of bodies whose pages are fetched at once: eight, and two for each client.
const SHARES: Bounds = Bounds { total: 8, each: 2, waiting: 64 };

/// The number of pages of one body that are fetched at once.
const AT_ONCE: usize = 8;

/// The media type if the server does not send a kind of HTML.
const HTML: &str = "text/html";

/// The media types that are asked for in place of a document. Servers of files often have no type of their
/// own for JSON.
const JSON: &str = "application/json, */*;q=0.5";

/// Fetches error pages.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    turns: FairShare<String>,
    deadline: Duration,
    deny: Arc<FetchDeny>,
}

impl Fetcher {
    /// Creates a fetcher that fetches nothing from the addresses that `deny` refuses.
    pub(super) fn new(deny: FetchDeny) -> Fetcher {
        Fetcher { turns: FairShare::new(SHARES), deadline: DEADLINE, deny: Arc::new(deny) }
    }

    /// Fetches each page that the body names. Returns at once for a body that names none.
    pub(super) async fn fetch(&self, body: &Value, client: &String) -> Pages {
        let mut pages = Pages::default();
        let mut wanted = Vec::new();
        for url in pages_in(body) {
            match locate(url) {
                Ok(_) if wanted.len() == MAX_PAGES => pages.insert(url, Err(PageError::TooMany)),
                Ok(uri) => wanted.push((url, uri)),
                Err(error) => pages.insert(url, Err(error)),
            }
        }
        if wanted.is_empty() {
            return pages;
        }
        // Waiting for other clients does not count towards the time limit.
        let turn = self.turns.take(client).await;
        let found = match &turn {
            Ok(_) => self.fetch_all(&wanted).await,
            Err(QueueFull) => Err(PageError::Busy),
        };
        for (url, _) in wanted {
            let outcome = match &found {
                Ok(found) => found.get(url).cloned().unwrap_or(Err(PageError::TooMuch)),
                Err(error) => Err(error.clone()),
            };
            pages.insert(url, outcome);
        }
        pages
    }

    /// Fetches a document, such as a template, when it is the client's turn. `spent` is the time that was
    /// spent on other documents of the same request, and grows by that of this one: the time limit is for all
    /// together.
    ///
    /// # Errors
    /// If it cannot be fetched.
    pub(super) async fn document(
        &self,
        url: &str,
        client: &String,
        spent: &mut Duration,
    ) -> Result<Bytes, PageError> {
        let uri: Uri = url.parse().map_err(|_| PageError::Url)?;
        let _turn = self.turns.take(client).await.map_err(|QueueFull| PageError::Busy)?;
        let web = connector::client(self.deny.clone(), None).map_err(|error| {
            tracing::error!(%error, "no document can be fetched: the system's certificate authorities cannot be read");
            PageError::Unreachable
        })?;
        let begun = Instant::now();
        let deadline = begun + self.deadline.saturating_sub(*spent);
        let fetched = timeout_at(deadline, fetch(&web, uri, JSON, &self.deny)).await;
        *spent += begun.elapsed();
        fetched.unwrap_or(Err(PageError::TooSlow(self.deadline.as_secs()))).map(|page| page.body)
    }

    /// Fetches pages up to the total limit of a gateway.
    ///
    /// # Errors
    /// If no page can be fetched at all.
    async fn fetch_all(&self, wanted: &[(&str, Uri)]) -> Result<Pages, PageError> {
        let deadline = Instant::now() + self.deadline;
        let web = connector::client(self.deny.clone(), None).map_err(|error| {
            tracing::error!(%error, "no error page can be fetched: the system's certificate authorities cannot be read");
            PageError::Unreachable
        })?;
        let few = Arc::new(Semaphore::new(AT_ONCE));
        let mut fetching = JoinSet::new();
        for (url, uri) in wanted {
            let (url, uri, web, few) = ((*url).to_owned(), uri.clone(), web.clone(), few.clone());
            let deny = self.deny.clone();
            let too_slow = Err(PageError::TooSlow(self.deadline.as_secs()));
            fetching.spawn(async move {
                let fetched = async {
                    let _turn = few.acquire().await;
                    fetch(&web, uri, HTML, &deny).await
                };
                (url, timeout_at(deadline, fetched).await.unwrap_or(too_slow))
            });
        }
        let (mut pages, mut bytes) = (Pages::default(), 0);
        while let Some(Ok((url, outcome))) = fetching.join_next().await {
            bytes += outcome.as_ref().map_or(0, |page| page.body.len());
            if bytes > MAX_ALL {
                break;
            }
            pages.insert(url, outcome);
        }
        Ok(pages)
    }
}

async fn fetch(
    web: &Web<Empty<Bytes>>,
    uri: Uri,
    accept: &'static str,
    deny: &FetchDeny,
) -> Result<Page, PageError> {
    connector::check(&uri, deny).map_err(|_| PageError::Denied)?;
    let host = uri.host().unwrap_or_default().to_owned();
    let request = Request::get(uri).header(USER_AGENT, "Tidegate").header(ACCEPT, accept);
    let request = request.body(Empty::new()).expect("a URI that was parsed makes a request");
    let response = web.request(request).await.map_err(|error| unreachable(&host, &error))?;
    if response.status() != StatusCode::OK {
        return Err(PageError::Status(response.status().as_u16()));
    }
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(PageError::Encoded);
    }
    let content_type = content_type(response.headers());
    // The limit is exclusive.
    let body = Limited::new(response.into_body(), MAX_PAGE - 1).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => PageError::TooLarge,
        false => unreachable(&host, &*error),
    })?;
    Ok(Page { content_type, body: body.to_bytes() })
}

/// Returns the media type that the server sends if it is HTML, in any charset.
fn content_type(headers: &HeaderMap) -> String {
    const LONGEST: usize = 100;
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_html = |text: &&str| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(HTML) && text.len() <= LONGEST
    };
    given.filter(is_html).unwrap_or(HTML).to_owned()
}

/// Returns the error for the author of the URL. The cause is logged for the operator, without the URL.
fn unreachable(host: &str, error: &(dyn Error + 'static)) -> PageError {
    if connector::is_denied(error) {
        return PageError::Denied;
    }
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    tracing::info!(host, error = %cause, "an error page cannot be fetched");
    PageError::Unreachable
}

#[cfg(test)]
mod tests;
