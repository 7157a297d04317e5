//! The state of a worker after messages, and plans made from it.

use uuid::Uuid;

use super::*;
use crate::store::OperationalState;
use crate::store::ProvisioningState::{Deleting, Updating};

const A: GatewayId = GatewayId(Uuid::from_u128(1));
const B: GatewayId = GatewayId(Uuid::from_u128(2));

fn digest(of: &str) -> Digest {
    Digest(of.to_owned())
}

fn wanted(gateway: GatewayId, generation: u64) -> DesiredState {
    DesiredState {
        gateway,
        generation: Generation(generation),
        digest: digest("as stored"),
        state: Updating,
        operational: OperationalState::Running,
        waiting_since: None,
        oldest_waited_for: None,
        newest_operation: None,
    }
}

fn going(gateway: GatewayId) -> DesiredState {
    DesiredState { state: Deleting, ..wanted(gateway, 1) }
}

fn stopped(gateway: GatewayId) -> DesiredState {
    DesiredState { operational: OperationalState::Stopping, ..wanted(gateway, 1) }
}

fn assign(gateway: GatewayId, generation: u64) -> Order {
    Order::Assign(gateway, Generation(generation))
}

fn applied(gateway: GatewayId, generation: u64) -> ToControlPlane {
    ToControlPlane::Applied {
        gateway,
        generation: Generation(generation),
        digest: digest("as stored"),
        addresses: Vec::new(),
    }
}

fn rejected(gateway: GatewayId, generation: u64) -> ToControlPlane {
    ToControlPlane::Rejected { gateway, generation: Generation(generation), reason: "no".into() }
}

/// A worker that runs a generation with different content, from before the restore of a backup.
fn strayed(gateway: GatewayId, generation: u64) -> Worker {
    Worker::running([(gateway, Generation(generation), digest("something else"))])
}

/// A worker with these running gateways and pending orders.
fn worker(running: &[(GatewayId, u64)], under_way: &[(GatewayId, Order)]) -> Worker {
    let mut worker =
        Worker::running(running.iter().map(|(id, n)| (*id, Generation(*n), digest("as stored"))));
    worker.under_way = under_way.iter().copied().collect();
    worker
}

#[test]
fn a_plan_says_what_differs_and_nothing_twice() {
    let cases: &[(&str, &[DesiredState], Worker, &[Order])] = &[
        ("nothing wanted, nothing run", &[], worker(&[], &[]), &[]),
        ("new", &[wanted(A, 1)], worker(&[], &[]), &[assign(A, 1)]),
        ("up to date", &[wanted(A, 3)], worker(&[(A, 3)], &[]), &[]),
        ("behind", &[wanted(A, 3)], worker(&[(A, 2)], &[]), &[assign(A, 3)]),
        ("ahead, after a restored backup", &[wanted(A, 3)], worker(&[(A, 9)], &[]), &[assign(A, 3)]),
        ("the same number of something else", &[wanted(A, 3)], strayed(A, 3), &[assign(A, 3)]),
        ("under way", &[wanted(A, 3)], worker(&[(A, 2)], &[(A, assign(A, 3))]), &[]),
        ("older one under way", &[wanted(A, 4)], worker(&[], &[(A, assign(A, 3))]), &[assign(A, 4)]),
        ("back to what runs", &[wanted(A, 2)], worker(&[(A, 2)], &[(A, assign(A, 3))]), &[assign(A, 2)]),
        ("not wanted", &[], worker(&[(A, 1)], &[]), &[Order::Withdraw(A)]),
        ("going", &[going(A)], worker(&[(A, 1)], &[]), &[Order::Withdraw(A)]),
        ("going, never heard of", &[going(A)], worker(&[], &[]), &[]),
        ("going, just told to run it", &[going(A)], worker(&[], &[(A, assign(A, 1))]), &[Order::Withdraw(A)]),
        ("stopped", &[stopped(A)], worker(&[(A, 1)], &[]), &[Order::Withdraw(A)]),
        ("stopped, never heard of", &[stopped(A)], worker(&[], &[]), &[]),
        ("stopped, the withdrawal under way", &[stopped(A)], worker(&[], &[(A, Order::Withdraw(A))]), &[]),
        ("started again", &[wanted(A, 1)], worker(&[], &[]), &[assign(A, 1)]),
        (
            "started again before it was let go of",
            &[wanted(A, 1)],
            worker(&[(A, 1)], &[(A, Order::Withdraw(A))]),
            &[assign(A, 1)],
        ),
        ("withdrawal under way", &[], worker(&[(A, 1)], &[(A, Order::Withdraw(A))]), &[]),
        (
            "withdraw before assign",
            &[going(B), wanted(A, 1)],
            worker(&[(B, 1)], &[]),
            &[Order::Withdraw(B), assign(A, 1)],
        ),
    ];
    for (name, wanted, worker, expected) in cases {
        assert_eq!(plan(wanted, worker, Instant::now()), *expected, "{name}");
    }
}

