//! Rendering of resource groups in ARM's shape. Pure.

use serde_json::{Map, Value, json};

use crate::arm::resource_group::GROUP_TYPE;
use crate::store::Group;

/// Renders a resource group.
pub(crate) fn group(group: &Group) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), group.resource_id().into());
    shown.insert("name".into(), group.name.clone().into());
    shown.insert("type".into(), GROUP_TYPE.into());
    shown.extend(group.body.clone());
    shown.insert("properties".into(), json!({"provisioningState": group.state.as_str()}));
    shown.into()
}
