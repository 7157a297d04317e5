//! The routes outside of ARM: the process itself and its workers.

use crate::api::{describe, health, metrics, unserved, workers};
use crate::openapi::answer::{MetricsTargets, NotEnforced, Workers};
use crate::openapi::operation::{Body, json};

use super::{Route, delete, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            get("/healthz", "Process_Alive", "Checks whether the process is alive.").open_to_all().answers(
                200,
                "The process is alive.",
                Some(Body::Text),
            ),
            health::alive,
        ),
        Route::new(
            get("/readyz", "Process_Ready", "Checks whether the control plane is ready: the database can be read and written.").open_to_all().answers(
                200,
                "The control plane is ready.",
                Some(Body::Text),
            ),
            health::ready,
        ),
        Route::new(
            get("/openapi.json", "Process_Describe", "This description.").open_to_all().answers(
                200,
                "An OpenAPI document.",
                Some(Body::Object),
            ),
            describe::show,
        ),
        Route::new(
            get("/metrics", "Metrics_Show", "Gets the metrics of the control plane, for Prometheus.")
                .answers(200, "A page in the OpenMetrics text format.", Some(Body::Metrics)),
            metrics::show,
        ),
        Route::new(
            get(
                "/metrics/targets",
                "Metrics_ListTargets",
                "Lists the metrics endpoints of the connected workers, for Prometheus' HTTP service discovery.",
            )
            .answers(200, "A group of targets for each worker.", json::<MetricsTargets>()),
            metrics::targets,
        ),
        Route::new(
            get("/workers", "Workers_List", "Lists the workers, and the gateways that have failed.").answers(
                200,
                "The list.",
                json::<Workers>(),
            ),
            workers::list,
        ),
        Route::new(
            get(
                "/not-enforced",
                "NotEnforced_List",
                "Lists the stored resources that have no effect, because Tidegate does not serve their types.",
            )
            .answers(200, "The list.", json::<NotEnforced>()),
            unserved::not_enforced,
        ),
        Route::new(
            delete("/workers/{worker}", "Workers_Delete", "Revokes a worker.")
                .answers(204, "The worker was revoked.", None)
                .refuses(&[404]),
            workers::delete,
        ),
    ]
}