#[test]
fn a_refused_generation_is_tried_again_each_second() {
    let mut now = Instant::now();
    let mut worker = worker(&[(A, 1)], &[]);
    for _ in 0..20 {
        worker.on_message(rejected(A, 2), now);
        assert_eq!(plan(&[wanted(A, 2)], &worker, now + RETRY - Duration::from_millis(1)), []);
        assert_eq!(plan(&[wanted(A, 3)], &worker, now), [assign(A, 3)], "a newer one at once");
        now += RETRY;
        assert_eq!(plan(&[wanted(A, 2)], &worker, now), [assign(A, 2)]);
    }
    worker.on_message(applied(A, 2), now);
    assert!(worker.refused.is_empty());
}

#[test]
fn a_refusal_is_no_answer_to_a_write_that_came_after_the_order() {
    let (now, id) = (Instant::now(), WorkerId(Uuid::from_u128(11)));
    let waited_for = |operation| DesiredState { newest_operation: operation, ..wanted(A, 2) };
    let [none, first, second] = [None, Some(1), Some(2)].map(|number| number.map(OperationNumber));
    let refused = Verdict::Refused { worker: id, reason: "no".into() };
    let waiting = Verdict::Waiting(vec![id]);
    // The newest operation when the order was sent and afterwards, the verdict, and the next orders.
    for (before, after, expected, orders) in [
        (first, first, &refused, &[][..]),
        (first, second, &waiting, &[assign(A, 2)][..]),
        (first, none, &refused, &[]),
        (none, first, &waiting, &[assign(A, 2)]),
        (none, none, &refused, &[]),
    ] {
        let mut worker = worker(&[(A, 1)], &[]);
        worker.told(assign(A, 2), before);
        assert_eq!(plan(&[waited_for(after)], &worker, now), [], "the answer is under way");
        worker.on_message(rejected(A, 2), now);
        assert_eq!(plan(&[waited_for(after)], &worker, now), orders, "{before:?} {after:?}");
        let workers = BTreeMap::from([(id, worker.clone())]);
        assert_eq!(verdict(&waited_for(after), &workers), *expected, "{before:?} {after:?}");
        worker.told(assign(A, 2), after);
        worker.on_message(rejected(A, 2), now);
        assert_eq!(
            verdict(&waited_for(after), &BTreeMap::from([(id, worker)])),
            refused,
            "asked for that one"
        );
    }
}

#[test]
fn an_older_generation_counts_where_every_worker_has_applied_it_in_this_session() {
    let now = Instant::now();
    let told = |generations: &[u64]| {
        let mut worker = worker(&[(A, 3)], &[]);
        generations.iter().for_each(|generation| worker.told(assign(A, *generation), None));
        worker
    };
    let after = |generations: &[u64], said: &[u64]| {
        let mut worker = told(generations);
        for generation in said {
            worker.on_message(applied(A, *generation), now);
        }
        worker
    };
    let cases: &[(&str, &[Worker], Option<u64>)] = &[
        ("no worker", &[], None),
        ("what ran before, said again", &[after(&[5], &[3])], None),
        ("of another history", &[after(&[5], &[9])], None),
        ("an older order", &[after(&[5, 6], &[5])], Some(5)),
        ("skipped one", &[after(&[4, 5, 6], &[5])], Some(5)),
        ("two workers", &[after(&[5, 6], &[5, 6]), after(&[4, 6], &[4])], Some(4)),
        ("one of two", &[after(&[5, 6], &[5]), told(&[5])], None),
    ];
    for (what, workers, expected) in cases {
        let workers = (0..).map(|id| WorkerId(Uuid::from_u128(id))).zip(workers.iter().cloned()).collect();
        assert_eq!(applied_by_all(&wanted(A, 6), &workers), expected.map(Generation), "{what}");
    }
}

