//! The levels of a gateway's document, and of the bodies of its children and members.

use std::sync::LazyLock;

use crate::arm::collection::COLLECTIONS;
use crate::arm::gateway::Gateway;
use crate::arm::level::Level;
use crate::arm::shape::{Property, Shape};

pub(super) static GATEWAY: LazyLock<Shape> = LazyLock::new(Shape::of::<Gateway>);

/// The body of a gateway, and its `properties`.
pub(super) static BODY: LazyLock<Level<'static>> =
    LazyLock::new(|| Level::gateway(GATEWAY.properties(), COLLECTIONS));
pub(super) static INNER: LazyLock<Level<'static>> =
    LazyLock::new(|| BODY.properties(own_properties(), "properties"));

/// The `properties` of the gateway around the body of a single child or member.
pub(super) static AROUND: LazyLock<Level<'static>> =
    LazyLock::new(|| BODY.properties(own_properties(), "(gateway).properties"));

/// The described properties of a gateway's `properties`, without the collections.
pub(super) fn own_properties() -> &'static [Property] {
    let properties = GATEWAY.properties().iter().find(|property| property.name == "properties");
    properties.map_or(&[], |property| property.shape.properties())
}
