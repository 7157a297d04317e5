//! The versions of the API with which requests are sent.

/// The version for gateways and everything of ARM: the newest that the control plane knows.
const ARM: &str = "2025-05-01";

/// The version for the extension provider, `Tidegate.Network`.
const EXTENSION: &str = "2026-12-01";

/// Returns the version for a path; `None` for a path outside of ARM.
pub(super) fn of(path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    if path.contains("/providers/tidegate.network") {
        Some(EXTENSION)
    } else if path.starts_with("/subscriptions")
        || path.starts_with("/tenants")
        || path.starts_with("/providers")
    {
        Some(ARM)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_version() {
        for (path, version) in [
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/x",
                Some(ARM),
            ),
            ("/subscriptions/s/…/applicationGateways/x/providers/Tidegate.Network/tunnels", Some(EXTENSION)),
            ("/providers/Tidegate.Network/workers", Some(EXTENSION)),
            ("/workers", None),
            ("/not-enforced", None),
        ] {
            assert_eq!(of(path), version, "{path}");
        }
    }
}
