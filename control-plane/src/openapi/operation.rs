//! The description of one operation, kept next to the route that serves it. Data, and its conversion to JSON.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::ListPage;
use super::error::ErrorResponse;
use super::parameter::{self, Parameter};
use super::resource;
use crate::arm::collection::{Collection, Nested};
use crate::arm::extension::{ExtensionType, NAMESPACE};

/// One method on one path.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The method.
    pub(crate) method: Method,
    /// The path as published. Parameters in braces are names of [`parameter`].
    pub(crate) path: String,
    /// The operation ID, `Kind_Verb`, as in Azure's specification if the operation exists there.
    id: String,
    summary: String,
    parameters: Vec<&'static Parameter>,
    request: Option<Body>,
    is_body_optional: bool,
    answers: Vec<ResponseSpec>,
    refusals: Vec<u16>,
    guarded: bool,
}

/// The content of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// JSON of a type.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// A form of a type, `application/x-www-form-urlencoded`.
    Form(fn(&mut SchemaGenerator) -> Schema),
    /// A member of the collection in the path.
    Member,
    /// The list of members of the collection in the path.
    Members,
    /// An extension document of that type.
    Extension(&'static ExtensionType),
    /// The list of extension documents of that type.
    Extensions(&'static ExtensionType),
    /// A list of strings.
    Texts,
    /// Any JSON object.
    Object,
    /// Plain text.
    Text,
    /// Metrics in Prometheus' format.
    Metrics,
    /// Server-sent events.
    Events,
}

#[derive(Clone, Debug)]
struct ResponseSpec {
    status: u16,
    description: &'static str,
    body: Option<Body>,
    headers: &'static [&'static str],
}

/// The collection in the path of an operation, if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    /// No collection.
    Nothing,
    /// A collection of a gateway.
    Collection(&'static Collection),
    /// A collection of a gateway, and the name of a collection nested in its members.
    Nested(&'static Collection, &'static str),
}

impl About {
    fn member(self, generator: &mut SchemaGenerator) -> Value {
        match self {
            About::Nothing => json!({}),
            About::Collection(collection) => resource::member(collection, generator),
            About::Nested(collection, within) => resource::nested(collection, within, generator),
        }
    }

    fn members(self, generator: &mut SchemaGenerator) -> Value {
        match self {
            About::Nothing => json!({}),
            About::Collection(collection) => resource::members(collection, generator),
            About::Nested(collection, within) => resource::nested_members(collection, within, generator),
        }
    }
}

/// A JSON body of that type.
pub(crate) fn json<T: JsonSchema>() -> Option<Body> {
    Some(Body::Json(SchemaGenerator::subschema_for::<T>))
}

/// A form body of that type.
pub(crate) fn form<T: JsonSchema>() -> Option<Body> {
    Some(Body::Form(SchemaGenerator::subschema_for::<T>))
}

impl Operation {
    /// An operation that requires a token, and an `api-version` if it is an ARM operation.
    pub(crate) fn new(method: Method, path: &str, id: &str, summary: &str) -> Operation {
        let mut parameters = parameter::of_path(path);
        let mut refusals = vec![401, 403];
        let is_extension = path.contains(&format!("/providers/{NAMESPACE}"));
        if path.starts_with("/subscriptions") || path == "/tenants" || is_extension {
            let versions = if is_extension { &parameter::EXTENSION_VERSION } else { &parameter::API_VERSION };
            parameters.push(versions);
            refusals.extend([400, 404]);
        }
        Operation {
            method,
            path: path.to_owned(),
            id: id.to_owned(),
            summary: summary.to_owned(),
            parameters,
            request: None,
            is_body_optional: false,
            answers: Vec::new(),
            refusals,
            guarded: true,
        }
    }

    /// Marks the operation as accessible without a token.
    pub(crate) fn open_to_all(mut self) -> Operation {
        self.guarded = false;
        // With `--no-auth` every route rejects requests of pages of other sites with 403.
        self.refusals.retain(|status| *status != 401);
        self
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, parameter: &'static Parameter) -> Operation {
        self.parameters.push(parameter);
        self
    }

    /// Adds `If-Match` and `If-None-Match`.
    pub(crate) fn conditional(self) -> Operation {
        self.with(&parameter::IF_MATCH).with(&parameter::IF_NONE_MATCH).refuses(&[412])
    }

    /// Adds a request body that clients may leave out.
    pub(crate) fn may_take(mut self, body: Option<Body>) -> Operation {
        self.is_body_optional = true;
        self.takes(body)
    }

    /// Adds a request body.
    pub(crate) fn takes(mut self, body: Option<Body>) -> Operation {
        self.request = body;
        self.refuses(&[400, 408, 413])
    }

    /// Adds a successful answer; `None` is one without a body.
    pub(crate) fn answers(self, status: u16, description: &'static str, body: Option<Body>) -> Operation {
        self.answers_with(status, description, body, &[])
    }

