//! Every function that ARM documents, and what becomes of it here. A page of the reference shows this list,
//! and tests compare both with the functions that exist.

use crate::template::fault::EvalError;

/// What becomes of a function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Support {
    /// As documented.
    Served,
    /// Served, with this difference or addition.
    Noted(#[cfg_attr(not(test), expect(dead_code, reason = "only the page shows it"))] &'static str),
    /// Refused, for this reason, which also says what to do instead.
    Refused(&'static str),
}

use Support::{Noted, Refused, Served};

/// A documented function.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) support: Support,
}

const fn entry(name: &'static str, support: Support) -> Entry {
    Entry { name, support }
}

const ZONES: Support = Noted("the zone `1` of a location is its physical zone `{location}-az1`");

/// The functions by the groups of ARM's reference; one in several groups is listed in the first.
pub(super) const CATALOG: &[(&str, &[Entry])] = &[
    (
        "Array",
        &[
            entry("array", Served),
            entry("concat", Served),
            entry("contains", Served),
            entry("createArray", Served),
            entry("empty", Served),
            entry("first", Served),
            entry("flatten", Served),
            entry("indexFromEnd", Served),
            entry("indexOf", Served),
            entry("intersection", Served),
            entry("last", Served),
            entry("lastIndexOf", Served),
            entry("length", Served),
            entry("max", Served),
            entry("min", Served),
            entry("range", Served),
            entry("skip", Served),
            entry("take", Served),
            entry("tryGet", Served),
            entry("tryIndexFromEnd", Served),
            entry("union", Served),
        ],
    ),
    ("CIDR", &[entry("cidrHost", Served), entry("cidrSubnet", Served), entry("parseCidr", Served)]),
    (
        "Comparison",
        &[
            entry("coalesce", Served),
            entry("equals", Served),
            entry("greater", Served),
            entry("greaterOrEquals", Served),
            entry("less", Served),
            entry("lessOrEquals", Served),
        ],
    ),
    (
        "Date",
        &[
            entry(
                "dateTimeAdd",
                Noted("also for a base in basic form; as in Azure, a year is 365 days and a month 30 days"),
            ),
            entry("dateTimeFromEpoch", Served),
            entry("dateTimeToEpoch", Served),
            entry("utcNow", Noted("the standard and custom formats of .NET, in its invariant culture")),
        ],
    ),
    (
        "Deployment value",
        &[
            entry(
                "deployer",
                Noted("the API client, without `userPrincipalName`; the administrator has the nil ID"),
            ),
            entry(
                "deployment",
                Noted("`properties.templateLink` exists if the template was fetched by a link"),
            ),
            entry("environment", Noted("public Azure, with the URLs and the tenant of this installation")),
            entry(
                "externalInput",
                Refused(
                    "it belongs to parameter files, and a tool resolves it before the deployment is \
                     sent; give the value of the parameter",
                ),
            ),
            entry("parameters", Served),
            entry("variables", Served),
        ],
    ),
    (
        "Lambda",
        &[
            entry("filter", Served),
            entry("groupBy", Served),
            entry("lambda", Served),
            entry("lambdaVariables", Served),
            entry("map", Served),
            entry("mapValues", Served),
            entry("reduce", Served),
            entry("sort", Served),
            entry("toObject", Served),
        ],
    ),
    (
        "Logical",
        &[
            entry("and", Served),
            entry("bool", Served),
            entry("fail", Served),
            entry("false", Served),
            entry("if", Served),
            entry("not", Served),
            entry("or", Served),
            entry("true", Served),
            entry("xor", Served),
        ],
    ),
    (
        "Numeric",
        &[
            entry("add", Served),
            entry("copyIndex", Served),
            entry("div", Served),
            entry("float", Served),
            entry("int", Served),
            entry("mod", Served),
            entry("mul", Served),
            entry("sub", Served),
        ],
    ),
    (
        "Object",
        &[
            entry("createObject", Served),
            entry("items", Served),
            entry("json", Served),
            entry("null", Served),
            entry("objectKeys", Served),
            entry("shallowMerge", Served),
        ],
    ),
    (
        "Resource",
        &[
            entry("extensionResourceId", Served),
            entry(
                "list*",
                Noted(
                    "made keys of resources that are stored without effect, and the outputs of a nested \
                     deployment (`listOutputsWithSecureValues`); other resources that are served have nothing \
                     to list",
                ),
            ),
            entry(
                "managementGroupResourceId",
                Noted("with the management group as first argument, since no deployment is to one"),
            ),
            entry("pickZones", Noted("always empty: no resource is placed in a zone")),
            entry("providers", Noted("every type has the same versions; any other version is accepted too")),
            entry(
                "reference",
                Noted(
                    "with `Full`, the resource as GET shows it, with `resourceId`, `resourceGroupName` and so on",
                ),
            ),
            entry("references", Served),
            entry("resourceId", Served),
            entry("subscriptionResourceId", Served),
            entry("tenantResourceId", Served),
        ],
    ),
    (
        "Scope",
        &[
            entry(
                "managementGroup",
                Refused(
                    "it is only allowed in a deployment to a management group, and there are none here; \
                     use subscription() or tenant(), or pass the value as a parameter",
                ),
            ),
            entry("resourceGroup", Served),
            entry("subscription", Noted("`displayName` is the subscription ID")),
            entry("tenant", Noted("`displayName` is the tenant ID")),
        ],
    ),
    (
        "String",
        &[
            entry("base64", Served),
            entry("base64ToJson", Served),
            entry("base64ToString", Served),
            entry("buildUri", Served),
            entry("dataUri", Served),
            entry("dataUriToString", Served),
            entry("endsWith", Served),
            entry(
                "format",
                Noted("with widths, and the formats `D`, `F`, `G`, `N`, `X` and `0.00` of numbers"),
            ),
            entry("guid", Served),
            entry("join", Served),
            entry("newGuid", Served),
            entry("padLeft", Served),
            entry("parseUri", Served),
            entry("replace", Served),
            entry("split", Served),
            entry("startsWith", Served),
            entry("string", Served),
            entry("substring", Served),
            entry("toLower", Served),
            entry("toUpper", Served),
            entry("trim", Served),
            entry("uniqueString", Served),
            entry("uri", Served),
            entry("uriComponent", Served),
            entry("uriComponentToString", Served),
        ],
    ),
    (
        "Zone",
        &[
            entry("toLogicalZone", ZONES),
            entry("toLogicalZones", ZONES),
            entry("toPhysicalZone", ZONES),
            entry("toPhysicalZones", ZONES),
        ],
    ),
];

