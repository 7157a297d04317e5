//! The routes outside of ARM: the process itself and its workers.

use crate::api::{describe, health, metrics, workers};
use crate::openapi::answer::{MetricsTargets, Workers};
use crate::openapi::operation::{Body, json};

use super::{Route, delete, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            get("/healthz", "Process_Alive", "Whether the process answers.").open_to_all().answers(
                200,
                "It does.",
                Some(Body::Text),
            ),
            health::alive,
        ),
        Route::new(
            get("/readyz", "Process_Ready", "Whether the store answers too.").open_to_all().answers(
                200,
                "It does.",
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
            get("/metrics", "Metrics_Show", "What the control plane counts of itself, for Prometheus.")
                .answers(200, "A page in the OpenMetrics text format.", Some(Body::Metrics)),
            metrics::show,
        ),
        Route::new(
            get(
                "/metrics/targets",
                "Metrics_ListTargets",
                "Where the connected workers show theirs, for Prometheus' HTTP service discovery.",
            )
            .answers(200, "A group of targets for each worker.", json::<MetricsTargets>()),
            metrics::targets,
        ),
        Route::new(
            get("/workers", "Workers_List", "The workers, and which gateways have failed.").answers(
                200,
                "All of them.",
                json::<Workers>(),
            ),
            workers::list,
        ),
        Route::new(
            delete("/workers/{worker}", "Workers_Delete", "Shuts a worker out for good.")
                .answers(204, "It is not admitted any more.", None)
                .refuses(&[404]),
            workers::delete,
        ),
    ]
}
