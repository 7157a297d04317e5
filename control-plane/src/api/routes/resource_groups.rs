//! The routes of subscriptions, resource groups and resource providers.

use axum::http::Method;

use crate::api::{groups, providers, resources, subscriptions};
use crate::openapi::answer::ListPage;
use crate::openapi::deployments::{Export, ExportRequest};
use crate::openapi::operation::{Operation, json};
use crate::openapi::parameter::{FILTER, SKIP_TOKEN, TOP};
use crate::openapi::resource::network::ResourceGroup;
use crate::openapi::resource_group::{
    GenericResource, Location, Locations, Provider, Subscription, Tenant, Whole,
};

use super::{Route, SUBSCRIPTION, delete, get, patch, post, put};

pub(super) fn routes() -> Vec<Route> {
    [above(), groups(), providers()].into_iter().flatten().collect()
}

fn above() -> Vec<Route> {
    vec![
        Route::new(
            get("/tenants", "Tenants_List", "Lists the tenant.").answers(
                200,
                "The list.",
                json::<Whole<Tenant>>(),
            ),
            subscriptions::tenants,
        ),
        Route::new(
            get("/subscriptions", "Subscriptions_List", "Lists the subscriptions that contain resources.")
                .answers(200, "The list.", json::<Whole<Subscription>>()),
            subscriptions::list,
        ),
        Route::new(
            get(SUBSCRIPTION, "Subscriptions_Get", "Gets a subscription.").answers(
                200,
                "The subscription.",
                json::<Subscription>(),
            ),
            subscriptions::get,
        ),
        Route::new(
            get(
                &format!("{SUBSCRIPTION}/locations"),
                "Subscriptions_ListLocations",
                "Lists the locations of resources.",
            )
            .answers(200, "The list.", json::<Locations<Location>>()),
            subscriptions::locations,
        ),
        Route::new(
            get(
                &format!("{SUBSCRIPTION}/resources"),
                "Resources_List",
                "Lists the resources of a subscription.",
            )
            .with(&FILTER)
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<GenericResource>>()),
            resources::list_in_subscription,
        ),
        Route::new(
            get(
                &format!("{SUBSCRIPTION}/operationresults/{{operation}}"),
                "Operations_GroupResult",
                "Gets the status of a resource group's deletion.",
            )
            .answers(200, "The deletion has ended.", None)
            .answers_with(
                202,
                "The operation is in progress.",
                None,
                &["Location", "Retry-After"],
            ),
            groups::result,
        ),
    ]
}

fn groups() -> Vec<Route> {
    let all = format!("{SUBSCRIPTION}/resourceGroups");
    let one = format!("{all}/{{group}}");
    let head = Operation::new(
        Method::HEAD,
        &one,
        "ResourceGroups_CheckExistence",
        "Checks whether a resource group exists.",
    );
    vec![
        Route::new(
            get(&all, "ResourceGroups_List", "Lists the resource groups of a subscription.")
                .with(&FILTER)
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of the list.", json::<ListPage<ResourceGroup>>()),
            groups::list,
        ),
        Route::new(
            get(&one, "ResourceGroups_Get", "Gets a resource group.").answers(
                200,
                "The resource group.",
                json::<ResourceGroup>(),
            ),
            groups::get,
        ),
        Route::new(head.answers(204, "The resource group exists.", None), groups::head),
        Route::new(
            put(
                &one,
                "ResourceGroups_CreateOrUpdate",
                "Creates a resource group or replaces its properties.",
            )
            .takes(json::<ResourceGroup>())
            .answers(200, "The resource was replaced.", json::<ResourceGroup>())
            .answers(201, "The resource was created.", json::<ResourceGroup>())
            .refuses(&[409]),
            groups::put,
        ),
        Route::new(
            patch(&one, "ResourceGroups_Update", "Replaces the tags of a resource group.")
                .takes(json::<crate::arm::tags::TagsObject>())
                .answers(200, "The tags were replaced.", json::<ResourceGroup>())
                .refuses(&[409]),
            groups::patch,
        ),
        Route::new(
            delete(&one, "ResourceGroups_Delete", "Deletes a resource group with everything in it.")
                .answers_with(202, "The resource is being deleted.", None, &["Location", "Retry-After"])
                .refuses(&[409]),
            groups::delete,
        ),
        Route::new(
            post(
                &format!("{one}/exportTemplate"),
                "ResourceGroups_ExportTemplate",
                "Exports the resources of a group as a template.",
            )
            .takes(json::<ExportRequest>())
            .answers(200, "The template, and what is missing in it.", json::<Export>()),
            groups::export,
        ),
        Route::new(
            get(
                &format!("{one}/resources"),
                "Resources_ListByResourceGroup",
                "Lists the resources of a resource group.",
            )
            .with(&FILTER)
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<GenericResource>>()),
            resources::list_in_group,
        ),
    ]
}

fn providers() -> Vec<Route> {
    let all = format!("{SUBSCRIPTION}/providers");
    let one = format!("{all}/{{namespace}}");
    vec![
        Route::new(
            get(&all, "Providers_List", "Lists the resource providers.").answers(
                200,
                "The list.",
                json::<Whole<Provider>>(),
            ),
            providers::list,
        ),
        Route::new(
            get(&one, "Providers_Get", "Gets a resource provider.").answers(
                200,
                "The provider.",
                json::<Provider>(),
            ),
            providers::get,
        ),
        Route::new(
            post(
                &format!("{one}/register"),
                "Providers_Register",
                "Registers a provider. All providers are registered already.",
            )
            .answers(200, "The provider.", json::<Provider>()),
            providers::get,
        ),
    ]
}
