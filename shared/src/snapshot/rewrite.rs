//! Rewrites: the changes of a request before it is forwarded, and of the response before it is returned.
//!
//! The texts are already parsed: a worker never looks for braces, and a capture refers to its condition by index.

use serde::{Deserialize, Serialize};

/// A set of rewrite rules that are applied together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteSet {
    /// The name within the gateway.
    pub name: String,
    /// The rules, in the order in which they are applied.
    pub rules: Vec<RewriteRule>,
}

/// The changes of one rule, and its conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteRule {
    /// The conditions, which must all hold; without any, the rule always applies.
    pub conditions: Vec<Condition>,
    /// The changes of request headers.
    pub request_headers: Vec<HeaderChange>,
    /// The changes of response headers.
    pub response_headers: Vec<HeaderChange>,
    /// The new path of the request; `None` leaves it unchanged.
    pub path: Option<Template>,
    /// The new query of the request, without `?`; `None` leaves it unchanged.
    pub query: Option<Template>,
    /// True if the path map is evaluated again with the new path.
    pub reroute: bool,
}

/// A condition: a variable must match a pattern, or must not match it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The variable whose value is matched.
    pub variable: Variable,
    /// The pattern to match.
    pub pattern: Pattern,
    /// True if the value must not match.
    pub negate: bool,
}

/// A regular expression in the syntax of the `regex` crate. It matches anywhere in a text unless it is anchored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The expression.
    pub text: String,
    /// True if case is ignored.
    pub ignore_case: bool,
}

impl Pattern {
    /// The limit of a compiled expression in bytes. Sensible expressions take at most a hundredth of it.
    pub const SIZE_LIMIT: usize = 256 * 1024;
}

/// A header and its new value, which replaces all headers of that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderChange {
    /// The header's name.
    pub name: String,
    /// For `Set-Cookie`: only headers whose value matches are changed, each by itself.
    pub only: Option<ValueMatch>,
    /// The new value. If it is empty, the header is deleted.
    pub value: Template,
}

/// Selects some of several headers of one name by their value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueMatch {
    /// The pattern to match.
    pub pattern: Pattern,
    /// True if the value must not match.
    pub negate: bool,
}

/// A text with placeholders, as a list of pieces; empty without any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template(pub Vec<TextPart>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextPart {
    /// Literal text.
    Text(String),
    /// The value of a variable.
    Variable(Variable),
    /// A capture group of a condition of the same rule. Group 0 is the whole match.
    Capture {
        /// Index into [`RewriteRule::conditions`].
        condition: usize,
        /// The group's number; a group that the pattern does not have is empty.
        group: usize,
    },
    /// A capture group of [`HeaderChange::only`] in the value that is being changed; `None` for the whole value.
    Matched(Option<usize>),
}

/// A value of the request, its connection or its response; empty if it is absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Variable {
    /// The value of a request header, after the changes of earlier rules.
    RequestHeader(String),
    /// The value of a response header, after the changes of earlier rules. Empty until there is a response.
    ResponseHeader(String),
    /// The value of a cookie of the request.
    Cookie(String),
    /// A server variable.
    Server(ServerVariable),
}

/// The server variables of Application Gateway: values of the client's original request, of its connection, or of
/// the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServerVariable {
    /// The client's `X-Forwarded-For` with its address appended.
    AddXForwardedForProxy,
    /// The TLS cipher suites that the client offered.
    CiphersSupported,
    /// The TLS cipher suite in use.
    CiphersUsed,
    /// The client's certificate, PEM, percent-encoded.
    ClientCertificate,
    /// The end of the client certificate's validity.
    ClientCertificateEndDate,
    /// The SHA-1 fingerprint of the client's certificate.
    ClientCertificateFingerprint,
    /// The issuer of the client's certificate.
    ClientCertificateIssuer,
    /// The serial number of the client's certificate.
    ClientCertificateSerial,
    /// The start of the client certificate's validity.
    ClientCertificateStartDate,
    /// The subject of the client's certificate.
    ClientCertificateSubject,
    /// The result of verifying the client's certificate.
    ClientCertificateVerification,
    /// The client's IP address.
    ClientIp,
    /// The client's port.
    ClientPort,
    /// The TCP round-trip time to the client.
    ClientTcpRtt,
    /// The user name of HTTP basic authentication (RFC 7617).
    ClientUser,
    /// The request's `Content-Length`.
    ContentLength,
    /// The request's `Content-Type`.
    ContentType,
    /// The requested host, without port.
    Host,
    /// The method.
    HttpMethod,
    /// The status of the response.
    HttpStatus,
    /// The request's HTTP version.
    HttpVersion,
    /// The query, without `?`.
    QueryString,
    /// The size of the request in bytes.
    ReceivedBytes,
    /// The query, without `?`.
    RequestQuery,
    /// `http` or `https`.
    RequestScheme,
    /// Path and query.
    RequestUri,
    /// The number of bytes of the response sent to the client so far.
    SentBytes,
    /// The host name of the listener, or the requested host if the listener serves all hosts.
    ServerName,
    /// The port at which the request arrived.
    ServerPort,
    /// The TLS version.
    SslConnectionProtocol,
    /// `On` under TLS.
    SslEnabled,
    /// The path.
    UriPath,
}
