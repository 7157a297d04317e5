//! A fuzz target for the conversion of HTTP/2 requests: the strict HTTP/1.1 reader must read the serialized result as
//! exactly one request.

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};
use tidegate_http1::{Limits, RequestHead, RequestScanner};

use super::translate;

const MAX_BODY: u64 = 4096;

/// The names for lines without a name: fields that affect framing, and some others.
const NAMES: [&str; 6] = ["content-length", "host", "expect", "authorization", "cookie", "te"];

/// The fields that hyper rejects (RFC 9113, section 8.2.2).
const REFUSED: [&str; 5] = ["transfer-encoding", "connection", "upgrade", "keep-alive", "proxy-connection"];

/// Decodes a request in the form in which hyper passes it on. The first line contains method, target and authority;
/// each further line is a field. Invalid parts are replaced by valid ones or omitted.
fn request_of(bytes: &[u8]) -> Request<()> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
    let mut word = || words.next().unwrap_or_default();
    let method = Method::from_bytes(word()).unwrap_or(Method::GET);
    let target = PathAndQuery::try_from(word()).unwrap_or(PathAndQuery::from_static("/"));
    let authority = Authority::try_from(word()).unwrap_or(Authority::from_static("a.test"));
    let mut parts = Parts::default();
    (parts.scheme, parts.authority, parts.path_and_query) =
        (Some(Scheme::HTTPS), Some(authority), Some(target));
    let mut request = Request::new(());
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    let allowed = |(name, _): &(HeaderName, _)| !REFUSED.contains(&name.as_str());
    for (name, value) in lines.filter_map(field_of).filter(allowed) {
        request.headers_mut().append(name, value);
    }
    request
}

fn field_of(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.windows(2).position(|pair| pair == b": ");
    let named = colon.and_then(|at| Some((HeaderName::from_bytes(&line[..at]).ok()?, &line[at + 2..])));
    let (name, value) = match named {
        Some(field) => field,
        None => {
            let (number, value) = line.split_first()?;
            (HeaderName::from_static(NAMES[usize::from(*number) % NAMES.len()]), value)
        }
    };
    Some((name, HeaderValue::from_bytes(value).ok()?))
}

#[test]
fn fuzz_http2_translation() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (parts, ()) = request_of(bytes).into_parts();
        let mut head = RequestHead::from_http(&parts);
        if translate(&parts, &mut head, MAX_BODY).is_err() || head.method == Method::POST {
            // With HTTP/2, a POST may have no length.
            return;
        }
        // As an HTTP/1.1 backend would receive it.
        let mut written = Vec::new();
        head.write(&mut written);
        if written.len() > 16 * 1024 || head.fields.len() > 100 {
            return;
        }
        let mut scanner = RequestScanner::new(Limits { max_body: MAX_BODY, is_host: |_| false });
        let scanned = scanner.scan(&written).map(|scanned| scanned.map(|(_, length)| length));
        assert_eq!(scanned, Ok(Some(written.len())), "{:?}", String::from_utf8_lossy(&written));
    });
}
