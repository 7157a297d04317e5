//! The variables of rewrite rules: values of a request, its connection and its response. Pure; a value is computed
//! only when a rule reads it.

use std::borrow::Cow;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{COOKIE, HeaderName, HeaderValue};
use http::{StatusCode, Version};
use tidegate_http1::{Fields, Known, RequestHead};
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::snapshot::ServerVariable;

use super::headers;
use super::request::Request;
use crate::downstream::Connection;
use crate::runtime::Route;
use crate::runtime::rewrite::Variable;
use crate::tls::client_identity::ClientCertificate;
use crate::tls::facts::TlsInfo;

/// The value of a variable. A header may contain any bytes.
pub(crate) type Value<'a> = Cow<'a, [u8]>;

/// A change of a header by a rule: its new value, or `None` to remove it.
pub(crate) type HeaderEdit = (HeaderName, Option<HeaderValue>);

/// The variables of the client connection and the listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionVars<'a> {
    pub(crate) client: SocketAddr,
    pub(crate) port: u16,
    pub(crate) secure: bool,
    /// The first host name of the listener; empty if it serves all hosts.
    pub(crate) server_name: &'a str,
    /// The result of the TLS handshake; `None` without TLS.
    pub(crate) tls: Option<&'a TlsInfo>,
}

impl<'a> ConnectionVars<'a> {
    pub(crate) fn of(connection: &'a Connection, route: &'a Route) -> ConnectionVars<'a> {
        ConnectionVars {
            client: connection.client,
            port: connection.address.port(),
            secure: connection.secure,
            server_name: &route.server_name,
            tls: connection.tls.as_deref(),
        }
    }
}

/// A request as the client sent it.
#[derive(Debug)]
pub(crate) struct OriginalRequest {
    pub(crate) head: RequestHead,
    pub(crate) version: Version,
}

/// The values that a rule can read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvalContext<'a> {
    pub(crate) vars: ConnectionVars<'a>,
    pub(crate) original: &'a OriginalRequest,
    /// The target at the start of the rewrite set: the client's or, after a reroute, the one that the previous set
    /// produced.
    pub(crate) target: &'a str,
    /// The header changes of earlier rules, the newest last.
    pub(crate) changed: &'a [HeaderEdit],
    /// The response; `None` while the request is rewritten.
    pub(crate) response: Option<(StatusCode, &'a Fields)>,
}

impl OriginalRequest {
    pub(crate) fn copy(request: &Request) -> OriginalRequest {
        OriginalRequest { head: request.head.clone(), version: request.version }
    }

    /// Returns the host in canonical form, in which listeners are found, so that another spelling cannot evade a
    /// condition.
    fn host(&self) -> Value<'_> {
        let host = self.head.fields.get(Known::Host).and_then(headers::canonical);
        match host.map(CanonicalHost::into_text) {
            Some(Cow::Borrowed(host)) => text(host),
            Some(Cow::Owned(host)) => host.into_bytes().into(),
            None => Value::default(),
        }
    }

    /// Returns the first cookie with this name.
    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let lines = self.head.fields.get_all(Known::Cookie);
        let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
        pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// Returns the user name of basic authentication (RFC 7617).
    fn user(&self) -> Option<Vec<u8>> {
        let credentials = self.head.fields.get(Known::Authorization)?;
        let (scheme, rest) = credentials.split_at_checked(b"basic ".len())?;
        let decoded =
            scheme.eq_ignore_ascii_case(b"basic ").then(|| STANDARD.decode(rest.trim_ascii()))?.ok()?;
        let end = decoded.iter().position(|byte| *byte == b':')?;
        Some(decoded[..end].to_vec())
    }

    /// Returns the size of the request in the form of HTTP/1.1 in bytes, with the length of the body by
    /// `Content-Length`.
    fn size(&self) -> usize {
        let RequestHead { method, fields, .. } = &self.head;
        let line = method.as_str().len() + self.head.target().len() + "  HTTP/1.1\r\n".len();
        let lines = fields.iter().map(|(name, value)| name.as_bytes().len() + value.len() + ": \r\n".len());
        let body = fields.get(Known::ContentLength).and_then(|length| headers::text(length)?.parse().ok());
        (line + lines.sum::<usize>() + "\r\n".len()).saturating_add(body.unwrap_or(0))
    }

    fn forwarded_for(&self, client: SocketAddr) -> Vec<u8> {
        let mut list = joined(self.head.fields.get_all(Known::XForwardedFor), b", ").into_owned();
        if !list.is_empty() {
            list.extend_from_slice(b", ");
        }
        list.extend_from_slice(client.ip().to_canonical().to_string().as_bytes());
        list
    }
}