    /// Adds a successful answer with headers.
    pub(crate) fn answers_with(
        mut self,
        status: u16,
        description: &'static str,
        body: Option<Body>,
        headers: &'static [&'static str],
    ) -> Operation {
        self.answers.push(ResponseSpec { status, description, body, headers });
        self
    }

    /// Adds a paged list as answer.
    pub(crate) fn paged<T: JsonSchema>(self) -> Operation {
        let paged = self.with(&parameter::TOP).with(&parameter::SKIP_TOKEN);
        paged.answers(200, "The list, or a page of it.", json::<ListPage<T>>())
    }

    /// Adds statuses of error responses.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Operation {
        self.refusals.extend(statuses);
        self
    }

    /// Returns this operation for each collection that its path can name, or itself if the path has no such
    /// parameter.
    pub(super) fn for_each(&self, collections: &'static [Collection]) -> Vec<(Operation, About)> {
        if self.path.contains("{nested}") {
            let about = |nested: Nested| About::Nested(nested.within, nested.name);
            return collections
                .iter()
                .flat_map(Collection::nested)
                .map(about)
                .map(|about| self.of(about))
                .collect();
        }
        if self.path.contains("{collection}") {
            return collections.iter().map(About::Collection).map(|about| self.of(about)).collect();
        }
        vec![(self.clone(), About::Nothing)]
    }

    fn of(&self, about: About) -> (Operation, About) {
        let mut operation = self.clone();
        let names = match about {
            About::Nothing => vec![],
            About::Collection(collection) => vec![("collection", collection.name)],
            About::Nested(collection, nested) => vec![("collection", collection.name), ("nested", nested)],
        };
        for (place, name) in names {
            let place = format!("{{{place}}}");
            operation.path = operation.path.replace(&place, name);
            operation.summary = operation.summary.replace(&place, name);
            operation.id = operation.id.replace(&place, &resource::capitalised(name));
        }
        (operation, about)
    }

    /// The path with the published names of the parameters.
    pub(super) fn published_path(&self) -> String {
        parameter::publish(&self.path)
    }

    /// Returns the operation object of OpenAPI.
    pub(super) fn describe(&self, about: About, generator: &mut SchemaGenerator) -> Value {
        let mut shown = json!({
            "operationId": self.id,
            "summary": self.summary,
            "tags": [self.id.split('_').next().unwrap_or_default()],
        });
        if !self.parameters.is_empty() {
            shown["parameters"] = self.parameters.iter().map(|parameter| parameter.reference()).collect();
        }
        if let Some(body) = self.request {
            shown["requestBody"] = json!({
                "required": !self.is_body_optional, "content": body.content(about, generator),
            });
        }
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.to_string(), answer.describe(about, generator));
        }
        let mut refusals = self.refusals.clone();
        refusals.sort_unstable();
        refusals.dedup();
        for status in refusals {
            // An answer has precedence over an error with the same status: the result of an operation may be
            // the error response of a plain call.
            responses.entry(status.to_string()).or_insert_with(|| failure(&name_of(status)));
        }
        responses.insert("5XX".into(), failure(SERVER_FAILED));
        shown["responses"] = responses.into();
        if !self.guarded {
            shown["security"] = json!([]);
        }
        shown
    }
}

impl ResponseSpec {
    fn describe(&self, about: About, generator: &mut SchemaGenerator) -> Value {
        let mut shown = json!({"description": self.description});
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|name| ((*name).to_owned(), parameter::header(name)));
            shown["headers"] = Value::Object(headers.collect());
        }
        if let Some(body) = self.body {
            shown["content"] = body.content(about, generator);
        }
        shown
    }
}

impl Body {
    fn content(self, about: About, generator: &mut SchemaGenerator) -> Value {
        let (media_type, schema) = match self {
            Body::Json(schema) => ("application/json", schema(generator).to_value()),
            Body::Form(schema) => ("application/x-www-form-urlencoded", schema(generator).to_value()),
            Body::Member => ("application/json", about.member(generator)),
            Body::Members => ("application/json", about.members(generator)),
            Body::Extension(kind) => ("application/json", resource::extension(kind, generator)),
            Body::Extensions(kind) => ("application/json", resource::extensions(kind, generator)),
            Body::Object => ("application/json", json!({"type": "object"})),
            Body::Texts => ("application/json", json!({"type": "array", "items": {"type": "string"}})),
            Body::Text => ("text/plain", json!({"type": "string"})),
            Body::Events => ("text/event-stream", event()),
            Body::Metrics => ("application/openmetrics-text", json!({"type": "string"})),
        };
        json!({media_type: {"schema": schema}})
    }
}

/// The schema of an event stream, which is that of each event: its fields, as a reader of streams finds them.
fn event() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {"id": text, "event": text, "data": text},
        "required": ["event", "data"],
    })
}

/// All client errors that operations may reference.
const FAILURES: &[u16] = &[400, 401, 403, 404, 408, 409, 412, 413, 429];

/// Returns the error responses as components. They share one schema and differ by status and code.
pub(super) fn failures(generator: &mut SchemaGenerator) -> Value {
    let schema = generator.subschema_for::<ErrorResponse>();
    let failure = |description: String| json!({"description": description, "content": {"application/json": {"schema": schema}}});
    let mut all: Map<String, Value> = Map::new();
    for status in FAILURES {
        all.insert(name_of(*status), failure(format!("{}.", reason(*status))));
    }
    all.insert(SERVER_FAILED.into(), failure("The server failed.".to_owned()));
    all.into()
}

/// The name of the response for server errors.
const SERVER_FAILED: &str = "ServerFailed";

fn failure(name: &str) -> Value {
    json!({"$ref": format!("#/components/responses/{name}")})
}

fn name_of(status: u16) -> String {
    reason(status).replace(' ', "")
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Refused")
}
