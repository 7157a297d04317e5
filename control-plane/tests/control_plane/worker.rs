//! A worker that speaks the channel and does nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tidegate_shared::channel::{self, MAX_MESSAGE, Receiver, Sender};
use tidegate_shared::id::{Digest, GatewayId, Generation, WorkerId};
use tidegate_shared::protocol::{CONTROL_PLANE_NAME, ToControlPlane, ToWorker, VERSION};
use tidegate_shared::snapshot::Snapshot;
use tidegate_shared::token::JoinToken;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::DEADLINE;

/// Who a worker is.
pub(crate) struct Identity {
    pub(crate) id: WorkerId,
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

type Out = Sender<TlsStream<TcpStream>, ToControlPlane>;
type In = Receiver<TlsStream<TcpStream>, ToWorker>;

/// Dials, with a client certificate or without.
pub(crate) async fn dial(
    address: SocketAddr,
    authority: &str,
    identity: Option<&Identity>,
) -> io::Result<(Out, In)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        Some(identity) => {
            let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from(CONTROL_PLANE_NAME).unwrap();
    let stream = TcpStream::connect(address).await?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(channel::split(tls, MAX_MESSAGE))
}

/// A certificate request for a key.
pub(crate) fn request(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

/// Joins with a token; the control plane's reason if it refuses.
pub(crate) async fn join(address: SocketAddr, token: &JoinToken) -> Result<Identity, String> {
    join_with(address, token, &KeyPair::generate().unwrap()).await
}

/// The same with that key.
pub(crate) async fn join_with(
    address: SocketAddr,
    token: &JoinToken,
    key: &KeyPair,
) -> Result<Identity, String> {
    let request = request(key);
    let (mut send, mut receive) = dial(address, &token.authority, None).await.unwrap();
    let join = ToControlPlane::Join { version: VERSION, secret: token.secret.clone(), request };
    send.send(&join).await.unwrap();
    match timeout(DEADLINE, receive.receive()).await.unwrap().unwrap() {
        Some(ToWorker::Joined { worker, certificate }) => Ok(Identity {
            id: worker,
            authority: token.authority.clone(),
            certificate,
            key: key.serialize_pem(),
        }),
        Some(ToWorker::Refused { reason, .. }) => Err(reason),
        other => panic!("{other:?}"),
    }
}

/// A connected worker.
pub(crate) struct FakeWorker {
    send: Out,
    receive: In,
    /// What came first, if it was more than a heartbeat.
    first: Option<ToWorker>,
}

impl FakeWorker {
    pub(crate) async fn connect(
        address: SocketAddr,
        identity: &Identity,
        running: Vec<(GatewayId, Generation, Digest)>,
    ) -> FakeWorker {
        let (send, receive) = dial(address, &identity.authority, Some(identity)).await.unwrap();
        let mut worker = FakeWorker { send, receive, first: None };
        worker.say(ToControlPlane::Hello { version: VERSION, running, metrics: None }).await;
        // Whatever comes first shows that it was let in.
        worker.first = worker.next().await;
        worker
    }

    pub(crate) async fn say(&mut self, message: ToControlPlane) {
        self.send.send(&message).await.unwrap();
    }

    async fn next(&mut self) -> Option<ToWorker> {
        timeout(DEADLINE, self.receive.receive()).await.expect("a message in time").unwrap()
    }

    /// Waits until the control plane has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let end = async { while let Ok(Some(_)) = self.receive.receive().await {} };
        timeout(DEADLINE, end).await.expect("it is closed in time");
    }

    /// The next message that is no heartbeat.
    pub(crate) async fn hear(&mut self) -> ToWorker {
        loop {
            let message = match self.first.take() {
                Some(first) => first,
                None => self.next().await.expect("the connection stays"),
            };
            if !matches!(message, ToWorker::Heartbeat | ToWorker::Authorities { .. }) {
                return message;
            }
        }
    }

    pub(crate) async fn assigned(&mut self) -> Snapshot {
        match self.hear().await {
            ToWorker::Assign(snapshot) => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    /// Takes the next snapshot and says that it is in force.
    pub(crate) async fn apply(&mut self) -> Snapshot {
        let snapshot = self.assigned().await;
        let addresses = vec!["127.0.0.1:8080".parse().unwrap()];
        let (gateway, generation) = (snapshot.gateway, snapshot.generation);
        let digest = snapshot.content.digest();
        self.say(ToControlPlane::Applied { gateway, generation, digest, addresses }).await;
        snapshot
    }

    /// Lets go of what it is told to let go of.
    pub(crate) async fn withdraw(&mut self) -> GatewayId {
        let message = self.hear().await;
        let ToWorker::Withdraw { gateway } = message else { panic!("{message:?}") };
        self.say(ToControlPlane::Withdrawn { gateway }).await;
        gateway
    }

    /// Takes the next snapshot and says that it cannot run.
    pub(crate) async fn reject(&mut self, reason: &str) -> Snapshot {
        let snapshot = self.assigned().await;
        let (gateway, generation) = (snapshot.gateway, snapshot.generation);
        self.say(ToControlPlane::Rejected { gateway, generation, reason: reason.into() }).await;
        snapshot
    }
}
