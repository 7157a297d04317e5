//! The error response, and the schema of its codes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::violation::code_list::Code;

/// An error response.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(crate) struct ErrorResponse {
    /// The error.
    error: ErrorDetail,
}

/// An error, its target and its causes.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) struct ErrorDetail {
    /// The kind of error.
    code: ErrorCode,
    /// A message for people.
    message: String,
    /// The subject of the error: a JSON path in the body of the request, or a resource ID.
    target: Option<String>,
    /// The individual errors, if there may be several.
    details: Option<Vec<ErrorDetail>>,
}

/// The name of the schema of [`ErrorCode`].
pub(super) const ERROR_CODE: &str = "ErrorCode";

/// A placeholder for the schema of codes: the caller of [`super::document`] has the lists of codes, and
/// [`schema_of_codes`] replaces this type's own schema.
struct ErrorCode;

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        ERROR_CODE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// Returns the schema of the codes in these lists, without duplicates.
pub(super) fn schema_of_codes(lists: &[&[Code]]) -> Schema {
    let mut known = BTreeSet::new();
    let codes: Vec<&Code> = lists.iter().copied().flatten().filter(|code| known.insert(code.name)).collect();
    let note = |code: &&Code| format!("- `{}`: {}", code.name, code.meaning.trim());
    let notes: Vec<String> = codes.iter().map(note).collect();
    json_schema!({
        "type": "string",
        "enum": codes.iter().map(|code| code.name).collect::<Vec<_>>(),
        "description": format!("The kind of error.\n\n{}", notes.join("\n")),
    })
}
