//! Fetches linked templates and linked files with the values of parameters, under the limits of error pages:
//! the same addresses are denied, and size, time and shares of clients are bounded alike.
//!
//! A content is fetched once in a deployment. What was fetched before the deployment is stored with it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::arm::deployment::{Content, ContentLink, DeploymentBody, Located};
use crate::arm::page::{MAX_ALL, MAX_PAGE, MAX_PAGES, PageError};
use crate::arm::relaxed_json::strict;
use crate::violation::Violations;
use crate::violation::code::template as code;

use super::super::fetcher::Fetcher;

/// A template with the values of its parameters, complete.
pub(super) struct Linked {
    pub(super) template: Value,
    pub(super) parameters: Value,
    /// The place of the template, if it was linked.
    pub(super) link: Option<Located>,
    /// True if the values of the parameters were linked.
    pub(super) has_linked_parameters: bool,
}

/// The contents that were fetched for a deployment.
pub(super) struct Links<'a> {
    fetcher: &'a Fetcher,
    client: String,
    /// The contents by URL.
    known: BTreeMap<String, Value>,
    /// The number of bytes that were fetched.
    bytes: usize,
    /// The time that was spent.
    spent: Duration,
}

impl<'a> Links<'a> {
    /// Begins with contents that were fetched before, by URL.
    pub(super) fn new(fetcher: &'a Fetcher, client: &str, known: BTreeMap<String, Value>) -> Links<'a> {
        Links { fetcher, client: client.to_owned(), known, bytes: 0, spent: Duration::ZERO }
    }

    /// Returns all contents by URL.
    pub(super) fn into_known(self) -> BTreeMap<String, Value> {
        self.known
    }

    /// Fetches what a body links to. `around` is the place of the template with this deployment, if it was
    /// linked.
    ///
    /// # Errors
    /// Why a content cannot be used, with the place of its link in the body.
    pub(super) async fn complete(
        &mut self,
        body: &mut DeploymentBody,
        around: Option<&Located>,
    ) -> Result<Linked, Violations> {
        let content = std::mem::replace(&mut body.template, Content::Inline(Value::Null));
        let (template, link) = match content {
            Content::Inline(template) => (template, None),
            Content::Linked(link) => {
                let (located, template) =
                    self.follow(&link, around, "template").await.map_err(|why| flaw("templateLink", why))?;
                (template, Some(located))
            }
        };
        let has_linked_parameters = body.parameters_link.is_some();
        let parameters = match body.parameters_link.take() {
            None => std::mem::take(&mut body.parameters),
            Some(link) => {
                let found = self.follow(&link, around, "parameters").await;
                let (_, mut file) = found.map_err(|why| flaw("parametersLink", why))?;
                let values = file.as_object_mut().and_then(|file| remove(file, "parameters"));
                values.unwrap_or(file)
            }
        };
        Ok(Linked { template, parameters, link, has_linked_parameters })
    }

    async fn follow(
        &mut self,
        link: &ContentLink,
        around: Option<&Located>,
        what: &str,
    ) -> Result<(Located, Value), String> {
        let located = link.locate(around)?;
        let url = located.whole();
        if !self.known.contains_key(&url) {
            let content = self.fetch(&url).await.map_err(|why| {
                format!("The {what} at '{:.300}' cannot be fetched: {why}.", located.shown())
            })?;
            self.known.insert(url.clone(), content);
        }
        let content = self.known.get(&url).cloned().unwrap_or_default();
        let version = content.get("contentVersion").and_then(Value::as_str).unwrap_or_default();
        match &link.content_version {
            Some(expected) if expected != version => Err(format!(
                "The {what} at '{:.300}' has the contentVersion '{version:.60}', not '{expected:.60}'.",
                located.shown()
            )),
            _ => Ok((located, content)),
        }
    }

    async fn fetch(&mut self, url: &str) -> Result<Value, String> {
        if self.known.len() >= MAX_PAGES {
            return Err(format!("a deployment may link to at most {MAX_PAGES} contents"));
        }
        let bytes =
            self.fetcher.document(url, &self.client, &mut self.spent).await.map_err(|error| cause(&error))?;
        self.bytes += bytes.len();
        if self.bytes > MAX_ALL {
            return Err(format!("all contents of a deployment together may have at most {MAX_ALL} bytes"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}');
        let read: Value = serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(&strict(text)))
            .map_err(|error| format!("it is not JSON: {error}"))?;
        if read.is_object() { Ok(read) } else { Err("it is not a JSON object".to_owned()) }
    }
}

/// Removes a member of an object, ignoring the case of its name.
fn remove(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    object.remove(&key)
}

fn flaw(link: &str, why: String) -> Violations {
    let mut flaws = Violations::default();
    flaws.push(code::LINK, format!("properties.{link}"), why);
    flaws
}

/// Says why a content was not fetched. The sentences do not let the author of a URL scan the control plane's
/// network.
fn cause(error: &PageError) -> String {
    match error {
        PageError::Unreachable => "no complete HTTP response came from its server".to_owned(),
        PageError::Denied => "its server is at an address that `--fetch-deny` refuses".to_owned(),
        PageError::Busy => "too many requests of this client are waiting for their contents".to_owned(),
        PageError::TooSlow(seconds) => format!("the servers did not send everything within {seconds} s"),
        PageError::Status(status) => {
            format!("its server answered {status}; only 200 is accepted, and redirects are not followed")
        }
        PageError::Encoded => "its server sent a content encoding that was not requested".to_owned(),
        PageError::TooLarge => format!("it must have fewer than {MAX_PAGE} bytes"),
        PageError::Url | PageError::Name | PageError::TooMany | PageError::TooMuch => error.to_string(),
    }
}
