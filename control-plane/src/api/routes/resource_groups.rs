//! The routes of subscriptions, resource groups and resource providers.

use axum::http::Method;

use crate::api::{groups, providers, resources, subscriptions};
use crate::openapi::answer::Page;
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
                "All of them.",
                json::<Whole<Tenant>>(),
            ),
            subscriptions::tenants,
        ),
        Route::new(
            get("/subscriptions", "Subscriptions_List", "Lists the subscriptions that hold anything.")
                .answers(200, "All of them.", json::<Whole<Subscription>>()),
            subscriptions::list,
        ),
        Route::new(
            get(SUBSCRIPTION, "Subscriptions_Get", "Gets a subscription.").answers(
                200,
                "It.",
                json::<Subscription>(),
            ),
            subscriptions::get,
        ),
        Route::new(
            get(
                &format!("{SUBSCRIPTION}/locations"),
                "Subscriptions_ListLocations",
                "Lists where resources can be.",
            )
            .answers(200, "All of them.", json::<Locations<Location>>()),
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
            .answers(200, "A page of them.", json::<Page<GenericResource>>()),
            resources::list_in_subscription,
        ),
        Route::new(
            get(
                &format!("{SUBSCRIPTION}/operationresults/{{operation}}"),
                "Operations_GroupResult",
                "Where the deletion of a resource group stands.",
            )
            .answers(200, "It is done.", None)
            .answers_with(202, "It is in progress.", None, &["Location", "Retry-After"]),
            groups::result,
        ),
    ]
}

fn groups() -> Vec<Route> {
    let all = format!("{SUBSCRIPTION}/resourceGroups");
    let one = format!("{all}/{{group}}");
    let head =
        Operation::new(Method::HEAD, &one, "ResourceGroups_CheckExistence", "Whether there is a group.");
    vec![
        Route::new(
            get(&all, "ResourceGroups_List", "Lists the resource groups of a subscription.")
                .with(&FILTER)
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of them.", json::<Page<ResourceGroup>>()),
            groups::list,
        ),
        Route::new(
            get(&one, "ResourceGroups_Get", "Gets a resource group.").answers(
                200,
                "It.",
                json::<ResourceGroup>(),
            ),
            groups::get,
        ),
        Route::new(head.answers(204, "There is.", None), groups::head),
        Route::new(
            put(
                &one,
                "ResourceGroups_CreateOrUpdate",
                "Creates a resource group or replaces what is said of it.",
            )
            .takes(json::<ResourceGroup>())
            .answers(200, "It is replaced.", json::<ResourceGroup>())
            .answers(201, "It is created.", json::<ResourceGroup>())
            .refuses(&[409]),
            groups::put,
        ),
        Route::new(
            patch(&one, "ResourceGroups_Update", "Replaces the tags of a resource group.")
                .takes(json::<crate::arm::tags::TagsObject>())
                .answers(200, "They are replaced.", json::<ResourceGroup>())
                .refuses(&[409]),
            groups::patch,
        ),
        Route::new(
            delete(&one, "ResourceGroups_Delete", "Deletes a resource group with everything in it.")
                .answers_with(202, "It is being deleted.", None, &["Location"])
                .refuses(&[409]),
            groups::delete,
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
            .answers(200, "A page of them.", json::<Page<GenericResource>>()),
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
                "All of them.",
                json::<Whole<Provider>>(),
            ),
            providers::list,
        ),
        Route::new(
            get(&one, "Providers_Get", "Gets a resource provider.").answers(200, "It.", json::<Provider>()),
            providers::get,
        ),
        Route::new(
            post(
                &format!("{one}/register"),
                "Providers_Register",
                "Registers a provider, which is so already.",
            )
            .answers(200, "It.", json::<Provider>()),
            providers::get,
        ),
    ]
}
