//! Links to templates and to files with the values of parameters. Pure: fetches nothing.

use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::normalize::{expect_object, take};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// A link as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentLink {
    to: To,
    /// The version that the content must have.
    pub(crate) content_version: Option<String>,
    /// The query of the URL, usually a signature. Links relative to the content have it too.
    query: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Absolute(String),
    /// Relative to the link of the template around.
    Relative(String),
}

/// The URL of a content, in two parts because the query may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Located {
    /// The URL without the query of the link.
    pub(crate) uri: String,
    /// The query of the link, without the question mark.
    query: Option<String>,
}

impl ContentLink {
    /// Reads a link.
    pub(crate) fn read(link: Value, place: &str, flaws: &mut Violations) -> Option<ContentLink> {
        let mut link = expect_object(link, place, flaws)?;
        let mut part = |name: &str| {
            let place = format!("{place}.{name}");
            let value = take(&mut link, name, &place, flaws)?;
            let text = value.as_str().map(str::to_owned);
            if text.is_none() {
                flaws.push(code::LINK, place, format!("The {name} of a link must be a string."));
            }
            text.filter(|text| !text.is_empty())
        };
        let (uri, relative) = (part("uri"), part("relativePath"));
        let (content_version, query, id) = (part("contentVersion"), part("queryString"), part("id"));
        if id.is_some() {
            let why =
                "Template specs are not served. Link to the template with uri, or put it into the request.";
            flaws.push(code::LINK, format!("{place}.id"), why);
        }
        let to = match (uri, relative) {
            (Some(uri), None) => To::Absolute(uri),
            (None, Some(path)) => To::Relative(path),
            _ if id.is_some() => return None,
            _ => {
                flaws.push(code::LINK, place, "A link must have either a uri or a relativePath.");
                return None;
            }
        };
        let query = query.map(|query| query.trim_start_matches('?').to_owned());
        Some(ContentLink { to, content_version, query })
    }

    /// Returns the URL of the content. `around` is that of the template with the link, if it was linked
    /// itself.
    ///
    /// # Errors
    /// A sentence that repeats no query, which may be a secret.
    pub(crate) fn locate(&self, around: Option<&Located>) -> Result<Located, String> {
        let (uri, query) = match &self.to {
            To::Absolute(uri) => (uri.clone(), self.query.clone()),
            To::Relative(path) => {
                let around = around.ok_or_else(|| {
                    format!(
                        "The path '{path:.200}' is relative to the URL of the template around it, which was \
                         not linked but in the request. Deploy that one by templateLink, or write a uri."
                    )
                })?;
                (join(&around.uri, path), self.query.clone().or_else(|| around.query.clone()))
            }
        };
        let located = Located { uri, query };
        let is_web = |uri: &Uri| {
            let authority = uri.authority().filter(|authority| !authority.host().is_empty());
            matches!(uri.scheme_str(), Some("http" | "https"))
                && authority.is_some_and(|authority| !authority.as_str().contains('@'))
        };
        match located.whole().parse::<Uri>() {
            Ok(uri) if is_web(&uri) => Ok(located),
            _ => {
                let why = "A link must be an absolute URL that begins with http:// or https:// and contains no \
                           user name.";
                Err(why.to_owned())
            }
        }
    }
}

impl Located {
    /// The URL with its query.
    pub(crate) fn whole(&self) -> String {
        match &self.query {
            Some(query) if self.uri.contains('?') => format!("{}&{query}", self.uri),
            Some(query) => format!("{}?{query}", self.uri),
            None => self.uri.clone(),
        }
    }

    /// The URL without any query, for responses and messages.
    pub(crate) fn shown(&self) -> &str {
        self.uri.split(['?', '#']).next().unwrap_or_default()
    }
}

/// Resolves a relative path (RFC 3986, section 5.2, for paths).
fn join(base: &str, path: &str) -> String {
    let base = base.split(['?', '#']).next().unwrap_or_default();
    let start = base.find("://").map_or(0, |at| at + "://".len());
    let (authority, directory) = match base[start..].split_once('/') {
        Some((authority, path)) => {
            (&base[..start + authority.len()], path.rsplit_once('/').map_or("", |(d, _)| d))
        }
        None => (base, ""),
    };
    let from_root = path.strip_prefix('/');
    let mut segments: Vec<&str> = match from_root {
        Some(_) => Vec::new(),
        None => directory.split('/').filter(|segment| !segment.is_empty()).collect(),
    };
    for segment in from_root.unwrap_or(path).split('/') {
        match segment {
            "." | "" => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    format!("{authority}/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(link: Value) -> Result<ContentLink, Violations> {
        let mut flaws = Violations::default();
        let link = ContentLink::read(link, "l", &mut flaws);
        link.filter(|_| flaws.is_empty()).ok_or(flaws)
    }

    #[test]
    fn a_link_leads_to_a_url() {
        let around = Located { uri: "https://h.test/a/b/main.json?x=1".into(), query: Some("sig=s".into()) };
        let cases = [
            (json!({"uri": "https://h.test/t.json"}), "https://h.test/t.json"),
            (json!({"URI": "https://h.test/t.json", "queryString": "?sig=q"}), "https://h.test/t.json?sig=q"),
            (json!({"uri": "http://h.test/t?a=b", "queryString": "c=d"}), "http://h.test/t?a=b&c=d"),
            (json!({"relativePath": "t.json"}), "https://h.test/a/b/t.json?sig=s"),
            (json!({"relativePath": "./n/../t.json"}), "https://h.test/a/b/t.json?sig=s"),
            (json!({"relativePath": "../../../t.json"}), "https://h.test/t.json?sig=s"),
            (json!({"relativePath": "/t.json", "queryString": "own"}), "https://h.test/t.json?own"),
        ];
        for (link, expected) in cases {
            let located = read(link.clone()).unwrap().locate(Some(&around)).unwrap();
            assert_eq!(located.whole(), expected, "{link}");
            assert!(!located.shown().contains('?'), "{link}");
        }
        assert_eq!(join("https://h.test", "t.json"), "https://h.test/t.json");
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for bad in [
            json!({}),
            json!([]),
            json!({"uri": "https://h.test/a", "relativePath": "b"}),
            json!({"uri": 7}),
            json!({"id": "/subscriptions/s/providers/Microsoft.Resources/templateSpecs/t/versions/1"}),
        ] {
            read(bad.clone()).expect_err(&bad.to_string());
        }
        for bad in ["ftp://h.test/a", "https://u:p@h.test/a", "/a", "https:///a"] {
            read(json!({"uri": bad})).unwrap().locate(None).expect_err(bad);
        }
        let why = read(json!({"relativePath": "a.json"})).unwrap().locate(None).unwrap_err();
        assert!(why.contains("'a.json'") && why.contains("templateLink"), "{why}");
    }
}
