//! The texts of rewrite rules: variables, and templates with variables in braces. Pure.

use tidegate_shared::snapshot::{ServerVariable, Template, TextPart, Variable};

/// The name in templates of the match of a `headerValueMatcher`.
const MATCHED: &str = "capt_header_value_matcher";

/// Parses the variable of a condition.
///
/// # Errors
/// A message for the user.
pub(super) fn variable(name: &str) -> Result<Variable, String> {
    match Named::parse(name) {
        Some(named) => named.variable().ok_or_else(|| format!("There is no server variable '{name}'.")),
        None => Err(format!(
            "'{name}' is not a valid variable. It must be http_req_ or http_resp_ and the name of a \
             header, or var_ and the name of a server variable."
        )),
    }
}

/// The sources of a rule's templates.
#[derive(Clone, Copy, Default)]
pub(super) struct Sources<'a> {
    /// The variables of the conditions, as spelled there; `None` for a negated condition, which captures
    /// nothing.
    pub(super) conditions: &'a [Option<&'a str>],
    /// True if the template is for a header selected by its value.
    pub(super) has_matcher: bool,
}

/// Parses a template. `{…}` that begins like a variable must be one, optionally followed by the number of a
/// capture group of the condition on it. Other braces are literal text.
///
/// # Errors
/// A message for the user.
pub(super) fn template(text: &str, sources: Sources<'_>) -> Result<Template, String> {
    if text.contains(char::is_control) {
        return Err("Control characters are not allowed.".to_owned());
    }
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, braced) = rest.split_at(open);
        plain.push_str(before);
        let inner = braced[1..].find(['{', '}']).filter(|end| braced[1 + end..].starts_with('}'));
        let piece = match inner {
            Some(end) => piece(&braced[1..=end], sources)?,
            None => None,
        };
        if let (Some(piece), Some(end)) = (piece, inner) {
            if !plain.is_empty() {
                pieces.push(TextPart::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = &braced[end + 2..];
        } else {
            plain.push('{');
            rest = &braced[1..];
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(TextPart::Text(plain));
    }
    Ok(Template(pieces))
}

/// Parses the text between two braces; `None` if it is literal. A group of a condition that the rule does not
/// have is empty.
fn piece(name: &str, sources: Sources<'_>) -> Result<Option<TextPart>, String> {
    let unknown = || format!("There is no variable '{name}'.");
    if let Some(group) = name.strip_prefix(MATCHED) {
        let group = match group.strip_prefix('_') {
            _ if !sources.has_matcher => return Err(unknown()),
            Some(number) => Some(number.parse().map_err(|_| unknown())?),
            None if group.is_empty() => None,
            None => return Err(unknown()),
        };
        return Ok(Some(TextPart::Matched(group)));
    }
    let Some(named) = Named::parse(name) else { return Ok(None) };
    let group = name.rsplit_once('_').and_then(|(variable, number)| Some((variable, number.parse().ok()?)));
    if let Some((variable, group)) = group {
        // The last of several conditions on one variable.
        if let Some(condition) = sources.conditions.iter().rposition(|named| *named == Some(variable)) {
            return Ok(Some(TextPart::Capture { condition, group }));
        }
    }
    if let Some(variable) = named.variable() {
        return Ok(Some(TextPart::Variable(variable)));
    }
    let of_another = group.and_then(|(variable, _)| Named::parse(variable)?.variable());
    of_another.map(|_| Some(TextPart::Text(String::new()))).ok_or_else(unknown)
}

/// A name with the prefix of a variable.
enum Named<'a> {
    RequestHeader(&'a str),
    ResponseHeader(&'a str),
    Server(&'a str),
}

impl Named<'_> {
    fn parse(text: &str) -> Option<Named<'_>> {
        let request = text.strip_prefix("http_req_").map(Named::RequestHeader);
        let response = || text.strip_prefix("http_resp_").map(Named::ResponseHeader);
        request.or_else(response).or_else(|| text.strip_prefix("var_").map(Named::Server))
    }

    fn variable(&self) -> Option<Variable> {
        match self {
            Named::RequestHeader(name) => {
                is_header(name).then(|| Variable::RequestHeader(name.to_ascii_lowercase()))
            }
            Named::ResponseHeader(name) => {
                is_header(name).then(|| Variable::ResponseHeader(name.to_ascii_lowercase()))
            }
            Named::Server(name) => match name.strip_prefix("cookie_") {
                Some(cookie) => (!cookie.is_empty()).then(|| Variable::Cookie(cookie.to_owned())),
                None => server(name).map(Variable::Server),
            },
        }
    }
}

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Returns the server variable of that name, in Azure's spelling.
fn server(name: &str) -> Option<ServerVariable> {
    Some(match name {
        "add_x_forwarded_for_proxy" => ServerVariable::AddXForwardedForProxy,
        "ciphers_supported" => ServerVariable::CiphersSupported,
        "ciphers_used" => ServerVariable::CiphersUsed,
        "client_certificate" => ServerVariable::ClientCertificate,
        "client_certificate_end_date" => ServerVariable::ClientCertificateEndDate,
        "client_certificate_fingerprint" => ServerVariable::ClientCertificateFingerprint,
        "client_certificate_issuer" => ServerVariable::ClientCertificateIssuer,
        "client_certificate_serial" => ServerVariable::ClientCertificateSerial,
        "client_certificate_start_date" => ServerVariable::ClientCertificateStartDate,
        "client_certificate_subject" => ServerVariable::ClientCertificateSubject,
        "client_certificate_verification" => ServerVariable::ClientCertificateVerification,
        "client_ip" => ServerVariable::ClientIp,
        "client_port" => ServerVariable::ClientPort,
        "client_tcp_rtt" => ServerVariable::ClientTcpRtt,
        "client_user" => ServerVariable::ClientUser,
        "content_length" => ServerVariable::ContentLength,
        "content_type" => ServerVariable::ContentType,
        "host" => ServerVariable::Host,
        "http_method" => ServerVariable::HttpMethod,
        "http_status" => ServerVariable::HttpStatus,
        "http_version" => ServerVariable::HttpVersion,
        "query_string" => ServerVariable::QueryString,
        "received_bytes" => ServerVariable::ReceivedBytes,
        "request_query" => ServerVariable::RequestQuery,
        "request_scheme" => ServerVariable::RequestScheme,
        "request_uri" => ServerVariable::RequestUri,
        "sent_bytes" => ServerVariable::SentBytes,
        "server_name" => ServerVariable::ServerName,
        "server_port" => ServerVariable::ServerPort,
        "ssl_connection_protocol" => ServerVariable::SslConnectionProtocol,
        "ssl_enabled" => ServerVariable::SslEnabled,
        "uri_path" => ServerVariable::UriPath,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::rewrite_names::SERVER_VARIABLES;

    #[test]
    fn variables() {
        for (name, expected) in [
            ("http_req_Accept", Variable::RequestHeader("accept".to_owned())),
            ("http_resp_X-A_b", Variable::ResponseHeader("x-a_b".to_owned())),
            ("var_uri_path", Variable::Server(ServerVariable::UriPath)),
            ("var_cookie_Session", Variable::Cookie("Session".to_owned())),
        ] {
            assert_eq!(variable(name), Ok(expected), "{name}");
        }
        for bad in
            ["", "uri_path", "http_req_", "http_req_a b", "var_", "var_uri", "var_cookie_", "var_uri_path_1"]
        {
            assert!(variable(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_variable_that_is_listed_exists() {
        for name in SERVER_VARIABLES {
            assert!(variable(&format!("var_{name}")).is_ok(), "{name}");
        }
    }

    #[test]
    fn values() {
        let text = |text: &str| TextPart::Text(text.to_owned());
        let server = |name: &str| TextPart::Variable(Variable::Server(server(name).unwrap()));
        let header = |name: &str| TextPart::Variable(Variable::RequestHeader(name.to_owned()));
        let capture = |condition, group| TextPart::Capture { condition, group };
        // The third condition is negated.
        let conditions = [Some("var_uri_path"), Some("http_req_X"), None, Some("var_uri_path")];
        for (value, expected) in [
            ("", vec![]),
            ("text", vec![text("text")]),
            ("{", vec![text("{")]),
            ("}{", vec![text("}{")]),
            ("{x}", vec![text("{x}")]),
            ("{{var_host}}", vec![text("{"), server("host"), text("}")]),
            ("a {http_req_Y} b", vec![text("a "), header("y"), text(" b")]),
            ("{var_uri_path_1}/{http_req_X_2}", vec![capture(3, 1), text("/"), capture(1, 2)]),
            ("{var_host}:{var_server_port}", vec![server("host"), text(":"), server("server_port")]),
            // Another spelling than in the condition means another header, and a group without a condition.
            ("{http_req_x_2}", vec![header("x_2")]),
            ("{var_host_1}a", vec![text(""), text("a")]),
        ] {
            let sources = Sources { conditions: &conditions, has_matcher: false };
            assert_eq!(template(value, sources), Ok(Template(expected)), "{value}");
        }
        for bad in [
            "a\r\nb",
            "{var_uri}",
            "{http_req_}",
            "x{var_}",
            "{var_uri_1}",
            "{var_host}{var_none}",
            "{capt_header_value_matcher_1}",
        ] {
            assert!(template(bad, Sources::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_that_is_chosen_by_its_value_can_be_built_from_it() {
        let sources = Sources { conditions: &[], has_matcher: true };
        for (value, expected) in
            [("{capt_header_value_matcher}", None), ("{capt_header_value_matcher_12}", Some(12))]
        {
            assert_eq!(template(value, sources), Ok(Template(vec![TextPart::Matched(expected)])));
        }
        for bad in ["{capt_header_value_matcher_}", "{capt_header_value_matcher1}"] {
            assert!(template(bad, sources).is_err(), "{bad}");
        }
    }
}
