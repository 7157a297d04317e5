//! The route of what-if.

use crate::api::what_if;
use crate::openapi::operation::{Body, json};
use crate::openapi::what_if::GatewayWhatIf;

use super::extensions::in_gateway;
use super::{Route, post};

pub(super) fn routes() -> Vec<Route> {
    let route = post(
        &in_gateway("/whatIf"),
        "Gateways_WhatIf",
        "Tells what a change of a gateway would do: to its resources, and to running requests and tunnels. Nothing is stored.",
    )
    .takes(Some(Body::Object))
    .answers(200, "What the change would do.", json::<GatewayWhatIf>())
    .refuses(&[409, 429]);
    vec![Route::new(route, what_if::of_gateway)]
}