#[test]
fn an_answer_ends_only_the_order_that_it_answers() {
    let now = Instant::now();
    let mut worker = worker(&[], &[(A, assign(A, 2))]);
    worker.on_message(applied(A, 1), now);
    assert_eq!(worker.under_way.get(&A), Some(&assign(A, 2)));
    worker.on_message(applied(A, 2), now);
    assert!(worker.under_way.is_empty());
    worker.under_way.insert(A, Order::Withdraw(A));
    worker.on_message(ToControlPlane::Withdrawn { gateway: A }, now);
    assert!(!worker.holds(A));
}

#[test]
fn a_verdict_needs_every_connected_worker() {
    let now = Instant::now();
    let (one, two) = (WorkerId(Uuid::from_u128(11)), WorkerId(Uuid::from_u128(12)));
    let has = |generation| worker(&[(A, generation)], &[]);
    let mut refuses = has(1);
    refuses.on_message(rejected(A, 2), now);
    let refused = Verdict::Refused { worker: two, reason: "no".into() };
    let cases: &[(&str, DesiredState, &[(WorkerId, Worker)], Verdict)] = &[
        ("nobody there", wanted(A, 2), &[], Verdict::Waiting(vec![])),
        ("one has it", wanted(A, 2), &[(one, has(2))], Verdict::Done),
        ("one of two", wanted(A, 2), &[(one, has(2)), (two, has(1))], Verdict::Waiting(vec![two])),
        ("both", wanted(A, 2), &[(one, has(2)), (two, has(2))], Verdict::Done),
        (
            "the same number of something else",
            wanted(A, 2),
            &[(one, strayed(A, 2))],
            Verdict::Waiting(vec![one]),
        ),
        ("one refuses", wanted(A, 2), &[(one, has(1)), (two, refuses.clone())], refused),
        ("it refused another one", wanted(A, 3), &[(two, refuses)], Verdict::Waiting(vec![two])),
        ("stopped, nobody there", stopped(A), &[], Verdict::Done),
        (
            "stopped, one still has it",
            stopped(A),
            &[(one, has(1)), (two, worker(&[], &[]))],
            Verdict::Waiting(vec![one]),
        ),
        ("stopped, all have let go", stopped(A), &[(one, worker(&[(B, 1)], &[]))], Verdict::Done),
        (
            "started again, the withdrawal is still to come",
            wanted(A, 1),
            &[(one, worker(&[(A, 1)], &[(A, assign(A, 1))]))],
            Verdict::Waiting(vec![one]),
        ),
        ("going, nobody there", going(A), &[], Verdict::Done),
        ("going, one holds it", going(A), &[(one, has(1))], Verdict::Waiting(vec![one])),
        (
            "going, one was told to run it",
            going(A),
            &[(one, worker(&[], &[(A, assign(A, 1))]))],
            Verdict::Waiting(vec![one]),
        ),
    ];
    for (name, wanted, workers, expected) in cases {
        let workers = workers.iter().cloned().collect();
        assert_eq!(verdict(wanted, &workers), *expected, "{name}");
    }
}

#[test]
fn a_generation_that_is_reported_late_does_not_hide_the_rejection_of_a_later_one() {
    let gateway = GatewayId(Uuid::from_u128(1));
    for (late, expected) in [(5, true), (6, false), (7, false)] {
        let mut worker = Worker::default();
        worker.on_message(rejected(gateway, 6), Instant::now());
        worker.on_message(applied(gateway, late), Instant::now());
        assert_eq!(worker.refused.contains_key(&gateway), expected, "{late}");
    }
}

#[test]
fn a_worker_is_told_its_duty_once_and_only_if_it_has_another() {
    let status =
        |state| WorkerStatus { version: String::new(), state, tunnels: 0, connections: 0, cpu_permille: 0 };
    let (serving, drained) = (status(DutyState::Serving), status(DutyState::Drained));
    for (told, reported, wanted, expected) in [
        (None, None, false, None),
        (None, Some(&serving), false, None),
        (None, Some(&drained), false, Some(Duty::Serve)),
        (None, None, true, Some(Duty::Drain)),
        (None, Some(&drained), true, Some(Duty::Drain)),
        (Some(Duty::Drain), Some(&drained), true, None),
        (Some(Duty::Drain), Some(&drained), false, Some(Duty::Serve)),
        (Some(Duty::Serve), Some(&drained), false, None),
        (Some(Duty::Serve), Some(&serving), true, Some(Duty::Drain)),
    ] {
        let worker = Worker { duty: told, status: reported.cloned(), ..Worker::default() };
        assert_eq!(worker.new_duty(wanted), expected, "{told:?} {reported:?} {wanted}");
    }
}
