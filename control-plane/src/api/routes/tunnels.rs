//! The routes of tunnels.

use crate::api::tunnels;
use crate::arm::tunnel_closing::{CloseTunnel, CloseTunnels};
use crate::openapi::answer::Null;
use crate::openapi::operation::json;
use crate::openapi::parameter::{COUNT, ORDER_BY, TOP_OR_NONE, TUNNEL_FILTER, TUNNEL_SKIP_TOKEN};
use crate::openapi::tunnels::{Tunnel, TunnelList};

use super::extensions::in_gateway;
use super::gateways::STATUS_AND_RESULT;
use super::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            get(
                &in_gateway("/tunnels"),
                "Tunnels_List",
                "Lists the tunnels of a gateway in all connected workers.",
            )
            .with(&TUNNEL_FILTER)
            .with(&ORDER_BY)
            .with(&COUNT)
            .with(&TOP_OR_NONE)
            .with(&TUNNEL_SKIP_TOKEN)
            .answers(200, "A page.", json::<TunnelList>()),
            tunnels::list,
        ),
        Route::new(
            get(
                &in_gateway("/tunnels/{tunnel}"),
                "Tunnels_Get",
                "Gets a tunnel, also one that has ended recently.",
            )
            .answers(200, "The tunnel.", json::<Tunnel>()),
            tunnels::get,
        ),
        Route::new(
            post(&in_gateway("/tunnels/{tunnel}/close"), "Tunnels_Close", "Closes a tunnel.")
                .may_take(json::<CloseTunnel>())
                .answers_with(202, "The result is at Location.", json::<Null>(), STATUS_AND_RESULT),
            tunnels::close,
        ),
        Route::new(
            post(
                &in_gateway("/closeTunnels"),
                "Tunnels_CloseMany",
                "Closes the tunnels that meet a condition now, at once or spread over a time.",
            )
            .takes(json::<CloseTunnels>())
            .answers_with(202, "The result is at Location.", json::<Null>(), STATUS_AND_RESULT),
            tunnels::close_many,
        ),
        Route::new(
            post(
                &in_gateway("/closeTunnels/{operation}/cancel"),
                "Tunnels_CancelClosing",
                "Cancels the closing of tunnels. Those that are left stay open.",
            )
            .answers_with(202, "The operation ends soon.", json::<Null>(), STATUS_AND_RESULT)
            .refuses(&[409]),
            tunnels::cancel,
        ),
    ]
}