/// Iterates over the documented functions with their groups.
pub(super) fn entries() -> impl Iterator<Item = (&'static str, &'static Entry)> {
    CATALOG.iter().flat_map(|(group, entries)| entries.iter().map(move |entry| (*group, entry)))
}

/// Returns the error of a call of a function that does not exist or is refused.
pub(in crate::template) fn unknown(name: &str) -> EvalError {
    let known = entries().find(|(_, entry)| entry.name.eq_ignore_ascii_case(name));
    if let Some((_, Entry { name, support: Refused(why) })) = known {
        return EvalError::function(format!("The function '{name}' is not served: {why}."));
    }
    let lower = name.to_ascii_lowercase();
    let distance = |entry: &Entry| distance(&entry.name.to_ascii_lowercase(), &lower);
    let near = entries().map(|(_, entry)| (distance(entry), entry.name)).min();
    EvalError::function(match near {
        Some((1..=2, near)) if name.len() > 3 => {
            format!("The function '{name}' does not exist. Did you mean '{near}'?")
        }
        _ => format!("The function '{name:.100}' does not exist."),
    })
}

/// Returns the number of changed, added and removed characters between two names, at most 3.
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 2 {
        return 3;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let least = row[j + 1].min(row[j]) + 1;
            diagonal = std::mem::replace(&mut row[j + 1], least.min(diagonal + usize::from(a != b)));
        }
    }
    row.last().copied().unwrap_or(3).min(3)
}

#[cfg(test)]
mod tests;
