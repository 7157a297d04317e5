//! Fetches linked templates and linked files with the values of parameters, under the limits of error pages:
//! the same addresses are denied, and size, time and shares of clients are bounded alike.
//!
//! A content is fetched once in a deployment, even if that fails: otherwise a deployment could send any number of
//! requests to servers that refuse them. What was fetched before the deployment is stored with it.

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
    /// Why other contents cannot be used, by URL. They count like those that can.
    failed: BTreeMap<String, String>,
    /// True if a content was refused because of a limit of the whole deployment.
    exhausted: bool,
    /// The number of bytes that were fetched.
    bytes: usize,
    /// The time that was spent.
    spent: Duration,
}

impl<'a> Links<'a> {
    /// Begins with contents that were fetched before, by URL.
    pub(super) fn new(fetcher: &'a Fetcher, client: &str, known: BTreeMap<String, Value>) -> Links<'a> {
        let (client, failed) = (client.to_owned(), BTreeMap::new());
        Links { fetcher, client, known, failed, exhausted: false, bytes: 0, spent: Duration::ZERO }
    }

    /// Returns whether a content was refused because of a limit of the whole deployment, on the number of
    /// contents or on their size. Such an error is final, whatever made the deployment want the content.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
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
        let content = self
            .content(&url)
            .await
            .map_err(|why| format!("The {what} at '{:.300}' cannot be fetched: {why}.", located.shown()))?;
        let version = content.get("contentVersion").and_then(Value::as_str).unwrap_or_default();
        match &link.content_version {
            Some(expected) if expected != version => Err(format!(
                "The {what} at '{:.300}' has the contentVersion '{version:.60}', not '{expected:.60}'.",
                located.shown()
            )),
            _ => Ok((located, content)),
        }
    }

    /// Returns the content of a URL, from the only request to it.
    async fn content(&mut self, url: &str) -> Result<Value, String> {
        if let Some(content) = self.known.get(url) {
            return Ok(content.clone());
        }
        if let Some(why) = self.failed.get(url) {
            return Err(why.clone());
        }
        if self.known.len() + self.failed.len() >= MAX_PAGES {
            self.exhausted = true;
            return Err(format!("a deployment may link to at most {MAX_PAGES} contents"));
        }
        self.check_size()?;
        let fetched = self.fetch(url).await;
        match &fetched {
            Ok(content) => drop(self.known.insert(url.to_owned(), content.clone())),
            Err(why) => drop(self.failed.insert(url.to_owned(), why.clone())),
        }
        fetched
    }

    async fn fetch(&mut self, url: &str) -> Result<Value, String> {
        let bytes =
            self.fetcher.document(url, &self.client, &mut self.spent).await.map_err(|error| cause(&error))?;
        self.bytes += bytes.len();
        self.check_size()?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}');
        let read: Value = serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(&strict(text)))
            .map_err(|error| format!("it is not JSON: {error}"))?;
        if read.is_object() { Ok(read) } else { Err("it is not a JSON object".to_owned()) }
    }

    fn check_size(&mut self) -> Result<(), String> {
        if self.bytes <= MAX_ALL {
            return Ok(());
        }
        self.exhausted = true;
        Err(format!("all contents of a deployment together may have at most {MAX_ALL} bytes"))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fetch_policy::FetchDeny;

    #[tokio::test]
    async fn contents_that_cannot_be_fetched_count_once_each() {
        let fetcher = Fetcher::new(FetchDeny::default());
        let mut links = Links::new(&fetcher, "client", BTreeMap::new());
        // The first hundred are denied without a request; each is wanted twice.
        for number in 0..=MAX_PAGES {
            for _ in 0..2 {
                let uri = format!("http://127.0.0.1:1/{number}.json");
                let body = json!({"properties": {"mode": "Incremental", "templateLink": {"uri": uri}}});
                let mut body = DeploymentBody::read(body).unwrap();
                let flaws = links.complete(&mut body, None).await.err().unwrap();
                let expected =
                    if number < MAX_PAGES { "`--fetch-deny` refuses" } else { "at most 100 contents" };
                assert!(flaws.0[0].message.contains(expected), "{number}: {flaws:?}");
                assert_eq!(links.is_exhausted(), number == MAX_PAGES);
            }
        }
        assert_eq!(links.failed.len(), MAX_PAGES);
    }
}
