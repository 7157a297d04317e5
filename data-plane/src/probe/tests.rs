//! The rhythm of probes and their verdicts, with a paused clock and without sockets.

use std::cell::RefCell;

use tokio::time::{Instant, timeout};

use super::*;
use crate::resolver::name::Name;

const INTERVAL: Duration = Duration::from_secs(10);

fn probe(unhealthy_threshold: u32) -> Probe {
    Probe {
        host: None,
        port: None,
        path: "/".into(),
        interval: INTERVAL,
        timeout: Duration::from_secs(1),
        unhealthy_threshold,
        min_servers: 0,
        statuses: vec![200..=399],
        body: String::new(),
    }
}

/// Probes for some time with these outcomes, the last of them again and again. Returns the times of the probes and the
/// new verdicts with their times.
async fn probed(
    probe: &Probe,
    location: &Location,
    time: Duration,
    outcomes: &[bool],
) -> (Vec<Duration>, Vec<(Duration, HealthState)>) {
    let (began, asked, verdicts) = (Instant::now(), RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let health = HealthStatus::new();
    let ask = async || {
        let at = asked.borrow().len().min(outcomes.len() - 1);
        asked.borrow_mut().push(began.elapsed());
        if outcomes[at] { Ok("Answered.".to_owned()) } else { Err("No answer.".to_owned()) }
    };
    let changed = |before, state, _: &str| {
        if state != before {
            verdicts.borrow_mut().push((began.elapsed(), state));
        }
    };
    let endless = repeat(probe, &health, location, ask, changed);
    assert!(timeout(time, endless).await.is_err(), "probing does not end");
    (asked.into_inner(), verdicts.into_inner())
}

#[tokio::test(start_paused = true)]
async fn probes_come_at_the_interval_shortened_by_up_to_a_tenth() {
    let here = Location::Address([127, 0, 0, 1].into());
    let (asked, verdicts) = probed(&probe(3), &here, 100 * INTERVAL, &[true]).await;
    assert_eq!(asked[0], Duration::ZERO);
    for pair in asked.windows(2) {
        let pause = pair[1] - pair[0];
        // A timer is precise to a millisecond.
        assert!(pause >= INTERVAL.mul_f64(0.9) && pause <= INTERVAL + Duration::from_millis(1), "{pause:?}");
    }
    assert_eq!(verdicts, [(Duration::ZERO, HealthState::Up)]);
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_unhealthy_at_the_thresholds_failure_in_a_row_and_healthy_at_one_success() {
    let here = Location::Address([127, 0, 0, 1].into());
    let outcomes = [true, false, false, true, false, false, false, false, true];
    let (asked, verdicts) = probed(&probe(3), &here, 9 * INTERVAL, &outcomes).await;
    let expected = [(asked[0], HealthState::Up), (asked[6], HealthState::Down), (asked[8], HealthState::Up)];
    assert_eq!(verdicts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_moves_is_probed_at_once() {
    let name = Arc::new(Name::new("backend.test"));
    let location = Location::Name(name.clone());
    let moving = async {
        sleep(INTERVAL / 4).await;
        name.learn(Ok(vec![[127, 0, 0, 2].into()]));
        std::future::pending().await
    };
    let probe = probe(3);
    let probing = probed(&probe, &location, INTERVAL / 2, &[true]);
    let (asked, _) = tokio::select! {
        seen = probing => seen,
        () = moving => panic!("the name moves once"),
    };
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1] >= INTERVAL / 4 && asked[1] < INTERVAL / 4 + Duration::from_millis(5), "{asked:?}");
}
