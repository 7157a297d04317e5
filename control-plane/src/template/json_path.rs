//! Positions in the request, for errors.

use std::fmt;

/// The position of the template in the request.
pub(super) const ROOT: &str = "properties.template";

/// The position of a value in the request, formatted only to report an error.
#[derive(Clone, Copy, Debug)]
pub(super) enum JsonPath<'p> {
    /// An absolute path.
    Root(&'p str),
    /// A property of an object.
    Property(&'p JsonPath<'p>, &'p str),
    /// An element of a list.
    Element(&'p JsonPath<'p>, usize),
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonPath::Root(path) => f.write_str(path),
            // Names are untrusted, and every error below repeats the path.
            JsonPath::Property(of, name) => write!(f, "{of}.{name:.100}"),
            JsonPath::Element(of, index) => write!(f, "{of}[{index}]"),
        }
    }
}
