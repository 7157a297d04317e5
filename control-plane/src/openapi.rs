//! The OpenAPI 3.0.3 description of the REST API, generated from the list of routes and the types behind them,
//! so that it cannot contradict the code. Pure.
//!
//! The result is also stored in `openapi/tidegate.json`, and a test compares the two. Leniency of the server
//! (names and values in any case, `null` for absent, numbers as strings) is not described.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::arm::collection::COLLECTIONS;
use crate::violation::code_list::Code;

use self::operation::Operation;

pub(crate) mod answer;
pub(crate) mod deployments;
mod error;
pub(crate) mod firewall;
pub(crate) mod identity;
pub(crate) mod operation;
pub(crate) mod parameter;
pub(crate) mod resource;
pub(crate) mod resource_group;
pub(crate) mod revision;
mod schema;
mod state;
pub(crate) mod tunnels;
pub(crate) mod what_if;
pub(crate) mod worker;

/// The location of schemas in the document.
const SCHEMAS: &str = "/components/schemas";

const INTRODUCTION: &str = "The REST API of Tidegate, a self-hosted Application Gateway. Gateways and the \
    resources they depend on follow the API of Azure Resource Manager, so unmodified Azure clients work. In addition \
    each child of a gateway has a URL of its own, and workers are resources, which Azure does not have.\n\n\
    Requests may write names and enumeration values in any case; responses use the spelling of this document. `null` \
    in a request means that the property is absent. Read-only properties in requests are ignored.";

/// Returns the document for these operations. `codes` are the lists of codes of their error responses.
pub(crate) fn document<'a>(operations: impl Iterator<Item = &'a Operation>, codes: &[&[Code]]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = SCHEMAS.into());
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations {
        for (operation, about) in operation.for_each(COLLECTIONS) {
            let path = paths.entry(operation.published_path()).or_insert_with(|| json!({}));
            path[operation.method.as_str().to_ascii_lowercase()] = operation.describe(about, &mut generator);
        }
    }
    let responses = operation::failures(&mut generator);
    let codes = error::schema_of_codes(codes);
    let schemas = schemas(generator, codes, &json!([paths, responses]));
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Tidegate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"oauth2": []}],
        "paths": paths,
        "components": {
            "parameters": parameter::all(),
            "responses": responses,
            "schemas": schemas,
            "securitySchemes": security_schemes(),
        },
    })
}

/// Returns every schema that is referenced, directly or indirectly, by answers and bodies.
fn schemas(mut generator: SchemaGenerator, codes: Schema, paths: &Value) -> Map<String, Value> {
    let definitions = generator.take_definitions(false).into_iter();
    let mut known: BTreeMap<String, Value> =
        definitions.map(|(name, schema)| (name, schema::published(schema))).collect();
    known.insert(error::ERROR_CODE.to_owned(), schema::published(codes.to_value()));
    let mut wanted = BTreeSet::new();
    schema::referred_to(paths, &mut wanted);
    let mut used = BTreeMap::new();
    while let Some(name) = wanted.pop_first() {
        if let Some(schema) = known.remove(&name) {
            schema::referred_to(&schema, &mut wanted);
            used.insert(name, schema);
        }
    }
    used.into_iter().collect()
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The admin token, or an access token of an API client.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "Access tokens of API clients.",
            "flows": {"clientCredentials": {"tokenUrl": "/tidegate/oauth2/v2.0/token", "scopes": {}}},
        },
    })
}
