//! The published description of the API, generated from the routes.

use crate::violation::code_list::Code;
use crate::{on_demand, openapi, rollout, service, store, tunnels, violation};

use super::error;
use super::routes::routes;

/// Returns the document as it is committed and served.
pub(crate) fn description() -> String {
    let routes = routes();
    let document = openapi::document(routes.iter().map(|route| &route.operation), &codes());
    format!("{document:#}\n")
}

/// Returns the lists of all codes of responses and operations.
fn codes() -> [&'static [Code]; 15] {
    let [general, deployment, resource_group, network, unserved] = service::code_lists();
    [
        error::CODES,
        general,
        deployment,
        resource_group,
        network,
        unserved,
        violation::code::CODES,
        violation::code::limit::CODES,
        violation::code::OWN_CODES,
        violation::code::template::CODES,
        rollout::CODES,
        on_demand::CODES,
        tunnels::CLOSE_CODES,
        store::OPERATION_CODES,
        store::DEPLOYMENT_CODES,
    ]
}

#[cfg(test)]
mod tests;
