//! The `$filter` of lists: comparisons such as `name eq 'value'`, joined by `and`. Pure.
//!
//! Azure supports more for some lists. Unsupported filters are rejected rather than ignored, because a list
//! that is longer than requested is misleading.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Value;

use crate::service::ResourceGroupError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl};
use super::odata::Tokens;
use super::paging::{Paging, Parameters};

/// The conditions that entries must meet.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter(Vec<(Property, String)>);

/// The properties that a filter can compare.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Property {
    Name,
    ResourceGroup,
    ResourceType,
    Location,
    TagName,
    TagValue,
}

impl Property {
    const ALL: [(Property, &'static str); 6] = [
        (Property::Name, "name"),
        (Property::ResourceGroup, "resourceGroup"),
        (Property::ResourceType, "resourceType"),
        (Property::Location, "location"),
        (Property::TagName, "tagName"),
        (Property::TagValue, "tagValue"),
    ];
}

impl<S: Sync> FromRequestParts<S> for Filter {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Filter, ApiError> {
        let parameters = Parameters::from_request_parts(parts, state).await?;
        Filter::read(parameters.get("$filter").unwrap_or_default())
            .map_err(|why| ResourceGroupError::BadFilter(why).into())
    }
}

impl Filter {
    /// Returns the filter as in a query.
    fn text(&self) -> String {
        let spelt = |property: Property| {
            Property::ALL.iter().find(|(known, _)| *known == property).map_or("", |(_, name)| name)
        };
        let clause = |(property, value): &(Property, String)| {
            format!("{} eq '{}'", spelt(*property), value.replace('\'', "''"))
        };
        let clauses: Vec<String> = self.0.iter().map(clause).collect();
        clauses.join(" and ")
    }

    /// Returns whether an entry meets all conditions.
    pub(super) fn admits(&self, member: &Value) -> bool {
        let text = |name: &str| member[name].as_str().unwrap_or_default();
        let tags = || member["tags"].as_object().into_iter().flatten();
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let tag_name =
            self.0.iter().find(|(property, _)| *property == Property::TagName).map(|(_, name)| name);
        self.0.iter().all(|(property, value)| match property {
            Property::Name => same(text("name"), value),
            Property::ResourceGroup => same(group_of(text("id")), value),
            Property::ResourceType => same(text("type"), value),
            Property::Location => same(text("location"), value),
            Property::TagName => tags().any(|(name, _)| same(name, value)),
            Property::TagValue => tags().any(|(name, own)| {
                own.as_str() == Some(value) && tag_name.is_none_or(|wanted| same(name, wanted))
            }),
        })
    }

    /// Returns a page of the entries that meet the conditions. Entries come with their sort keys. The key of
    /// the next page contains the filter, because its URL does not.
    pub(super) fn page(
        self,
        paging: &Paging,
        origin: (&BaseUrl, &ApiVersionParam),
        path: &str,
        mut members: Vec<(String, Value)>,
    ) -> Result<Value, ApiError> {
        let (filter, after) = self.resume(paging)?;
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.retain(|(key, member)| *key > after && filter.admits(member));
        Ok(filter.answer(paging, origin, path, members))
    }

    /// Returns the filter, and the key after which the page begins. A later page has the filter of the first.
    ///
    /// # Errors
    /// If the page belongs to another list.
    pub(super) fn resume(self, paging: &Paging) -> Result<(Filter, String), ApiError> {
        Ok(match paging.key::<2>()? {
            Some([after, text]) => (Filter::read(&text).map_err(ResourceGroupError::BadFilter)?, after),
            None => (self, String::new()),
        })
    }

    /// Returns whether there are no conditions.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the response with a page of the members, which are sorted by key, follow the page before, and meet the
    /// conditions. Members beyond the page tell that there is another one.
    pub(super) fn answer(
        &self,
        paging: &Paging,
        origin: (&BaseUrl, &ApiVersionParam),
        path: &str,
        mut members: Vec<(String, Value)>,
    ) -> Value {
        let more = members.len() > paging.rows;
        members.truncate(paging.rows);
        let text = self.text();
        let last = members.last().filter(|_| more).map(|(key, _)| key.clone());
        let last = last.as_ref().map(|key| [key.as_str(), &text]);
        let rows = members.into_iter().map(|(_, member)| member).collect();
        paging.answer(origin, path, rows, last.as_ref().map(<[&str; 2]>::as_slice))
    }

    fn read(text: &str) -> Result<Filter, String> {
        let mut tokens = Tokens::of(text)?;
        let mut clauses = Vec::new();
        while !tokens.is_empty() {
            if !clauses.is_empty() && !tokens.take_word("and") {
                return Err(tokens.expected("'and' or the end"));
            }
            let found = Property::ALL.iter().find(|(_, name)| tokens.take_word(name));
            let Some((property, _)) = found else {
                let all = Property::ALL.map(|(_, name)| name).join(", ");
                return Err(tokens.expected(&format!("One of {all}")));
            };
            if !tokens.take_word("eq") {
                return Err(tokens.expected("'eq', the only operator of this list,"));
            }
            clauses.push((*property, tokens.expect_text("A text in single quotes")?));
        }
        Ok(Filter(clauses))
    }
}

/// Returns the resource group in a resource ID.
fn group_of(id: &str) -> &str {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case("resourceGroups"));
    segments.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_are_comparisons_joined_by_and() {
        let network = json!({
            "id": "/subscriptions/s/resourceGroups/Rg/providers/Microsoft.Network/virtualNetworks/it's",
            "name": "it's", "type": "Microsoft.Network/virtualNetworks", "location": "local",
            "tags": {"Stage": "test", "other": "x"},
        });
        let cases = [
            ("", Ok(true)),
            (
                "resourceGroup eq 'rg' and name eq 'it''s' and resourceType eq 'microsoft.network/virtualnetworks'",
                Ok(true),
            ),
            ("  NAME  EQ  'IT''S'  ", Ok(true)),
            ("name eq 'other'", Ok(false)),
            ("name eq 'it''s' AND location eq 'elsewhere'", Ok(false)),
            ("tagName eq 'stage' and tagValue eq 'test'", Ok(true)),
            ("tagName eq 'stage' and tagValue eq 'x'", Ok(false)),
            ("tagValue eq 'x'", Ok(true)),
            ("resourceType ne 'a'", Err(())),
            ("name eq 'a' or name eq 'b'", Err(())),
            ("substringof('a', name)", Err(())),
            ("name eq a", Err(())),
            ("name eq 'a", Err(())),
            ("name", Err(())),
            ("name eq 'a' and", Err(())),
            ("identity eq 'a'", Err(())),
        ];
        for (text, expected) in cases {
            let filter = Filter::read(text);
            assert_eq!(
                filter.as_ref().map(|filter| filter.admits(&network)).map_err(|_| ()),
                expected,
                "{text}"
            );
            if let Ok(filter) = filter {
                assert_eq!(Filter::read(&filter.text()), Ok(filter));
            }
        }
    }
}
