//! The routes of virtual networks, their subnets, and public IP addresses.

use crate::api::{networks, subnets};
use crate::arm::tags::TagsObject;
use crate::openapi::answer::ListPage;
use crate::openapi::operation::json;
use crate::openapi::parameter::{SKIP_TOKEN, TOP};
use crate::openapi::resource::network::{PublicIpAddress, Subnet, VirtualNetwork};

use super::{Route, delete, get, in_group, in_subscription, patch, put};

/// The header with the etag of the resource.
const VERSION: &[&str] = &["ETag"];
/// The headers of a write, which is complete. Its operation has succeeded.
const WRITTEN: &[&str] = &["Azure-AsyncOperation", "Retry-After", "ETag"];
/// The headers of a deletion, which is complete.
const DELETED: &[&str] = &["Azure-AsyncOperation", "Retry-After"];

pub(super) fn routes() -> Vec<Route> {
    [virtual_networks(), subnets(), public_addresses()].into_iter().flatten().collect()
}

fn virtual_networks() -> Vec<Route> {
    let all = in_group("/virtualNetworks");
    let one = in_group("/virtualNetworks/{network}");
    vec![
        Route::new(
            get(
                &in_subscription("/virtualNetworks"),
                "VirtualNetworks_ListAll",
                "Lists the virtual networks of a subscription.",
            )
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<VirtualNetwork>>()),
            networks::list_in_subscription,
        ),
        Route::new(
            get(&all, "VirtualNetworks_List", "Lists the virtual networks of a resource group.")
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of the list.", json::<ListPage<VirtualNetwork>>()),
            networks::list_in_group,
        ),
        Route::new(
            get(&one, "VirtualNetworks_Get", "Gets a virtual network.").answers_with(
                200,
                "The virtual network.",
                json::<VirtualNetwork>(),
                VERSION,
            ),
            networks::get,
        ),
        Route::new(
            put(
                &one,
                "VirtualNetworks_CreateOrUpdate",
                "Creates a virtual network or replaces it. A body without subnets keeps the existing ones.",
            )
            .takes(json::<VirtualNetwork>())
            .conditional()
            .answers_with(200, "The resource was replaced.", json::<VirtualNetwork>(), WRITTEN)
            .answers_with(201, "The resource was created.", json::<VirtualNetwork>(), WRITTEN)
            .refuses(&[409]),
            networks::put,
        ),
        Route::new(
            patch(&one, "VirtualNetworks_UpdateTags", "Replaces the tags of a virtual network.")
                .takes(json::<TagsObject>())
                .conditional()
                .answers_with(200, "The tags were replaced.", json::<VirtualNetwork>(), VERSION)
                .refuses(&[409]),
            networks::patch,
        ),
        Route::new(
            delete(&one, "VirtualNetworks_Delete", "Deletes a virtual network with its subnets.")
                .conditional()
                .answers_with(200, "The resource was deleted.", None, DELETED)
                .answers(204, "The resource does not exist.", None),
            networks::delete,
        ),
    ]
}

fn subnets() -> Vec<Route> {
    let all = in_group("/virtualNetworks/{network}/subnets");
    let one = in_group("/virtualNetworks/{network}/subnets/{subnet}");
    vec![
        Route::new(
            get(&all, "Subnets_List", "Lists the subnets of a virtual network.").answers(
                200,
                "The list.",
                json::<ListPage<Subnet>>(),
            ),
            subnets::list,
        ),
        Route::new(
            get(&one, "Subnets_Get", "Gets a subnet. It has the entity tag of its network.").answers_with(
                200,
                "The subnet.",
                json::<Subnet>(),
                VERSION,
            ),
            subnets::get,
        ),
        Route::new(
            put(&one, "Subnets_CreateOrUpdate", "Creates a subnet or replaces it.")
                .takes(json::<Subnet>())
                .conditional()
                .answers_with(200, "The resource was replaced.", json::<Subnet>(), WRITTEN)
                .answers_with(201, "The resource was created.", json::<Subnet>(), WRITTEN)
                .refuses(&[409]),
            subnets::put,
        ),
        Route::new(
            delete(&one, "Subnets_Delete", "Deletes a subnet.")
                .conditional()
                .answers_with(200, "The resource was deleted.", None, DELETED)
                .answers(204, "The resource does not exist.", None)
                .refuses(&[409]),
            subnets::delete,
        ),
    ]
}

fn public_addresses() -> Vec<Route> {
    let all = in_group("/publicIPAddresses");
    let one = in_group("/publicIPAddresses/{address}");
    vec![
        Route::new(
            get(
                &in_subscription("/publicIPAddresses"),
                "PublicIPAddresses_ListAll",
                "Lists the public IP addresses of a subscription.",
            )
            .with(&TOP)
            .with(&SKIP_TOKEN)
            .answers(200, "A page of the list.", json::<ListPage<PublicIpAddress>>()),
            networks::list_in_subscription,
        ),
        Route::new(
            get(&all, "PublicIPAddresses_List", "Lists the public IP addresses of a resource group.")
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of the list.", json::<ListPage<PublicIpAddress>>()),
            networks::list_in_group,
        ),
        Route::new(
            get(&one, "PublicIPAddresses_Get", "Gets a public IP address.").answers_with(
                200,
                "The public IP address.",
                json::<PublicIpAddress>(),
                VERSION,
            ),
            networks::get,
        ),
        Route::new(
            put(
                &one,
                "PublicIPAddresses_CreateOrUpdate",
                "Creates a public IP address or replaces it. A body without an address keeps the one given before.",
            )
            .takes(json::<PublicIpAddress>())
            .conditional()
            .answers_with(200, "The resource was replaced.", json::<PublicIpAddress>(), WRITTEN)
            .answers_with(201, "The resource was created.", json::<PublicIpAddress>(), WRITTEN)
            .refuses(&[409]),
            networks::put,
        ),
        Route::new(
            patch(&one, "PublicIPAddresses_UpdateTags", "Replaces the tags of a public IP address.")
                .takes(json::<TagsObject>())
                .conditional()
                .answers_with(200, "The tags were replaced.", json::<PublicIpAddress>(), VERSION)
                .refuses(&[409]),
            networks::patch,
        ),
        Route::new(
            delete(&one, "PublicIPAddresses_Delete", "Deletes a public IP address.")
                .conditional()
                .answers_with(200, "The resource was deleted.", None, DELETED)
                .answers(204, "The resource does not exist.", None),
            networks::delete,
        ),
    ]
}
