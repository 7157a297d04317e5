//! One access line, in the schema that Azure documents for the access log of Application Gateway, with Tidegate's
//! own fields at the end of `properties`. Names, types and order are a contract with the readers of the log.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::tls::facts::TlsInfo;

/// An access line of one request or one tunnel. A text is empty if its value is unknown.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line<'a> {
    /// The time at which the request arrived or the tunnel began.
    pub(crate) time_stamp: jiff::Timestamp,
    /// The gateway's resource ID.
    pub(crate) resource_id: &'a str,
    pub(crate) listener_name: &'a str,
    pub(crate) rule_name: &'a str,
    pub(crate) backend_pool_name: &'a str,
    pub(crate) backend_setting_name: &'a str,
    pub(crate) operation_name: OperationName,
    pub(crate) category: Category,
    pub(crate) properties: Properties<'a>,
}

/// The constant `operationName` of access lines.
#[derive(Debug, Default, Serialize)]
pub(crate) enum OperationName {
    #[default]
    #[serde(rename = "ApplicationGatewayAccess")]
    Access,
}

/// The constant `category` of access lines.
#[derive(Debug, Default, Serialize)]
pub(crate) enum Category {
    #[default]
    #[serde(rename = "ApplicationGatewayAccessLog")]
    AccessLog,
}

/// The `properties` of an access line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Properties<'a> {
    /// The worker's identity.
    pub(crate) instance_id: &'a str,
    #[serde(rename = "clientIP")]
    pub(crate) client_ip: IpAddr,
    pub(crate) client_port: u16,
    pub(crate) http_method: &'a str,
    /// The path and query as the client sent them.
    pub(crate) original_request_uri_with_args: &'a str,
    /// The path of the forwarded request.
    pub(crate) request_uri: &'a str,
    /// The query of the forwarded request.
    pub(crate) request_query: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) http_status: u16,
    pub(crate) http_version: &'a str,
    /// The number of body or tunnel bytes from the client.
    pub(crate) received_bytes: u64,
    /// The number of body or tunnel bytes to the client.
    pub(crate) sent_bytes: u64,
    /// The time from the request head to the first byte of the response.
    #[serde(serialize_with = "seconds")]
    pub(crate) client_response_time: Duration,
    /// The time from the request head to the end of the response, or the duration of the tunnel.
    #[serde(serialize_with = "seconds")]
    pub(crate) time_taken: Duration,
    /// Constant, because there is no WAF.
    #[serde(rename = "WAFEvaluationTime")]
    pub(crate) waf_evaluation_time: &'static str,
    #[serde(rename = "WAFMode")]
    pub(crate) waf_mode: &'static str,
    pub(crate) transaction_id: &'a str,
    /// `on` or `off`.
    pub(crate) ssl_enabled: &'static str,
    pub(crate) ssl_cipher: Cow<'a, str>,
    pub(crate) ssl_protocol: &'a str,
    pub(crate) ssl_client_verify: &'a str,
    pub(crate) ssl_client_certificate_fingerprint: &'a str,
    pub(crate) ssl_client_certificate_issuer_name: &'a str,
    /// The backend's address and port.
    pub(crate) server_routed: &'a str,
    /// The status of the backend's response.
    #[serde(serialize_with = "status")]
    pub(crate) server_status: u16,
    /// The time from the start of forwarding, which includes connecting, to the head of the backend's response.
    #[serde(serialize_with = "optional_seconds")]
    pub(crate) server_response_latency: Option<Duration>,
    /// The local port of the connection to the backend.
    #[serde(serialize_with = "status")]
    pub(crate) upstream_source_port: u16,
    /// The host as the client sent it.
    pub(crate) original_host: &'a str,
    /// The host of the forwarded request.
    pub(crate) host: &'a str,
    #[serde(rename = "error_info")]
    pub(crate) error_info: &'static str,
    pub(crate) content_type: &'a str,

    /// `request` or `tunnel`; the first of Tidegate's own fields.
    pub(crate) event: &'static str,
    /// The path rule that matched.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) path_rule: &'a str,
    /// The request headers that were dropped because of their names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) dropped_headers: String,
    /// The reason of the failure, or of the end of the tunnel.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) reason: &'a str,
    /// The side that ended the tunnel: `client`, `backend` or `gateway`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) closed_by: &'a str,
    /// The status code of the tunnel's last Close frame, if the gateway saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) close_code: Option<u16>,
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Properties {
            instance_id: "",
            client_ip: std::net::Ipv4Addr::UNSPECIFIED.into(),
            client_port: 0,
            http_method: "",
            original_request_uri_with_args: "",
            request_uri: "",
            request_query: "",
            user_agent: "",
            http_status: 0,
            http_version: "",
            received_bytes: 0,
            sent_bytes: 0,
            client_response_time: Duration::ZERO,
            time_taken: Duration::ZERO,
            waf_evaluation_time: "",
            waf_mode: "",
            transaction_id: "",
            ssl_enabled: "off",
            ssl_cipher: Cow::Borrowed(""),
            ssl_protocol: "",
            ssl_client_verify: "NONE",
            ssl_client_certificate_fingerprint: "",
            ssl_client_certificate_issuer_name: "",
            server_routed: "",
            server_status: 0,
            server_response_latency: None,
            upstream_source_port: 0,
            original_host: "",
            host: "",
            error_info: crate::error_info::ErrorInfo::NoError.as_str(),
            content_type: "",
            event: "request",
            path_rule: "",
            dropped_headers: String::new(),
            reason: "",
            closed_by: "",
            close_code: None,
        }
    }
}

