//! The routes of virtual networks, their subnets, and public IP addresses.

use crate::api::{networks, subnets};
use crate::arm::tags::TagsObject;
use crate::openapi::answer::Page;
use crate::openapi::operation::json;
use crate::openapi::parameter::{SKIP_TOKEN, TOP};
use crate::openapi::resource::network::{PublicIpAddress, Subnet, VirtualNetwork};

use super::{Route, delete, get, in_group, in_subscription, patch, put};

/// The header with the etag of the resource.
const VERSION: &[&str] = &["ETag"];

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
            .answers(200, "A page of them.", json::<Page<VirtualNetwork>>()),
            networks::list_in_subscription,
        ),
        Route::new(
            get(&all, "VirtualNetworks_List", "Lists the virtual networks of a resource group.")
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of them.", json::<Page<VirtualNetwork>>()),
            networks::list_in_group,
        ),
        Route::new(
            get(&one, "VirtualNetworks_Get", "Gets a virtual network.").answers_with(
                200,
                "It.",
                json::<VirtualNetwork>(),
                VERSION,
            ),
            networks::get,
        ),
        Route::new(
            put(
                &one,
                "VirtualNetworks_CreateOrUpdate",
                "Creates a virtual network or replaces it. Its subnets stay where none are sent.",
            )
            .takes(json::<VirtualNetwork>())
            .conditional()
            .answers_with(200, "It is replaced.", json::<VirtualNetwork>(), VERSION)
            .answers_with(201, "It is created.", json::<VirtualNetwork>(), VERSION)
            .refuses(&[409]),
            networks::put,
        ),
        Route::new(
            patch(&one, "VirtualNetworks_UpdateTags", "Replaces the tags of a virtual network.")
                .takes(json::<TagsObject>())
                .conditional()
                .answers_with(200, "They are replaced.", json::<VirtualNetwork>(), VERSION)
                .refuses(&[409]),
            networks::patch,
        ),
        Route::new(
            delete(&one, "VirtualNetworks_Delete", "Deletes a virtual network with its subnets.")
                .conditional()
                .answers(200, "It is deleted.", None)
                .answers(204, "There is none.", None),
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
                "All of them.",
                json::<Page<Subnet>>(),
            ),
            subnets::list,
        ),
        Route::new(
            get(&one, "Subnets_Get", "Gets a subnet. Its version is its network's.").answers_with(
                200,
                "It.",
                json::<Subnet>(),
                VERSION,
            ),
            subnets::get,
        ),
        Route::new(
            put(&one, "Subnets_CreateOrUpdate", "Creates a subnet or replaces it.")
                .takes(json::<Subnet>())
                .conditional()
                .answers_with(200, "It is replaced.", json::<Subnet>(), VERSION)
                .answers_with(201, "It is created.", json::<Subnet>(), VERSION)
                .refuses(&[409]),
            subnets::put,
        ),
        Route::new(
            delete(&one, "Subnets_Delete", "Deletes a subnet.")
                .conditional()
                .answers(200, "It is deleted.", None)
                .answers(204, "There is none.", None)
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
            .answers(200, "A page of them.", json::<Page<PublicIpAddress>>()),
            networks::list_in_subscription,
        ),
        Route::new(
            get(&all, "PublicIPAddresses_List", "Lists the public IP addresses of a resource group.")
                .with(&TOP)
                .with(&SKIP_TOKEN)
                .answers(200, "A page of them.", json::<Page<PublicIpAddress>>()),
            networks::list_in_group,
        ),
        Route::new(
            get(&one, "PublicIPAddresses_Get", "Gets a public IP address.").answers_with(
                200,
                "It.",
                json::<PublicIpAddress>(),
                VERSION,
            ),
            networks::get,
        ),
        Route::new(
            put(
                &one,
                "PublicIPAddresses_CreateOrUpdate",
                "Creates a public IP address or replaces it. An address that was given stays where none is sent.",
            )
            .takes(json::<PublicIpAddress>())
            .conditional()
            .answers_with(200, "It is replaced.", json::<PublicIpAddress>(), VERSION)
            .answers_with(201, "It is created.", json::<PublicIpAddress>(), VERSION)
            .refuses(&[409]),
            networks::put,
        ),
        Route::new(
            patch(&one, "PublicIPAddresses_UpdateTags", "Replaces the tags of a public IP address.")
                .takes(json::<TagsObject>())
                .conditional()
                .answers_with(200, "They are replaced.", json::<PublicIpAddress>(), VERSION)
                .refuses(&[409]),
            networks::patch,
        ),
        Route::new(
            delete(&one, "PublicIPAddresses_Delete", "Deletes a public IP address.")
                .conditional()
                .answers(200, "It is deleted.", None)
                .answers(204, "There is none.", None),
            networks::delete,
        ),
    ]
}
