//! The syntax of option values. Pure: nothing here reads a file or resolves a name.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_data_plane::{AccessLog, MetricsPage};
use tidegate_shared::secret::Secret;

/// Parses a whole number with a unit (`ms`, `s`, `m`, `h`); seconds without a unit. Zero is an error.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("expected a whole number with `ms`, `s`, `m` or `h`, such as `30s`".to_owned()),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(milliseconds)) {
        Some(0) => Err("must not be zero".to_owned()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err("expected a whole number, such as `30s`".to_owned()),
    }
}

/// Parses a [`duration`] of at least 3 s, which leaves time to replace a certificate.
pub(super) fn certificate_lifetime(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        lifetime if lifetime < Duration::from_secs(3) => Err("must be at least `3s`".to_owned()),
        lifetime => Ok(lifetime),
    }
}

/// Formats a duration for the command line of a worker; [`duration`] parses it.
pub(crate) fn format_duration(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// Checks a host name or address with a port.
pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => {
            Ok(text.to_owned())
        }
        _ => Err("expected a host and a port, such as `control.example:9444`".to_owned()),
    }
}

/// Parses `off`, `stdout` or a path.
pub(super) fn access_log(text: &str) -> Result<AccessLog, String> {
    match text {
        "" => Err("expected `off`, `stdout` or a path".to_owned()),
        "off" => Ok(AccessLog::Off),
        "stdout" => Ok(AccessLog::Stdout),
        path => Ok(AccessLog::File(PathBuf::from(path))),
    }
}

/// Formats an access log for the command line of a worker; [`access_log`] parses it.
pub(crate) fn format_access_log(access_log: &AccessLog) -> PathBuf {
    match access_log {
        AccessLog::Off => PathBuf::from("off"),
        AccessLog::Stdout => PathBuf::from("stdout"),
        AccessLog::File(path) => path.clone(),
    }
}

/// Parses a whole number of bytes, or of `KiB`, `MiB` or `GiB`. Zero is an error.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let bytes: u64 = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("expected a whole number with `KiB`, `MiB` or `GiB`, such as `100MiB`".to_owned()),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(bytes)) {
        Some(0) => Err("must not be zero".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("expected a whole number, such as `100MiB`".to_owned()),
    }
}

/// Parses `auto`, which becomes 0, or a size that the kernel accepts for a socket buffer (4 KiB to 1 GiB).
pub(super) fn tunnel_buffer(text: &str) -> Result<usize, String> {
    const ALLOWED: std::ops::RangeInclusive<u64> = 4 << 10..=1 << 30;
    if text == "auto" {
        return Ok(0);
    }
    let bytes = size(text)?;
    let bytes = usize::try_from(bytes).ok().filter(|_| ALLOWED.contains(&bytes));
    bytes.ok_or_else(|| "expected `auto`, or a size from `4KiB` to `1GiB`".to_owned())
}

/// Formats a size for the command line of a worker; [`tunnel_buffer`] parses it.
pub(crate) fn format_tunnel_buffer(bytes: usize) -> String {
    if bytes == 0 { "auto".to_owned() } else { bytes.to_string() }
}

/// Parses `off`, or an address with a port.
pub(super) fn metrics(text: &str) -> Result<MetricsPage, String> {
    match text {
        "off" => Ok(MetricsPage::Off),
        address => address
            .parse()
            .map(MetricsPage::At)
            .map_err(|_| "expected `off`, or an address and a port such as `127.0.0.1:9190`".to_owned()),
    }
}

/// Formats a metrics address for the command line of a worker; [`metrics`] parses it.
pub(crate) fn format_metrics(metrics: MetricsPage) -> String {
    match metrics {
        MetricsPage::Off => "off".to_owned(),
        MetricsPage::At(address) => address.to_string(),
    }
}

/// Checks the base URL of a collector. Only HTTP is supported: the collector runs beside the worker.
pub(super) fn collector(text: &str) -> Result<String, String> {
    let uri = text.parse::<hyper::Uri>().ok();
    let good = uri.is_some_and(|uri| {
        uri.scheme_str() == Some("http")
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if good { Ok(text.to_owned()) } else { Err("expected a URL such as `http://127.0.0.1:4318`".to_owned()) }
}

/// Accepts any text. The token is parsed later, because clap's error message would quote it.
pub(super) fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("30", Some(30_000)),
            ("250ms", Some(250)),
            ("1s", Some(1_000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(duration(text).ok(), expected, "{text}");
            if let Some(value) = expected {
                assert_eq!(duration(&format_duration(value)), Ok(value), "{text}, printed and read");
            }
        }
    }

    #[test]
    fn buffers_of_tunnels() {
        let cases = [
            ("auto", Some(0)),
            ("4KiB", Some(4096)),
            ("262144", Some(262_144)),
            ("1GiB", Some(1 << 30)),
            ("0", None),
            ("4095", None),
            ("2GiB", None),
            ("much", None),
        ];
        for (text, expected) in cases {
            let read = tunnel_buffer(text).ok();
            assert_eq!(read, expected, "{text}");
            assert_eq!(read.and_then(|bytes| tunnel_buffer(&format_tunnel_buffer(bytes)).ok()), expected);
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("4096", Some(4096)),
            ("1KiB", Some(1024)),
            ("100MiB", Some(104_857_600)),
            ("2GiB", Some(2_147_483_648)),
            ("0", None),
            ("", None),
            ("MiB", None),
            ("1MB", None),
            ("-1", None),
            ("99999999999GiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn collectors() {
        for (text, good) in [
            ("http://127.0.0.1:4318", true),
            ("http://collector/otlp", true),
            ("https://collector", false),
            ("collector:4318", false),
            ("http://", false),
            ("http://collector/?x", false),
        ] {
            assert_eq!(collector(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_metrics_address_survives_its_text_form() {
        for page in [MetricsPage::Off, MetricsPage::At("[::1]:9190".parse().unwrap())] {
            assert_eq!(metrics(&format_metrics(page)), Ok(page));
        }
    }

    #[test]
    fn hosts_and_ports() {
        for (text, good) in [
            ("127.0.0.1:9444", true),
            ("[::1]:9444", true),
            ("control.example:1", true),
            ("control.example", false),
            (":9444", false),
            ("control.example:0", false),
            ("control.example:65536", false),
        ] {
            assert_eq!(host_and_port(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn an_access_log_survives_its_text_form() {
        for log in [AccessLog::Off, AccessLog::Stdout, AccessLog::File("a/b.log".into())] {
            assert_eq!(access_log(format_access_log(&log).to_str().unwrap()), Ok(log));
        }
    }
}