impl<'a> Properties<'a> {
    /// The properties of a connection without a request.
    pub(crate) fn of(client: SocketAddr, tls: Option<&'a TlsInfo>) -> Properties<'a> {
        let plain =
            Properties { client_ip: client.ip(), client_port: client.port(), ..Properties::default() };
        let Some(tls) = tls else { return plain };
        let certificate = tls.client().certificate();
        Properties {
            ssl_enabled: "on",
            ssl_cipher: tls.cipher(),
            ssl_protocol: tls.protocol(),
            ssl_client_verify: tls.client().verification(),
            ssl_client_certificate_fingerprint: certificate.map_or("", |shown| shown.fingerprint()),
            ssl_client_certificate_issuer_name: certificate.map_or("", |shown| shown.issuer()),
            ..plain
        }
    }
}

/// Returns the name of an HTTP version as in a request line.
pub(crate) fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// Serializes seconds as a number with three decimals.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_millis() as f64 / 1000.0)
}

/// Serializes seconds as a text with three decimals, as Azure does; empty for `None`.
fn optional_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        None => serializer.serialize_str(""),
        Some(time) => serializer.collect_str(&format_args!("{}.{:03}", time.as_secs(), time.subsec_millis())),
    }
}

/// Serializes a number as a text, as Azure does; empty for 0.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn status<S: Serializer>(number: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        0 => serializer.serialize_str(""),
        number => serializer.collect_str(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented fields in the documented order, then Tidegate's own.
    const TOP: &str = "timeStamp,resourceId,listenerName,ruleName,backendPoolName,backendSettingName,operationName,\
        category,properties";
    const PROPERTIES: &str = "instanceId,clientIP,clientPort,httpMethod,originalRequestUriWithArgs,requestUri,\
        requestQuery,userAgent,httpStatus,httpVersion,receivedBytes,sentBytes,clientResponseTime,timeTaken,\
        WAFEvaluationTime,WAFMode,transactionId,sslEnabled,sslCipher,sslProtocol,sslClientVerify,\
        sslClientCertificateFingerprint,sslClientCertificateIssuerName,serverRouted,serverStatus,\
        serverResponseLatency,upstreamSourcePort,originalHost,host,error_info,contentType,event";

    fn keys(value: &serde_json::Value) -> String {
        value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_line_has_every_documented_field() {
        let properties = Properties {
            time_taken: Duration::from_micros(1_234_567),
            server_response_latency: Some(Duration::from_millis(28)),
            server_status: 200,
            ..Properties::default()
        };
        let line = serde_json::to_value(Line { properties, ..Line::default() }).unwrap();
        assert_eq!(keys(&line), TOP);
        assert_eq!(keys(&line["properties"]), PROPERTIES);
        assert_eq!(line["operationName"], "ApplicationGatewayAccess");
        assert_eq!(line["category"], "ApplicationGatewayAccessLog");
        let properties = &line["properties"];
        assert_eq!(properties["timeTaken"], 1.234);
        assert_eq!(properties["serverResponseLatency"], "0.028");
        assert_eq!(
            (&properties["serverStatus"], &properties["upstreamSourcePort"]),
            (&"200".into(), &"".into())
        );
        assert_eq!(properties["error_info"], "ERRORINFO_NO_ERROR");
    }
}
