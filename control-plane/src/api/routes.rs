//! The list of all routes, each with its handler and its part of the published description.
//!
//! Both the router and the description are generated from it, so they cannot differ.

mod available;
mod children;
mod deployments;
mod events;
mod extensions;
mod firewall_policies;
mod gateways;
mod identity;
mod networks;
mod process;
mod resource_groups;
mod revisions;
mod tunnels;
mod what_if;
mod workers;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::openapi::operation::Operation;

use super::App;

/// The prefix of paths in a subscription.
const SUBSCRIPTION: &str = "/subscriptions/{subscription}";

/// One method on one path.
#[derive(Debug)]
pub(super) struct Route {
    /// The description of the operation.
    pub(super) operation: Operation,
    handler: MethodRouter<Arc<App>>,
}

impl Route {
    fn new<H, T>(operation: Operation, handler: H) -> Route
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let method = MethodFilter::try_from(operation.method.clone()).expect("a usual method");
        Route { operation, handler: on(method, handler) }
    }

    /// Returns the path for the router, with fixed segments in lower case, because `path::normalise` converts
    /// requests to that form.
    fn pattern(&self) -> String {
        let segments = self.operation.path.split('/').map(|segment| {
            if segment.starts_with('{') { segment.to_owned() } else { segment.to_ascii_lowercase() }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Returns all routes, in the order of the description.
pub(super) fn routes() -> Vec<Route> {
    [
        process::routes(),
        identity::routes(),
        resource_groups::routes(),
        networks::routes(),
        firewall_policies::routes(),
        gateways::routes(),
        available::routes(),
        children::routes(),
        extensions::routes(),
        revisions::routes(),
        events::routes(),
        workers::routes(),
        what_if::routes(),
        tunnels::routes(),
        deployments::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns a router for all routes.
pub(super) fn router() -> Router<Arc<App>> {
    routes().into_iter().fold(Router::new(), |router, route| router.route(&route.pattern(), route.handler))
}

fn get(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::GET, path, id, summary)
}

fn put(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::PUT, path, id, summary)
}

fn patch(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::PATCH, path, id, summary)
}

fn post(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::POST, path, id, summary)
}

fn delete(path: &str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::DELETE, path, id, summary)
}

/// Returns a path of the network provider in a subscription.
fn in_subscription(rest: &str) -> String {
    format!("{SUBSCRIPTION}/providers/Microsoft.Network{rest}")
}

/// Returns the pattern of the extension resources of gateways.
pub(super) fn extensions_of_gateways() -> String {
    in_group("/applicationGateways/{gateway}/providers/{*extension}").to_ascii_lowercase()
}

/// Returns a path of the network provider in a resource group.
fn in_group(rest: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.Network{rest}")
}
