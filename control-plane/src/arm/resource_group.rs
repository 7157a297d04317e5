//! The properties of a resource group.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::collection::complete;
use super::level::Level;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

/// The ARM type of a resource group.
pub(crate) const GROUP_TYPE: &str = "Microsoft.Resources/resourceGroups";

/// The ARM operation that creates or updates a group, for the audit log.
pub(crate) const GROUP_WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";

/// The location of a group that is made for something without one.
const LOCATION: &str = "local";

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<ResourceGroup>);

/// The body of a resource group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["properties"]))]
pub(crate) struct ResourceGroup {
    /// The region. Required; has no effect.
    pub(crate) location: Option<String>,
    /// Labels chosen by the owner.
    pub(crate) tags: BTreeMap<String, String>,
    /// The resource ID of the managing resource. Stored and returned; has no effect.
    pub(crate) managed_by: Option<String>,
}

impl ResourceGroup {
    /// Returns the canonical body of a group that is made implicitly, with its first resource. `location` is that of the resource.
    pub(crate) fn implied(location: Option<&str>) -> Map<String, Value> {
        let location = Value::from(location.unwrap_or(LOCATION));
        Map::from_iter([("location".to_owned(), location), ("tags".to_owned(), Value::Object(Map::new()))])
    }

    /// Returns the canonical form of a body as sent. Anything but an object is a violation and read as an empty
    /// object.
    pub(crate) fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        let body = expect_object(body, ROOT, violations).unwrap_or_default();
        let body = normalize_object(body, &Level::resource(SHAPE.properties()), violations);
        complete::<ResourceGroup>(body, SHAPE.properties())
    }
}
