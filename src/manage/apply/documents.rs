//! Documents from files: JSON or YAML, one or several in a file, and the place of each.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::api_client::{EXTENSIONS, GATEWAYS, ResourceId};
use crate::cli::{KINDS, Place, ResourceKind};
use crate::manage::session::Session;
use crate::outcome::{Exit, Failure};

use super::Target;

/// The files of a folder that hold documents.
const EXTENSIONS_OF_FILES: [&str; 3] = ["json", "yaml", "yml"];

/// The most bytes of one file. The control plane accepts less.
const MAX_FILE: u64 = 64 << 20;

/// A document and where it was read.
#[derive(Clone, Debug)]
pub(in crate::manage) struct Source {
    /// The file, and the number of the document in it if there are several.
    pub(in crate::manage) place: String,
    pub(in crate::manage) body: Map<String, Value>,
}

/// A document with its place.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) source: String,
    pub(super) id: ResourceId,
    pub(super) body: Map<String, Value>,
}

/// Reads a file, the files of a folder (by name, and those of its folders), or standard input.
///
/// # Errors
/// A file cannot be read, or has something else than documents.
pub(in crate::manage) fn read(path: &Path) -> Result<Vec<Source>, Failure> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = io::stdin().take(MAX_FILE).read_to_string(&mut text);
        read.map_err(|e| Failure::usage(format!("standard input cannot be read: {e}")))?;
        return parse("standard input", &text, false);
    }
    let unreadable = |e: io::Error| Failure::usage(format!("{} cannot be read: {e}", path.display()));
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        let mut paths: Vec<PathBuf> = fs::read_dir(path)
            .map_err(unreadable)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()
            .map_err(unreadable)?;
        paths.sort();
        let is_hidden =
            |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let has_documents = |path: &Path| {
            let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
            path.is_dir() || EXTENSIONS_OF_FILES.contains(&extension.as_str())
        };
        let mut all = Vec::new();
        for path in paths.iter().filter(|path| !is_hidden(path) && has_documents(path)) {
            all.extend(read(path)?);
        }
        return Ok(all);
    }
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(Failure::usage(format!("{} is larger than {} MiB", path.display(), MAX_FILE >> 20)));
    }
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    parse(&path.display().to_string(), &fs::read_to_string(path).map_err(unreadable)?, is_json)
}

/// Parses the documents of a text: JSON, or YAML with one or several documents. A list, or the answer to a list, is
/// read as its members.
fn parse(place: &str, text: &str, is_json: bool) -> Result<Vec<Source>, Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::usage(format!("{place}: {e}"));
    let is_json = is_json || text.trim_start().starts_with('{');
    let documents: Vec<Value> = match is_json {
        true => vec![serde_json::from_str(text).map_err(|e| bad(&e))?],
        // YAML 1.1 would read `no` as false.
        false => {
            serde_saphyr::from_multiple_with_options(text, serde_saphyr::options! { strict_booleans: true })
                .map_err(|e| bad(&e))?
        }
    };
    let members =
        documents.into_iter().filter(|document| !document.is_null()).flat_map(|document| match document {
            Value::Array(list) => list,
            Value::Object(mut object)
                if object.get("value").is_some_and(Value::is_array) && !object.contains_key("properties") =>
            {
                match object.remove("value") {
                    Some(Value::Array(list)) => list,
                    _ => Vec::new(),
                }
            }
            other => vec![other],
        });
    let members: Vec<Value> = members.collect();
    let several = members.len() > 1;
    let numbered = members.into_iter().enumerate().map(|(number, document)| {
        let place = if several { format!("{place}, document {}", number + 1) } else { place.to_owned() };
        match document {
            Value::Object(body) => Ok(Source { place, body }),
            other => Err(Failure::usage(format!(
                "{place}: expected a document, which is an object, not `{other}`"
            ))),
        }
    });
    numbered.collect()
}

