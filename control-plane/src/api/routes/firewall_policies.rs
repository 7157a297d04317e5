//! The routes of web application firewall policies, which have no PATCH in Azure either.

use crate::api::networks;
use crate::openapi::answer::ListPage;
use crate::openapi::operation::json;
use crate::openapi::parameter::{SKIP_TOKEN, TOP};
use crate::openapi::resource::network::FirewallPolicy;

use super::{Route, delete, get, in_group, in_subscription, put};

/// The header with the etag of the resource.
const VERSION: &[&str] = &["ETag"];
/// The headers of a write, which is complete. Its operation has succeeded.
const WRITTEN: &[&str] = &["Azure-AsyncOperation", "Retry-After", "ETag"];
/// The headers of a deletion, which is complete.
const DELETED: &[&str] = &["Azure-AsyncOperation", "Retry-After"];

pub(super) fn routes() -> Vec<Route> {
    let all = "/ApplicationGatewayWebApplicationFirewallPolicies";
    let one = in_group(&format!("{all}/{{policy}}"));
    vec![
        Route::new(
            get(
                &in_subscription(all),
                "WebApplicationFirewallPolicies_ListAll",
                "Lists the web application firewall policies of a subscription.",
            )
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<FirewallPolicy>>()),
            networks::list_in_subscription,
        ),
        Route::new(
            get(
                &in_group(all),
                "WebApplicationFirewallPolicies_List",
                "Lists the web application firewall policies of a resource group.",
            )
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<FirewallPolicy>>()),
            networks::list_in_group,
        ),
        Route::new(
            get(&one, "WebApplicationFirewallPolicies_Get", "Gets a web application firewall policy.")
                .answers_with(200, "The policy.", json::<FirewallPolicy>(), VERSION),
            networks::get,
        ),
        Route::new(
            put(
                &one,
                "WebApplicationFirewallPolicies_CreateOrUpdate",
                "Creates a web application firewall policy or replaces it.",
            )
            .takes(json::<FirewallPolicy>())
            .conditional()
            .answers_with(200, "The resource was replaced.", json::<FirewallPolicy>(), WRITTEN)
            .answers_with(201, "The resource was created.", json::<FirewallPolicy>(), WRITTEN)
            .refuses(&[409]),
            networks::put,
        ),
        Route::new(
            delete(
                &one,
                "WebApplicationFirewallPolicies_Delete",
                "Deletes a web application firewall policy to which no gateway refers.",
            )
            .conditional()
            .answers_with(200, "The resource was deleted.", None, DELETED)
            .answers(204, "The resource does not exist.", None)
            .refuses(&[409]),
            networks::delete,
        ),
    ]
}
