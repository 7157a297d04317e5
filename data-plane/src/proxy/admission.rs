//! Decides if a listener answers on this connection at all: the connection must speak TLS where the listener does, have
//! agreed on what the listener's TLS policy offers, and its client must have shown the certificate that the listener asks
//! for. Pure.
//!
//! The handshake goes by the name that the client names in it (SNI), and the request goes by its `Host`. Where the two
//! lead to listeners with different demands, the request is answered with 421 (RFC 9110, section 15.5.20): it could get
//! past the demands of its own listener otherwise. The same holds where a listener has got other demands meanwhile.

use super::error::ProxyError;
use crate::runtime::Route;
use crate::tls::client_certificate::ClientDemand;
use crate::tls::facts::TlsFacts;

/// Refuses plain HTTP to an HTTPS site, and TLS to a site that has become one of plain HTTP since the handshake.
pub(super) fn check_protocol(
    was_secure: bool,
    is_secure: bool,
    tls: Option<&TlsFacts>,
) -> Result<(), ProxyError> {
    match tls {
        None if was_secure || is_secure => Err(ProxyError::PlainHttp),
        Some(_) if !is_secure => Err(ProxyError::ProtocolChanged),
        _ => Ok(()),
    }
}

/// Refuses a connection whose handshake agreed on what the listener does not offer.
pub(super) fn check_suite(route: &Route, tls: Option<&TlsFacts>) -> Result<(), ProxyError> {
    match (route.suites, tls) {
        (Some(offered), Some(tls)) if !tls.is_within(offered) => Err(ProxyError::SuiteNotOffered),
        _ => Ok(()),
    }
}

/// Refuses a client that has not shown what the listener asks for.
pub(super) fn check_client(route: &Route, tls: Option<&TlsFacts>) -> Result<(), ProxyError> {
    let Some(demand) = route.demand.as_deref() else { return Ok(()) };
    let held_to = tls.and_then(|tls| tls.demand());
    let fault = tls.and_then(|tls| tls.client().fault());
    judge(demand, held_to.map(AsRef::as_ref), fault)
}

fn judge(
    demand: &ClientDemand,
    held_to: Option<&ClientDemand>,
    fault: Option<&'static str>,
) -> Result<(), ProxyError> {
    match (held_to, fault) {
        (Some(held_to), None) if demand.is_that_of(held_to) => Ok(()),
        (Some(held_to), Some(fault)) if demand.is_that_of(held_to) => {
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
        let passthrough = || ClientDemand::new(&ClientAuthentication::Passthrough, &[]).unwrap();
        let made = rcgen::generate_simple_self_signed(["root".to_owned()]).unwrap();
        let authority = ClientAuthority {
            roots: vec![made.cert.der().to_vec()],
            intermediates: Vec::new(),
            issuer: Vec::new(),
        };
        let required = |by_named_issuer| {
            let asked = ClientAuthentication::Required { authorities: vec![0], by_named_issuer };
            ClientDemand::new(&asked, &[&authority]).unwrap()
        };
        let (strict, again, stricter) = (required(false), required(false), required(true));
        for (demand, held_to, fault, expected) in [
            (&strict, Some(&again), None, ""),
            (&strict, Some(&again), Some("x"), "ClientCertificate(\"x\")"),
            (&strict, Some(&stricter), None, "Misdirected"),
            (&stricter, Some(&strict), None, "Misdirected"),
            (&strict, None, None, "Misdirected"),
            (&strict, Some(&passthrough()), None, "Misdirected"),
            (&passthrough(), None, None, "Misdirected"),
            (&passthrough(), Some(&passthrough()), None, ""),
        ] {
            let answer =
                judge(demand, held_to, fault).map_or_else(|error| format!("{error:?}"), |()| String::new());
            assert_eq!(answer, expected);
        }
    }
}
