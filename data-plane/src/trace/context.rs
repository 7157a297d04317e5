//! W3C Trace Context: parses the client's `traceparent`, and writes the one for the backend. Pure.
//!
//! The gateway adds its span to a client's trace only while it exports spans; otherwise it passes the context
//! through unchanged. A request without a valid `traceparent` starts a new trace here.

use tidegate_http1::{Fields, Known};

/// The `sampled` flag.
const SAMPLED: u8 = 1;

/// The position of a span in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace: [u8; 16],
    /// The caller's span; `None` if the trace starts here.
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) span: [u8; 8],
}

/// The gateway's part in the trace of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// No part: the backend gets the context unchanged.
    Through,
    /// A span of the gateway, which is not always exported.
    Span { context: Context, sampled: bool, exports: bool },
}

impl Part {
    /// `fields` are those of the request. `id` becomes the ID of a new trace, and `span` the ID of the gateway's span,
    /// which is exported if `exports` is true and the trace is sampled.
    pub(crate) fn of(fields: &Fields, id: [u8; 16], span: impl FnOnce() -> [u8; 8], exports: bool) -> Part {
        let mut values = fields.get_all(Known::Traceparent);
        let received = values.next().filter(|_| values.next().is_none()).and_then(parse);
        let (trace, parent, flags) = match received {
            Some(_) if !exports => return Part::Through,
            Some((trace, parent, flags)) => (trace, Some(parent), flags),
            None => (id, None, SAMPLED),
        };
        let context = Context { trace, parent, span: span() };
        // Only the `sampled` flag is passed on: flags of later versions are unknown here.
        Part::Span { context, sampled: flags & SAMPLED != 0, exports }
    }

    /// Returns the position of the gateway's span if it is to be exported.
    pub(crate) fn exported(&self) -> Option<Context> {
        match self {
            Part::Span { context, sampled: true, exports: true } => Some(*context),
            _ => None,
        }
    }

    /// Writes the context for the backend into the fields.
    pub(crate) fn set_fields(&self, fields: &mut Fields) {
        let Part::Span { context, sampled, .. } = self else { return };
        if context.parent.is_none() {
            // This field belongs to the invalid `traceparent` (Trace Context, section 3.3).
            fields.remove(Known::Tracestate);
        }
        fields.set(Known::Traceparent, &write(context, *sampled));
    }
}

/// Parses trace ID, parent ID and flags (Trace Context, section 3.2). A later version than 00 may have more fields
/// after them.
fn parse(text: &[u8]) -> Option<([u8; 16], [u8; 8], u8)> {
    let (known, more) = text.split_at_checked(55)?;
    if [2, 35, 52].iter().any(|&at| known[at] != b'-') {
        return None;
    }
    let [version] = hex(&known[..2])?;
    let newer = matches!(version, 1..=0xfe) && (more.is_empty() || more[0] == b'-');
    if !newer && (version != 0 || !more.is_empty()) {
        return None;
    }
    let (trace, parent, [flags]) = (hex(&known[3..35])?, hex(&known[36..52])?, hex(&known[53..])?);
    (trace != [0; 16] && parent != [0; 8]).then_some((trace, parent, flags))
}

/// Parses lower-case hexadecimal digits, two for each byte.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// The two lower-case hexadecimal digits of every byte.
static HEX: [[u8; 2]; 256] = {
    let (digits, mut pairs, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Writes two lower-case hexadecimal digits for each byte to the start of `text`.
pub(crate) fn write_hex(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = HEX[usize::from(*byte)];
    }
}

fn write(context: &Context, sampled: bool) -> [u8; 55] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    write_hex(&mut text[3..35], &context.trace);
    write_hex(&mut text[36..52], &context.span);
    write_hex(&mut text[53..], &[if sampled { SAMPLED } else { 0 }]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn pass(values: &[&str], exports: bool) -> (Fields, Option<Context>) {
        let mut fields = Fields::new();
        fields.append(Known::Tracestate, b"vendor=1");
        for value in values {
            fields.append(Known::Traceparent, value.as_bytes());
        }
        let part = Part::of(&fields, [0x1d; 16], || [0x5a; 8], exports);
        part.set_fields(&mut fields);
        (fields, part.exported())
    }

    fn texts(fields: &Fields, name: Known) -> Vec<&str> {
        fields.get_all(name).map(|value| std::str::from_utf8(value).unwrap()).collect()
    }

    #[test]
    fn only_what_the_standard_allows_is_a_context() {
        let cases: &[(&str, bool)] = &[
            (GOOD, true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes", true),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what-comes", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", false),
            ("0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("", false),
        ];
        for (text, good) in cases {
            assert_eq!(parse(text.as_bytes()).is_some(), *good, "{text}");
        }
    }

    #[test]
    fn a_context_is_handed_through_unless_the_gateway_takes_part() {
        let (fields, context) = pass(&[GOOD], false);
        assert_eq!((texts(&fields, Known::Traceparent), context), (vec![GOOD], None));
        assert_eq!(texts(&fields, Known::Tracestate), ["vendor=1"]);

        let (fields, context) = pass(&[GOOD], true);
        let expected = "00-0af7651916cd43dd8448eb211c80319c-5a5a5a5a5a5a5a5a-01";
        assert_eq!(texts(&fields, Known::Traceparent), [expected]);
        assert_eq!(texts(&fields, Known::Tracestate), ["vendor=1"]);
        let context = context.unwrap();
        assert_eq!(context.parent, Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]));
        assert_eq!((context.trace[0], context.span), (0x0a, [0x5a; 8]));
    }

    #[test]
    fn a_trace_that_is_not_recorded_is_passed_on_and_not_exported() {
        let (fields, context) = pass(&["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"], true);
        let expected = "00-0af7651916cd43dd8448eb211c80319c-5a5a5a5a5a5a5a5a-00";
        assert_eq!(texts(&fields, Known::Traceparent), [expected]);
        assert_eq!(context, None);
    }

    #[test]
    fn a_trace_begins_here_where_none_or_nonsense_came() {
        for values in [&[][..], &["nonsense"], &[GOOD, GOOD]] {
            for exports in [false, true] {
                let (fields, context) = pass(values, exports);
                let expected = "00-1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d-5a5a5a5a5a5a5a5a-01";
                assert_eq!(texts(&fields, Known::Traceparent), [expected]);
                assert!(!fields.has(Known::Tracestate), "{values:?}");
                let begun = Context { trace: [0x1d; 16], parent: None, span: [0x5a; 8] };
                assert_eq!(context, exports.then_some(begun));
            }
        }
    }
}
