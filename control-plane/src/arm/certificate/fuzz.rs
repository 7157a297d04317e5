//! A fuzz target of what opens PFX files: the limit of time for one input is libFuzzer's to hold (`-timeout`).

use super::{ServerCertificate, to_base64};

#[test]
fn fuzz_pfx() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(certificate) = ServerCertificate::read(&to_base64(bytes), "secret") {
            assert!(!certificate.chain.is_empty(), "a key without a certificate has been taken");
        }
    });
}
