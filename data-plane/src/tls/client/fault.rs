//! Describes faults of a backend's certificate or handshake, so that an operator can fix them.
//!
//! Pure: it decides nothing and collects nothing. Texts from certificates are untrusted, and are shown shortened.

use std::io;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, RootCertStore};
use thiserror::Error;
use x509_parser::asn1_rs::{Any, FromDer};
use x509_parser::prelude::{ASN1Time, GeneralName, X509Certificate, X509Name};

/// The most names of a certificate that are shown, and the most characters of each.
const SHOWN: (usize, usize) = (8, 80);

/// A fault of a certificate, described for a person.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct TlsFault(String);

/// Describes the fault of a backend's certificate chain that does not lead to one of `roots`, as `error` says.
pub(super) fn of_chain(
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
    error: &Error,
) -> TlsFault {
    let Some(first) = parse(own) else {
        return TlsFault(format!("the backend's certificate cannot be read: {}", plain(error)));
    };
    let others: Vec<X509Certificate<'_>> = others.iter().filter_map(parse).collect();
    let of_others = || others.iter().find_map(|other| dates(other, now));
    let said =
        dates(&first, now).or_else(|| misplaced(&first, &others)).or_else(of_others).unwrap_or_else(|| {
            match error {
                Error::InvalidCertificate(
                    CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
                ) => format!(
                    "the certificate {} is not meant for servers: its extended key usage lacks serverAuth",
                    subject(&first)
                ),
                Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature,
                ) => unknown(&first, &others, roots),
                _ if is_self_issued(&first) => unknown(&first, &others, roots),
                other => format!("the certificate {} cannot be verified: {}", subject(&first), plain(other)),
            }
        });
    TlsFault(said)
}

/// Returns the fault of a certificate that has expired or is not valid yet.
pub(super) fn out_of_date(own: &CertificateDer<'_>, now: UnixTime) -> Option<TlsFault> {
    match parse(own) {
        Some(own) => dates(&own, now).map(TlsFault),
        None => Some(TlsFault("the backend's certificate cannot be read".to_owned())),
    }
}

/// Describes the fault of a certificate that is none of the pinned ones.
pub(super) fn of_pin(own: &CertificateDer<'_>) -> TlsFault {
    let shown = parse(own).map_or_else(|| "of the backend".to_owned(), |own| subject(&own));
    TlsFault(format!("the certificate {shown} is not the one that the authentication certificates pin"))
}

/// Describes the fault of a certificate that does not match the name.
pub(super) fn of_name(own: &CertificateDer<'_>, wanted: &str) -> TlsFault {
    let borne = parse(own).map(|own| names(&own)).unwrap_or_default();
    let said = if borne.is_empty() { "has none".to_owned() } else { format!("has {}", listed(&borne)) };
    TlsFault(format!(
        "the certificate does not match the name {} in its subject alternative names or common name: it {said}",
        short(wanted)
    ))
}

/// Returns true if the name is the certificate's common name, and it has no alternative names.
pub(super) fn is_common_name(own: &CertificateDer<'_>, name: &str) -> bool {
    let Some(own) = parse(own) else { return false };
    if own.subject_alternative_name().is_ok_and(|names| names.is_some()) {
        return false;
    }
    let matches = |common: &str| match common.strip_prefix("*.") {
        Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => common.eq_ignore_ascii_case(name),
    };
    own.subject().iter_common_name().any(|common| common.as_str().is_ok_and(matches))
}

/// Describes the failure of a handshake.
pub(crate) fn of_handshake(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::Other(other))) => other.0.to_string(),
        Some(Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => {
            "the backend does not speak TLS on this port, but something else, such as plain HTTP".to_owned()
        }
        Some(Error::NoCertificatesPresented) => "the backend sends no certificate".to_owned(),
        Some(Error::AlertReceived(alert)) => {
            format!("the backend refused the handshake: {}", meaning(*alert))
        }
        Some(Error::PeerIncompatible(_)) => {
            "the backend speaks neither TLS 1.2 nor 1.3, or has no cipher suite in common with the gateway"
                .to_owned()
        }
        Some(other) => format!("the handshake failed: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the backend closed the connection during the handshake".to_owned()
        }
        None if error.kind() == io::ErrorKind::ConnectionReset => {
            "the backend reset the connection during the handshake".to_owned()
        }
        None => format!("the handshake failed: {error}"),
    }
}

