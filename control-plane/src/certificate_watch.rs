//! Watches the validity of the certificates of gateways: metrics have it, and an event is published when one comes near
//! its end.
//!
//! A gateway is read again only if it has changed. What was published is remembered for the life of the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use x509_parser::parse_x509_certificate;

use crate::arm::certificate::{StoredCertificate, read_authorities};
use crate::arm::document::Child;
use crate::clock::Millis;
use crate::events::{EventContent, Events};
use crate::metrics::{CertificateTimes, Metrics};
use crate::store::{Gateway, Store, StoreError};

/// The interval of looking for changed gateways and near ends.
const CHECK: Duration = Duration::from_secs(10);

/// The numbers of days before its end at which a certificate is reported; 0 when it has ended.
const DAYS: [i64; 4] = [30, 7, 1, 0];

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The number of days from [`DAYS`] at which each certificate was reported last, by its resource ID and its end.
type Reported = BTreeMap<(String, Millis), i64>;

/// What is known of the certificates.
#[derive(Debug, Default)]
struct Watch {
    /// The certificates of each gateway, with the ETag under which they were read.
    known: BTreeMap<GatewayId, (String, Vec<CertificateTimes>)>,
    reported: Reported,
}

/// Watches the certificates until `stop`.
pub(crate) async fn run(
    (store, events, metrics): (Arc<Store>, Arc<Events>, Arc<Metrics>),
    stop: CancellationToken,
) {
    let mut watch = Watch::default();
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = check.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = watch.read(&store).await {
            tracing::warn!(%error, "the certificates of gateways could not be checked");
        }
        metrics.set_certificates(watch.known.values().flat_map(|(_, all)| all.clone()).collect());
        for event in watch.due(Millis::now()) {
            events.publish(event);
        }
    }
}

impl Watch {
    /// Reads the gateways that have changed.
    async fn read(&mut self, store: &Store) -> Result<(), StoreError> {
        let etags = store.gateway_etags().await?;
        self.known.retain(|id, _| etags.contains_key(id));
        for (id, etag) in etags {
            if self.known.get(&id).is_some_and(|(known, _)| *known == etag) {
                continue;
            }
            match store.gateway_by_id(id).await {
                Ok(Some((gateway, _))) => {
                    self.known.insert(id, (etag, certificates(&gateway)));
                }
                // A request for a damaged gateway returns the error.
                Ok(None) | Err(StoreError::Damaged { .. }) => {
                    self.known.remove(&id);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the events that are due.
    fn due(&mut self, now: Millis) -> Vec<EventContent> {
        let Watch { known, reported } = self;
        known.iter().flat_map(|(id, (_, all))| of_gateway(*id, all, now, reported)).collect()
    }
}

/// Returns the certificates of a gateway: those of listeners and the authorities, each the first one of its chain.
fn certificates(gateway: &Gateway) -> Vec<CertificateTimes> {
    let document = &gateway.document;
    let times = document.children.iter().filter_map(|child| {
        let der = certificate(child)?;
        let (_, parsed) = parse_x509_certificate(&der).ok()?;
        let [starts_at, ends_at] = [parsed.validity().not_before, parsed.validity().not_after]
            .map(|time| Millis(time.timestamp().saturating_mul(1000)));
        let resource = document.path.child_id(child.collection, &child.name);
        Some(CertificateTimes { resource, starts_at, ends_at })
    });
    times.collect()
}

/// Returns the certificate of a child in DER, if it has one.
fn certificate(child: &Child) -> Option<Vec<u8>> {
    match &child.secret {
        Some(secret) => StoredCertificate::from_secret(secret)?.chain.into_iter().next(),
        None => read_authorities(child.properties.get("data")?.as_str()?).ok()?.into_iter().next(),
    }
}

fn of_gateway(
    gateway: GatewayId,
    certificates: &[CertificateTimes],
    now: Millis,
    reported: &mut Reported,
) -> Vec<EventContent> {
    let mut events = Vec::new();
    for CertificateTimes { resource, starts_at, ends_at } in certificates {
        let left = ends_at.since(now);
        let Some(days) = DAYS.into_iter().rev().find(|days| left <= days * DAY) else { continue };
        let before = reported.insert((resource.clone(), *ends_at), days);
        if before.is_none_or(|before| before > days) {
            let kind = if left <= 0 { "certificateExpired" } else { "certificateNearEnd" };
            let event = EventContent::new(kind).of(gateway).with("certificate", resource.as_str());
            let event = event.with("validFrom", starts_at.to_string());
            events.push(event.with("expiresAt", ends_at.to_string()));
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_certificate_is_reported_at_each_threshold_once() {
        let gateway = GatewayId(Uuid::new_v4());
        let mut reported = Reported::new();
        let end = Millis(1000 * DAY);
        let times = |ends_at| CertificateTimes { resource: "/c".to_owned(), starts_at: Millis(0), ends_at };
        for (day, expected) in [
            (900, None),
            (969, None),
            (970, Some("certificateNearEnd")),
            (971, None),
            (995, Some("certificateNearEnd")),
            (999, Some("certificateNearEnd")),
            (1000, Some("certificateExpired")),
            (1001, None),
        ] {
            let events = of_gateway(gateway, &[times(end)], Millis(day * DAY), &mut reported);
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, Vec::from_iter(expected), "{day}");
        }
        let renewed = [times(Millis(1010 * DAY))];
        assert_eq!(of_gateway(gateway, &renewed, Millis(1001 * DAY), &mut reported).len(), 1);
    }
}
