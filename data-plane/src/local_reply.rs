//! The pages of local replies: a built-in page for each status, or a custom error page. Pure.
//!
//! The proxy's errors alone choose the status of a failure; pages are prepared when a runtime is built.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tidegate_http1::{Known, ResponseHead};
use tidegate_shared::snapshot::{self, ErrorPages};

const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// The local replies of a gateway or of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalReplies {
    pages: BTreeMap<u16, ErrorPage>,
    without_server: bool,
}

/// A custom error page. Clones share it.
#[derive(Clone, Debug)]
struct ErrorPage {
    content_type: HeaderValue,
    body: Bytes,
}

/// Every custom error page of a gateway, ready to be assigned to its listeners.
#[derive(Debug)]
pub(crate) struct CompiledErrorPages {
    pages: Vec<ErrorPage>,
    of_gateway: Arc<LocalReplies>,
}

/// The index of a page that does not exist.
pub(crate) type Missing = usize;

impl CompiledErrorPages {
    /// Prepares the pages of a snapshot.
    pub(crate) fn new(replies: &snapshot::LocalReplies) -> Result<CompiledErrorPages, Missing> {
        let ready = |page: &snapshot::ErrorPage| ErrorPage {
            content_type: HeaderValue::from_str(&page.content_type).unwrap_or(HTML),
            body: Bytes::copy_from_slice(&page.body),
        };
        let none =
            Arc::new(LocalReplies { without_server: replies.without_server, ..LocalReplies::default() });
        let error_pages =
            CompiledErrorPages { pages: replies.pages.iter().map(ready).collect(), of_gateway: none };
        Ok(CompiledErrorPages { of_gateway: error_pages.replies(&replies.of_gateway)?, ..error_pages })
    }

    /// Returns the replies of the gateway, for requests without a listener.
    pub(crate) fn of_gateway(&self) -> &Arc<LocalReplies> {
        &self.of_gateway
    }

    /// Returns the replies of a listener with these pages, which take precedence over the gateway's.
    pub(crate) fn replies(&self, own: &ErrorPages) -> Result<Arc<LocalReplies>, Missing> {
        if own.is_empty() {
            return Ok(self.of_gateway.clone());
        }
        let mut replies = LocalReplies::clone(&self.of_gateway);
        for (status, index) in own {
            replies.pages.insert(*status, self.pages.get(*index).ok_or(*index)?.clone());
        }
        Ok(Arc::new(replies))
    }
}

impl LocalReplies {
    /// Returns a redirect.
    pub(crate) fn redirect(
        &self,
        status: StatusCode,
        location: &HeaderValue,
        to_head: bool,
    ) -> (ResponseHead, Bytes) {
        let (mut head, body) = self.response(status, to_head);
        head.fields.append(Known::Location, location.as_bytes());
        (head, body)
    }

    /// Returns a reply with this status. For a HEAD request it has the `Content-Length` of its body, but no body.
    pub(crate) fn response(&self, status: StatusCode, to_head: bool) -> (ResponseHead, Bytes) {
        let page = self.pages.get(&status.as_u16()).cloned().unwrap_or_else(|| built_in(status));
        let mut head = ResponseHead::new(status);
        head.fields.append(Known::ContentType, page.content_type.as_bytes());
        head.fields.append_number(Known::ContentLength, page.body.len() as u64);
        if !self.without_server {
            head.fields.append(Known::Server, b"Tidegate");
        }
        (head, if to_head { Bytes::new() } else { page.body })
    }
}

/// Returns the page that clients of Application Gateway know, which is shaped like nginx's.
fn built_in(status: StatusCode) -> ErrorPage {
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or(""));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>Tidegate</center>\r\n</body>\r\n</html>\r\n"
    );
    ErrorPage { content_type: HTML, body: Bytes::from(page) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(content_type: &str, body: &str) -> snapshot::ErrorPage {
        snapshot::ErrorPage { content_type: content_type.to_owned(), body: body.as_bytes().to_vec() }
    }

    fn said(replies: &LocalReplies, status: u16) -> (String, String) {
        let (head, body) = replies.response(StatusCode::from_u16(status).unwrap(), false);
        let content_type = head.fields.get(Known::ContentType).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(content_type), text(&body))
    }

    #[test]
    fn a_listeners_page_goes_before_the_gateways_and_that_before_the_built_in_one() {
        let pages = vec![page("text/html; charset=utf-8", "gateway"), page("no\nheader", "listener")];
        let replies =
            snapshot::LocalReplies { pages, of_gateway: [(502, 0), (404, 0)].into(), without_server: false };
        let error_pages = CompiledErrorPages::new(&replies).unwrap();
        let of_listener = error_pages.replies(&[(502, 1)].into()).unwrap();
        let own = ("text/html; charset=utf-8".to_owned(), "gateway".to_owned());
        for (replies, status, expected) in [
            (&*of_listener, 502, ("text/html".to_owned(), "listener".to_owned())),
            (&*of_listener, 404, own.clone()),
            (&**error_pages.of_gateway(), 502, own.clone()),
            (&**error_pages.of_gateway(), 404, own),
        ] {
            assert_eq!(said(replies, status), expected, "{status}");
        }
        let (content_type, body) = said(&of_listener, 504);
        assert_eq!(content_type, "text/html");
        assert!(
            body.contains("<center><h1>504 Gateway Timeout</h1></center>\r\n<hr><center>Tidegate"),
            "{body}"
        );
        assert_eq!(error_pages.replies(&[(502, 2)].into()).unwrap_err(), 2);
    }

    #[test]
    fn an_answer_says_its_length_and_who_gave_it_unless_told_not_to() {
        let replies = LocalReplies::default();
        let (get, head) = (
            replies.response(StatusCode::BAD_GATEWAY, false),
            replies.response(StatusCode::BAD_GATEWAY, true),
        );
        let ((get, body), (head, no_body)) = (get, head);
        assert!(get.fields.iter().eq(head.fields.iter()));
        assert_eq!(get.fields.get(Known::Server), Some(b"Tidegate".as_slice()));
        assert_eq!(get.fields.get(Known::ContentLength), Some(body.len().to_string().as_bytes()));
        assert!(no_body.is_empty());
        let silent = LocalReplies { without_server: true, ..LocalReplies::default() };
        assert!(!silent.response(StatusCode::NOT_FOUND, false).0.fields.has(Known::Server));
    }
}
