//! The causes of failed requests in the terms of Application Gateway's access log: the `error_info` of an access
//! line, and the label of failure counters. [`crate::proxy`] chooses the cause of each failure.

/// A documented cause, or Tidegate's additional one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ErrorInfo {
    /// The request did not fail.
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
    /// The gateway was out of descriptors or buffer space, and replied 503. Azure has no cause for this.
    GatewayExhausted,
}

impl ErrorInfo {
    /// All causes except for [`ErrorInfo::NoError`], in the order of their numbers.
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

    /// Returns the cause as in an access line.
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

    /// Returns the index in [`ErrorInfo::FAILURES`].
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
