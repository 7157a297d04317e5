//! The parameters in paths, queries and headers, with patterns of the values that the server accepts.

use serde_json::{Map, Value, json};

/// A parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// The name in the list of routes.
    name: &'static str,
    /// The published name: Azure's if there is one.
    published: &'static str,
    place: Location,
    description: &'static str,
    /// A regular expression that every value matches, or empty.
    pattern: &'static str,
    /// The maximum length in characters.
    max_length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Location {
    Path,
    Query,
    Header,
}

/// The pattern of names of new resources.
const NAME: &str = r"^[0-9A-Za-z]([0-9A-Za-z_.\-]{0,78}[0-9A-Za-z_])?$";
const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// The version of the API.
pub(crate) static API_VERSION: Parameter = Parameter {
    name: "api-version",
    published: "api-version",
    place: Location::Query,
    description: "The version of the API: any date from 2015-01-01 on.",
    pattern: r"^20(1[5-9]|[2-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(-preview)?$",
    max_length: 18,
};

/// The version of the extension provider.
pub(crate) static EXTENSION_VERSION: Parameter = Parameter {
    name: "extension-api-version",
    published: "api-version",
    place: Location::Query,
    description: "The version of the extension provider.",
    pattern: "^2026-12-01$",
    max_length: 10,
};

/// The condition that the resource has one of these entity tags.
pub(crate) static IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    published: "If-Match",
    place: Location::Header,
    description: "Succeed only if the resource exists and has one of these entity tags; `*` matches any.",
    pattern: "",
    max_length: 1024,
};

/// The condition that the resource has none of these entity tags.
pub(crate) static IF_NONE_MATCH: Parameter = Parameter {
    name: "If-None-Match",
    published: "If-None-Match",
    place: Location::Header,
    description: "Succeed only if the resource has none of these entity tags; `*` means that it must not exist.",
    pattern: "",
    max_length: 1024,
};

/// The maximum number of entries on a page.
pub(crate) static TOP: Parameter = Parameter {
    name: "$top",
    published: "$top",
    place: Location::Query,
    description: "The maximum number of entries in the response: 1 to 1000; 100 by default.",
    pattern: "^([1-9][0-9]{0,2}|1000)$",
    max_length: 4,
};

/// The position of a page in a list.
pub(crate) static SKIP_TOKEN: Parameter = Parameter {
    name: "$skipToken",
    published: "$skipToken",
    place: Location::Query,
    description: "The position of the page, from the `nextLink` of the previous one.",
    pattern: "^[0-9A-Za-z_-]+$",
    max_length: 1024,
};

/// The position of a page in a list of tunnels, which also holds the conditions of the list.
pub(crate) static TUNNEL_SKIP_TOKEN: Parameter =
    Parameter { name: "tunnel-skipToken", max_length: 16_384, ..SKIP_TOKEN };

/// The maximum number of entries on a page of a list that can be counted alone.
pub(crate) static TOP_OR_NONE: Parameter = Parameter {
    name: "top-or-none",
    description: "The maximum number of entries in the response: 1 to 1000; 100 by default; 0 with `$count=true` \
                  for their number alone.",
    pattern: "^([0-9]|[1-9][0-9]{1,2}|1000)$",
    ..TOP
};

/// The condition of tunnels.
pub(crate) static TUNNEL_FILTER: Parameter = Parameter {
    name: "tunnel-filter",
    published: "$filter",
    place: Location::Query,
    description: "Only tunnels for which this is true: comparisons of their properties with `eq`, `ne`, `gt`, `ge`, \
                  `lt` and `le`, `startswith(path,'/a')` and `inNetwork(clientAddress,'10.0.0.0/8')`, joined by \
                  `and`, `or`, `not` and parentheses. Tunnels that have ended are listed only if it names `state`.",
    pattern: "",
    max_length: 4096,
};

/// The order of tunnels.
pub(crate) static ORDER_BY: Parameter = Parameter {
    name: "$orderby",
    published: "$orderby",
    place: Location::Query,
    description: "Up to four properties of tunnels by which the list is ordered, each with `asc` or `desc`, such as \
                  `idleForInSec desc,host`.",
    pattern: "",
    max_length: 256,
};

/// Whether entries are counted.
pub(crate) static COUNT: Parameter = Parameter {
    name: "$count",
    published: "$count",
    place: Location::Query,
    description: "`true` to count the tunnels of all pages.",
    pattern: "^(true|false)$",
    max_length: 5,
};

