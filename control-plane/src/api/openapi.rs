//! The published description of the API, made from the routes.

use crate::violation::code_list::Code;
use crate::{on_demand, openapi, rollout, service, store, violation};

use super::error;
use super::routes::routes;

/// The document as it is committed and served: for people to read and for tools to compare.
pub(crate) fn description() -> String {
    let routes = routes();
    let document = openapi::document(routes.iter().map(|route| &route.operation), &codes());
    format!("{document:#}\n")
}

/// Every list of the codes that an answer or an operation may have.
fn codes() -> [&'static [Code]; 12] {
    let [general, deployment, resource_group, network] = service::code_lists();
    [
        error::CODES,
        general,
        deployment,
        resource_group,
        network,
        violation::code::CODES,
        violation::code::limit::CODES,
        violation::code::OWN_CODES,
        violation::code::template::CODES,
        rollout::CODES,
        on_demand::CODES,
        store::OPERATION_CODES,
    ]
}

#[cfg(test)]
mod tests;
