//! Why a request failed, in the words that Application Gateway's access log has for it: `error_info` of a line, and
//! the label of the failures that are counted. Chosen by [`crate::proxy`] where the failure is known.

/// One of the documented causes, or the one that we add.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ErrorInfo {
    /// It did not fail.
    #[default]
    NoError,
    InvalidMethod,
    InvalidRequest,
    InvalidVersion,
    Invalid09Method,
    InvalidHost,
    InvalidContentLength,
    InvalidMethodTrace,
    ClientClosedRequest,
    RequestUriInvalid,
    HttpNoHostHeader,
    HttpToHttpsPort,
    HttpsNoCert,
    UpstreamNoLive,
    UpstreamClosedConnection,
    UpstreamTimedOut,
    /// Our own: the gateway had no descriptor, or no room for a body, and answered 503. The service has no word for it.
    GatewayExhausted,
}

impl ErrorInfo {
    /// All but [`ErrorInfo::NoError`], in the order of their numbers.
    pub(crate) const FAILURES: [ErrorInfo; 16] = [
        ErrorInfo::InvalidMethod,
        ErrorInfo::InvalidRequest,
        ErrorInfo::InvalidVersion,
        ErrorInfo::Invalid09Method,
        ErrorInfo::InvalidHost,
        ErrorInfo::InvalidContentLength,
        ErrorInfo::InvalidMethodTrace,
        ErrorInfo::ClientClosedRequest,
        ErrorInfo::RequestUriInvalid,
        ErrorInfo::HttpNoHostHeader,
        ErrorInfo::HttpToHttpsPort,
        ErrorInfo::HttpsNoCert,
        ErrorInfo::UpstreamNoLive,
        ErrorInfo::UpstreamClosedConnection,
        ErrorInfo::UpstreamTimedOut,
        ErrorInfo::GatewayExhausted,
    ];

    /// As it stands in a log line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ErrorInfo::NoError => "ERRORINFO_NO_ERROR",
            ErrorInfo::InvalidMethod => "ERRORINFO_INVALID_METHOD",
            ErrorInfo::InvalidRequest => "ERRORINFO_INVALID_REQUEST",
            ErrorInfo::InvalidVersion => "ERRORINFO_INVALID_VERSION",
            ErrorInfo::Invalid09Method => "ERRORINFO_INVALID_09_METHOD",
            ErrorInfo::InvalidHost => "ERRORINFO_INVALID_HOST",
            ErrorInfo::InvalidContentLength => "ERRORINFO_INVALID_CONTENT_LENGTH",
            ErrorInfo::InvalidMethodTrace => "ERRORINFO_INVALID_METHOD_TRACE",
            ErrorInfo::ClientClosedRequest => "ERRORINFO_CLIENT_CLOSED_REQUEST",
            ErrorInfo::RequestUriInvalid => "ERRORINFO_REQUEST_URI_INVALID",
            ErrorInfo::HttpNoHostHeader => "ERRORINFO_HTTP_NO_HOST_HEADER",
            ErrorInfo::HttpToHttpsPort => "ERRORINFO_HTTP_TO_HTTPS_PORT",
            ErrorInfo::HttpsNoCert => "ERRORINFO_HTTPS_NO_CERT",
            ErrorInfo::UpstreamNoLive => "ERRORINFO_UPSTREAM_NO_LIVE",
            ErrorInfo::UpstreamClosedConnection => "ERRORINFO_UPSTREAM_CLOSED_CONNECTION",
            ErrorInfo::UpstreamTimedOut => "ERRORINFO_UPSTREAM_TIMED_OUT",
            ErrorInfo::GatewayExhausted => "ERRORINFO_GATEWAY_EXHAUSTED",
        }
    }

    /// Its place in [`ErrorInfo::FAILURES`].
    pub(crate) fn number(self) -> Option<usize> {
        (self as usize).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_number() {
        assert_eq!(ErrorInfo::NoError.number(), None);
        for (number, failure) in ErrorInfo::FAILURES.into_iter().enumerate() {
            assert_eq!(failure.number(), Some(number), "{failure:?}");
        }
    }
}
