//! The routes of children at URLs of their own: one for every collection, described once for each.

use crate::api::{children, members};
use crate::openapi::operation::Body;

use super::gateways::{STATUS, STATUS_AND_RESULT};
use super::{Route, delete, get, in_group, put};

pub(super) fn routes() -> Vec<Route> {
    let collection = in_group("/applicationGateways/{gateway}/{collection}");
    let child = format!("{collection}/{{child}}");
    [of_gateways(&collection, &child), of_children(&format!("{child}/{{nested}}"))]
        .into_iter()
        .flatten()
        .collect()
}

fn of_gateways(collection: &str, child: &str) -> Vec<Route> {
    vec![
        Route::new(
            get(collection, "{collection}_List", "Lists {collection}.").answers(
                200,
                "The list.",
                Some(Body::Members),
            ),
            children::list,
        ),
        Route::new(
            get(child, "{collection}_Get", "Gets one of {collection}.").answers_with(
                200,
                "The resource.",
                Some(Body::Member),
                &["ETag"],
            ),
            children::get,
        ),
        Route::new(
            put(child, "{collection}_CreateOrUpdate", "Adds or replaces one of {collection}.")
                .takes(Some(Body::Member))
                .conditional()
                .answers_with(200, "The resource was replaced.", Some(Body::Member), STATUS)
                .answers_with(201, "The resource was added.", Some(Body::Member), STATUS)
                .refuses(&[409]),
            children::put,
        ),
        Route::new(
            delete(child, "{collection}_Delete", "Removes one of {collection}.")
                .conditional()
                .answers_with(202, "The resource is being removed.", None, STATUS_AND_RESULT)
                .answers(204, "The resource does not exist.", None)
                .refuses(&[409]),
            children::delete,
        ),
    ]
}

fn of_children(nested: &str) -> Vec<Route> {
    let member = format!("{nested}/{{member}}");
    vec![
        Route::new(
            get(nested, "{nested}_List", "Lists {nested} of one of {collection}.").answers(
                200,
                "The list.",
                Some(Body::Members),
            ),
            members::list,
        ),
        Route::new(
            get(&member, "{nested}_Get", "Gets one of {nested}.").answers_with(
                200,
                "The resource.",
                Some(Body::Member),
                &["ETag"],
            ),
            members::get,
        ),
        Route::new(
            put(&member, "{nested}_CreateOrUpdate", "Adds or replaces one of {nested}.")
                .takes(Some(Body::Member))
                .conditional()
                .answers_with(200, "The resource was replaced.", Some(Body::Member), STATUS)
                .answers_with(201, "The resource was added.", Some(Body::Member), STATUS)
                .refuses(&[409]),
            members::put,
        ),
        Route::new(
            delete(&member, "{nested}_Delete", "Removes one of {nested}.")
                .conditional()
                .answers_with(202, "The resource is being removed.", None, STATUS_AND_RESULT)
                .answers(204, "The resource does not exist.", None)
                .refuses(&[409]),
            members::delete,
        ),
    ]
}