impl<'a> EvalContext<'a> {
    /// Adds the response.
    pub(crate) fn with<'b>(self, status: StatusCode, fields: &'b Fields) -> EvalContext<'b>
    where
        'a: 'b,
    {
        EvalContext { response: Some((status, fields)), ..self }
    }

    /// Returns the value of a variable; empty if it has none.
    pub(crate) fn read(&self, variable: &Variable) -> Value<'a> {
        match variable {
            Variable::RequestHeader(name) => self.request_header(name),
            Variable::ResponseHeader(name) => {
                self.response.map_or_else(Value::default, |(_, fields)| joined(fields.get_all(name), b", "))
            }
            Variable::Cookie(name) => self.original.cookie(name).unwrap_or_default().into(),
            Variable::Server(variable) => self.server(*variable),
        }
    }

    fn request_header(&self, name: &HeaderName) -> Value<'a> {
        if let Some((_, value)) = self.changed.iter().rev().find(|(changed, _)| changed == name) {
            return value.as_ref().map_or(&[][..], HeaderValue::as_bytes).into();
        }
        joined(self.original.head.fields.get_all(name), if *name == COOKIE { b"; " } else { b", " })
    }

    fn server(&self, variable: ServerVariable) -> Value<'a> {
        let (vars, original) = (self.vars, self.original);
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        match variable {
            ServerVariable::AddXForwardedForProxy => original.forwarded_for(vars.client).into(),
            ServerVariable::ClientIp => printed(&vars.client.ip().to_canonical()),
            ServerVariable::ClientPort => printed(&vars.client.port()),
            ServerVariable::ClientUser => original.user().unwrap_or_default().into(),
            ServerVariable::ContentLength => header(original, Known::ContentLength),
            ServerVariable::ContentType => header(original, Known::ContentType),
            ServerVariable::Host => original.host(),
            ServerVariable::HttpMethod => text(original.head.method.as_str()),
            ServerVariable::HttpStatus => {
                self.response.map_or_else(Value::default, |(status, _)| printed(&status.as_u16()))
            }
            ServerVariable::HttpVersion => text(match original.version {
                Version::HTTP_10 => "HTTP/1.0",
                Version::HTTP_2 => "HTTP/2.0",
                _ => "HTTP/1.1",
            }),
            ServerVariable::QueryString | ServerVariable::RequestQuery => text(query),
            ServerVariable::ReceivedBytes => printed(&original.size()),
            ServerVariable::RequestScheme => text(if vars.secure { "https" } else { "http" }),
            ServerVariable::RequestUri => text(original.head.target()),
            // Headers are rewritten before the first byte is sent.
            ServerVariable::SentBytes => text("0"),
            ServerVariable::ServerName if vars.server_name.is_empty() => original.host(),
            ServerVariable::ServerName => text(vars.server_name),
            ServerVariable::ServerPort => printed(&vars.port),
            ServerVariable::SslEnabled => text(if vars.secure { "On" } else { "" }),
            ServerVariable::UriPath => text(path),
            // The round-trip time is only available by a system call that needs unsafe code.
            ServerVariable::ClientTcpRtt => Value::default(),
            _ => vars.tls.map_or_else(Value::default, |tls| of_tls(tls, variable)),
        }
    }
}

/// Returns a server variable that exists only with TLS.
fn of_tls(tls: &TlsInfo, variable: ServerVariable) -> Value<'_> {
    let certificate = |field: for<'c> fn(&'c ClientCertificate) -> &'c str| {
        text(tls.client().certificate().map_or("", field))
    };
    match variable {
        ServerVariable::CiphersSupported => tls.offered_ciphers().into_bytes().into(),
        ServerVariable::CiphersUsed => printed(&tls.cipher()),
        ServerVariable::SslConnectionProtocol => text(tls.protocol()),
        ServerVariable::ClientCertificate => certificate(ClientCertificate::pem),
        ServerVariable::ClientCertificateEndDate => certificate(ClientCertificate::end_date),
        ServerVariable::ClientCertificateFingerprint => certificate(ClientCertificate::fingerprint),
        ServerVariable::ClientCertificateIssuer => certificate(ClientCertificate::issuer),
        ServerVariable::ClientCertificateSerial => certificate(ClientCertificate::serial),
        ServerVariable::ClientCertificateStartDate => certificate(ClientCertificate::start_date),
        ServerVariable::ClientCertificateSubject => certificate(ClientCertificate::subject),
        ServerVariable::ClientCertificateVerification => text(tls.client().verification()),
        _ => Value::default(),
    }
}

fn text(text: &str) -> Value<'_> {
    text.as_bytes().into()
}

fn printed(value: &impl ToString) -> Value<'static> {
    value.to_string().into_bytes().into()
}

fn header(original: &OriginalRequest, name: Known) -> Value<'_> {
    original.head.fields.get(name).unwrap_or_default().into()
}

