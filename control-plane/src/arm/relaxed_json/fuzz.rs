//! Fuzz target of relaxed JSON: strict JSON keeps its meaning.

use serde_json::Value;

use super::strict;

#[test]
fn fuzz_relaxed_json() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let made = strict(text);
        if let Ok(meant) = serde_json::from_str::<Value>(text) {
            assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), meant);
        }
        if serde_json::from_str::<Value>(&made).is_ok() {
            assert_eq!(strict(&made), made, "strict JSON is changed");
        }
    });
}
