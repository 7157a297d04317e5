//! The override of the backend path by the settings. Pure.

use std::borrow::Cow;

use tidegate_http1::RequestHead;
use tidegate_shared::path::{after, has_dot_segments};

use super::error::ProxyError;

/// Replaces the part of the path that the path rule matched by `replacement`. Without a path rule, or if a rewrite
/// has changed the beginning of the path, `replacement` is put before the whole path. The query and the target `*`
/// stay unchanged.
///
/// `matched` is compared in canonical form, as when the rule was found.
///
/// # Errors
/// The path has dot segments, which a backend could resolve to a path outside `replacement`.
pub(super) fn replace(
    head: &mut RequestHead,
    replacement: &str,
    matched: Option<&[u8]>,
) -> Result<(), ProxyError> {
    let path = head.path();
    if path == "*" {
        return Ok(());
    }
    if has_dot_segments(path) {
        return Err(ProxyError::DotSegments);
    }
    let rest = matched.and_then(|matched| after(path, matched)).unwrap_or(path);
    let joined = if rest.is_empty() {
        Cow::Borrowed(replacement)
    } else {
        Cow::Owned(format!("{}/{}", replacement.trim_end_matches('/'), rest.trim_start_matches('/')))
    };
    let target = match head.query() {
        Some(query) => format!("{joined}?{query}"),
        None => joined.into_owned(),
    };
    head.set_target(&target).map_err(|_| ProxyError::InvalidTarget)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn the_override_stands_for_what_the_rule_matched() {
        let cases: &[(&str, &str, Option<&str>, &str)] = &[
            ("/home/", "/override/", None, "/override/home/"),
            ("/home/secondhome/", "/override/", None, "/override/home/secondhome/"),
            ("/", "/override/", None, "/override/"),
            ("/home/", "/override", None, "/override/home/"),
            ("/pathrule/home/", "/override/", Some("/pathrule"), "/override/home/"),
            ("/pathrule/home/secondhome/", "/override/", Some("/pathrule"), "/override/home/secondhome/"),
            ("/home/", "/override/", Some("/pathrule"), "/override/home/"),
            ("/pathrule/home/", "/override/", Some("/pathrule/home"), "/override/"),
            ("/pathrule/home/secondhome/", "/override/", Some("/pathrule/home"), "/override/secondhome/"),
            ("/pathrule/", "/override/", Some("/pathrule/"), "/override/"),
            ("/pathrule/home/", "/override/", Some("/pathrule/"), "/override/home/"),
            ("/PathRule/a?b=/pathrule", "/o", Some("/pathrule/"), "/o/a?b=/pathrule"),
            ("/path%72ule/a%2Fb", "/o/", Some("/pathrule/"), "/o/a%2Fb"),
            ("/a%2fb/c", "/o/", Some("/a/b/"), "/o/c"),
            ("//a//b/c", "/o/", Some("/a/"), "/o/b/c"),
            ("/a\\/b/c", "/o/", Some("/a/"), "/o/b/c"),
            ("/a", "/o/", Some("/a"), "/o/"),
            ("/a?x", "/", Some("/a"), "/?x"),
            ("*", "/o/", None, "*"),
        ];
        for (path, replacement, matched, expected) in cases {
            let mut head = RequestHead::new(Method::GET, path).unwrap();
            replace(&mut head, replacement, matched.map(str::as_bytes)).unwrap();
            assert_eq!(head.target(), *expected, "{path} {replacement} {matched:?}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_override() {
        for path in ["/a/../../b", "/a/%2e%2e/b", "/a/..%2fb", "/a/..\\b", "/a/..;/b", "/..", "/a/./b"] {
            let mut head = RequestHead::new(Method::GET, path).unwrap();
            let replaced = replace(&mut head, "/tenant/", Some(b"/a/"));
            assert!(matches!(replaced, Err(ProxyError::DotSegments)), "{path}");
        }
    }
}
