//! The content of a revision as bytes: JSON with the secrets in the clear, which the caller seals.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_shared::secret::{Secret, base64_bytes};
use zeroize::Zeroizing;

use crate::arm::collection::Collection;
use crate::arm::document::{Child, Document};
use crate::arm::extension::{Extension, ExtensionType};
use crate::arm::page::{Page, Pages};
use crate::arm::resource_id::GatewayPath;
use crate::store::model::RevisionContent;

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    body: Cow<'a, Map<String, Value>>,
    children: Vec<Part<'a>>,
    #[serde(default)]
    extensions: Vec<Part<'a>>,
    #[serde(default)]
    pages: Vec<StoredPage<'a>>,
}

/// A child, or an extension document, which has no secret.
#[derive(Serialize, Deserialize)]
struct Part<'a> {
    /// The name of the collection or type.
    kind: Cow<'a, str>,
    name: Cow<'a, str>,
    properties: Cow<'a, Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct StoredPage<'a> {
    url: Cow<'a, str>,
    content_type: Cow<'a, str>,
    #[serde(with = "base64_bytes")]
    body: Vec<u8>,
}

/// Writes a content.
pub(super) fn write(document: &Document, pages: &Pages) -> Zeroizing<Vec<u8>> {
    let children = document.children.iter().map(|child| Part {
        kind: child.collection.name.into(),
        name: Cow::Borrowed(&child.name),
        properties: Cow::Borrowed(&child.properties),
        secret: child.secret.clone(),
    });
    let extensions = document.extensions.iter().map(|extension| Part {
        kind: extension.kind.name.into(),
        name: Cow::Borrowed(&extension.name),
        properties: Cow::Borrowed(&extension.properties),
        secret: None,
    });
    let pages = pages.found().map(|(url, page)| StoredPage {
        url: url.into(),
        content_type: Cow::Borrowed(&page.content_type),
        body: page.body.to_vec(),
    });
    let content = Content {
        body: Cow::Borrowed(&document.body),
        children: children.collect(),
        extensions: extensions.collect(),
        pages: pages.collect(),
    };
    Zeroizing::new(serde_json::to_vec(&content).expect("maps with text keys have a JSON form"))
}

/// Reads what [`write`] wrote, as the content of the gateway at that path.
///
/// # Errors
/// The reason why it cannot be read. It repeats nothing of the content.
pub(super) fn read(path: &GatewayPath, bytes: &[u8]) -> Result<RevisionContent, String> {
    let content: Content<'_> = serde_json::from_slice(bytes)
        .map_err(|error| format!("it is not JSON of its form, at position {}", error.column()))?;
    let unknown = |what: &str, name: &str| format!("the {what} {name} is not known");
    let children = content.children.into_iter().map(|part| {
        let collection = Collection::named(&part.kind).ok_or_else(|| unknown("collection", &part.kind))?;
        let (name, properties) = (part.name.into_owned(), part.properties.into_owned());
        Ok(Child { collection, name, properties, secret: part.secret })
    });
    let extensions = content.extensions.into_iter().map(|part| {
        let kind = ExtensionType::named(&part.kind).ok_or_else(|| unknown("type", &part.kind))?;
        Ok(Extension { kind, name: part.name.into_owned(), properties: part.properties.into_owned() })
    });
    let document = Document {
        path: path.clone(),
        body: content.body.into_owned(),
        children: children.collect::<Result<_, String>>()?,
        extensions: extensions.collect::<Result<_, String>>()?,
    };
    let mut pages = Pages::default();
    for StoredPage { url, content_type, body } in content.pages {
        let page = Page { content_type: content_type.into_owned(), body: Bytes::from(body) };
        pages.insert(url, Ok(page));
    }
    Ok(RevisionContent { document, pages })
}
