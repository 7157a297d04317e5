//! The api-versions of the extension provider.

use crate::arm::extension::API_VERSIONS;

use super::ServiceError;

/// Checks an api-version of a type of the extension provider.
///
/// # Errors
/// [`ServiceError::UnsupportedApiVersion`].
pub(crate) fn check_extension_version(resource_type: &str, text: &str) -> Result<(), ServiceError> {
    match API_VERSIONS.contains(&text) {
        true => Ok(()),
        false => Err(ServiceError::UnsupportedApiVersion {
            text: text.chars().take(40).collect(),
            kind: resource_type.chars().take(100).collect(),
        }),
    }
}
