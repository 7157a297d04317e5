//! Resource IDs of extension documents: parsed ignoring case, printed as their creator spelled them.

use std::fmt;

use super::{ExtensionType, NAMESPACE};
use crate::arm::resource_id::GatewayPath;

/// The resource ID of an extension document, which need not exist.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExtensionPath {
    /// The gateway that it belongs to.
    pub(crate) gateway: GatewayPath,
    /// Its type.
    pub(crate) kind: &'static ExtensionType,
    /// Its name, as written.
    pub(crate) name: String,
}

impl ExtensionPath {
    /// Parses an ID. The leading slash may be missing; the fixed segments may be in any case.
    pub(crate) fn parse(id: &str) -> Option<ExtensionPath> {
        let (before, name) = id.rsplit_once('/')?;
        let (before, kind) = before.rsplit_once('/')?;
        let (before, namespace) = before.rsplit_once('/')?;
        let (gateway, providers) = before.rsplit_once('/')?;
        if !providers.eq_ignore_ascii_case("providers")
            || !namespace.eq_ignore_ascii_case(NAMESPACE)
            || name.is_empty()
        {
            return None;
        }
        let (gateway, kind) = (GatewayPath::parse(gateway)?, ExtensionType::named(kind)?);
        Some(ExtensionPath { gateway, kind, name: name.to_owned() })
    }
}

impl fmt::Display for ExtensionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExtensionPath { gateway, kind, name } = self;
        write!(f, "{gateway}/providers/{}/{name}", kind.resource_type())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str =
        "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/applicationGateways/Gw";

    #[test]
    fn ids_are_read_in_any_case_and_printed_as_written() {
        let id = format!("{GATEWAY}/providers/Tidegate.Network/tunnelPolicies/Pool");
        for spelling in [&id, &id[1..], &id.to_ascii_lowercase(), &id.to_ascii_uppercase()] {
            assert!(
                ExtensionPath::parse(spelling).unwrap().to_string().eq_ignore_ascii_case(&id),
                "{spelling}"
            );
        }
        let path = ExtensionPath::parse(&id.replace("tunnelPolicies", "TUNNELPOLICIES")).unwrap();
        assert_eq!(path.to_string(), id);
        for bad in [
            GATEWAY,
            &format!("{GATEWAY}/providers/Tidegate.Network/tunnelPolicies"),
            &format!("{GATEWAY}/providers/Tidegate.Network/tunnelPolicies/"),
            &format!("{GATEWAY}/providers/Tidegate.Network/tunnels/x"),
            &format!("{GATEWAY}/providers/Microsoft.Network/tunnelPolicies/x"),
            &format!("{GATEWAY}/probes/p/providers/Tidegate.Network/tunnelPolicies/x"),
            "/providers/Tidegate.Network/tunnelPolicies/x",
        ] {
            assert_eq!(ExtensionPath::parse(bad), None, "{bad}");
        }
    }
}
