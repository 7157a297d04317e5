//! A resource as its template declares it.

/// A declared resource of a template.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// The index of its part in the template.
    pub(super) part: usize,
    /// The position in the request.
    pub(super) place: String,
    /// The symbolic name, if the resources are an object.
    pub(super) symbol: Option<String>,
    /// The name and iteration of the loop that produced it.
    pub(super) turn: Option<(String, i64)>,
    /// The type, in the spelling of responses.
    pub(super) kind: String,
    /// The names of the parent resources, then its own.
    pub(super) name: Vec<String>,
    /// The resource ID.
    pub(super) id: String,
    pub(super) api_version: String,
    /// True to deploy the resource: its condition is true and it is not declared as `existing`.
    pub(super) wanted: bool,
    /// True if the resource is only looked up. Its condition is true.
    pub(super) existing: bool,
}

impl Declared {
    /// Returns whether the resource exists once the template is deployed.
    pub(super) fn is_there(&self) -> bool {
        self.wanted || self.existing
    }
}