/// Finds the place of a document: from its `id`; or from its `type` and `name`, the target and the names that the
/// command line gives.
///
/// # Errors
/// The document does not say enough, or contradicts the command line.
pub(super) async fn place(
    session: &Session,
    Source { place, body }: Source,
    target: Target,
    name: Option<&str>,
    gateway: Option<&str>,
) -> Result<Document, Box<dyn Error>> {
    let bad = |message: String| Box::new(Failure::usage(format!("{place}: {message}"))) as Box<dyn Error>;
    if let Some(properties) = body.get("properties").filter(|value| !value.is_object() && !value.is_null()) {
        return Err(bad(format!("`properties` must be an object, not `{properties}`")));
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(id) =
        name.filter(|name| name.starts_with('/')).or_else(|| text("id").filter(|_| name.is_none()))
    {
        let id = ResourceId::parse(id)
            .filter(|id| matches!(kind_of(id), Some(kind) if fits(kind, target)))
            .ok_or_else(|| bad(format!("`{id}` is not the ID of {}", expected(target))))?;
        return Ok(Document { source: place, id, body });
    }
    let kind = match (target, text("type")) {
        (Target::Gateway, _) => None,
        (Target::Kind(kind), _) => Some(kind),
        (Target::Any, Some(kind)) => {
            by_type(kind).ok_or_else(|| bad(format!("the type `{kind}` is none of a gateway")))?
        }
        (Target::Any, None) if is_gateway(&body) => None,
        (Target::Any, None) => {
            return Err(bad("the document has no `id` and no `type`, so its place is not known; or use the command of its kind, such as `tidegate listener apply`".to_owned()));
        }
    };
    let name = name.or(text("name")).ok_or_else(|| bad("the document has no `name`".to_owned()))?.to_owned();
    match kind {
        None => Ok(Document { id: new_gateway(session, &name).await?, source: place, body }),
        Some(kind) => {
            let id = placed(session, kind, &name, gateway).await;
            // A member of a child that is named alone is one that exists.
            let is_new = |error: &Failure| error.exit == Exit::NotFound && is_nested_alone(kind, &name);
            let id = id.map_err(|error| match error.downcast_ref::<Failure>() {
                Some(failure) if is_new(failure) => {
                    bad(format!("{failure}; name a new one with the one that it belongs to: `MAP/{name}`"))
                }
                _ => error,
            })?;
            Ok(Document { id, source: place, body })
        }
    }
}

fn is_nested_alone(kind: &ResourceKind, name: &str) -> bool {
    kind.path().is_none() && !name.contains('/')
}

/// Returns the ID of a child or an extension by its name. In a template, the name begins with that of the gateway.
///
/// # Errors
/// There is no such gateway; or a member of a child is named without it, and does not exist yet.
async fn placed(
    session: &Session,
    kind: &'static ResourceKind,
    name: &str,
    gateway: Option<&str>,
) -> Result<ResourceId, Box<dyn Error>> {
    let own = if kind.path().is_some() { 1 } else { 2 };
    let (owner, name) = match name.split_once('/') {
        Some((owner, rest)) if name.split('/').count() > own => (Some(owner), rest),
        _ => (None, name),
    };
    let gateway = owner.or(gateway);
    if is_nested_alone(kind, name) {
        return session.resource(kind, name, gateway).await;
    }
    let gateway = session.gateway(gateway).await?;
    match kind.path() {
        Some(path) => Ok(gateway.join(&path).join(name)),
        None => session.resource(kind, name, Some(&gateway.to_string())).await,
    }
}

/// Returns the ID of a gateway that may not exist yet: that of the gateway with this name, or one in the resource group
/// of the command line or of the context.
async fn new_gateway(session: &Session, name: &str) -> Result<ResourceId, Box<dyn Error>> {
    let context = &session.context;
    let found = match session.named_gateway(Some(name)).await {
        Ok(found) => found,
        Err(error) => {
            let is_missing =
                error.downcast_ref::<Failure>().is_some_and(|failure| failure.exit == Exit::NotFound);
            if is_missing { None } else { return Err(error) }
        }
    };
    match (found, &context.subscription, &context.resource_group) {
        (Some(found), _, _) => Ok(found),
        (None, Some(subscription), Some(group)) => Ok(ResourceId::gateway(subscription, group, name)),
        (None, _, _) => Err(Failure::usage(format!(
            "there is no gateway `{name}` yet: say where it belongs with --subscription and --resource-group, or with an `id` in the document"
        ))
        .into()),
    }
}

/// The kind of an ID: `Some(None)` for a gateway, `None` for something that has no place in one.
fn kind_of(id: &ResourceId) -> Option<Option<&'static ResourceKind>> {
    match id.below.is_empty() {
        true => Some(None),
        false => ResourceKind::of(&id.below).map(Some),
    }
}

/// The kind of an ARM type: `Some(None)` for a gateway.
fn by_type(kind: &str) -> Option<Option<&'static ResourceKind>> {
    if kind.eq_ignore_ascii_case(GATEWAYS) {
        return Some(None);
    }
    KINDS.iter().find(|known| full_type(known).eq_ignore_ascii_case(kind)).map(Some)
}

fn full_type(kind: &ResourceKind) -> String {
    match kind.place {
        Place::Document => format!("{GATEWAYS}/{}", kind.collection),
        Place::Child(parent) => format!("{GATEWAYS}/{parent}/{}", kind.collection),
        Place::Extension => format!("{EXTENSIONS}/{}", kind.collection),
    }
}

