//! The routes of the history of gateways.

use crate::api::revisions;
use crate::openapi::operation::json;
use crate::openapi::parameter::DIFF_TO;
use crate::openapi::revision::{Revision, RevisionDiff};

use super::extensions::in_gateway;
use super::gateways::STATUS_AND_RESULT;
use super::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    let one = in_gateway("/revisions/{revision}");
    vec![
        Route::new(
            get(
                &in_gateway("/revisions"),
                "Revisions_List",
                "Lists the kept generations of a gateway, the newest first.",
            )
            .paged::<Revision>(),
            revisions::list,
        ),
        Route::new(
            get(&one, "Revisions_Get", "Gets a generation of a gateway with its documents, without secrets.")
                .answers(200, "The revision.", json::<Revision>()),
            revisions::get,
        ),
        Route::new(
            get(
                &format!("{one}/diff"),
                "Revisions_Diff",
                "Compares a generation of a gateway with another one.",
            )
            .with(&DIFF_TO)
            .answers(200, "The differences.", json::<RevisionDiff>()),
            revisions::diff,
        ),
        Route::new(
            post(
                &format!("{one}/restore"),
                "Revisions_Restore",
                "Gives a gateway the content of a revision, certificates and extension documents included.",
            )
            .conditional()
            .answers_with(202, "The content is being applied.", None, STATUS_AND_RESULT)
            .refuses(&[409]),
            revisions::restore,
        ),
    ]
}
