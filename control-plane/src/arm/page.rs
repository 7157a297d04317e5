//! Error pages: their URLs, and the results of fetching them.
//!
//! A page is fetched once, before the write that names it, because the single writer cannot wait for a foreign
//! server. The caller finds the pages of a body with [`pages_in`], fetches them and passes the body on together
//! with the results, which are stored with the gateway. The compiler only looks a result up. This module
//! fetches nothing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Uri;
use serde_json::{Map, Value};
use thiserror::Error;

/// The exclusive upper bound of the size of a page, in bytes.
pub(crate) const MAX_PAGE: usize = 1024 * 1024;

/// The maximum number of different pages of a gateway.
pub(crate) const MAX_PAGES: usize = 100;

/// The maximum size of all pages of a gateway, in bytes.
pub(crate) const MAX_ALL: usize = 8 * 1024 * 1024;

/// A fetched page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The media type: `text/html`, optionally with parameters.
    pub(crate) content_type: String,
    /// The body that clients receive.
    pub(crate) body: Bytes,
}

/// The reason why a page is unavailable. The message is for the author of the URL; it repeats no part of the
/// URL, which may contain credentials.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PageError {
    /// The text is not the URL of a page.
    #[error("It must be an absolute URL that begins with http:// or https:// and contains no user name")]
    Url,
    /// The path of the URL does not end like a page.
    #[error("Its path must end with .htm or .html")]
    Name,
    /// There is no server, or its response is not valid HTTP. The message does not distinguish the two, so that
    /// an author of URLs cannot scan the control plane's network.
    #[error("The page cannot be fetched: no complete HTTP response came from its server")]
    Unreachable,
    /// The operator has excluded the address of the server.
    #[error("The page cannot be fetched: its server is at an address that `--fetch-deny` refuses")]
    Denied,
    /// The client already has the maximum number of requests waiting for their pages.
    #[error("The page cannot be fetched now: too many requests of this client are waiting for their pages")]
    Busy,
    /// The download exceeded the time limit, in seconds.
    #[error("The page cannot be fetched: its server did not send all of it within {0} s")]
    TooSlow(u64),
    /// The server answered with another status than 200.
    #[error(
        "The page cannot be fetched: its server answered {0}. Only 200 is accepted, and redirects are not \
         followed"
    )]
    Status(u16),
    /// The response is compressed although the request did not allow compression.
    #[error("The page cannot be used: its server sent a content encoding that was not requested")]
    Encoded,
    /// The page is too large.
    #[error("The page is too large: it must have fewer than {MAX_PAGE} bytes")]
    TooLarge,
    /// The gateway names too many different pages.
    #[error("A gateway may have at most {MAX_PAGES} different pages")]
    TooMany,
    /// The pages of the gateway are too large in total.
    #[error("All pages of a gateway together may have at most {MAX_ALL} bytes")]
    TooMuch,
}

/// Parses the URL of a page.
///
/// # Errors
/// [`PageError::Url`] or [`PageError::Name`].
pub(crate) fn locate(url: &str) -> Result<Uri, PageError> {
    let uri: Uri = url.parse().map_err(|_| PageError::Url)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().filter(|authority| is_http && !authority.host().is_empty());
    if authority.is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(PageError::Url);
    }
    let path = uri.path().to_ascii_lowercase();
    if path.ends_with(".htm") || path.ends_with(".html") { Ok(uri) } else { Err(PageError::Name) }
}

/// The results of fetching pages, by URL. A URL without an entry was not requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages(BTreeMap<String, Result<Page, PageError>>);

impl Pages {
    /// Adds the result for one page.
    pub(crate) fn insert(&mut self, url: impl Into<String>, outcome: Result<Page, PageError>) {
        self.0.insert(url.into(), outcome);
    }

    /// Returns the result for the page at that URL.
    pub(crate) fn get(&self, url: &str) -> Option<&Result<Page, PageError>> {
        self.0.get(url)
    }

    /// The pages that were fetched successfully.
    pub(crate) fn found(&self) -> impl Iterator<Item = (&str, &Page)> {
        self.0.iter().filter_map(|(url, outcome)| Some((url.as_str(), outcome.as_ref().ok()?)))
    }

    /// Returns the results for the pages at these URLs.
    #[must_use]
    pub(crate) fn only(&self, urls: &BTreeSet<&str>) -> Pages {
        let results = self.0.iter().filter(|(url, _)| urls.contains(url.as_str()));
        Pages(results.map(|(url, outcome)| (url.clone(), outcome.clone())).collect())
    }

