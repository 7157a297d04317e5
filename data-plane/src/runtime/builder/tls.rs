//! Builds the TLS configurations of listeners. Certificates and client authentication that several listeners refer to
//! are built once.

use std::collections::HashMap;
use std::sync::Arc;

use tidegate_shared::snapshot::{ClientAuthentication, Content, Listener, ListenerTls};

use super::{BuildError, dangling};
use crate::tls::TlsError;
use crate::tls::certificate::ServerCertificate;
use crate::tls::client_certificate::ClientCertificatePolicy;
use crate::tls::server::Offer;

/// The parts built so far.
#[derive(Debug, Default)]
pub(super) struct Offers {
    certificates: HashMap<usize, Arc<ServerCertificate>>,
    client_policies: Vec<(ClientAuthentication, Arc<ClientCertificatePolicy>)>,
}

impl Offers {
    /// Returns the TLS configuration of a listener; `None` for plain HTTP.
    pub(super) fn of(&mut self, listener: &Listener, content: &Content) -> Result<Option<Offer>, BuildError> {
        let Some(ListenerTls { certificate, suites, clients }) = &listener.tls else { return Ok(None) };
        if suites.is_empty() {
            return Err(TlsError::NoSuites { listener: listener.name.clone() }.into());
        }
        Ok(Some(Offer {
            certificate: certificate.map(|index| self.certificate(index, listener, content)).transpose()?,
            suites: suites.clone(),
            client_policy: clients
                .as_ref()
                .map(|asked| self.client_policy(asked, listener, content))
                .transpose()?,
        }))
    }

    fn certificate(
        &mut self,
        index: usize,
        listener: &Listener,
        content: &Content,
    ) -> Result<Arc<ServerCertificate>, BuildError> {
        if let Some(known) = self.certificates.get(&index) {
            return Ok(known.clone());
        }
        let certificate = content.certificates.get(index);
        let certificate = certificate.ok_or_else(|| dangling(listener, "certificate", index))?;
        let made = Arc::new(ServerCertificate::new(certificate)?);
        self.certificates.insert(index, made.clone());
        Ok(made)
    }

    fn client_policy(
        &mut self,
        asked: &ClientAuthentication,
        listener: &Listener,
        content: &Content,
    ) -> Result<Arc<ClientCertificatePolicy>, BuildError> {
        if let Some((_, known)) = self.client_policies.iter().find(|(known, _)| known == asked) {
            return Ok(known.clone());
        }
        let indices = match asked {
            ClientAuthentication::Passthrough => &[][..],
            ClientAuthentication::Required { authorities, .. } => authorities,
        };
        let mut authorities = Vec::new();
        for index in indices {
            let authority = content.client_authorities.get(*index);
            authorities.push(authority.ok_or_else(|| dangling(listener, "client authority", *index))?);
        }
        let made = Arc::new(ClientCertificatePolicy::new(asked, &authorities)?);
        self.client_policies.push((asked.clone(), made.clone()));
        Ok(made)
    }
}
