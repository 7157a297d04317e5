//! The routes of gateways and of their operations.

use crate::api::{gateways, health, operations};
use crate::arm::on_demand::ApplicationGatewayOnDemandProbe;
use crate::arm::tags::TagsObject;
use crate::openapi::answer::{Null, Operation, OperationResult};
use crate::openapi::operation::json;
use crate::openapi::parameter::EXPAND;
use crate::openapi::resource::ApplicationGateway;

use super::{Route, delete, get, in_group, in_subscription, patch, post, put};

/// The headers of an operation whose result is the resource itself.
pub(super) const STATUS: &[&str] = &["Azure-AsyncOperation", "Retry-After", "ETag"];
/// The headers of an operation with a result of its own.
pub(super) const STATUS_AND_RESULT: &[&str] = &["Azure-AsyncOperation", "Location", "Retry-After"];

pub(super) fn routes() -> Vec<Route> {
    let gateway = in_group("/applicationGateways/{gateway}");
    [documents(&gateway), actions(&gateway), following()].into_iter().flatten().collect()
}

fn documents(gateway: &str) -> Vec<Route> {
    vec![
        Route::new(
            get(
                &in_subscription("/applicationGateways"),
                "ApplicationGateways_ListAll",
                "Lists the application gateways of a subscription.",
            )
            .paged::<ApplicationGateway>(),
            gateways::list_in_subscription,
        ),
        Route::new(
            get(
                &in_group("/applicationGateways"),
                "ApplicationGateways_List",
                "Lists the application gateways of a resource group.",
            )
            .paged::<ApplicationGateway>(),
            gateways::list_in_group,
        ),
        Route::new(
            get(gateway, "ApplicationGateways_Get", "Gets an application gateway.").answers_with(
                200,
                "The gateway.",
                json::<ApplicationGateway>(),
                &["ETag"],
            ),
            gateways::get,
        ),
        Route::new(
            put(
                gateway,
                "ApplicationGateways_CreateOrUpdate",
                "Creates an application gateway or replaces it as a whole. Certificates sent without data keep the stored data.",
            )
            .takes(json::<ApplicationGateway>())
            .conditional()
            .answers_with(200, "The resource was replaced.", json::<ApplicationGateway>(), STATUS)
            .answers_with(201, "The resource was created.", json::<ApplicationGateway>(), STATUS)
            .refuses(&[409]),
            gateways::put,
        ),
        Route::new(
            patch(gateway, "ApplicationGateways_UpdateTags", "Replaces the tags of an application gateway.")
                .takes(json::<TagsObject>())
                .conditional()
                .answers_with(200, "The tags were replaced.", json::<ApplicationGateway>(), &["ETag"])
                .refuses(&[409]),
            gateways::patch,
        ),
        Route::new(
            delete(gateway, "ApplicationGateways_Delete", "Deletes an application gateway.")
                .conditional()
                .answers_with(202, "The resource is being deleted.", None, STATUS_AND_RESULT)
                .answers(204, "The resource does not exist.", None)
                .refuses(&[409]),
            gateways::delete,
        ),
    ]
}

fn actions(gateway: &str) -> Vec<Route> {
    vec![
        Route::new(
            post(
                &format!("{gateway}/start"),
                "ApplicationGateways_Start",
                "Starts a stopped application gateway: opens its listeners.",
            )
            .conditional()
            .answers_with(202, "The gateway is being started.", None, STATUS_AND_RESULT)
            .refuses(&[409]),
            gateways::start,
        ),
        Route::new(
            post(
                &format!("{gateway}/stop"),
                "ApplicationGateways_Stop",
                "Stops an application gateway: closes its listeners until it is started or put again.",
            )
            .conditional()
            .answers_with(202, "The gateway is being stopped.", None, STATUS_AND_RESULT)
            .refuses(&[409]),
            gateways::stop,
        ),
        Route::new(
            post(
                &format!("{gateway}/backendhealth"),
                "ApplicationGateways_BackendHealth",
                "Reports the health of the backends from the workers' probes.",
            )
            .with(&EXPAND)
            .answers_with(202, "The result is at Location.", json::<Null>(), STATUS_AND_RESULT),
            health::backends,
        ),
        Route::new(
            post(
                &format!("{gateway}/getBackendHealthOnDemand"),
                "ApplicationGateways_BackendHealthOnDemand",
                "Probes the members of a pool once, by one worker.",
            )
            .with(&EXPAND)
            .takes(json::<ApplicationGatewayOnDemandProbe>())
            .answers_with(202, "The result is at Location.", json::<Null>(), STATUS_AND_RESULT)
            .refuses(&[409, 429]),
            health::probe_on_demand,
        ),
    ]
}

fn following() -> Vec<Route> {
    vec![
        Route::new(
            get(
                &in_subscription("/locations/{location}/operations/{operation}"),
                "Operations_Status",
                "Gets the status of a long-running operation.",
            )
            .answers_with(
                200,
                "The status is in the body.",
                json::<Operation>(),
                &["Retry-After"],
            ),
            operations::status,
        ),
        Route::new(
            get(
                &in_subscription("/locations/{location}/operationResults/{operation}"),
                "Operations_Result",
                "Gets the result of a long-running operation.",
            )
            .answers(200, "The result; null if there is none.", json::<OperationResult>())
            .answers_with(202, "The operation is in progress.", None, &["Location", "Retry-After"])
            .refuses(&[409]),
            operations::result,
        ),
    ]
}
