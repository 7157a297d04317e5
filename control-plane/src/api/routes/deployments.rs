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
const STATUS: &[&str] = &["Azure-AsyncOperation"];

pub(super) fn routes() -> Vec<Route> {
    let all = format!("{SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.Resources/deployments");
    let one = format!("{all}/{{deployment}}");
    let head =
        Operation::new(Method::HEAD, &one, "Deployments_CheckExistence", "Whether there is a deployment.");
    // Azure has a shorter path for the operations of a deployment too.
    let short = format!("{SUBSCRIPTION}/resourceGroups/{{group}}/deployments/{{deployment}}/operations");
    let mut routes = vec![
        Route::new(
            get(&all, "Deployments_ListByResourceGroup", "Lists the deployments of a resource group.")
                .answers(200, "All of them.", json::<Whole<Deployment>>()),
            deployments::list,
        ),
        Route::new(
            get(&one, "Deployments_Get", "Gets a deployment.").answers(200, "It.", json::<Deployment>()),
            deployments::get,
        ),
        Route::new(head.answers(204, "There is.", None), deployments::head),
        Route::new(
            put(&one, "Deployments_CreateOrUpdate", "Deploys a template.")
                .takes(json::<DeploymentRequest>())
                .answers_with(200, "It is run again.", json::<Deployment>(), STATUS)
                .answers_with(201, "It is run.", json::<Deployment>(), STATUS)
                .refuses(&[409]),
            deployments::put,
        ),
        Route::new(
            delete(&one, "Deployments_Delete", "Forgets a deployment, not what it deployed.")
                .answers(204, "It is forgotten.", None)
                .refuses(&[409]),
            deployments::delete,
        ),
        Route::new(
            post(
                &format!("{one}/validate"),
                "Deployments_Validate",
                "Says what a deployment would be refused for.",
            )
            .takes(json::<DeploymentRequest>())
            .answers(200, "For nothing.", json::<Deployment>()),
            deployments::validate,
        ),
        Route::new(
            post(&format!("{one}/whatIf"), "Deployments_WhatIf", "Says what a deployment would change.")
                .takes(json::<DeploymentRequest>())
                .answers(200, "This.", json::<WhatIf>()),
            deployments::what_if,
        ),
        Route::new(
            post(&format!("{one}/cancel"), "Deployments_Cancel", "Ends a deployment before its time.")
                .answers(204, "It has ended.", None)
                .refuses(&[409]),
            deployments::cancel,
        ),
        Route::new(
            get(
                &format!("{one}/operationStatuses/{{operation}}"),
                "Deployments_Status",
                "Says where a deployment stands.",
            )
            .answers_with(200, "There.", json::<DeploymentStatus>(), &["Retry-After"]),
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
            get(operations, &format!("DeploymentOperations_List{suffix}"), "Lists what a deployment did.")
                .answers(200, "All of it.", json::<Whole<DeploymentOperation>>()),
            deployments::operations,
        ),
        Route::new(
            get(
                &format!("{operations}/{{operation}}"),
                &format!("DeploymentOperations_Get{suffix}"),
                "Says what a deployment did to one resource.",
            )
            .answers(200, "This.", json::<DeploymentOperation>()),
            deployments::operation,
        ),
    ]
}
