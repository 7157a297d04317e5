//! The `Date` of responses (RFC 9110, section 6.6.1), formatted once a second on each thread.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tidegate_http1::{Fields, Known};

thread_local! {
    /// The last second for which a date was asked, and its line.
    static LAST: RefCell<(u64, Fields)> = RefCell::default();
}

/// Calls `work` with the line of now.
pub(super) fn with(work: impl FnOnce(&Fields)) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|(second, line)| {
        if *second != now || line.is_empty() {
            *second = now;
            line.clear();
            line.append(Known::Date, of(now).as_bytes());
        }
        work(line);
    });
}

fn of(second: u64) -> String {
    let time = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time.unwrap_or_default());
    text.expect("a year has four digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_the_form_of_http() {
        assert_eq!(of(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        let mut out = Vec::new();
        with(|now| now.write(&mut out));
        assert_eq!(out.len(), "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".len());
    }
}
