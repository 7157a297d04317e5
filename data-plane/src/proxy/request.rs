//! A request on its way through the phases, in the one form that all of them know: that of HTTP/1.1 with a target in
//! origin form. What another version of HTTP says differently is converted here, once.

use http::Version;
use hyper::body::Incoming;
use tidegate_http1::RequestHead;

use super::error::ProxyError;
use super::{absolute, http2};
use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::client_rate::ClientRate;
use crate::downstream::Connection;
use crate::downstream::http1::Refusal;
use crate::downstream::upgrade::PendingUpgrade;
use crate::spare_heads;

/// A request of a client.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) body: RequestBody,
    /// The version that the client speaks.
    pub(crate) version: Version,
    /// The stream of HTTP/2 from which a handshake came, as an extended CONNECT (RFC 8441).
    pub(crate) stream: Option<PendingUpgrade>,
    /// True if a rule has set `Host`, which overrides the settings.
    pub(crate) is_host_set: bool,
    /// The reason to reject the request before any phase.
    pub(super) rejected: Option<ProxyError>,
}

impl Request {
    /// Takes a request of HTTP/1.1 or HTTP/1.0.
    pub(crate) fn of_http1(
        mut head: RequestHead,
        body: ReceivedBody,
        connection: &Connection,
    ) -> Box<Request> {
        let rejected = absolute::translate(&mut head).err();
        // The reader of the connection enforces the minimum rate.
        let body = RequestBody::new(body, connection.thread.max_request_body, || ClientRate::UNLIMITED);
        let version = head.version;
        Box::new(Request { head, body, version, stream: None, is_host_set: false, rejected })
    }

    /// Takes a request of HTTP/1.1 of which no whole head could be made.
    pub(crate) fn of_refused(refusal: Refusal) -> Box<Request> {
        let Refusal { head, fault } = refusal;
        Box::new(Request {
            version: head.version,
            head: *head,
            body: RequestBody::empty(),
            stream: None,
            is_host_set: false,
            rejected: Some(ProxyError::Refused(fault)),
        })
    }

    /// Takes a request of HTTP/2. Must run in the task of its stream, for which `has_place` says whether the limit of
    /// connections allows it.
    pub(crate) fn of_http2(
        mut request: hyper::Request<Incoming>,
        has_place: bool,
        connection: &Connection,
    ) -> Box<Request> {
        let thread = &connection.thread;
        let stream = http2::is_extended_connect(&request).then(|| PendingUpgrade::of(&mut request)).flatten();
        let (parts, body) = request.into_parts();
        let mut head = RequestHead::from_http(&parts);
        let translated = match has_place {
            true => http2::translate(&parts, &mut head, thread.max_request_body),
            false => Err(ProxyError::StreamLimit),
        };
        let rate = || http2::client_rate(&head.fields, &thread.timeouts);
        let body = RequestBody::new(body.into(), thread.max_request_body, rate);
        let rejected = translated.err();
        Box::new(Request { head, body, version: Version::HTTP_2, stream, is_host_set: false, rejected })
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        spare_heads::keep_request(std::mem::take(&mut self.head));
    }
}
