//! The routes of deployments.

use crate::api::deployments;
use crate::openapi::deployments::{
    Deployment, DeploymentOperation, DeploymentRequest, DeploymentStatus, DeploymentTemplate, WhatIf,
};
use crate::openapi::operation::json;
use crate::openapi::resource_group::Whole;
use axum::http::Method;

use super::{Operation, Route, SUBSCRIPTION, delete, get, post, put};

/// The header with the URL of a deployment's status.
const STATUS: &[&str] = &["Azure-AsyncOperation", "Retry-After"];

pub(super) fn routes() -> Vec<Route> {
    let in_subscription = format!("{SUBSCRIPTION}/providers/Microsoft.Resources/deployments");
    let in_group =
        format!("{SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.Resources/deployments");
    // Azure has a shorter path for the operations of a deployment to a group too.
    let short = format!("{SUBSCRIPTION}/resourceGroups/{{group}}/deployments/{{deployment}}/operations");
    let mut routes = of_scope(&in_group, "", "a resource group", "ByResourceGroup");
    routes.extend(operations(&short, ""));
    routes.extend(operations(&format!("{in_group}/{{deployment}}/operations"), "OfResource"));
    let at = "AtSubscriptionScope";
    routes.extend(of_scope(&in_subscription, at, "a subscription", at));
    routes.extend(operations(&format!("{in_subscription}/{{deployment}}/operations"), at));
    routes
}

/// Returns the routes of deployments to one kind of scope. `at` and `list` are the ends of the names of
/// operations.
fn of_scope(all: &str, at: &str, scope: &str, list: &str) -> Vec<Route> {
    let one = format!("{all}/{{deployment}}");
    let head = Operation::new(
        Method::HEAD,
        &one,
        &format!("Deployments_CheckExistence{at}"),
        "Checks whether a deployment exists.",
    );
    vec![
        Route::new(
            get(all, &format!("Deployments_List{list}"), &format!("Lists the deployments to {scope}."))
                .answers(200, "The list.", json::<Whole<Deployment>>()),
            deployments::list,
        ),
        Route::new(
            get(&one, &format!("Deployments_Get{at}"), "Gets a deployment.").answers(
                200,
                "The deployment.",
                json::<Deployment>(),
            ),
            deployments::get,
        ),
        Route::new(head.answers(204, "The deployment exists.", None), deployments::head),
        Route::new(
            put(&one, &format!("Deployments_CreateOrUpdate{at}"), "Deploys a template.")
                .takes(json::<DeploymentRequest>())
                .answers_with(
                    200,
                    "The deployment was replaced and is being run.",
                    json::<Deployment>(),
                    STATUS,
                )
                .answers_with(
                    201,
                    "The deployment was created and is being run.",
                    json::<Deployment>(),
                    STATUS,
                )
                .refuses(&[409]),
            deployments::put,
        ),
        Route::new(
            delete(
                &one,
                &format!("Deployments_Delete{at}"),
                "Deletes a deployment, but not the resources that it deployed.",
            )
            .answers(204, "The deployment was deleted.", None)
            .refuses(&[409]),
            deployments::delete,
        ),
        Route::new(
            post(&format!("{one}/validate"), &format!("Deployments_Validate{at}"), "Validates a deployment.")
                .takes(json::<DeploymentRequest>())
                .answers(200, "The template is valid.", json::<Deployment>()),
            deployments::validate,
        ),
        Route::new(
            post(
                &format!("{one}/whatIf"),
                &format!("Deployments_WhatIf{at}"),
                "Previews the changes of a deployment.",
            )
            .takes(json::<DeploymentRequest>())
            .answers(200, "The changes.", json::<WhatIf>()),
            deployments::what_if,
        ),
        Route::new(
            post(
                &format!("{one}/cancel"),
                &format!("Deployments_Cancel{at}"),
                "Cancels a deployment with those that are nested in it.",
            )
            .answers(204, "The deployment was cancelled.", None)
            .refuses(&[409]),
            deployments::cancel,
        ),
        Route::new(
            post(
                &format!("{one}/exportTemplate"),
                &format!("Deployments_ExportTemplate{at}"),
                "Exports the template of a deployment, without secrets.",
            )
            .answers(200, "The template.", json::<DeploymentTemplate>()),
            deployments::export,
        ),
        Route::new(
            get(
                &format!("{one}/operationStatuses/{{operation}}"),
                &format!("Deployments_Status{at}"),
                "Gets the status of a deployment.",
            )
            .answers_with(
                200,
                "The status is in the body.",
                json::<DeploymentStatus>(),
                &["Retry-After"],
            ),
            deployments::status,
        ),
    ]
}

/// Returns the routes of a deployment's operations.
fn operations(operations: &str, suffix: &str) -> [Route; 2] {
    [
        Route::new(
            get(
                operations,
                &format!("DeploymentOperations_List{suffix}"),
                "Lists the operations of a deployment.",
            )
            .answers(200, "The list.", json::<Whole<DeploymentOperation>>()),
            deployments::operations,
        ),
        Route::new(
            get(
                &format!("{operations}/{{operation}}"),
                &format!("DeploymentOperations_Get{suffix}"),
                "Gets the operation of a deployment on one resource.",
            )
            .answers(200, "The operation.", json::<DeploymentOperation>()),
            deployments::operation,
        ),
    ]
}