fn meaning(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3".to_owned(),
        // Some servers send "access denied" for a name that they do not serve.
        AlertDescription::UnrecognisedName | AlertDescription::AccessDenied => {
            "it does not serve the name that was asked for (SNI)".to_owned()
        }
        AlertDescription::HandshakeFailure => {
            "it has no cipher suite in common with the gateway, or does not serve the name".to_owned()
        }
        AlertDescription::CertificateRequired | AlertDescription::BadCertificate => {
            "it asks for a client certificate, and the gateway has none".to_owned()
        }
        other => format!("alert {other:?}"),
    }
}

/// Describes a chain whose first certificate is not the server's own.
fn misplaced(first: &X509Certificate<'_>, others: &[X509Certificate<'_>]) -> Option<String> {
    if !first.is_ca() || is_self_issued(first) && others.is_empty() {
        return None;
    }
    Some(match others.iter().find(|other| !other.is_ca()) {
        Some(own) => format!(
            "the backend's own certificate {} must come first in its chain, but the first is that of the authority {}",
            subject(own),
            subject(first)
        ),
        None => format!(
            "the backend sends no certificate of its own (the leaf is missing): the first in its chain is that of the \
             authority {}",
            subject(first)
        ),
    })
}

fn dates(certificate: &X509Certificate<'_>, now: UnixTime) -> Option<String> {
    let now = ASN1Time::from_timestamp(i64::try_from(now.as_secs()).ok()?).ok()?;
    let validity = certificate.validity();
    let day = |time: &ASN1Time| time.to_datetime().date();
    if now > validity.not_after {
        return Some(format!(
            "the certificate {} expired on {}",
            subject(certificate),
            day(&validity.not_after)
        ));
    }
    if now < validity.not_before {
        let from = day(&validity.not_before);
        return Some(format!("the certificate {} is not valid before {from}", subject(certificate)));
    }
    None
}

/// Describes why no trusted authority issued the certificate, as far as the sent chain shows.
fn unknown(first: &X509Certificate<'_>, others: &[X509Certificate<'_>], roots: &RootCertStore) -> String {
    let is_root = |name: &X509Name<'_>| {
        let contents = Any::from_der(name.as_raw()).map(|(_, any)| any.data).unwrap_or_default();
        roots.roots.iter().any(|root| root.subject.as_ref() == contents)
    };
    let last = last_of_chain(first, others);
    if is_root(last.issuer()) {
        return format!(
            "the root certificate {} is not the trusted one of the same name: the backend's chain was signed with \
             another key",
            issuer(last)
        );
    }
    if is_self_issued(last) {
        let name = subject(last);
        return if std::ptr::eq(last, first) {
            format!("the certificate {name} is self-signed, and is not one of the trusted root certificates")
        } else {
            format!("the root certificate {name}, at which the backend's chain ends, is not a trusted one")
        };
    }
    format!(
        "an intermediate certificate is missing, or the root is unknown: {} was issued by {}, which the backend does not \
         send and which is not a trusted root certificate",
        subject(last),
        issuer(last)
    )
}

/// Returns the last certificate of the chain that begins with `first`, found by the names of the issuers.
fn last_of_chain<'a, 'b>(
    first: &'a X509Certificate<'b>,
    others: &'a [X509Certificate<'b>],
) -> &'a X509Certificate<'b> {
    let mut last = first;
    // The loop is bounded because the names may form a cycle.
    for _ in others {
        let next = others.iter().find(|other| other.subject() == last.issuer());
        match next {
            Some(next) if !is_self_issued(last) => last = next,
            _ => break,
        }
    }
    last
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

/// Returns every alternative name of a certificate, or its common name if it has none.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*octets).ok().map(|octets| std::net::IpAddr::from(octets).to_string()),
        },
        _ => None,
    };
    let names: Vec<String> = alternative.iter().filter_map(text).collect();
    if !names.is_empty() {
        return names;
    }
    certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok())
        .map(str::to_owned)
        .collect()
}

fn listed(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(SHOWN.0).map(|name| short(name)).collect();
    if names.len() > SHOWN.0 {
        shown.push(format!("{} more", names.len() - SHOWN.0));
    }
    shown.join(", ")
}

fn subject(certificate: &X509Certificate<'_>) -> String {
    short(&certificate.subject().to_string())
}

fn issuer(certificate: &X509Certificate<'_>) -> String {
    short(&certificate.issuer().to_string())
}

/// Quotes a text, shortened, and without characters that could be mistaken for something else.
fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN.1).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

fn plain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => other.0.to_string(),
        Error::InvalidCertificate(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

#[cfg(test)]
mod tests;
