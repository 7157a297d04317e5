//! Normalization of paths before routing, so that routes are compared ignoring case. Pure.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Converts the fixed segments of a path to lower case and leaves names unchanged.
///
/// ARM paths alternate between a type and a name; after `providers` comes the namespace, and the alternation
/// starts again. A trailing slash is ignored, and so is an empty segment in place of a type: `az resource show`
/// sends one after the namespace.
pub(super) fn normalise(uri: &Uri) -> Uri {
    let path = uri.path();
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let mut normal = String::with_capacity(path.len());
    let mut next = Segment::Kind;
    for segment in path.split('/').skip(1) {
        if segment.is_empty() && matches!(next, Segment::Kind) {
            continue;
        }
        normal.push('/');
        match next {
            Segment::Name => {
                normal.push_str(segment);
                next = Segment::Kind;
            }
            Segment::Namespace => {
                normal.push_str(&segment.to_ascii_lowercase());
                next = Segment::Kind;
            }
            Segment::Kind => {
                let kind = segment.to_ascii_lowercase();
                next = if kind == "providers" { Segment::Namespace } else { Segment::Name };
                normal.push_str(&kind);
            }
        }
    }
    if normal.is_empty() {
        return uri.clone();
    }
    let text = match uri.query() {
        Some(query) => format!("{normal}?{query}"),
        None => normal,
    };
    let mut parts = uri.clone().into_parts();
    // The result is a valid path, because the original was one. If not, the router answers 404.
    parts.path_and_query = PathAndQuery::try_from(text).ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

enum Segment {
    Kind,
    Namespace,
    Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_lose_their_case_and_names_keep_it() {
        let cases = [
            ("/HealthZ", "/healthz"),
            ("/", "/"),
            ("/workers/", "/workers"),
            (
                "/Subscriptions/S/resourceGroups/My-RG/providers/Microsoft.Network/applicationGateways/GW/httpListeners/L1?api-version=X",
                "/subscriptions/S/resourcegroups/My-RG/providers/microsoft.network/applicationgateways/GW/httplisteners/L1?api-version=X",
            ),
            (
                "/SUBSCRIPTIONS/s/PROVIDERS/MICROSOFT.NETWORK/Locations/West/Operations/ID",
                "/subscriptions/s/providers/microsoft.network/locations/West/operations/ID",
            ),
            ("//a//B", "/a//b"),
            ("/providers/Microsoft.Network//Workers/A", "/providers/microsoft.network/workers/A"),
            ("/subscriptions/%41", "/subscriptions/%41"),
        ];
        for (from, to) in cases {
            assert_eq!(normalise(&from.parse().unwrap()), to, "{from}");
        }
        assert_eq!(normalise(&"http://Host/Workers".parse().unwrap()), "http://Host/workers");
        assert_eq!(normalise(&"*".parse().unwrap()), "*");
    }
}
