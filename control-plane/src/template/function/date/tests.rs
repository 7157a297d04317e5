//! Dates: forms that are read, formats, durations.

use serde_json::json;

use super::*;

#[test]
fn a_sum_has_the_form_of_its_base_or_the_one_asked_for() {
    let cases = [
        ("2020-04-07 14:53:14Z", "P3Y", None, "2023-04-07 14:53:14Z"),
        ("2020-04-07 14:53:14Z", "-P9D", None, "2020-03-29 14:53:14Z"),
        ("20200407T145314Z", "PT1H", None, "20200407T155314Z"),
        // A year has 365 days, as in Azure.
        ("2022-09-01T00:00:00Z", "P10Y", None, "2032-08-29T00:00:00Z"),
        ("2022-01-31", "P1M", None, "2022-03-02"),
        ("2022-01-31T10:00:00.125+02:00", "PT0.5S", None, "2022-01-31T10:00:00.625+02:00"),
        ("2022-01-31T10:00", "P1W", None, "2022-02-07T10:00"),
        ("2022-01-31T10:00:00-0130", "P1DT30M", Some("u"), "2022-02-01 12:00:00Z"),
        ("2022-01-31T10:00:00Z", "PT0S", Some("yyyyMMdd_hhmmss"), "20220131_100000"),
    ];
    for (base, duration, format, expected) in cases {
        let values: Vec<Value> =
            [Some(base), Some(duration), format].iter().flatten().map(|v| json!(v)).collect();
        assert_eq!(add(&values), Ok(json!(expected)), "{values:?}");
    }
}

#[test]
fn formats_are_those_of_net() {
    let at: Timestamp = "2026-03-05T15:04:09.0125Z".parse().unwrap();
    let cases = [
        ("d", "03/05/2026"),
        ("D", "Thursday, 05 March 2026"),
        ("f", "Thursday, 05 March 2026 15:04"),
        ("F", "Thursday, 05 March 2026 15:04:09"),
        ("g", "03/05/2026 15:04"),
        ("G", "03/05/2026 15:04:09"),
        ("M", "March 05"),
        ("o", "2026-03-05T15:04:09.0125000Z"),
        ("R", "Thu, 05 Mar 2026 15:04:09 GMT"),
        ("s", "2026-03-05T15:04:09"),
        ("t", "15:04"),
        ("T", "15:04:09"),
        ("u", "2026-03-05 15:04:09Z"),
        ("U", "Thursday, 05 March 2026 15:04:09"),
        ("Y", "2026 March"),
        (COMPACT, "20260305T150409Z"),
        ("M d", "3 5"),
        ("%d", "5"),
        ("ddd d MMM y yy yyyyy", "Thu 5 Mar 26 26 02026"),
        ("h:m:s t|hh tt|H", "3:4:9 P|03 PM|15"),
        ("ff|FFFF|fff", "01|0125|012"),
        ("'day' d \\d \"hour\" HH K z zz zzz", "day 5 d hour 15 Z +0 +00 +00:00"),
        ("yyyy-MM-ddTHH:mm:ssZ", "2026-03-05T15:04:09Z"),
    ];
    for (format, expected) in cases {
        assert_eq!(show(at, Offset::UTC, format), Ok(json!(expected)), "{format}");
    }
    let west = Offset::from_seconds(-5400).unwrap();
    assert_eq!(show(at, west, "HH:mm K zz"), Ok(json!("13:34 -01:30 -01")));
    for wrong in ["x", "'open", "yyyy\\"] {
        show(at, Offset::UTC, wrong).unwrap_err();
    }
}

#[test]
fn epochs() {
    for text in
        ["2023-05-02T15:16:13Z", "2023-05-02 15:16:13Z", "20230502T151613Z", "2023-05-02T17:16:13+02:00"]
    {
        assert_eq!(to_epoch(&[json!(text)]), Ok(json!(1_683_040_573)), "{text}");
    }
    assert_eq!(from_epoch(&[json!(1_683_040_573)]), Ok(json!("2023-05-02T15:16:13Z")));
}

#[test]
fn what_is_no_time_or_duration_is_refused() {
    for wrong in [
        "",
        "2022",
        "2022-1-1",
        "2022-02-30",
        "2022-01-01T",
        "2022-01-01T25:00",
        "2022-01-01T10:00:00.",
        "tomorrow",
        "2022-01-01T10:00:00+99:00",
        "2022-01-01T10:00:00 ",
        "４022-01-01",
    ] {
        let outcome = Moment::read(wrong);
        assert!(outcome.is_err() || wrong.ends_with(' '), "{wrong}");
    }
    for wrong in
        ["", "P", "PT", "1D", "P1", "P1D1Y", "P1.5D", "P-1D", "PD", "P99999999999999999999D", "P1DT", "P1H"]
    {
        assert_eq!(duration(wrong), None, "{wrong}");
    }
    assert_eq!(duration("-P1DT2H3M4.5S"), Some(SignedDuration::new(-93_784, -500_000_000)));
    let far = [json!("9999-12-31"), json!("P1Y")];
    add(&far).unwrap_err();
}
