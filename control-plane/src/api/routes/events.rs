//! The routes of events.

use crate::api::events;
use crate::arm::extension::NAMESPACE;
use crate::openapi::operation::{Body, Operation};
use crate::openapi::parameter::{LAST_EVENT_ID, SAMPLE_TUNNELS};

use super::extensions::in_gateway;
use super::{Route, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            stream(
                &in_gateway("/events"),
                "Events_Follow",
                "Follows what happens to a gateway and its members.",
            )
            .with(&SAMPLE_TUNNELS),
            events::of_gateway,
        ),
        Route::new(
            stream(
                &format!("/providers/{NAMESPACE}/events"),
                "Events_FollowAll",
                "Follows what happens to all gateways that the client may see, and to workers.",
            ),
            events::of_all,
        ),
    ]
}

fn stream(path: &str, id: &str, summary: &str) -> Operation {
    let description =
        "The events from now on, or after the last one that the client has read. It has no end.";
    get(path, id, summary).with(&LAST_EVENT_ID).answers(200, description, Some(Body::Events)).refuses(&[429])
}