/// Joins several headers with one name (RFC 9110, section 5.3; for `Cookie` RFC 9113, section 8.2.3).
fn joined<'a>(mut values: impl Iterator<Item = &'a [u8]>, separator: &[u8]) -> Value<'a> {
    let first = values.next().unwrap_or_default();
    let mut rest = values.peekable();
    if rest.peek().is_none() {
        return first.into();
    }
    let mut list = first.to_vec();
    for value in rest {
        list.extend_from_slice(separator);
        list.extend_from_slice(value);
    }
    list.into()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn original(target: &str, headers: &[(&'static str, &'static str)]) -> OriginalRequest {
        let mut head = RequestHead::new(Method::POST, target).unwrap();
        for (name, value) in headers {
            head.fields.append(*name, value.as_bytes());
        }
        OriginalRequest { head, version: Version::HTTP_11 }
    }

    fn read(
        original: &OriginalRequest,
        secure: bool,
        status: Option<StatusCode>,
        variable: ServerVariable,
    ) -> String {
        let vars = ConnectionVars {
            client: "192.0.2.7:4711".parse().unwrap(),
            port: 8080,
            secure,
            server_name: "*.test",
            tls: None,
        };
        let fields = Fields::new();
        let context = EvalContext {
            vars,
            original,
            target: original.head.target(),
            changed: &[],
            response: status.map(|status| (status, &fields)),
        };
        String::from_utf8(context.read(&Variable::Server(variable)).into_owned()).unwrap()
    }

    #[test]
    fn server_variables() {
        let full = original(
            "/article.aspx?id=123&title=fabrikam",
            &[
                ("host", "contoso.com:8080"),
                ("x-forwarded-for", "203.0.113.1:99"),
                ("x-forwarded-for", "203.0.113.2"),
                ("content-length", "12"),
                ("content-type", "text/plain"),
                ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ],
        );
        let bare = original("/", &[]);
        for (variable, expected, of_bare) in [
            (ServerVariable::AddXForwardedForProxy, "203.0.113.1:99, 203.0.113.2, 192.0.2.7", "192.0.2.7"),
            (ServerVariable::ClientIp, "192.0.2.7", "192.0.2.7"),
            (ServerVariable::ClientPort, "4711", "4711"),
            (ServerVariable::ClientUser, "Aladdin", ""),
            (ServerVariable::ContentLength, "12", ""),
            (ServerVariable::ContentType, "text/plain", ""),
            (ServerVariable::Host, "contoso.com", ""),
            (ServerVariable::HttpMethod, "POST", "POST"),
            (ServerVariable::HttpVersion, "HTTP/1.1", "HTTP/1.1"),
            (ServerVariable::QueryString, "id=123&title=fabrikam", ""),
            (ServerVariable::RequestQuery, "id=123&title=fabrikam", ""),
            (ServerVariable::RequestUri, "/article.aspx?id=123&title=fabrikam", "/"),
            (ServerVariable::UriPath, "/article.aspx", "/"),
            (ServerVariable::ServerName, "*.test", "*.test"),
            (ServerVariable::ServerPort, "8080", "8080"),
            (ServerVariable::RequestScheme, "http", "http"),
            (ServerVariable::SslEnabled, "", ""),
            // `POST / HTTP/1.1` and an empty line.
            (ServerVariable::ReceivedBytes, "249", "19"),
            (ServerVariable::HttpStatus, "", ""),
            (ServerVariable::SentBytes, "0", "0"),
        ] {
            assert_eq!(read(&full, false, None, variable), expected, "{variable:?}");
            assert_eq!(read(&bare, false, None, variable), of_bare, "{variable:?}");
        }
        assert_eq!(read(&bare, true, None, ServerVariable::RequestScheme), "https");
        assert_eq!(read(&bare, true, None, ServerVariable::SslEnabled), "On");
        assert_eq!(read(&bare, false, Some(StatusCode::NOT_FOUND), ServerVariable::HttpStatus), "404");
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let original = original("/", &[("cookie", "ab=1; a=2;a=3"), ("cookie", " c = 4; d; b=x=y")]);
        for (name, expected) in
            [("ab", Some("1")), ("a", Some("2")), ("A", None), ("c", None), ("d", None), ("b", Some("x=y"))]
        {
            assert_eq!(original.cookie(name), expected.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn only_basic_authentication_names_a_user() {
        for (credentials, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some("Aladdin")),
            ("basic  OnBhc3M=", Some("")),
            ("Basic QWxhZGRpbg==", None),
            ("Basic !", None),
            ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
            ("Basi", None),
            ("", None),
        ] {
            let user = original("/", &[("authorization", credentials)]).user();
            assert_eq!(user.as_deref(), expected.map(str::as_bytes), "{credentials}");
        }
    }
}
