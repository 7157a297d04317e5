//! Fuzz target of the PFX parser: any file is opened or rejected in bounded CPU time.

use std::time::Duration;

use super::{ServerCertificate, to_base64};

/// The maximum CPU time of one file. The full number of rounds takes about one second, ten without
/// optimization.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 3 });

/// Returns the CPU time of this thread, which is independent of the load of other processes. Zero if the kernel
/// does not count it.
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
