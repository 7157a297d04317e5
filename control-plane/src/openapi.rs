//! The description of the REST API, OpenAPI 3.0.3: made from the list of routes and from the types behind them, so
//! that it cannot say anything else than they do. Pure.
//!
//! It stands in `openapi/tidegate.json` too; a test compares. What is accepted out of leniency (names and values in
//! any case, `null` for nothing, numbers as text) is not described.

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
pub(crate) mod identity;
pub(crate) mod operation;
pub(crate) mod parameter;
pub(crate) mod resource;
pub(crate) mod resource_group;
mod schema;

/// Where components of the document are, as references name it.
const SCHEMAS: &str = "/components/schemas";

const INTRODUCTION: &str = "The REST API of Tidegate, a self-hosted Application Gateway. Gateways and the \
    resources that they depend on are as Azure Resource Manager has them: unmodified Azure clients work. Each child of a gateway has a \
    URL of its own beside its place in the gateway's document, and there are the workers, which Azure does not show.\n\n\
    Names and enumerated values are read in any case and answered as they stand here; `null` is read as if the property \
    were not there; read-only properties that are sent back are ignored.";

/// The document for these operations, whose failures have the codes in these lists.
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

/// Every schema that is referred to, those that answers and bodies name first of all.
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
            "description": "The administrator's token, or one that an API client got.",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "Tokens for API clients.",
            "flows": {"clientCredentials": {"tokenUrl": "/tidegate/oauth2/v2.0/token", "scopes": {}}},
        },
    })
}
