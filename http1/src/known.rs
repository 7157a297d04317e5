//! The names of fields that a gateway acts on, recognised with one comparison. Pure.

use http::HeaderName;

use crate::words::is_token_of;

/// Defines the names in one place. There may be at most 64, because [`crate::Fields`] keeps them as bits.
macro_rules! known {
    ($($variant:ident $text:literal,)+) => {
        /// A field name that a gateway acts on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Known {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
        }

        /// Every known name by its number, with its text in lower case.
        static ALL: &[(Known, &str)] = &[$((Known::$variant, $text),)+];

        /// The same texts for computations of the compiler.
        const TEXTS: &[&str] = &[$($text,)+];
    };
}

known! {
    Host "host",
    Connection "connection",
    ContentLength "content-length",
    TransferEncoding "transfer-encoding",
    ContentType "content-type",
    ContentEncoding "content-encoding",
    ContentRange "content-range",
    Cookie "cookie",
    SetCookie "set-cookie",
    Expect "expect",
    Upgrade "upgrade",
    Te "te",
    Trailer "trailer",
    KeepAlive "keep-alive",
    ProxyConnection "proxy-connection",
    Authorization "authorization",
    ProxyAuthenticate "proxy-authenticate",
    ProxyAuthorization "proxy-authorization",
    WwwAuthenticate "www-authenticate",
    UserAgent "user-agent",
    Referer "referer",
    Origin "origin",
    XForwardedFor "x-forwarded-for",
    XForwardedProto "x-forwarded-proto",
    XForwardedPort "x-forwarded-port",
    XForwardedHost "x-forwarded-host",
    XOriginalHost "x-original-host",
    XOriginalUrl "x-original-url",
    XAppgwTraceId "x-appgw-trace-id",
    XAzureJa4Fingerprint "x-azure-ja4-fingerprint",
    Traceparent "traceparent",
    Tracestate "tracestate",
    SecWebsocketKey "sec-websocket-key",
    SecWebsocketAccept "sec-websocket-accept",
    SecWebsocketVersion "sec-websocket-version",
    SecWebsocketProtocol "sec-websocket-protocol",
    SecWebsocketExtensions "sec-websocket-extensions",
    Location "location",
    Date "date",
    Server "server",
    Via "via",
    RetryAfter "retry-after",
    Allow "allow",
    CacheControl "cache-control",
    AcceptEncoding "accept-encoding",
}

/// The number of slots of the table; a power of two.
const SLOT_COUNT: usize = 128;
/// A slot without a name.
const EMPTY: u8 = u8::MAX;

/// The number of the one known name that can be in each slot.
static SLOTS: [u8; SLOT_COUNT] = {
    assert!(TEXTS.len() <= 64, "Fields keeps the known names as bits");
    let mut slots = [EMPTY; SLOT_COUNT];
    let mut number = 0;
    while number < TEXTS.len() {
        let slot = slot(TEXTS[number].as_bytes());
        assert!(slots[slot] == EMPTY, "two names have one slot: search for other factors");
        slots[slot] = number as u8;
        number += 1;
    }
    slots
};

/// Returns the slot of a name that is not empty. It depends on the length and two letters; the factors were
/// found by trial so that no two known names share a slot.
const fn slot(name: &[u8]) -> usize {
    let (first, later) = (name[0] | 0x20, name[name.len().saturating_sub(4)] | 0x20);
    (name.len() * 20 + first as usize * 18 + later as usize) & (SLOT_COUNT - 1)
}

