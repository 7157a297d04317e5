//! Rewrites: what is changed in a request on its way to a backend, and in the answer on its way back.
//!
//! Texts are taken apart already: a worker never looks for braces, and a capture names its condition by index.

use serde::{Deserialize, Serialize};

/// Rewrites that are applied together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteSet {
    /// Its name within the gateway.
    pub name: String,
    /// In the order in which they are applied.
    pub rules: Vec<RewriteRule>,
}

/// What to change, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteRule {
    /// All of them must hold; none, and the rule always applies.
    pub conditions: Vec<Condition>,
    /// Changes of the request's headers.
    pub request_headers: Vec<HeaderChange>,
    /// Changes of the response's headers.
    pub response_headers: Vec<HeaderChange>,
    /// The request's new path, none for the one it has.
    pub path: Option<Template>,
    /// The request's new query, without `?`; none for the one it has.
    pub query: Option<Template>,
    /// Whether the path decides anew what becomes of the request.
    pub reroute: bool,
}

/// Something that must hold: that the variable matches the pattern, or that it does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What is looked at.
    pub variable: Variable,
    /// What it is compared with.
    pub pattern: Pattern,
    /// Whether it must not match.
    pub negate: bool,
}

/// A regular expression in the syntax of the `regex` crate, found anywhere in a text unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The expression.
    pub text: String,
    /// Whether case does not count.
    pub ignore_case: bool,
}

impl Pattern {
    /// The most bytes that a compiled expression may take. The largest of sensible ones take a hundredth.
    pub const SIZE_LIMIT: usize = 256 * 1024;
}

/// A header, and what becomes of it. All of its name are replaced by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderChange {
    /// The header's name.
    pub name: String,
    /// For `Set-Cookie`: change those whose value is like this, each by itself, and no others.
    pub only: Option<ValueMatch>,
    /// The new value. The header is deleted where it comes to nothing.
    pub value: Template,
}

/// Which of several headers of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueMatch {
    /// What the value is compared with.
    pub pattern: Pattern,
    /// Whether it must not match.
    pub negate: bool,
}

/// A text with gaps, one piece after the other. Without any it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template(pub Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Itself.
    Text(String),
    /// The value of a variable.
    Variable(Variable),
    /// What a group of a condition of the same rule has found. Group 0 is all that matched.
    Capture {
        /// Index into [`RewriteRule::conditions`].
        condition: usize,
        /// The group's number; one that the pattern does not have is empty.
        group: usize,
    },
    /// What a group of [`HeaderChange::only`] has found in the value that is being changed; none for the whole value.
    Matched(Option<usize>),
}

/// Something that can be read of a request, its connection, or its answer. Empty where there is none of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Variable {
    /// The value of a request header, as the rules before have left it.
    RequestHeader(String),
    /// The value of a response header, as the rules before have left it. Empty until there is a response.
    ResponseHeader(String),
    /// The value of a cookie of the request.
    Cookie(String),
    /// Something else of the request as the client sent it, of its connection, or of the answer.
    Server(ServerVariable),
}

/// What there is besides headers and cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServerVariable {
    /// The client's `X-Forwarded-For` with its address appended.
    AddXForwardedForProxy,
    /// The TLS cipher suites that the client offered.
    CiphersSupported,
    /// The TLS cipher suite in use.
    CiphersUsed,
    /// The client's certificate, PEM in percent encoding.
    ClientCertificate,
    /// When it expires.
    ClientCertificateEndDate,
    /// Its SHA-1 fingerprint.
    ClientCertificateFingerprint,
    /// Who issued it.
    ClientCertificateIssuer,
    /// Its serial number.
    ClientCertificateSerial,
    /// Since when it is valid.
    ClientCertificateStartDate,
    /// Whom it names.
    ClientCertificateSubject,
    /// What became of its verification.
    ClientCertificateVerification,
    /// The client's IP address.
    ClientIp,
    /// The client's port.
    ClientPort,
    /// The round-trip time to the client.
    ClientTcpRtt,
    /// The user of HTTP's basic authentication.
    ClientUser,
    /// The request's `Content-Length`.
    ContentLength,
    /// The request's `Content-Type`.
    ContentType,
    /// The host asked for, without port.
    Host,
    /// The method.
    HttpMethod,
    /// The status of the response.
    HttpStatus,
    /// The version of HTTP.
    HttpVersion,
    /// The query, without `?`.
    QueryString,
    /// The size of the request.
    ReceivedBytes,
    /// The query, without `?`.
    RequestQuery,
    /// `http` or `https`.
    RequestScheme,
    /// Path and query.
    RequestUri,
    /// What has been sent to the client of the response.
    SentBytes,
    /// The name of the server that answers.
    ServerName,
    /// Its port.
    ServerPort,
    /// The version of TLS.
    SslConnectionProtocol,
    /// `On` under TLS.
    SslEnabled,
    /// The path.
    UriPath,
}
