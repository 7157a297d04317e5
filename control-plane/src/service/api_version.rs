//! The `api-version` of requests and of resources in templates.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::arm::document::ApiVersion;

use super::ServiceError;

/// The year of this release: a clock that is behind refuses no version that is known.
const RELEASED: i16 = 2026;

/// Parses an api-version. New clients come with ever newer versions, so all are accepted up to the end of the next
/// year.
///
/// # Errors
/// [`ServiceError::BadApiVersion`] for text that is not such a date.
pub(crate) fn api_version(text: &str) -> Result<ApiVersion, ServiceError> {
    let year = Timestamp::now().to_zoned(TimeZone::UTC).year();
    let last = year.max(RELEASED).saturating_add(1);
    let version = ApiVersion::parse(text).filter(|version| i32::from(version.date.0) <= i32::from(last));
    version.ok_or_else(|| ServiceError::BadApiVersion { text: text.chars().take(40).collect(), last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_a_far_future_are_refused_with_the_known_range() {
        assert!(api_version("2026-03-01").is_ok() && api_version("2027-12-31-preview").is_ok());
        for text in ["2099-01-01", "yesterday", "2014-12-31", "9999-12-31"] {
            let message = api_version(text).unwrap_err().to_string();
            assert!(message.contains(text) && message.contains("2015-01-01 to 2"), "{message}");
        }
    }
}