impl Known {
    /// Returns the known name that equals `name` without case.
    pub fn of(name: &[u8]) -> Option<Known> {
        Known::of_token(name).filter(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// As [`Known::of`], for a name of which it is known that it has no control characters.
    #[inline]
    pub(crate) fn of_token(name: &[u8]) -> Option<Known> {
        if name.is_empty() {
            return None;
        }
        let (known, text) = ALL.get(usize::from(SLOTS[slot(name)]))?;
        is_token_of(name, text.as_bytes()).then_some(*known)
    }

    /// The name in lower case.
    pub const fn as_str(self) -> &'static str {
        TEXTS[self as usize]
    }

    /// The bit of this name in a set of names.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }

    /// The fields of one connection (RFC 9110, section 7.6.1), apart from `Connection` and those of framing.
    pub const HOP_BY_HOP: &'static [Known] =
        &[Known::Upgrade, Known::KeepAlive, Known::ProxyConnection, Known::Te, Known::Trailer];

    /// Returns true for a field that must not come after a body (RFC 9110, section 6.5.1): fields of framing,
    /// routing, authentication and content processing, and those that identify the client or the trace. If a
    /// peer merges trailers into the header section, they would change what was decided before.
    pub const fn is_forbidden_in_trailers(self) -> bool {
        use Known::*;
        matches!(
            self,
            Host | Connection
                | ContentLength
                | TransferEncoding
                | ContentType
                | ContentEncoding
                | ContentRange
                | Cookie
                | SetCookie
                | Expect
                | Upgrade
                | Te
                | Trailer
                | KeepAlive
                | ProxyConnection
                | Authorization
                | ProxyAuthenticate
                | ProxyAuthorization
                | WwwAuthenticate
                | XForwardedFor
                | XForwardedProto
                | XForwardedPort
                | XOriginalHost
                | XOriginalUrl
                | XAppgwTraceId
                | XAzureJa4Fingerprint
                | Traceparent
                | Tracestate
                | SecWebsocketKey
                | SecWebsocketAccept
                | SecWebsocketVersion
        )
    }
}

/// The name of a field, compared without case.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    known: Option<Known>,
    text: &'a [u8],
}

impl<'a> Name<'a> {
    /// A name whose number has been found before.
    pub(crate) fn with(known: Option<Known>, text: &'a [u8]) -> Name<'a> {
        Name { known, text }
    }

    /// The known name that this is.
    pub fn known(self) -> Option<Known> {
        self.known
    }

    /// The name in the spelling in which it was received or given.
    pub fn as_bytes(self) -> &'a [u8] {
        self.text
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.known == other.known && (self.known.is_some() || self.text.eq_ignore_ascii_case(other.text))
    }
}

impl Eq for Name<'_> {}

impl PartialEq<Known> for Name<'_> {
    fn eq(&self, other: &Known) -> bool {
        self.known == Some(*other)
    }
}

impl From<Known> for Name<'_> {
    fn from(known: Known) -> Self {
        Name { known: Some(known), text: known.as_str().as_bytes() }
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(text: &'a [u8]) -> Name<'a> {
        Name { known: Known::of(text), text }
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Name<'a> {
        Name::from(text.as_bytes())
    }
}

impl<'a> From<&'a HeaderName> for Name<'a> {
    fn from(name: &'a HeaderName) -> Name<'a> {
        let text = name.as_str().as_bytes();
        Name { known: Known::of_token(text), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_name_is_recognised_in_every_case_and_no_other_is() {
        for (number, (known, text)) in ALL.iter().enumerate() {
            assert_eq!((*known as usize, known.as_str()), (number, *text));
            for name in [text.to_string(), text.to_uppercase()] {
                assert_eq!(Known::of(name.as_bytes()), Some(*known));
                assert_eq!(Known::of(format!("{name}x").as_bytes()), None);
                assert_eq!(Known::of(&name.as_bytes()[1..]), None);
                assert_eq!(Known::of(name.replace('-', "_").as_bytes()).is_some(), !name.contains('-'));
            }
        }
        assert_eq!(Known::of(b""), None);
        assert_eq!(Known::of(b"x"), None);
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(Name::from("HOST"), Name::from(Known::Host));
        assert_eq!(Name::from("HOST").as_bytes(), b"HOST");
        assert_eq!(Name::from("X-Any"), Name::from("x-ANY"));
        assert_eq!(Name::from(&http::header::VIA), Known::Via);
        assert_ne!(Name::from("x-any"), Name::from("x-an"));
        assert_ne!(Name::from("host"), Name::from("x-any"));
    }
}
