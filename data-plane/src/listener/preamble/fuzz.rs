//! A fuzz target of the PROXY protocol's header: a client is named by a whole header alone.

use super::{SIGNATURE, of_block, of_line};

#[test]
fn fuzz_proxy_preamble() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if of_line(bytes).is_ok() {
            assert!(bytes.starts_with(b"PROXY ") && bytes.ends_with(b"\r\n"), "not a header of version 1");
        }
        let block = [SIGNATURE.as_slice(), bytes].concat();
        if matches!(of_block(&block), Ok(Some(_))) {
            assert!(bytes.len() >= 4 + 12, "an address without the bytes for it");
        }
    });
}
