//! Replaces path and query by rewritten ones; the result is always a valid request target (RFC 3986, section 3.3).

use percent_encoding::percent_encode_byte;
use tidegate_http1::RequestHead;

use super::expand::{Finds, TextBudget};
use crate::proxy::error::RewriteFault;
use crate::proxy::variables::EvalContext;
use crate::runtime::rewrite::RewriteRule;

/// Replaces path and query by those of the rule, if it has any.
pub(super) fn rewrite(
    head: &mut RequestHead,
    rule: &RewriteRule,
    finds: &Finds,
    view: &EvalContext<'_>,
    budget: &mut TextBudget,
) -> Result<(), RewriteFault> {
    // The target `*` has neither path nor query.
    if rule.path.is_none() && (rule.query.is_none() || !head.path().starts_with('/')) {
        return Ok(());
    }
    let path = rule.path.as_ref().map(|path| finds.expand(path, view, budget)).transpose()?;
    let query = rule.query.as_ref().map(|query| finds.expand(query, view, budget)).transpose()?;
    let mut target = path.map_or_else(|| head.path().to_owned(), |path| encoded(&path, b""));
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
    let query = query.map(|query| encoded(&query, b"?"));
    let query = query.as_deref().or(head.query()).filter(|query| !query.is_empty());
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    // An encoded target can only be too long.
    head.set_target(&target).map_err(|_| RewriteFault::TooLarge)
}

/// Percent-encodes all bytes that are allowed neither in a path nor in `more`. Existing percent-encodings stay
/// unchanged.
fn encoded(text: &[u8], more: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        let fits = match byte {
            b'%' => text.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)),
            byte => {
                byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte) || more.contains(byte)
            }
        };
        if fits {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(percent_encode_byte(*byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_no_place_is_percent_encoded() {
        for (text, path, query) in [
            ("/a/b;c=d", "/a/b;c=d", "/a/b;c=d"),
            ("/a b", "/a%20b", "/a%20b"),
            ("/a?b#c", "/a%3Fb%23c", "/a?b%23c"),
            ("/%20%2f%zz%", "/%20%2f%25zz%25", "/%20%2f%25zz%25"),
            ("/a\r\nHost: b", "/a%0D%0AHost:%20b", "/a%0D%0AHost:%20b"),
            ("/ä\\[]", "/%C3%A4%5C%5B%5D", "/%C3%A4%5C%5B%5D"),
            ("%4", "%254", "%254"),
        ] {
            assert_eq!(encoded(text.as_bytes(), b""), path, "{text}");
            assert_eq!(encoded(text.as_bytes(), b"?"), query, "{text}");
        }
    }
}
