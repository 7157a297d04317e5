//! Fetches the error pages that a body names, before anything is written: each once, several at a time, within a
//! deadline, and never more bytes than a gateway may have.
//!
//! Whoever may write a gateway says where pages are, and the answer goes to the clients of the gateway. So nothing is
//! sent along that the server could take for more than a stranger's request, no redirect is followed, and only what
//! is named like a page is asked for.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring::default_provider;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::arm::page::{MAX_ALL, MAX_PAGE, MAX_PAGES, Page, PageError, Pages, locate, pages_in};

/// How long all pages of one body may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// How many pages are fetched at once, whoever asks for them.
const AT_ONCE: usize = 8;

/// What a page is where its server does not say that it is HTML.
const HTML: &str = "text/html";

/// Fetches error pages.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    turns: Arc<Semaphore>,
    deadline: Duration,
}

type Web = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

impl Default for Fetcher {
    fn default() -> Fetcher {
        Fetcher { turns: Arc::new(Semaphore::new(AT_ONCE)), deadline: DEADLINE }
    }
}

impl Fetcher {
    /// What came of each page that the body names. For a body that names none, nothing is done.
    pub(super) async fn fetch(&self, body: &Value) -> Pages {
        let mut pages = Pages::default();
        let urls = pages_in(body);
        if urls.is_empty() {
            return pages;
        }
        let mut fetching = JoinSet::new();
        let mut wanted = 0;
        let mut web = None;
        for url in urls {
            let outcome = match locate(url) {
                Ok(_) if wanted == MAX_PAGES => Err(PageError::TooMany),
                located => located,
            };
            match outcome.and_then(|uri| Ok((uri, client(&mut web)?))) {
                Ok((uri, web)) => {
                    wanted += 1;
                    fetching.spawn(self.clone().in_turn(
                        web,
                        url.to_owned(),
                        uri,
                        Instant::now() + self.deadline,
                    ));
                }
                Err(error) => pages.insert(url, Err(error)),
            }
        }
        let mut bytes = 0;
        while let Some(Ok((url, outcome))) = fetching.join_next().await {
            bytes += outcome.as_ref().map_or(0, |page| page.body.len());
            if bytes > MAX_ALL {
                break;
            }
            pages.insert(url, outcome);
        }
        for url in pages_in(body).into_iter().filter(|url| pages.get(url).is_none()).collect::<Vec<_>>() {
            pages.insert(url, Err(PageError::TooMuch));
        }
        pages
    }

    async fn in_turn(
        self,
        web: Web,
        url: String,
        uri: Uri,
        deadline: Instant,
    ) -> (String, Result<Page, PageError>) {
        let fetched = async {
            let _turn = self.turns.acquire().await;
            fetch(&web, uri).await
        };
        let too_slow = Err(PageError::TooSlow(self.deadline.as_secs()));
        (url, timeout_at(deadline, fetched).await.unwrap_or(too_slow))
    }
}

/// One client for all pages of a body: made where there are any, since that reads the system's authorities.
fn client(made: &mut Option<Web>) -> Result<Web, PageError> {
    if let Some(client) = made {
        return Ok(client.clone());
    }
    let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(default_provider());
    let connector = connector.map_err(|error| PageError::Unreachable(error.to_string()))?;
    let connector = connector.https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    Ok(made.insert(client).clone())
}

async fn fetch(web: &Web, uri: Uri) -> Result<Page, PageError> {
    let request = Request::get(uri).header(USER_AGENT, "Tidegate").header(ACCEPT, HTML);
    let request = request.body(Empty::new()).expect("a URI that was parsed makes a request");
    let response = web.request(request).await.map_err(|error| unreachable(&error))?;
    if response.status() != StatusCode::OK {
        return Err(PageError::Status(response.status().as_u16()));
    }
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(PageError::Encoded);
    }
    let content_type = content_type(response.headers());
    // One byte fewer than the bound is the most that a page may have.
    let body = Limited::new(response.into_body(), MAX_PAGE - 1).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => PageError::TooLarge,
        false => unreachable(&*error),
    })?;
    Ok(Page { content_type, body: body.to_bytes() })
}

/// What the server calls it, if that is HTML in some charset.
fn content_type(headers: &HeaderMap) -> String {
    const LONGEST: usize = 100;
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_html = |text: &&str| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(HTML) && text.len() <= LONGEST
    };
    given.filter(is_html).unwrap_or(HTML).to_owned()
}

/// The innermost cause: it says most, and nothing of the URL.
fn unreachable(error: &(dyn Error + 'static)) -> PageError {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    PageError::Unreachable(cause.to_string())
}

#[cfg(test)]
mod tests;
