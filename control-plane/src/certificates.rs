//! The certificates of the running control plane: issued at the start and renewed while it runs.
//!
//! A task checks each second the wall clock, so that a clock that was set forward by years is noticed at once,
//! and the files of the authorities, which `tidegate authority rotate` changes. New connections use the newest
//! certificate; existing ones are unaffected. The session of a worker ([`crate::fleet`]) watches the state here
//! and renews the worker's certificate.

use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tidegate_shared::id::WorkerId;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use x509_parser::parse_x509_certificate;

use crate::clock::Millis;
use crate::data_dir;
use crate::pki::{
    Authorities, Identity, IssuedCertificate, PkiError, Validity, channel_config, management_config,
};
use crate::store::Store;

/// The interval of checking the wall clock and the files.
const CHECK: Duration = Duration::from_secs(1);

/// The time before an authority's expiry from which it is reported: 180 days, in milliseconds.
const AUTHORITY_WARNING: i64 = 180 * 24 * 60 * 60 * 1000;

/// The files of the authorities.
const FILES: [&str; 3] = ["ca.pem", "ca.key", "ca-next.key"];

/// The certificates of one control plane.
#[derive(Debug)]
pub(crate) struct Certificates {
    data_dir: PathBuf,
    lifetime: Duration,
    /// The address of the management endpoint.
    bound: IpAddr,
    /// The TLS configuration of the management endpoint and the expiry of its certificate, if the operator
    /// provides one.
    given: Option<(Arc<ServerConfig>, Millis)>,
    state: watch::Sender<Arc<State>>,
}

/// The current certificates and authorities.
#[derive(Debug)]
pub(crate) struct State {
    /// The trusted authorities.
    pub(crate) authorities: Authorities,
    /// The validity of the certificates issued for the endpoints.
    pub(crate) validity: Validity,
    /// The TLS configuration of the management endpoint.
    pub(crate) management: Arc<ServerConfig>,
    /// The expiry of the management endpoint's certificate.
    pub(crate) management_expires_at: Millis,
    /// The TLS configuration of the channel.
    pub(crate) channel: Arc<ServerConfig>,
}

/// The version of each file: inode, time of change (seconds and nanoseconds) and size.
type Stamp = [Option<(u64, i64, i64, u64)>; FILES.len()];

impl Certificates {
    /// Issues the first certificates of the endpoints. `given` is a management certificate provided by the
    /// operator.
    ///
    /// # Errors
    /// If signing fails, or if TLS cannot use the given certificate.
    pub(crate) fn new(
        data_dir: PathBuf,
        authorities: Authorities,
        lifetime: Duration,
        bound: IpAddr,
        given: Option<Identity>,
    ) -> Result<Certificates, PkiError> {
        let given = match given {
            Some(identity) => {
                let expires_at = identity.chain.first().map_or(Millis(0), expires_at);
                Some((management_config(identity)?, expires_at))
            }
            None => None,
        };
        let state = issue(authorities, lifetime, bound, given.as_ref(), Millis::now())?;
        warn_of_end(&state.authorities, Millis::now());
        let state = watch::Sender::new(Arc::new(state));
        Ok(Certificates { data_dir, lifetime, bound, given, state })
    }

    /// Returns the current state.
    pub(crate) fn state(&self) -> Arc<State> {
        self.state.borrow().clone()
    }

    /// Watches the state: the current one, and each change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<State>> {
        self.state.subscribe()
    }

    /// Issues a certificate for a worker, signed by the newest authority.
    ///
    /// # Errors
    /// If the request cannot be parsed or is not signed with its own key.
    pub(crate) fn issue_worker(
        &self,
        worker: WorkerId,
        request: &str,
    ) -> Result<IssuedCertificate, PkiError> {
        let validity = Validity::starting(Millis::now(), self.lifetime);
        self.state().authorities.newest().issue_worker(worker, request, validity)
    }

    /// Renews the certificates until `stop`.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<Store>, stop: CancellationToken) {
        let mut tick = interval(CHECK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut stamp, mut last_error) = (Stamp::default(), String::new());
        let mut waited_for = None;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            let checked = self.check(&mut stamp, Millis::now()).await;
            let error = checked.err().map(|e| e.to_string()).unwrap_or_default();
            if !error.is_empty() && error != last_error {
                tracing::error!(error, "certificates cannot be renewed; retrying each second");
            }
            last_error = error;
            self.tell_of_rotation(&store, &mut waited_for).await;
        }
    }

    /// Reloads the authorities if their files have changed, and reissues certificates if necessary.
    async fn check(&self, stamp: &mut Stamp, now: Millis) -> Result<(), PkiError> {
        let present = stamp_of(&self.data_dir);
        let state = self.state();
        let mut authorities = None;
        if present != *stamp {
            let _lock = data_dir::lock(&self.data_dir).await?;
            let read = Authorities::load_or_create(&self.data_dir, now)?;
            authorities = (!read.trusted().eq(state.authorities.trusted())).then_some(read);
        }
        if authorities.is_some() || state.validity.is_due(now) {
            let authorities = match authorities {
                Some(authorities) => authorities,
                None => Authorities::load_or_create(&self.data_dir, now)?,
            };
            warn_of_end(&authorities, now);
            let state = issue(authorities, self.lifetime, self.bound, self.given.as_ref(), now)?;
            let expires_at = state.validity.expires_at;
            self.state.send_replace(Arc::new(state));
            tracing::info!(%expires_at, "the certificates of the endpoints have been renewed");
        }
        *stamp = present;
        Ok(())
    }

    /// Logs the number of workers that a rotation waits for, each time it changes.
    async fn tell_of_rotation(&self, store: &Store, waited_for: &mut Option<usize>) {
        let state = self.state();
        let Some(next) = &state.authorities.next else {
            *waited_for = None;
            return;
        };
        let Ok(waiting) = store.workers_without_certificate_of(&next.fingerprint).await else { return };
        if waited_for.replace(waiting.len()) == Some(waiting.len()) {
            return;
        }
        match waiting.len() {
            0 => tracing::info!(
                "every worker has a certificate of the next authority: once clients trust both certificates in \
                 ca.pem, end the rotation with `tidegate authority rotate --finish`"
            ),
            workers => tracing::info!(
                workers,
                "the authority is being replaced; some workers still have a certificate of the current one"
            ),
        }
    }
}

