//! Whether a listener answers on this connection at all: whether it speaks TLS where it must, and whether the client has
//! shown the certificate that the listener asks for. Pure.
//!
//! A client is asked for a certificate by the name that it names in the handshake, and its request goes by its `Host`.
//! Where the two lead to listeners that ask for different things, it is sent away: it could get past the check otherwise.

use super::error::ProxyError;
use crate::runtime::Route;
use crate::tls::client_certificate::ClientDemand;
use crate::tls::facts::TlsFacts;

/// Refuses plain HTTP to an HTTPS site.
pub(super) fn check_protocol(secure: bool, tls: Option<&TlsFacts>) -> Result<(), ProxyError> {
    if secure && tls.is_none() { Err(ProxyError::PlainHttp) } else { Ok(()) }
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