fn fits(kind: Option<&'static ResourceKind>, target: Target) -> bool {
    match (target, kind) {
        (Target::Any, _) | (Target::Gateway, None) => true,
        (Target::Kind(expected), Some(kind)) => kind.noun == expected.noun,
        _ => false,
    }
}

fn expected(target: Target) -> String {
    match target {
        Target::Any => "a gateway, nor of a child or an extension of one".to_owned(),
        Target::Gateway => "a gateway".to_owned(),
        Target::Kind(kind) => format!("one of the {}", kind.plural),
    }
}

/// True if a document without an ID and a type can only be a gateway: only a gateway has collections.
fn is_gateway(body: &Map<String, Value>) -> bool {
    let properties = body.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| {
        KINDS.iter().any(|kind| kind.place == Place::Document && properties.contains_key(kind.collection))
    })
}

/// Groups documents by their gateways, in the order of their first documents.
///
/// # Errors
/// Two documents have the same place.
pub(super) fn by_gateway(documents: &[Document]) -> Result<Vec<(ResourceId, Vec<&Document>)>, Failure> {
    let mut groups: Vec<(ResourceId, Vec<&Document>)> = Vec::new();
    for document in documents {
        let owner = document.id.owner();
        match groups.iter_mut().find(|(gateway, _)| *gateway == owner) {
            Some((_, members)) => {
                if let Some(same) = members.iter().find(|other| other.id == document.id) {
                    let message =
                        format!("{} and {} both have {}", same.source, document.source, document.id);
                    return Err(Failure::usage(message));
                }
                members.push(document);
            }
            None => groups.push((owner, vec![document])),
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let sources = parse("file", text, false).map_err(|e| e.message)?;
        Ok(sources.iter().map(|source| format!("{}: {}", source.place, source.body["name"])).collect())
    }

    #[test]
    fn a_file_has_one_or_several_documents_in_json_or_yaml() {
        for (text, expected) in [
            ("{\"name\": \"a\"}", &["file: \"a\""][..]),
            ("name: a\n", &["file: \"a\""]),
            ("---\nname: a\n---\nname: b\n", &["file, document 1: \"a\"", "file, document 2: \"b\""]),
            ("- name: a\n- name: b\n", &["file, document 1: \"a\"", "file, document 2: \"b\""]),
            ("{\"value\": [{\"name\": \"a\"}]}", &["file: \"a\""]),
            ("", &[]),
            ("---\n---\n", &[]),
        ] {
            assert_eq!(names(text).unwrap(), expected, "{text}");
        }
        for (text, part) in
            [("{", "file: "), ("a: [", "file: "), ("just text", "expected a document"), ("- 7", "not `7`")]
        {
            let message = names(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn yaml_keeps_the_types_of_json() {
        let text = "a: 1\nb: true\nc: null\nd: 'no'\ne: 10.0.0.1\nf: [1, x]\ng: no\n";
        let body = &parse("file", text, false).unwrap()[0].body;
        let expected = serde_json::json!({"a": 1, "b": true, "c": null, "d": "no", "e": "10.0.0.1", "f": [1, "x"], "g": "no"});
        assert_eq!(Value::Object(body.clone()), expected);
    }

    #[test]
    fn a_folder_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        for (name, text) in [
            ("b.json", "{\"name\": \"b\"}"),
            ("a.yaml", "name: a"),
            ("more/c.yml", "name: c"),
            (".hidden.yaml", "name: d"),
            ("README.md", "name: e"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let names: Vec<Value> =
            read(folder.path()).unwrap().iter().map(|source| source.body["name"].clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(read(Path::new("/nonexistent")).unwrap_err().message.contains("/nonexistent"));
    }

    #[test]
    fn an_id_tells_its_kind() {
        let gateway = ResourceId::gateway("s", "g", "edge");
        let noun = |below: &str| kind_of(&gateway.join(below)).map(|kind| kind.map(|kind| kind.noun));
        assert!(matches!(kind_of(&gateway), Some(None)));
        assert_eq!(noun("httplisteners/web"), Some(Some("listener")));
        assert_eq!(noun("providers/Tidegate.Network/tunnelPolicies/default"), Some(Some("policy")));
        assert_eq!(noun("urlpathmaps/m/pathrules/r"), Some(Some("path-rule")));
        assert_eq!(noun("urlPathMaps/m/probes/r"), None);
        assert_eq!(noun("doors/web"), None);
        assert_eq!(noun("httpListeners"), None);
        assert!(matches!(by_type("microsoft.network/applicationgateways"), Some(None)));
        assert_eq!(by_type(&format!("{GATEWAYS}/probes")).unwrap().unwrap().noun, "probe");
        assert!(by_type("Microsoft.Network/loadBalancers").is_none());
    }
}
