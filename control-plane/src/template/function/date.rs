//! Functions on dates: ISO 8601 in, the formats of .NET's invariant culture out.
//!
//! A year is 365 days and a month 30 days, as in Azure, whose durations have no calendar.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Function, FunctionResult, Text, integer, text};

pub(super) const TABLE: &[Function] = &[
    Function::new("dateTimeAdd", 2, 3, add),
    Function::new("dateTimeFromEpoch", 1, 1, from_epoch),
    Function::new("dateTimeToEpoch", 1, 1, to_epoch),
];

/// The format of `utcNow` without an argument.
pub(in crate::template) const COMPACT: &str = "yyyyMMddTHHmmssZ";

const DAY: i64 = 86_400;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `dateTimeAdd(base, duration, [format])`. Without a format, the result has the form of the base.
fn add(values: &[Value]) -> FunctionResult {
    let moment = Moment::read(text(&values[0])?)?;
    let at = duration(text(&values[1])?).and_then(|duration| moment.at.checked_add(duration).ok());
    let at =
        at.ok_or("the duration is not one of ISO 8601, such as P9D or -PT1H30M, or it leads too far.")?;
    let format = match values.get(2) {
        Some(format) => text(format)?,
        None => &moment.form,
    };
    show(at, moment.offset, format)
}

fn from_epoch(values: &[Value]) -> FunctionResult {
    let time = Timestamp::from_second(integer(&values[0])?).map_err(|_| "the time is out of range.")?;
    show(time, Offset::UTC, "yyyy-MM-ddTHH:mm:ssZ")
}

fn to_epoch(values: &[Value]) -> FunctionResult {
    Ok(Moment::read(text(&values[0])?)?.at.as_second().into())
}

/// A time of ISO 8601, and how it was written.
struct Moment {
    at: Timestamp,
    offset: Offset,
    /// The format in which it was written.
    form: String,
}

impl Moment {
    /// Reads a date with or without time, in extended or basic form; `T` or a space separates them.
    fn read(text: &str) -> Result<Moment, String> {
        let mut reader = Reader { rest: text.trim(), form: String::new() };
        let moment = reader.date_time().filter(|_| reader.rest.is_empty());
        let (local, offset) = moment.ok_or_else(|| {
            format!("'{text:.60}' is not a time of ISO 8601, such as 2026-01-31T08:00:00Z.")
        })?;
        let at = offset.to_timestamp(local).map_err(|_| "the time is out of range.")?;
        Ok(Moment { at, offset, form: reader.form })
    }
}

/// Reads from the start of a text, and writes the format of what it has read.
struct Reader<'t> {
    rest: &'t str,
    form: String,
}

impl Reader<'_> {
    fn date_time(&mut self) -> Option<(DateTime, Offset)> {
        let year = self.digits("yyyy")?;
        let dash = self.take("-");
        let month = self.digits("MM")?;
        if dash && !self.take("-") {
            return None;
        }
        let day = self.digits("dd")?;
        let (mut time, mut offset) = ((0, 0, 0, 0), Offset::UTC);
        if self.take("T") || self.take(" ") {
            time = self.time()?;
            offset = self.offset()?;
        }
        let narrow = |number: i64| i8::try_from(number).ok();
        let (hour, minute, second, nanos) = time;
        let date = jiff::civil::Date::new(i16::try_from(year).ok()?, narrow(month)?, narrow(day)?).ok()?;
        let time = jiff::civil::Time::new(narrow(hour)?, narrow(minute)?, narrow(second)?, nanos).ok()?;
        Some((date.to_datetime(time), offset))
    }

    fn time(&mut self) -> Option<(i64, i64, i64, i32)> {
        let hour = self.digits("HH")?;
        let colon = self.take(":");
        let minute = self.digits("mm")?;
        let mut second = 0;
        let more = if colon { self.take(":") } else { self.rest.starts_with(|c: char| c.is_ascii_digit()) };
        if more {
            second = self.digits("ss")?;
        }
        let mut nanos = 0;
        if self.take(".") {
            let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, rest) =
                self.rest.split_at_checked(digits).filter(|_| (1..=9).contains(&digits))?;
            nanos = format!("{fraction:0<9}").parse().ok()?;
            self.form.push_str(&"f".repeat(digits.min(7)));
            self.rest = rest;
        }
        Some((hour, minute, second, nanos))
    }

    fn offset(&mut self) -> Option<Offset> {
        let space = self.rest.len() > 1 && self.take(" ");
        if self.take("Z") || (self.rest.is_empty() && !space) {
            return Some(Offset::UTC);
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let form = std::mem::take(&mut self.form);
        let hours = self.digits("HH")?;
        self.take(":");
        let minutes = if self.rest.is_empty() { 0 } else { self.digits("mm")? };
        self.form = form + "zzz";
        let seconds = i32::try_from(sign * (hours * 3600 + minutes * 60)).ok()?;
        Offset::from_seconds(seconds).ok().filter(|_| minutes < 60)
    }

    /// Reads as many digits as the part of the format has letters.
    fn digits(&mut self, form: &str) -> Option<i64> {
        let (number, rest) = self.rest.split_at_checked(form.len())?;
        let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
        self.rest = rest;
        self.form.push_str(form);
        Some(number)
    }

    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        if let Some(rest) = rest {
            self.rest = rest;
            self.form.push_str(word);
        }
        rest.is_some()
    }
}

/// Reads a duration of ISO 8601, such as `-P1DT2H`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let of_days = amount(days, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    let of_time = match time {
        Some("") => return None,
        Some(time) => amount(time, &[('H', 3600), ('M', 60), ('S', 1)])?,
        None => SignedDuration::ZERO,
    };
    let whole = of_days.checked_add(of_time).filter(|_| !rest.is_empty())?;
    if negative { whole.checked_neg() } else { Some(whole) }
}

