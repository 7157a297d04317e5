//! The shape of failures, and the list of every code that one may bear.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::code_list::{Code, every_code};

/// Why a request is not answered as wished.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(crate) struct ErrorResponse {
    /// The one reason.
    error: ErrorDetail,
}

/// What is wrong, where, and what would be right.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) struct ErrorDetail {
    /// Which kind of thing is wrong.
    code: ErrorCode,
    /// A sentence for people.
    message: String,
    /// The JSON path in the body of the request, or the resource ID, that it is about.
    target: Option<String>,
    /// Each thing wrong, where several may be.
    details: Option<Vec<ErrorDetail>>,
}

/// Every code, with what it means.
struct ErrorCode;

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<_> = every_code().collect();
        let note = |code: &Code| {
            let meaning = code.meaning.trim();
            match meaning.strip_prefix("Of ") {
                Some(what) => format!("- `{}`: Too many of {what}", code.name),
                None => format!("- `{}`: {meaning}", code.name),
            }
        };
        let notes: Vec<String> = codes.iter().map(note).collect();
        json_schema!({
            "type": "string",
            "enum": codes.iter().map(|code| code.name).collect::<Vec<_>>(),
            "description": format!("Which kind of thing is wrong.\n\n{}", notes.join("\n")),
        })
    }
}
