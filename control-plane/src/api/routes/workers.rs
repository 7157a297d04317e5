//! The routes of workers as resources of the extension provider.

use crate::api::workers;
use crate::arm::extension::NAMESPACE;
use crate::openapi::operation::json;
use crate::openapi::worker::{WorkerResource, WorkerResourceList};

use super::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    let list = format!("/providers/{NAMESPACE}/workers");
    let one = format!("{list}/{{worker}}");
    vec![
        Route::new(
            get(&list, "WorkerResources_List", "Lists the workers with what they run and their load.")
                .answers(200, "The list.", json::<WorkerResourceList>()),
            workers::list_resources,
        ),
        Route::new(
            get(&one, "WorkerResources_Get", "Gets a worker with what it runs and its load.").answers(
                200,
                "The worker.",
                json::<WorkerResource>(),
            ),
            workers::get_resource,
        ),
        Route::new(
            post(
                &format!("{one}/drain"),
                "WorkerResources_Drain",
                "Drains a worker: it accepts no connections, and its tunnels end within its drain timeout.",
            )
            .answers(200, "The worker, which drains.", json::<WorkerResource>()),
            workers::drain,
        ),
        Route::new(
            post(
                &format!("{one}/resume"),
                "WorkerResources_Resume",
                "Has a drained worker accept connections again.",
            )
            .answers(200, "The worker.", json::<WorkerResource>()),
            workers::resume,
        ),
    ]
}
