//! The layers of each crate, and the test that its files respect them.
//!
//! Three rules hold, and a violation names the two files:
//! - A file imports from its own layer or from a lower one, never from a higher one.
//! - No two folders import each other, directly or through others. (A folder is a module with its children.)
//! - The same holds among the children of each module. A child may import its own parent, as is usual in Rust.
//!
//! A second test checks that only the places in [`STATEMENTS`] name the crate of the database.
//!
//! A new top-level module must be added to the table below, in the lowest layer that its imports allow. Test code is
//! exempt.

mod graph;
mod sources;

use graph::Layer;
use sources::Sources;

/// The layers of `shared`, from the highest to the lowest, as in all tables below.
const SHARED: &[Layer] = &[
    ("messages between the planes", &["protocol", "snapshot", "token"]),
    ("descriptions", &["tunnel"]),
    ("files and processes", &["seal", "private_file", "handover", "service_manager"]),
    (
        "building blocks",
        &["channel", "client_network", "host", "id", "local_request", "meter", "metrics", "path", "secret"],
    ),
];

const HTTP1: &[Layer] = &[
    ("readers of messages", &["request", "response", "body", "convert"]),
    ("heads", &["head"]),
    ("lines and lengths", &["fields", "framing", "chunks", "chunk_extension", "line", "lines"]),
    ("building blocks", &["fault", "known", "limits", "target", "words"]),
];

const DATA_PLANE: &[Layer] = &[
    (
        "the worker",
        &["process", "control", "worker", "data_dir", "handover", "last_good", "tokens", "identity"],
    ),
    ("tasks beside the traffic", &["drain", "threads", "probe", "on_demand", "tunnel_list"]),
    ("requests", &["listener", "proxy"]),
    (
        "connections",
        &["downstream", "thread", "upstream", "body", "pump", "live_tunnel", "tunnel_history", "websocket"],
    ),
    ("logs and traces", &["access_log", "trace", "transaction_id"]),
    ("what is served: the executable snapshot", &["runtime", "local_reply"]),
    (
        "backends",
        &[
            "backend",
            "member",
            "pool_state",
            "health",
            "dial",
            "resolver",
            "registry",
            "drain_deadline",
            "drain_schedule",
        ],
    ),
    ("protocols and counters", &["tls", "hosts", "prefixes", "reserved_headers", "metrics", "error_info"]),
    (
        "machine and configuration",
        &[
            "address_text",
            "alarm",
            "config",
            "read_buffer",
            "spare_heads",
            "run_error",
            "limits",
            "client_rate",
            "short_time",
            "side_thread",
            "sockets",
            "spool",
            "stream",
            "tcp",
            "tcp_diag",
        ],
    ),
];

const CONTROL_PLANE: &[Layer] = &[
    ("the API", &["api"]),
    ("use cases", &["service"]),
    (
        "reconciliation and workers",
        &[
            "on_demand",
            "tunnels",
            "rollout",
            "fleet",
            "certificates",
            "certificate_watch",
            "clients",
            "upgrade",
            "worker_watch",
        ],
    ),
    ("decisions on documents", &["edit", "networking", "resource_groups"]),
    ("process and data directory", &["backup", "listen", "data_dir", "start_error", "config"]),
    ("state", &["store", "audit"]),
    (
        "documents and templates",
        &[
            "compile",
            "template",
            "openapi",
            "identity",
            "limits",
            "document_rules",
            "protection",
            "pki",
            "admin_token",
        ],
    ),
    ("ARM documents", &["arm"]),
    (
        "building blocks",
        &[
            "addresses",
            "clock",
            "digest",
            "etag",
            "events",
            "fair_share",
            "fetch_policy",
            "json_delta",
            "json_patch",
            "metrics",
            "proxies",
            "resource_id",
            "violation",
        ],
    ),
];

const BINARY: &[Layer] = &[
    ("shells", &["shell"]),
    (
        "commands",
        &["authority", "backup", "client", "demo", "doctor", "manage", "up", "worker", "control_plane"],
    ),
    ("processes", &["supervisor", "data_dir_lock"]),
    ("contexts", &["context"]),
    ("documents of Azure", &["import"]),
    ("client of the REST API", &["api_client"]),
    ("output", &["output"]),
    ("building blocks", &["cli", "hardening", "logging", "outcome", "stop"]),
];

/// The crates by their folders.
const CRATES: &[(&str, &[Layer])] = &[
    ("shared/src", SHARED),
    ("http1/src", HTTP1),
    ("data-plane/src", DATA_PLANE),
    ("control-plane/src", CONTROL_PLANE),
    ("src", BINARY),
];

/// Where SQL stands: the row functions, and the engine below them.
const STATEMENTS: &[&str] = &["control-plane/src/store/database", "control-plane/src/store/rows"];

#[test]
fn only_row_functions_and_the_engine_name_the_database_crate() {
    let is_allowed = |file: &String| {
        let module = file.trim_end_matches(".rs");
        STATEMENTS.iter().any(|place| module == *place || module.starts_with(&format!("{place}/")))
    };
    let files = CRATES.iter().flat_map(|(folder, _)| Sources::read(folder).files_naming("sqlx"));
    let (allowed, refused): (Vec<_>, Vec<_>) = files.partition(is_allowed);
    assert!(!allowed.is_empty(), "the statements have moved; STATEMENTS must follow them");
    assert!(refused.is_empty(), "SQL belongs to {STATEMENTS:?}, not to {refused:?}");
}

#[test]
fn files_import_downwards_and_in_no_circle() {
    let mut broken = Vec::new();
    for (folder, layers) in CRATES {
        let sources = Sources::read(folder);
        broken.extend(graph::against_layers(&sources, layers));
        broken.extend(graph::circles(&sources).iter().map(ToString::to_string));
    }
    assert!(
        broken.is_empty(),
        "\n{}\n\nThe rules and the layers are in tests/layers/main.rs.\n",
        broken.join("\n")
    );
}
