//! The properties of a resource group.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::collection::complete;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

/// The ARM type of a resource group.
pub const GROUP_TYPE: &str = "Microsoft.Resources/resourceGroups";

/// The official name of the making of a group, for the audit log.
pub const GROUP_WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<ResourceGroup>);

/// The body of a resource group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceGroup {
    /// The region. Required; without effect here.
    pub location: Option<String>,
    /// Labels of the owner's choice.
    pub tags: BTreeMap<String, String>,
    /// Who manages it. Stored and given back; without effect here.
    pub managed_by: Option<String>,
}

impl ResourceGroup {
    /// The canonical form of a body as sent. One that is no object reads as an empty one, with a violation.
    pub fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        let body = expect_object(body, ROOT, violations).unwrap_or_default();
        complete::<ResourceGroup>(normalize_object(body, SHAPE.properties(), "", violations))
    }
}
