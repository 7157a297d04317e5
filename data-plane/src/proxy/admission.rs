//! Decides if a listener may serve requests of this connection. The connection must use TLS if the listener does,
//! with a version and cipher suite of the listener's TLS policy, and the client must have presented the certificate
//! that the listener requires. Pure.
//!
//! The TLS handshake depends on the server name (SNI), and the request on its `Host`. If the two lead to listeners
//! with different requirements, the response is 421 (RFC 9110, section 15.5.20), because the request could evade the
//! requirements of its own listener otherwise. The same holds if the requirements have changed since the handshake.

use super::error::ProxyError;
use crate::runtime::Route;
use crate::tls::client_certificate::ClientCertificatePolicy;
use crate::tls::facts::TlsInfo;

/// Rejects plain HTTP on an HTTPS binding, and TLS on a binding that has become plain HTTP since the handshake.
pub(super) fn check_protocol(
    was_secure: bool,
    is_secure: bool,
    tls: Option<&TlsInfo>,
) -> Result<(), ProxyError> {
    match tls {
        None if was_secure || is_secure => Err(ProxyError::PlainHttp),
        Some(_) if !is_secure => Err(ProxyError::ProtocolChanged),
        _ => Ok(()),
    }
}

/// Rejects a connection whose TLS version or cipher suite the listener does not offer.
pub(super) fn check_suite(route: &Route, tls: Option<&TlsInfo>) -> Result<(), ProxyError> {
    match (route.suites, tls) {
        (Some(offered), Some(tls)) if !tls.is_within(offered) => Err(ProxyError::SuiteNotOffered),
        _ => Ok(()),
    }
}

/// Rejects a client without the certificate that the listener requires.
pub(super) fn check_client(route: &Route, tls: Option<&TlsInfo>) -> Result<(), ProxyError> {
    let Some(client_policy) = route.client_policy.as_deref() else { return Ok(()) };
    let held_to = tls.and_then(|tls| tls.client_policy());
    let fault = tls.and_then(|tls| tls.client().fault());
    judge(client_policy, held_to.map(AsRef::as_ref), fault)
}

fn judge(
    client_policy: &ClientCertificatePolicy,
    held_to: Option<&ClientCertificatePolicy>,
    fault: Option<&'static str>,
) -> Result<(), ProxyError> {
    match (held_to, fault) {
        (Some(held_to), None) if client_policy.is_same_policy(held_to) => Ok(()),
        (Some(held_to), Some(fault)) if client_policy.is_same_policy(held_to) => {
            Err(ProxyError::ClientCertificate(fault))
        }
        _ => Err(ProxyError::Misdirected),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_shared::snapshot::{ClientAuthentication, ClientAuthority};

    use super::*;

    #[test]
    fn a_listener_answers_only_whom_it_has_asked_for_itself() {
        let passthrough = || ClientCertificatePolicy::new(&ClientAuthentication::Passthrough, &[]).unwrap();
        let made = rcgen::generate_simple_self_signed(["root".to_owned()]).unwrap();
        let authority = ClientAuthority {
            roots: vec![made.cert.der().to_vec()],
            intermediates: Vec::new(),
            issuer: Vec::new(),
        };
        let required = |by_named_issuer| {
            let asked = ClientAuthentication::Required { authorities: vec![0], by_named_issuer };
            ClientCertificatePolicy::new(&asked, &[&authority]).unwrap()
        };
        let (strict, again, stricter) = (required(false), required(false), required(true));
        for (client_policy, held_to, fault, expected) in [
            (&strict, Some(&again), None, ""),
            (&strict, Some(&again), Some("x"), "ClientCertificate(\"x\")"),
            (&strict, Some(&stricter), None, "Misdirected"),
            (&stricter, Some(&strict), None, "Misdirected"),
            (&strict, None, None, "Misdirected"),
            (&strict, Some(&passthrough()), None, "Misdirected"),
            (&passthrough(), None, None, "Misdirected"),
            (&passthrough(), Some(&passthrough()), None, ""),
        ] {
            let answer = judge(client_policy, held_to, fault)
                .map_or_else(|error| format!("{error:?}"), |()| String::new());
            assert_eq!(answer, expected);
        }
    }
}