/// Issues the certificates of the endpoints.
fn issue(
    authorities: Authorities,
    lifetime: Duration,
    bound: IpAddr,
    given: Option<&(Arc<ServerConfig>, Millis)>,
    now: Millis,
) -> Result<State, PkiError> {
    let validity = Validity::starting(now, lifetime);
    let (management, management_expires_at) = match given {
        Some((config, expires_at)) => (config.clone(), *expires_at),
        None => {
            let identity = authorities.current.issue_management(bound, validity)?;
            (management_config(identity)?, validity.expires_at)
        }
    };
    let channel = channel_config(authorities.current.issue_channel(validity)?, &authorities)?;
    Ok(State { authorities, validity, management, management_expires_at, channel })
}

fn warn_of_end(authorities: &Authorities, now: Millis) {
    let expires_at = authorities.current.expires_at;
    if expires_at.since(now) < AUTHORITY_WARNING {
        tracing::warn!(
            %expires_at,
            "the certificate authority in ca.pem expires soon or has expired: replace it with `tidegate authority rotate`"
        );
    }
}

fn expires_at(certificate: &CertificateDer<'static>) -> Millis {
    let seconds = parse_x509_certificate(certificate).map_or(0, |(_, c)| c.validity().not_after.timestamp());
    Millis(seconds.saturating_mul(1000))
}

fn stamp_of(data_dir: &Path) -> Stamp {
    FILES.map(|name| {
        let found: io::Result<_> = std::fs::metadata(data_dir.join(name));
        found.ok().map(|file| (file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn certificates(dir: &Path) -> Certificates {
        let authorities = Authorities::load_or_create(dir, Millis::now()).unwrap();
        let lifetime = Duration::from_secs(90 * 24 * 60 * 60);
        let bound = IpAddr::from([127, 0, 0, 1]);
        Certificates::new(dir.to_owned(), authorities, lifetime, bound, None).unwrap()
    }

    #[tokio::test]
    async fn the_endpoints_certificates_are_renewed_by_the_time_of_day_whatever_jump_it_makes() {
        let dir = tempfile::tempdir().unwrap();
        let certificates = certificates(dir.path());
        let start = certificates.state().validity.issued_at;
        let mut stamp = Stamp::default();
        for (day, renewed) in [(0, false), (59, false), (60, true), (60, false), (3 * 365, true), (0, true)] {
            let before = certificates.state();
            let now = Millis(start.0 + day * DAY);
            certificates.check(&mut stamp, now).await.unwrap();
            let after = certificates.state();
            assert_eq!(!Arc::ptr_eq(&before.channel, &after.channel), renewed, "day {day}");
            assert_eq!(!Arc::ptr_eq(&before.management, &after.management), renewed, "day {day}");
            assert!(after.validity.covers(now), "day {day}");
            assert!(before.authorities.trusted().eq(after.authorities.trusted()), "day {day}");
        }
    }

    #[tokio::test]
    async fn a_rotation_from_outside_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let certificates = certificates(dir.path());
        let now = certificates.state().validity.issued_at;
        let mut stamp = Stamp::default();
        certificates.check(&mut stamp, now).await.unwrap();
        let old = certificates.state().authorities.current.fingerprint.clone();

        Authorities::begin_rotation(dir.path(), now).unwrap();
        certificates.check(&mut stamp, now).await.unwrap();
        let during = certificates.state();
        assert_eq!(during.authorities.current.fingerprint, old);
        let next = during.authorities.newest().fingerprint.clone();
        assert_ne!(next, old);

        Authorities::finish_rotation(dir.path(), now).unwrap();
        certificates.check(&mut stamp, now).await.unwrap();
        let after = certificates.state();
        assert_eq!(after.authorities.current.fingerprint, next);
        assert_eq!(after.authorities.trusted().count(), 1);
        assert!(!Arc::ptr_eq(&during.channel, &after.channel));
    }
}
