//! The routes of the token endpoint and of the audit log.

use crate::api::{audit, oauth};
use crate::openapi::answer::ListPage;
use crate::openapi::identity::{
    AuditEntry, CloudMetadata, KeySet, OpenIdMetadata, Token, TokenRefusal, TokenRequest,
};
use crate::openapi::operation::{form, json};
use crate::openapi::parameter;

use super::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    [log(), metadata(), tokens()].into_iter().flatten().collect()
}

fn log() -> Vec<Route> {
    vec![Route::new(
        get("/audit", "Audit_List", "Lists the entries of the audit log, newest first.")
            .with(&parameter::AUDIT_RESOURCE)
            .with(&parameter::AUDIT_AUTHOR)
            .with(&parameter::AUDIT_FROM)
            .with(&parameter::AUDIT_TO)
            .with(&parameter::TOP)
            .with(&parameter::SKIP_TOKEN)
            .refuses(&[400])
            .answers(200, "A page of the list.", json::<ListPage<AuditEntry>>()),
        audit::list,
    )]
}

fn metadata() -> Vec<Route> {
    let open_id = |path: &str, id: &str, summary: &str| {
        Route::new(
            get(path, id, summary)
                .open_to_all()
                .answers(200, "The metadata.", json::<OpenIdMetadata>())
                .answers(400, "The tenant does not exist.", json::<TokenRefusal>()),
            oauth::open_id,
        )
    };
    vec![
        Route::new(
            get("/metadata/endpoints", "Identity_Endpoints", "Gets the endpoints of this installation.")
                .open_to_all()
                .answers(200, "The endpoints.", json::<CloudMetadata>()),
            oauth::endpoints,
        ),
        open_id(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            "Identity_OpenId",
            "Gets the OpenID metadata.",
        ),
        open_id(
            "/{tenant}/.well-known/openid-configuration",
            "Identity_OpenIdV1",
            "The same, at its older path.",
        ),
        Route::new(
            get("/{tenant}/discovery/v2.0/keys", "Identity_Keys", "Gets the public keys that verify tokens.")
                .open_to_all()
                .answers(200, "A JSON Web Key Set.", json::<KeySet>())
                .answers(400, "The tenant does not exist.", json::<TokenRefusal>()),
            oauth::keys,
        ),
    ]
}

fn tokens() -> Vec<Route> {
    let token = |path: &str, id: &str, summary: &str| {
        let operation = post(path, id, summary).open_to_all().takes(form::<TokenRequest>());
        let operation = operation
            .answers(200, "A token.", json::<Token>())
            .answers(400, "The request is malformed.", json::<TokenRefusal>())
            .answers(401, "The client does not exist, or the secret is wrong.", json::<TokenRefusal>())
            .answers_with(429, "Too many requests.", json::<TokenRefusal>(), &["Retry-After"]);
        Route::new(operation, oauth::token)
    };
    vec![
        token(
            "/{tenant}/oauth2/v2.0/token",
            "Identity_Token",
            "Issues a token to a client that presents its secret.",
        ),
        token("/{tenant}/oauth2/token", "Identity_TokenV1", "The same, at its older path."),
    ]
}
