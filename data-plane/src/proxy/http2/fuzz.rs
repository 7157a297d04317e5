//! A fuzz target of what makes a request of HTTP/2 one of HTTP/1.1: written down, it must be one request to the strict
//! reader of HTTP/1.1.

use bolero::TypeGenerator;
use http::header::{HOST, HeaderName, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery};
use http::{Method, Request, Uri, Version};

use super::translate;
use crate::http1::request::Inspector;

const MAX_BODY: u64 = 4096;

/// The fields of a request, as the HTTP/2 library hands them on once it has checked them.
#[derive(Debug, TypeGenerator)]
struct Fields {
    method: Vec<u8>,
    target: Vec<u8>,
    authority: Vec<u8>,
    headers: Vec<(Name, Vec<u8>)>,
}

/// The names that say something about a message's framing, and others.
#[derive(Debug, TypeGenerator)]
enum Name {
    ContentLength,
    Host,
    Expect,
    Authorization,
    Cookie,
    Other(Vec<u8>),
}

impl Fields {
    fn request(&self) -> Option<Request<()>> {
        let mut parts = Parts::default();
        parts.scheme = Some(http::uri::Scheme::HTTPS);
        parts.authority = Some(Authority::try_from(self.authority.as_slice()).ok()?);
        parts.path_and_query = Some(PathAndQuery::try_from(self.target.as_slice()).ok()?);
        let mut request = Request::new(());
        *request.version_mut() = Version::HTTP_2;
        *request.method_mut() = Method::from_bytes(&self.method).ok()?;
        *request.uri_mut() = Uri::from_parts(parts).ok()?;
        for (name, value) in &self.headers {
            let name = match name {
                Name::ContentLength => http::header::CONTENT_LENGTH,
                Name::Host => HOST,
                Name::Expect => http::header::EXPECT,
                Name::Authorization => http::header::AUTHORIZATION,
                Name::Cookie => http::header::COOKIE,
                Name::Other(bytes) => HeaderName::from_bytes(bytes).ok()?,
            };
            // RFC 9113, section 8.2.2: the library refuses them.
            if ["transfer-encoding", "connection", "upgrade", "keep-alive", "proxy-connection"]
                .contains(&name.as_str())
            {
                return None;
            }
            request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(request)
    }
}

/// The head as a backend of HTTP/1.1 would get it.
fn written(request: &Request<()>) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

#[test]
fn fuzz_http2_translation() {
    bolero::check!().with_type::<Fields>().for_each(|fields| {
        let Some(mut request) = fields.request() else { return };
        if translate(&mut request, MAX_BODY).is_err() || request.method() == Method::POST {
            // A POST may come without a length over HTTP/2.
            return;
        }
        let mut head = written(&request);
        if head.len() > 16 * 1024 || request.headers().len() > 100 {
            return;
        }
        let mut inspector = Inspector::new(MAX_BODY);
        let pass = inspector.inspect(&mut head);
        assert_eq!((pass.count, pass.fault), (head.len(), None), "{:?}", String::from_utf8_lossy(&head));
    });
}