/// The parts of a report to expand.
pub(crate) static EXPAND: Parameter = Parameter {
    name: "$expand",
    published: "$expand",
    place: Location::Query,
    description: "`BackendAddressPool`, `BackendHttpSettings` or both, separated by a comma or a slash: the \
                  resources to return complete rather than by ID.",
    pattern: "^(BackendAddressPool|BackendHttpSettings)([,/](BackendAddressPool|BackendHttpSettings))?$",
    max_length: 64,
};

/// The resource of audit log entries.
pub(crate) static AUDIT_RESOURCE: Parameter = Parameter {
    name: "resourceId",
    published: "resourceId",
    place: Location::Query,
    description: "Only changes of this resource or of one below it.",
    pattern: r"^(/[0-9A-Za-z_.()-]+)+$",
    max_length: 1024,
};

/// The author of audit log entries.
pub(crate) static AUDIT_AUTHOR: Parameter = Parameter {
    name: "author",
    published: "author",
    place: Location::Query,
    description: "Only changes by this client, or by `admin`.",
    pattern: r"^[0-9A-Za-z._-]+$",
    max_length: 64,
};

/// The start of the time range of audit log entries.
pub(crate) static AUDIT_FROM: Parameter = Parameter {
    name: "from",
    published: "from",
    place: Location::Query,
    description: "Only changes at or after this time, RFC 3339.",
    pattern: r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
    max_length: 20,
};

/// The end of the time range of audit log entries.
pub(crate) static AUDIT_TO: Parameter = Parameter {
    name: "to",
    published: "to",
    place: Location::Query,
    description: "Only changes at or before this time, RFC 3339.",
    pattern: r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
    max_length: 20,
};

/// The filter of a list.
pub(crate) static FILTER: Parameter = Parameter {
    name: "$filter",
    published: "$filter",
    place: Location::Query,
    description: "Only resources for which this is true: comparisons of `name`, `resourceGroup`, `resourceType`, \
                  `location`, `tagName` or `tagValue` with a string, such as `name eq 'it'`, joined by `and`.",
    pattern: "^(name|resourceGroup|resourceType|location|tagName|tagValue) eq '[0-9A-Za-z_./-]*'( and (name|resourceGroup|resourceType|location|tagName|tagValue) eq '[0-9A-Za-z_./-]*')*$",
    max_length: 1024,
};

/// The last event that a client has read.
pub(crate) static LAST_EVENT_ID: Parameter = Parameter {
    name: "Last-Event-ID",
    published: "Last-Event-ID",
    place: Location::Header,
    description: "The ID of the last event that the client has read. The stream continues after it.",
    pattern: "",
    max_length: 64,
};

/// Whether a stream of events has tunnels.
pub(crate) static SAMPLE_TUNNELS: Parameter = Parameter {
    name: "tunnels",
    published: "tunnels",
    place: Location::Query,
    description: "`sample` adds a sample of the tunnels that open and close.",
    pattern: "^sample$",
    max_length: 6,
};

/// The revision to compare with.
pub(crate) static DIFF_TO: Parameter = Parameter {
    name: "to",
    published: "to",
    place: Location::Query,
    description: "The number of the revision to compare with.",
    pattern: "^[1-9][0-9]{0,18}$",
    max_length: 19,
};

static IN_PATHS: &[Parameter] = &[
    Parameter::in_path(
        "subscription",
        "subscriptionId",
        "The subscription, usually a UUID.",
        r"^[0-9A-Za-z\-]+$",
        90,
    ),
    Parameter::in_path(
        "group",
        "resourceGroupName",
        "The resource group. (Letters of other scripts are accepted too.)",
        r"^[0-9A-Za-z_()\-.]*[0-9A-Za-z_()\-]$",
        90,
    ),
    Parameter::in_path("gateway", "applicationGatewayName", "The application gateway.", NAME, 80),
    Parameter::in_path("network", "virtualNetworkName", "The virtual network.", NAME, 80),
    Parameter::in_path("subnet", "subnetName", "The subnet.", NAME, 80),
    Parameter::in_path("address", "publicIpAddressName", "The public IP address.", NAME, 80),
    Parameter::in_path("namespace", "resourceProviderNamespace", "The provider.", r"^[0-9A-Za-z.]+$", 90),
    Parameter::in_path("child", "name", "The member of the collection.", NAME, 80),
    Parameter::in_path("member", "memberName", "The nested member.", NAME, 80),
    Parameter::in_path("extension", "policyName", "`default`, or the name of a backend pool.", NAME, 80),
    Parameter::in_path("revision", "revision", "The number of the generation.", "^[1-9][0-9]{0,18}$", 19),
    Parameter::in_path("tunnel", "tunnelName", "The tunnel.", r"^[0-9a-fA-F\-]+$", 44),
    Parameter::in_path("deployment", "deploymentName", "The deployment.", r"^[0-9A-Za-z_.()\-]+$", 64),
    Parameter::in_path("policy", "predefinedPolicyName", "The policy.", "^[0-9A-Za-z]+$", 80),
    Parameter::in_path("location", "location", "The region, in lower case.", "^[0-9A-Za-z]+$", 90),
    Parameter::in_path("operation", "operationId", "The long-running operation.", UUID, 36),
    Parameter::in_path("worker", "workerId", "The worker.", UUID, 36),
    Parameter::in_path("tenant", "tenantId", "The tenant.", UUID, 36),
];

