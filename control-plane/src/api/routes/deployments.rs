//! The routes of deployments.

use crate::api::deployments;
use crate::openapi::deployments::{
    Deployment, DeploymentOperation, DeploymentRequest, DeploymentStatus, WhatIf,
};
use crate::openapi::operation::json;
use crate::openapi::resource_group::Whole;
use axum::http::Method;

use super::{Operation, Route, SUBSCRIPTION, delete, get, post, put};

/// The header with the URL of a deployment's status.
const STATUS: &[&str] = &["Azure-AsyncOperation", "Retry-After"];

pub(super) fn routes() -> Vec<Route> {
    let all = format!("{SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.Resources/deployments");
    let one = format!("{all}/{{deployment}}");
    let head = Operation::new(
        Method::HEAD,
        &one,
        "Deployments_CheckExistence",
        "Checks whether a deployment exists.",
    );
    // Azure has a shorter path for the operations of a deployment too.
    let short = format!("{SUBSCRIPTION}/resourceGroups/{{group}}/deployments/{{deployment}}/operations");
    let mut routes = vec![
        Route::new(
            get(&all, "Deployments_ListByResourceGroup", "Lists the deployments of a resource group.")
                .answers(200, "The list.", json::<Whole<Deployment>>()),
            deployments::list,
        ),
        Route::new(
            get(&one, "Deployments_Get", "Gets a deployment.").answers(
                200,
                "The deployment.",
                json::<Deployment>(),
            ),
            deployments::get,
        ),
        Route::new(head.answers(204, "The deployment exists.", None), deployments::head),
        Route::new(
            put(&one, "Deployments_CreateOrUpdate", "Deploys a template.")
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
                "Deployments_Delete",
                "Deletes a deployment, but not the resources that it deployed.",
            )
            .answers(204, "The deployment was deleted.", None)
            .refuses(&[409]),
            deployments::delete,
        ),
        Route::new(
            post(&format!("{one}/validate"), "Deployments_Validate", "Validates a deployment.")
                .takes(json::<DeploymentRequest>())
                .answers(200, "The template is valid.", json::<Deployment>()),
            deployments::validate,
        ),
        Route::new(
            post(&format!("{one}/whatIf"), "Deployments_WhatIf", "Previews the changes of a deployment.")
                .takes(json::<DeploymentRequest>())
                .answers(200, "The changes.", json::<WhatIf>()),
            deployments::what_if,
        ),
        Route::new(
            post(&format!("{one}/cancel"), "Deployments_Cancel", "Cancels a deployment.")
                .answers(204, "The deployment was cancelled.", None)
                .refuses(&[409]),
            deployments::cancel,
        ),
        Route::new(
            get(
                &format!("{one}/operationStatuses/{{operation}}"),
                "Deployments_Status",
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
    ];
    for (operations, suffix) in [(short, ""), (format!("{one}/operations"), "OfResource")] {
        routes.extend(done(&operations, suffix));
    }
    routes
}

/// Returns the routes of a deployment's operations.
fn done(operations: &str, suffix: &str) -> [Route; 2] {
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
