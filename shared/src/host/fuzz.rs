//! A fuzz target of host names: case, a port and a trailing dot make no difference to the canonical form.

use super::{CanonicalHost, HostPattern};

/// Finds the canonical host by plain string operations; `text` must be a valid host.
fn naive(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let host = match lower.rfind(':') {
        Some(colon) if !lower[colon..].contains(']') => &lower[..colon],
        _ => &lower,
    };
    host.strip_suffix('.').unwrap_or(host).to_owned()
}

#[test]
fn fuzz_host_names() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(pattern) = HostPattern::parse(text) {
            assert_eq!(HostPattern::parse(pattern.as_str()).as_ref(), Ok(&pattern), "{text}");
            let host = CanonicalHost::parse(text);
            assert!(
                pattern.has_wildcards() || host.is_ok_and(|host| host.as_str() == pattern.as_str()),
                "{text}"
            );
        }
        let Ok(host) = CanonicalHost::parse(text) else { return };
        if text.starts_with('[') {
            assert!(host.as_str().starts_with('[') && host.as_str().ends_with(']'), "{text} is {host}");
        } else {
            assert_eq!(host.as_str(), naive(text), "{text}");
        }
        assert!(!host.as_str().ends_with('.') && !host.as_str().is_empty(), "{text} is {host}");
        let upper = host.as_str().to_ascii_uppercase();
        for respelt in [host.to_string(), format!("{host}:443"), format!("{host}:"), upper] {
            assert_eq!(CanonicalHost::parse(&respelt).as_ref(), Ok(&host), "{respelt} of {text}");
        }
    });
}
