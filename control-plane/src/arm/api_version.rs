//! The `api-version` of a request or of a resource in a template.

use jiff::civil::{Date, date};

/// The date of an `api-version`. It decides a few rules: priorities are required from 2021-08-01 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion {
    /// Year, month, day.
    pub(crate) date: (u16, u8, u8),
}

impl ApiVersion {
    /// Any date from 2015 on, `YYYY-MM-DD`, with or without `-preview`: clients come with ever newer ones.
    pub(crate) fn parse(text: &str) -> Option<ApiVersion> {
        const FIRST: Date = date(2015, 1, 1);
        let (day, suffix) = text.split_at_checked(10)?;
        let shape =
            |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
        if !day.bytes().enumerate().all(shape)
            || !(suffix.is_empty() || suffix.eq_ignore_ascii_case("-preview"))
        {
            return None;
        }
        let number = |part: &str| part.parse::<u16>().ok();
        let (year, month, day) = (number(&day[..4])?, number(&day[5..7])?, number(&day[8..])?);
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        let real = Date::new(i16::try_from(year).ok()?, month.cast_signed(), day.cast_signed()).ok()?;
        (real >= FIRST).then_some(ApiVersion { date: (year, month, day) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_date_from_2015_on_is_a_version() {
        let good = [
            ("2015-01-01", (2015, 1, 1)),
            ("2024-05-01", (2024, 5, 1)),
            ("2026-03-01-preview", (2026, 3, 1)),
            ("2024-02-29", (2024, 2, 29)),
        ];
        for (text, date) in good {
            assert_eq!(ApiVersion::parse(text), Some(ApiVersion { date }), "{text}");
        }
        let bad = [
            "",
            "2014-12-31",
            "2024-5-1",
            "2024-13-01",
            "2023-02-29",
            "20240501",
            "2024-05-01x",
            "2024-05-01-beta",
            "latest",
            "+024-05-01",
            "２024-05-01",
            "2024/05/01",
        ];
        for text in bad {
            assert_eq!(ApiVersion::parse(text), None, "{text}");
        }
    }
}
