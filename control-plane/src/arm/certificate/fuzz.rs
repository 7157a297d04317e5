//! A fuzz target of what opens PFX files: whatever a file asks for, it takes little time.

use std::time::Duration;

use super::{ServerCertificate, to_base64};

/// The most time of a CPU for one file. All rounds that a file may ask for take about a second, and without optimisation
/// ten.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 3 });

/// How long this thread has run on a CPU; other processes make no difference to that. Zero where the kernel does not
/// count it.
fn cpu_time() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = counted.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[test]
fn fuzz_pfx() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let began = cpu_time();
        let read = ServerCertificate::read(&to_base64(bytes), "secret");
        let taken = cpu_time().saturating_sub(began);
        assert!(taken < TIME, "a file of {} bytes takes {taken:?}", bytes.len());
        if let Ok(certificate) = read {
            assert!(!certificate.chain.is_empty(), "a key without a certificate has been taken");
        }
    });
}
