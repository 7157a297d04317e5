//! Targets of violations in lists.

use super::check::check;
use super::*;

#[test]
fn entries_that_cannot_be_read_shift_no_others() {
    let addresses = json!([null, 7, { "ipAddress": "10.0.0.1" }, { "ipAddress": "bad host" }]);
    let at = |i: usize| format!(".backendAddresses[{i}]");
    check(
        "backendAddressPools",
        0,
        json!({ "backendAddresses": addresses }),
        &[
            (code::INVALID_JSON, &at(0)),
            (code::INVALID_JSON, &at(1)),
            (code::BACKEND_ADDRESS, &format!("{}.ipAddress", at(3))),
        ],
    );
    let names = json!([{}, "good.test", "bad host"]);
    check(
        "httpListeners",
        0,
        json!({ "hostNames": names }),
        &[(code::INVALID_JSON, ".hostNames[0]"), (code::HOST_NAME, ".hostNames[2]")],
    );
    let roots = json!([null, { "id": "x" }, {}, reference("trustedRootCertificates/none")]);
    let at = |i: usize| format!(".trustedRootCertificates[{i}]");
    check(
        "backendHttpSettingsCollection",
        1,
        json!({ "trustedRootCertificates": roots }),
        &[
            (code::INVALID_JSON, &at(0)),
            (code::INVALID_REFERENCE_FORMAT, &format!("{}.id", at(1))),
            (code::INVALID_REFERENCE, &format!("{}.id", at(2))),
            (code::INVALID_REFERENCE, &format!("{}.id", at(3))),
        ],
    );
}
