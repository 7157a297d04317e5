//! Lists page by page: how long a page is, where it begins, and the URL of the next one. Pure.
//!
//! A page begins after the last row of the one before, named by its key: rows that come and go in between shift
//! nothing. The key may name a row that the client may not see, so the token that holds it is sealed.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tidegate_shared::seal::SealKey;

use super::App;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl};

/// How many rows a page has where nothing is said, and the most that can be asked for.
const ROWS: usize = 100;
const MAX_ROWS: usize = 1000;

/// The purpose that page tokens are sealed for.
const PURPOSE: &[u8] = b"page token";

/// What page tokens are sealed with. A token is good for as long as the database is.
#[derive(Clone)]
pub struct PageTokens(Arc<SealKey>);

impl PageTokens {
    /// Those sealed with that key.
    pub fn new(key: SealKey) -> PageTokens {
        PageTokens(Arc::new(key))
    }

    fn encode(&self, key: &[&str]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.seal(PURPOSE, json!(key).to_string().as_bytes()))
    }

    fn decode(&self, token: &str) -> Option<Vec<String>> {
        let key = self.0.open(PURPOSE, &BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        serde_json::from_slice(key.expose()).ok()
    }
}

impl fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageTokens")
    }
}

/// The page of a list that a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    /// How many rows at most: 1 to 1000, 100 if nothing is said (`$top`).
    pub(super) rows: usize,
    /// The key of the row that the page comes after; the first page if none (`$skipToken`).
    pub(super) after: Option<Vec<String>>,
    /// Whether the number of rows was asked for: then the next page has as many.
    asked: bool,
    tokens: PageTokens,
}

/// All parameters in a query, decoded.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Parameters, ApiError> {
        let Query(all) = Query::try_from_uri(&parts.uri)
            .map_err(|e| ApiError::BadRequest(format!("The query cannot be read: {e}.")))?;
        Ok(Parameters(all))
    }
}

impl Parameters {
    /// The first of that name, compared without case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<App>> for Paging {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Paging, ApiError> {
        Paging::read(&Parameters::from_request_parts(parts, app).await?, &app.page_tokens)
    }
}

impl Paging {
    fn read(parameters: &Parameters, tokens: &PageTokens) -> Result<Paging, ApiError> {
        let top = parameters.get("$top");
        let rows =
            top.map_or(Some(ROWS), |text| text.parse().ok().filter(|rows| (1..=MAX_ROWS).contains(rows)));
        let rows = rows
            .ok_or_else(|| ApiError::BadRequest(format!("$top is a whole number from 1 to {MAX_ROWS}.")))?;
        let bad = || ApiError::BadRequest("$skipToken is not one of a nextLink.".to_owned());
        let after =
            parameters.get("$skipToken").map(|token| tokens.decode(token).ok_or_else(bad)).transpose()?;
        Ok(Paging { rows, after, asked: top.is_some(), tokens: tokens.clone() })
    }

    /// The key that the page comes after, which has as many parts as that list's keys have.
    ///
    /// # Errors
    /// It is the key of another list.
    pub(super) fn key<const N: usize>(&self) -> Result<Option<[String; N]>, ApiError> {
        let key = self.after.clone().map(<[String; N]>::try_from).transpose();
        key.map_err(|_| ApiError::BadRequest("$skipToken is that of another list.".to_owned()))
    }

    /// The answer: the page's rows, and the URL of the next page if `last`, the key of the last row here, has more
    /// after it. `path` is the list's.
    pub(super) fn answer(
        &self,
        (base, version): (&BaseUrl, &ApiVersionParam),
        path: &str,
        rows: Vec<Value>,
        last: Option<&[&str]>,
    ) -> Value {
        let mut page = json!({"value": Value::Array(rows)});
        if let Some(last) = last {
            let top = if self.asked { format!("&$top={}", self.rows) } else { String::new() };
            let (path, token) = (escaped(path), self.tokens.encode(last));
            let query = format!("api-version={}{top}&$skipToken={token}", version.text);
            page["nextLink"] = format!("{}{path}?{query}", base.0).into();
        }
        page
    }
}

/// A path as it stands in a URL: names may hold letters that a URL cannot.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.()".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::document::ApiVersion;

    fn read(query: &str) -> Result<Paging, ApiError> {
        static DIRECTORY: std::sync::LazyLock<tempfile::TempDir> =
            std::sync::LazyLock::new(|| tempfile::tempdir().unwrap());
        let key = SealKey::load_or_create(&DIRECTORY.path().join("key")).unwrap();
        let Query(all) = Query::try_from_uri(&format!("/x?{query}").parse().unwrap()).unwrap();
        Paging::read(&Parameters(all), &PageTokens::new(key))
    }

    #[test]
    fn a_page_is_as_long_as_asked_for_within_bounds() {
        for (query, rows) in [("", 100), ("$top=1", 1), ("%24TOP=1000", 1000), ("a=b&$top=7&$top=8", 7)] {
            assert_eq!(read(query).unwrap().rows, rows, "{query}");
        }
        for bad in ["$top=0", "$top=1001", "$top=-1", "$top=", "$top=x", "$skiptoken=!", "$skipToken=e30"] {
            assert!(matches!(read(bad), Err(ApiError::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn the_next_page_begins_where_this_one_ends() {
        let (base, version) = (BaseUrl("https://x:1".into()), ApiVersion { date: (2024, 5, 1) });
        let version = ApiVersionParam { text: "2024-05-01".into(), date: version };
        let paging = read("$top=2").unwrap();
        let last = ["Straße", "gw"];
        let page = paging.answer((&base, &version), "/groups/Straße", vec![json!(1)], Some(&last));
        let next = page["nextLink"].as_str().unwrap();
        let (url, token) = next.split_once("&$skipToken=").unwrap();
        assert_eq!(url, "https://x:1/groups/Stra%C3%9Fe?api-version=2024-05-01&$top=2");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();
        assert!(!bytes.windows(2).any(|two| two == b"gw"), "the token tells the name of a row");
        assert!(read(&format!("$skipToken={}", BASE64_URL_SAFE_NO_PAD.encode("[\"a\"]"))).is_err());
        let next = read(next.split_once('?').unwrap().1).unwrap();
        assert_eq!(next.rows, 2);
        assert_eq!(next.key::<2>().unwrap(), Some(last.map(str::to_owned)));
        next.key::<1>().unwrap_err();
        let end = paging.answer((&base, &version), "/groups/x", vec![], None);
        assert_eq!(end, json!({"value": []}));
        let page = read("").unwrap().answer((&base, &version), "/x", vec![], Some(&last));
        assert!(!page["nextLink"].as_str().unwrap().contains("$top"), "only what was asked for is repeated");
    }
}
