//! Fuzz target of filters and orders of tunnels: nothing makes the parsers fail, and what they accept travels unchanged.

use tidegate_shared::tunnel::Filter;

use super::{read, read_order};

#[test]
fn fuzz_tunnel_filter() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(filter) = read(text) {
            let sent = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<Filter>(&sent).unwrap(), filter);
            // A filter in parentheses means the same.
            if !text.trim().is_empty() {
                assert_eq!(read(&format!("({text})")).unwrap_or_else(|_| filter.clone()), filter);
            }
        }
        let _ = read_order(text);
    });
}
