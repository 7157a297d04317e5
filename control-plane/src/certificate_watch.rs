//! Publishes an event when a server certificate of a gateway comes near its end.
//!
//! The certificates are read once an hour. What was published is remembered for the life of the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use x509_parser::parse_x509_certificate;

use crate::arm::certificate::ServerCertificate;
use crate::clock::Millis;
use crate::events::{EventContent, Events};
use crate::store::{Gateway, Store, StoreError};

/// The interval of reading the certificates.
const CHECK: Duration = Duration::from_secs(60 * 60);

/// The numbers of days before its end at which a certificate is reported; 0 when it has ended.
const DAYS: [i64; 4] = [30, 7, 1, 0];

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The number of days from [`DAYS`] at which each certificate was reported last, by its resource ID and its end.
type Reported = BTreeMap<(String, Millis), i64>;

/// Checks the certificates until `stop`.
pub(crate) async fn run(store: Arc<Store>, events: Arc<Events>, stop: CancellationToken) {
    let mut reported = Reported::new();
    let mut check = interval(CHECK);
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = check.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = check_all(&store, &events, &mut reported).await {
            tracing::warn!(%error, "the certificates of gateways could not be checked");
        }
    }
}

async fn check_all(store: &Store, events: &Events, reported: &mut Reported) -> Result<(), StoreError> {
    for id in store.gateway_names().await?.into_keys() {
        match store.gateway_by_id(id).await {
            Ok(Some((gateway, _))) => {
                for event in of_gateway(id, &ends(&gateway), Millis::now(), reported) {
                    events.publish(event);
                }
            }
            // A request for a damaged gateway returns the error.
            Ok(None) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns the resource IDs of the server certificates of a gateway, each with its end.
fn ends(gateway: &Gateway) -> Vec<(String, Millis)> {
    let document = &gateway.document;
    let certificates = document.children.iter().filter_map(|child| {
        let certificate = ServerCertificate::from_secret(child.secret.as_ref()?)?;
        let (_, parsed) = parse_x509_certificate(certificate.chain.first()?).ok()?;
        let end = Millis(parsed.validity().not_after.timestamp().saturating_mul(1000));
        Some((document.path.child_id(child.collection, &child.name), end))
    });
    certificates.collect()
}

fn of_gateway(
    gateway: GatewayId,
    ends: &[(String, Millis)],
    now: Millis,
    reported: &mut Reported,
) -> Vec<EventContent> {
    let mut events = Vec::new();
    for (id, end) in ends {
        let left = end.since(now);
        let Some(days) = DAYS.into_iter().rev().find(|days| left <= days * DAY) else { continue };
        let before = reported.insert((id.clone(), *end), days);
        if before.is_none_or(|before| before > days) {
            let kind = if left <= 0 { "certificateExpired" } else { "certificateNearEnd" };
            let event = EventContent::new(kind).of(gateway).with("certificate", id.as_str());
            events.push(event.with("expiresAt", end.to_string()));
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
            let ends = [("/c".to_owned(), end)];
            let events = of_gateway(gateway, &ends, Millis(day * DAY), &mut reported);
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, Vec::from_iter(expected), "{day}");
        }
        let renewed = [("/c".to_owned(), Millis(1010 * DAY))];
        assert_eq!(of_gateway(gateway, &renewed, Millis(1001 * DAY), &mut reported).len(), 1);
    }
}