/// Reads numbers with these units, each at most once and in this order. Only the last unit of a time, the
/// second, may have a fraction.
fn amount(text: &str, units: &[(char, i64)]) -> Option<SignedDuration> {
    let (mut rest, mut whole) = (text, SignedDuration::ZERO);
    for (unit, seconds) in units {
        let Some((number, after)) = rest.split_once(*unit) else { continue };
        let (number, fraction) = number.split_once('.').unwrap_or((number, ""));
        if number.is_empty() || !number.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if fraction.len() > 9 || (!fraction.is_empty() && *unit != 'S') {
            return None;
        }
        let seconds = number.parse::<i64>().ok()?.checked_mul(*seconds)?;
        let nanos = format!("{fraction:0<9}").parse().ok()?;
        whole = whole.checked_add(SignedDuration::new(seconds, nanos))?;
        rest = after;
    }
    rest.is_empty().then_some(whole)
}

/// Formats a time: a standard format of one letter, or a custom one.
pub(in crate::template) fn show(at: Timestamp, offset: Offset, format: &str) -> FunctionResult {
    let (offset, format) = match format {
        "d" => (offset, "MM/dd/yyyy"),
        "D" => (offset, "dddd, dd MMMM yyyy"),
        "f" => (offset, "dddd, dd MMMM yyyy HH:mm"),
        "F" => (offset, "dddd, dd MMMM yyyy HH:mm:ss"),
        "g" => (offset, "MM/dd/yyyy HH:mm"),
        "G" => (offset, "MM/dd/yyyy HH:mm:ss"),
        "m" | "M" => (offset, "MMMM dd"),
        "o" | "O" => (offset, "yyyy-MM-ddTHH:mm:ss.fffffffK"),
        "r" | "R" => (Offset::UTC, "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
        "s" => (offset, "yyyy-MM-ddTHH:mm:ss"),
        "t" => (offset, "HH:mm"),
        "T" => (offset, "HH:mm:ss"),
        "u" => (Offset::UTC, "yyyy-MM-dd HH:mm:ssZ"),
        "U" => (Offset::UTC, "dddd, dd MMMM yyyy HH:mm:ss"),
        "y" | "Y" => (offset, "yyyy MMMM"),
        "" => (offset, "MM/dd/yyyy HH:mm:ss"),
        one if one.chars().count() == 1 => return Err(format!("'{one}' is not a standard format of times.")),
        custom => (offset, custom),
    };
    custom(offset.to_datetime(at), offset, format)
}

fn custom(time: DateTime, offset: Offset, format: &str) -> FunctionResult {
    let mut shown = Text::default();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|c| *c == first).count();
        let after = &rest[first.len_utf8()..];
        match first {
            '\'' | '"' => {
                let end = after.find(first).ok_or("a quote of the format is not closed.")?;
                shown.push(&after[..end])?;
                rest = &after[end + 1..];
            }
            '\\' => {
                let literal = after.chars().next().ok_or("the format ends with a backslash.")?;
                shown.push(literal.encode_utf8(&mut [0; 4]))?;
                rest = &after[literal.len_utf8()..];
            }
            // It only separates a custom format of one letter from a standard one.
            '%' => rest = after,
            _ => {
                match part(time, offset, first, run) {
                    Some(part) => shown.push(&part)?,
                    None => shown.push(&rest[..run * first.len_utf8()])?,
                }
                rest = &rest[run * first.len_utf8()..];
            }
        }
    }
    Ok(shown.into())
}

/// Formats the part of a time that the letter stands for if it is repeated `run` times; `None` for a letter
/// without a meaning.
fn part(time: DateTime, offset: Offset, letter: char, run: usize) -> Option<String> {
    let padded = |number: i32| Some(format!("{number:0>width$}", width = run.min(2)));
    let named = |names: &[&'static str], at: usize, most: usize| {
        let name = names.get(at).copied().unwrap_or_default();
        Some(if run > most { name } else { name.get(..3).unwrap_or(name) }.to_owned())
    };
    let (month, year) = (time.month(), i32::from(time.year()));
    match letter {
        'y' if run <= 2 => padded(year % 100),
        'y' => Some(format!("{year:0>width$}", width = run.min(9))),
        'M' if run >= 3 => named(&MONTHS, usize::try_from(month - 1).unwrap_or(0), 3),
        'M' => padded(month.into()),
        'd' if run >= 3 => named(&DAYS, usize::try_from(time.weekday().to_sunday_zero_offset()).ok()?, 3),
        'd' => padded(time.day().into()),
        'H' => padded(time.hour().into()),
        'h' => padded((i32::from(time.hour()) + 11) % 12 + 1),
        'm' => padded(time.minute().into()),
        's' => padded(time.second().into()),
        'f' => Some(fraction(time, run)),
        'F' => Some(fraction(time, run).trim_end_matches('0').to_owned()),
        't' => Some(if time.hour() < 12 { "AM" } else { "PM" }[..run.min(2)].to_owned()),
        'z' | 'K' => Some(shown_offset(offset, letter, run)),
        _ => None,
    }
}

fn fraction(time: DateTime, run: usize) -> String {
    let digits = format!("{:09}", time.subsec_nanosecond());
    digits[..run.min(7)].to_owned()
}

fn shown_offset(offset: Offset, letter: char, run: usize) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    match (letter, run) {
        ('K', run) if seconds == 0 => "Z".repeat(run),
        ('K', run) => format!("{sign}{hours:02}:{minutes:02}").repeat(run),
        (_, 1) => format!("{sign}{hours}"),
        (_, 2) => format!("{sign}{hours:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests;