    /// Returns these results with those of `newer` added; newer results replace older ones.
    #[must_use]
    pub(crate) fn with(&self, newer: &Pages) -> Pages {
        let mut pages = self.clone();
        pages.0.extend(newer.0.clone());
        pages
    }
}

/// Returns the URL of every page in the body of a gateway or of a single listener, without duplicates. The kind
/// of a single child is unknown here: for another child that resembles a listener the result is never looked
/// up.
pub(crate) fn pages_in(body: &Value) -> BTreeSet<&str> {
    let mut urls = BTreeSet::new();
    let Some(properties) = body.as_object().and_then(|body| object(body, "properties")) else { return urls };
    add(properties, &mut urls);
    for listener in list(properties, "httpListeners") {
        let properties = listener.as_object().and_then(|listener| object(listener, "properties"));
        properties.into_iter().for_each(|properties| add(properties, &mut urls));
    }
    urls
}

pub(super) fn add<'a>(properties: &'a Map<String, Value>, urls: &mut BTreeSet<&'a str>) {
    for configuration in list(properties, "customErrorConfigurations") {
        let url = configuration.as_object().and_then(|one| any_case(one, "customErrorPageUrl"));
        urls.extend(url.and_then(Value::as_str).filter(|url| !url.is_empty()));
    }
}

/// Returns a property that is a list, or an empty list if it is anything else.
pub(super) fn list<'a>(object: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    any_case(object, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a property that is an object.
pub(super) fn object<'a>(within: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    any_case(within, name).and_then(Value::as_object)
}

/// Returns a property, ignoring the case of its name. Two spellings of one name are rejected where the body is
/// read.
fn any_case<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_page_on_a_web_server_is_fetched() {
        for (url, expected) in [
            ("https://a.test/502.html", None),
            ("http://127.0.0.1:8080/errors/502.HTM?sv=1&sig=x", None),
            ("https://[::1]/a.html", None),
            ("ftp://a.test/502.html", Some(PageError::Url)),
            ("file:///etc/passwd.html", Some(PageError::Url)),
            ("/502.html", Some(PageError::Url)),
            ("a.test/502.html", Some(PageError::Url)),
            ("https:///502.html", Some(PageError::Url)),
            ("https://user:secret@a.test/502.html", Some(PageError::Url)),
            ("https://a.test/50 2.html", Some(PageError::Url)),
            ("", Some(PageError::Url)),
            ("https://a.test/", Some(PageError::Name)),
            ("https://a.test/502.php?.html", Some(PageError::Name)),
            ("https://a.test/502.xhtml#.html", Some(PageError::Name)),
        ] {
            assert_eq!(locate(url).err(), expected, "{url}");
        }
    }

    #[test]
    fn pages_are_found_in_any_spelling_each_once() {
        let page = |url: &str| json!([{ "StatusCode": "HttpStatus502", "CUSTOMERRORPAGEURL": url }]);
        let gateway = json!({ "Properties": {
            "customErrorConfigurations": page("a"),
            "HTTPListeners": [
                { "name": "l", "properties": { "CustomErrorConfigurations": page("b") } },
                { "name": "m", "properties": { "customErrorConfigurations": page("a") } },
                { "name": "n", "properties": { "customErrorConfigurations": page("") } },
                null, 7, { "properties": [] },
            ],
        } });
        assert_eq!(Vec::from_iter(pages_in(&gateway)), ["a", "b"]);
        let listener = json!({ "properties": { "customErrorConfigurations": page("c") } });
        assert_eq!(Vec::from_iter(pages_in(&listener)), ["c"]);
        for nothing in [json!(null), json!([]), json!({ "properties": { "customErrorConfigurations": {} } })]
        {
            assert!(pages_in(&nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn what_came_of_a_page_last_is_what_counts() {
        let page = |text: &'static str| {
            Ok(Page { content_type: "text/html".to_owned(), body: Bytes::from_static(text.as_bytes()) })
        };
        let (mut old, mut new) = (Pages::default(), Pages::default());
        old.insert("a", page("1"));
        old.insert("b", page("1"));
        new.insert("b", Err(PageError::Status(404)));
        let both = old.with(&new);
        assert_eq!(both.get("a"), Some(&page("1")));
        assert_eq!(both.get("b"), Some(&Err(PageError::Status(404))));
        assert_eq!(both.found().map(|(url, _)| url).collect::<Vec<_>>(), ["a"]);
    }
}
