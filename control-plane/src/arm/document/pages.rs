//! The error pages that a document names.

use std::collections::BTreeSet;

use super::Document;
use crate::arm::collection::Collection;
use crate::arm::page::{Pages, add, object};

impl Document {
    /// Returns the results for the pages that the document names.
    pub(crate) fn pages_among(&self, pages: &Pages) -> Pages {
        pages.only(&pages_of(self))
    }
}

/// Returns the URL of every page of a document, without duplicates.
fn pages_of(document: &Document) -> BTreeSet<&str> {
    let mut urls = BTreeSet::new();
    object(&document.body, "properties").into_iter().for_each(|properties| add(properties, &mut urls));
    let listeners = Collection::named("httpListeners").expect("the collection exists");
    document.members(listeners).for_each(|listener| add(&listener.properties, &mut urls));
    urls
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::samples::read;

    #[test]
    fn pages_of_gateways_and_listeners_are_found() {
        let page = |url: &str| json!([{ "StatusCode": "HttpStatus502", "CUSTOMERRORPAGEURL": url }]);
        let document = read(json!({ "properties": {
            "customErrorConfigurations": page("a"),
            "httpListeners": [{ "name": "l", "properties": { "customErrorConfigurations": page("b") } }],
        } }));
        assert_eq!(Vec::from_iter(pages_of(&document)), ["a", "b"]);
    }
}
