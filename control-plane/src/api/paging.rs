//! Paging of lists: the size of a page, its position, and the URL of the next one. Pure.
//!
//! A page begins after the key of the previous page's last row, so that rows added or deleted in between do not
//! shift it. The key may name a row that the client may not see, so the token that contains it is sealed.

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

/// The default and the maximum number of rows of a page.
const ROWS: usize = 100;
const MAX_ROWS: usize = 1000;

/// The purpose for which page tokens are sealed.
const PURPOSE: &[u8] = b"page token";

/// Seals page tokens. A token is valid for the life of the database.
#[derive(Clone)]
pub(crate) struct PageTokens(Arc<SealKey>);

impl PageTokens {
    /// Creates the sealer with this key.
    pub(crate) fn new(key: SealKey) -> PageTokens {
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

/// The requested page of a list.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    /// The maximum number of rows: 1 to 1000, 100 by default (`$top`). Lists that count may have none.
    pub(super) rows: usize,
    /// The key after which the page begins; `None` for the first page (`$skipToken`).
    pub(super) after: Option<Vec<String>>,
    /// True if `$top` was given; the URL of the next page then repeats it.
    asked: bool,
    tokens: PageTokens,
}

/// The decoded parameters of a query.
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
    /// Returns the first parameter of that name, ignoring case.
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
        Paging::read_from(1, parameters, tokens)
    }

    /// Reads the page of a list that may be asked for no rows.
    ///
    /// # Errors
    /// `$top` or `$skipToken` is not valid.
    pub(super) fn read_with_none(parameters: &Parameters, tokens: &PageTokens) -> Result<Paging, ApiError> {
        Paging::read_from(0, parameters, tokens)
    }

    fn read_from(least: usize, parameters: &Parameters, tokens: &PageTokens) -> Result<Paging, ApiError> {
        let top = parameters.get("$top");
        let is_valid = |rows: &usize| (least..=MAX_ROWS).contains(rows);
        let rows = top.map_or(Some(ROWS), |text| text.parse().ok().filter(is_valid)).ok_or_else(|| {
            ApiError::BadRequest(format!("$top must be an integer from {least} to {MAX_ROWS}."))
        })?;
        let bad = || ApiError::BadRequest("$skipToken must come from a nextLink.".to_owned());
        let after =
            parameters.get("$skipToken").map(|token| tokens.decode(token).ok_or_else(bad)).transpose()?;
        Ok(Paging { rows, after, asked: top.is_some(), tokens: tokens.clone() })
    }

    /// Returns the key after which the page begins, with the number of parts that this list's keys have.
    ///
    /// # Errors
    /// If it is the key of another list.
    pub(super) fn key<const N: usize>(&self) -> Result<Option<[String; N]>, ApiError> {
        let key = self.after.clone().map(<[String; N]>::try_from).transpose();
        key.map_err(|_| ApiError::BadRequest("$skipToken belongs to another list.".to_owned()))
    }

    /// Returns the response with the page's rows. If `last`, the key of the last row here, is given, more rows
    /// follow it, and the response has the URL of the next page. `path` is the list's.
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

/// Escapes a path for a URL, because names may contain other letters.
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
