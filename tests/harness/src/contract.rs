//! Checks every response of the management API against two descriptions: Azure's, where it has the operation, and
//! Tidegate's own, which must have every operation that is served.
//!
//! Only the schema is checked here; tests assert the contents. A mismatch panics with its place.

mod description;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;

use self::description::{Description, Verdict};
use crate::http_client::Answer;

/// The Azure descriptions that are checked; they refer to other files beside them.
const OFFICIAL: &[&str] = &[
    "applicationGateway",
    "applicationGatewayWafDynamicManifests",
    "publicIpAddress",
    "virtualNetwork",
    "webapplicationfirewall",
];

static AZURE: LazyLock<Description> = LazyLock::new(|| {
    let files =
        OFFICIAL.iter().map(|name| (*name, read(&tests().join(format!("azure-openapi/{name}.json")))));
    Description::official(files.collect(), &|name| read(&tests().join(format!("azure-openapi/{name}.json"))))
});

static OWN: LazyLock<Description> =
    LazyLock::new(|| Description::own(&read(&tests().join("../openapi/tidegate.json"))));

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Checks the response to a request. `path` is the path of the request, including its query.
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    if let Verdict::Wrong(why) = AZURE.judge(method, path, answer) {
        fail(method, path, answer, "the official description", &why);
    }
    match OWN.judge(method, path, answer) {
        Verdict::Fits => {}
        Verdict::Wrong(why) => fail(method, path, answer, "openapi/tidegate.json", &why),
        Verdict::Unknown if (400..500).contains(&answer.status) => {
            if let Verdict::Wrong(why) = OWN.judge_as("ErrorResponse", answer) {
                fail(method, path, answer, "the shape of errors", &why);
            }
        }
        // No description can list the types that Tidegate does not serve.
        Verdict::Unknown if answer.header("x-tidegate-not-enforced").is_some() => {}
        Verdict::Unknown => {
            fail(method, path, answer, "openapi/tidegate.json", "the operation is not described");
        }
    }
}

/// Checks the result of an operation as if it were the response to the request that started the operation.
pub(crate) fn check_result(method: &str, path: &str, result: &Answer) {
    if let Verdict::Wrong(why) = AZURE.judge(method, path, result) {
        fail(method, path, result, "the official description", &why);
    }
}

fn fail(method: &str, path: &str, answer: &Answer, what: &str, why: &str) -> ! {
    panic!(
        "{} to {method} {path} is not as {what} has it: {why}\n{}\nIf the code is right and openapi/tidegate.json old: \
         TIDEGATE_BLESS=1 cargo test -p tidegate-control-plane openapi",
        answer.status,
        answer.text()
    );
}
