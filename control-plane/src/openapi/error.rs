//! The shape of failures, and the schema of the codes that one may have.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::violation::code_list::Code;

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

/// The name of the schema of [`ErrorCode`].
pub(super) const ERROR_CODE: &str = "ErrorCode";

/// Every code, with its meaning. The document's caller has the list, so [`schema_of_codes`] takes the place of this
/// type's own schema.
struct ErrorCode;

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        ERROR_CODE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// The schema of the codes in these lists. A code that is in several lists is described once.
pub(super) fn schema_of_codes(lists: &[&[Code]]) -> Schema {
    let mut known = BTreeSet::new();
    let codes: Vec<&Code> = lists.iter().copied().flatten().filter(|code| known.insert(code.name)).collect();
    let note = |code: &&Code| {
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
