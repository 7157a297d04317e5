//! The routes of the extension provider: one set for every type of documents.

use std::sync::Arc;

use axum::extract::State;

use crate::api::{App, extensions, providers};
use crate::arm::extension::{EXTENSION_TYPES, ExtensionType, NAMESPACE};
use crate::openapi::answer::ProviderOperations;
use crate::openapi::operation::{Body, json};

use super::gateways::{STATUS, STATUS_AND_RESULT};
use super::{Route, delete, get, in_group, put};

pub(super) fn routes() -> Vec<Route> {
    let operations = Route::new(
        get(
            &format!("/providers/{NAMESPACE}/operations"),
            "Operations_List",
            "Lists the operations of the extension provider, by which roles and the audit log name them.",
        )
        .answers(200, "The list.", json::<ProviderOperations>()),
        providers::operations,
    );
    std::iter::once(operations).chain(EXTENSION_TYPES.iter().flat_map(of_type)).collect()
}

/// Returns a path of the extension provider below a gateway.
pub(super) fn in_gateway(rest: &str) -> String {
    in_group(&format!("/applicationGateways/{{gateway}}/providers/{NAMESPACE}{rest}"))
}

fn of_type(kind: &'static ExtensionType) -> Vec<Route> {
    type App_ = State<Arc<App>>;
    let list = in_gateway(&format!("/{}", kind.name));
    let document = format!("{list}/{{extension}}");
    let ExtensionType { name, singular, .. } = kind;
    let tag = crate::openapi::resource::capitalised(name);
    vec![
        Route::new(
            get(&list, &format!("{tag}_List"), &format!("Lists the {name} of a gateway.")).answers(
                200,
                "The list.",
                Some(Body::Extensions(kind)),
            ),
            move |app: App_, version, target| extensions::list(kind, app, version, target),
        ),
        Route::new(
            get(&document, &format!("{tag}_Get"), &format!("Gets a {singular} of a gateway.")).answers_with(
                200,
                "The resource.",
                Some(Body::Extension(kind)),
                &["ETag"],
            ),
            move |app: App_, target| extensions::get(kind, app, target),
        ),
        Route::new(
            put(
                &document,
                &format!("{tag}_CreateOrUpdate"),
                &format!("Adds or replaces a {singular} of a gateway. Writes of the gateway leave it alone."),
            )
            .takes(Some(Body::Extension(kind)))
            .conditional()
            .answers_with(200, "The resource was replaced.", Some(Body::Extension(kind)), STATUS)
            .answers_with(201, "The resource was added.", Some(Body::Extension(kind)), STATUS)
            .refuses(&[409]),
            move |app: App_, target, conditions, author, base, body| {
                extensions::put(kind, app, target, conditions, author, base, body)
            },
        ),
        Route::new(
            delete(
                &document,
                &format!("{tag}_Delete"),
                &format!("Removes a {singular} of a gateway; the defaults apply again."),
            )
            .conditional()
            .answers_with(202, "The resource is being removed.", None, STATUS_AND_RESULT)
            .answers(204, "The resource does not exist.", None)
            .refuses(&[409]),
            move |app: App_, target, conditions, author, base| {
                extensions::delete(kind, app, target, conditions, author, base)
            },
        ),
    ]
}