static HEADERS: &[(&str, &str)] = &[
    ("Azure-AsyncOperation", "The URL of the status of the operation."),
    ("Location", "The URL of the result of the operation."),
    ("Retry-After", "Seconds until the next poll; absent when a poll says that the operation has ended."),
    ("ETag", "The entity tag of the resource, for If-Match."),
];

impl Parameter {
    const fn in_path(
        name: &'static str,
        published: &'static str,
        description: &'static str,
        pattern: &'static str,
        max_length: u32,
    ) -> Parameter {
        Parameter { name, published, place: Location::Path, description, pattern, max_length }
    }

    /// Returns the reference to this parameter for use in operations.
    pub(super) fn reference(&self) -> Value {
        json!({"$ref": format!("#/components/parameters/{}", self.component())})
    }

    /// The name of the component that describes it. Two parameters of a query may have the same published name.
    fn component(&self) -> &'static str {
        if self.place == Location::Path { self.published } else { self.name }
    }

    fn describe(&self) -> Value {
        let place = match self.place {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
        };
        let mut schema = json!({"type": "string", "maxLength": self.max_length});
        if !self.pattern.is_empty() {
            schema["pattern"] = self.pattern.into();
        }
        if self.place == Location::Path {
            schema["minLength"] = 1.into();
        }
        json!({
            "name": self.published,
            "in": place,
            "required": self.place == Location::Path || self.published == API_VERSION.published,
            "description": self.description,
            "schema": schema,
        })
    }
}

/// Returns the parameters of a path, in order.
///
/// # Panics
/// If a parameter is not described here. Every test that generates the description would show this.
pub(super) fn of_path(path: &str) -> Vec<&'static Parameter> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let known = |name: &str| {
        let found = IN_PATHS.iter().find(|parameter| parameter.name == name);
        found.unwrap_or_else(|| panic!("the parameter '{name}' of {path} is not described"))
    };
    names.filter(|name| !is_known_name(name)).map(known).collect()
}

/// Returns whether the parameter is replaced by known names: a collection, with one path each, or the single
/// set of TLS options.
fn is_known_name(name: &str) -> bool {
    matches!(name, "collection" | "nested" | "options")
}

/// Returns the path with the published names.
pub(super) fn publish(path: &str) -> String {
    IN_PATHS.iter().fold(path.replace("{options}", "default"), |path, parameter| {
        path.replace(&format!("{{{}}}", parameter.name), &format!("{{{}}}", parameter.published))
    })
}

/// Returns the description of a response header.
///
/// # Panics
/// If the header is not described here. Every test that generates the description would show this.
pub(super) fn header(name: &str) -> Value {
    let (_, description) =
        HEADERS.iter().find(|(known, _)| *known == name).expect("every header is described");
    json!({"description": description, "schema": {"type": "string"}})
}

/// Returns all parameters, for the components of the document.
pub(super) fn all() -> Value {
    let named = [
        &API_VERSION,
        &EXTENSION_VERSION,
        &IF_MATCH,
        &IF_NONE_MATCH,
        &TOP,
        &SKIP_TOKEN,
        &FILTER,
        &TUNNEL_SKIP_TOKEN,
        &TOP_OR_NONE,
        &TUNNEL_FILTER,
        &ORDER_BY,
        &COUNT,
        &EXPAND,
        &AUDIT_RESOURCE,
        &AUDIT_AUTHOR,
        &AUDIT_FROM,
        &AUDIT_TO,
        &DIFF_TO,
        &SAMPLE_TUNNELS,
        &LAST_EVENT_ID,
    ];
    let all = IN_PATHS.iter().chain(named);
    Value::Object(
        all.map(|parameter| (parameter.component().to_owned(), parameter.describe())).collect::<Map<_, _>>(),
    )
}
