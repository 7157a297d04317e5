//! Tests of the fleet: sessions, health reports, calls and orders.

use uuid::Uuid;

use super::*;
use crate::testing;

async fn is_woken(fleet: &Fleet) -> bool {
    tokio::select! {
        biased;
        () = fleet.changed() => true,
        () = std::future::ready(()) => false,
    }
}

#[tokio::test]
async fn the_newest_session_of_a_worker_wins() {
    let fleet = Fleet::default();
    let (worker, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
    let first = fleet.enter(worker, []);
    let second = fleet.enter(worker, [(gateway, Generation(2), Digest("x".into()))]);
    assert!(first.ended.is_cancelled());
    assert!(!second.ended.is_cancelled());
    fleet.on_message(first.id, ToControlPlane::Withdrawn { gateway });
    fleet.leave(first.id);
    assert!(fleet.snapshot()[&worker].running.contains_key(&gateway), "the old session has no say");
    fleet.leave(second.id);
    assert!(fleet.snapshot().is_empty());
}

#[tokio::test]
async fn a_health_report_is_kept_for_what_runs_and_wakes_nobody() {
    let fleet = Fleet::default();
    let (worker, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
    let id = fleet.enter(worker, [(gateway, Generation(1), Digest("x".into()))]).id;
    fleet.changed().await;
    for gateway in [gateway, GatewayId(Uuid::new_v4())] {
        fleet.on_message(id, ToControlPlane::Health { gateway, backends: vec![] });
        assert_eq!(
            fleet.health(gateway).len(),
            usize::from(fleet.snapshot()[&worker].running.contains_key(&gateway))
        );
    }
    assert!(!is_woken(&fleet).await);
    fleet.on_message(id, ToControlPlane::Withdrawn { gateway });
    assert!(fleet.health(gateway).is_empty());
    assert!(is_woken(&fleet).await);
}

#[tokio::test]
async fn a_call_goes_to_workers_that_run_the_gateway_and_fails_with_their_session() {
    let (fleet, gateway) = (Fleet::default(), GatewayId(Uuid::new_v4()));
    let call = Call::Probe(Box::new(testing::on_demand_probe()));
    let mut idle = fleet.enter(WorkerId(Uuid::new_v4()), []);
    assert!(fleet.call(gateway, &call, 1).is_empty());
    let enter = || {
        let running = [(gateway, Generation(1), Digest("x".into()))];
        fleet.enter(WorkerId(Uuid::new_v4()), running)
    };
    let mut busy = [enter(), enter()];
    assert_eq!(fleet.call(gateway, &call, 1).len(), 1);
    let mut replies = fleet.call(gateway, &call, usize::MAX);
    assert_eq!(replies.len(), 2);
    idle.orders.try_recv().unwrap_err();
    let mut received = busy.each_mut().map(|member| {
        let mut ids = Vec::new();
        while let Ok(ToWorker::Call { id, call: sent }) = member.orders.try_recv() {
            assert_eq!(sent, call);
            ids.push(id);
        }
        ids
    });
    let id = received[0].pop().unwrap();
    let reply = |id| ToControlPlane::Reply { id, reply: Reply::Probe(vec![]) };
    fleet.on_message(busy[1].id, reply(id));
    fleet.on_message(busy[0].id, reply(CallId(99)));
    fleet.on_message(busy[0].id, reply(id));
    busy.iter().for_each(|member| fleet.leave(member.id));
    let answered = |worker| {
        let index = replies.iter().position(|(id, _)| *id == worker).unwrap();
        replies.remove(index).1
    };
    let [first, second] = busy.map(|member| member.id.worker).map(answered);
    assert_eq!(first.await.unwrap(), Reply::Probe(vec![]));
    second.await.unwrap_err();
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_not_under_way() {
    let fleet = Fleet::default();
    let worker = WorkerId(Uuid::new_v4());
    let _membership = fleet.enter(worker, []);
    let send = || fleet.send(worker, ToWorker::Withdraw { gateway: GatewayId(Uuid::new_v4()) }, None);
    let sent = (0..ORDERS + 3).filter(|_| send()).count();
    assert_eq!(sent, ORDERS);
    assert_eq!(fleet.snapshot()[&worker].under_way.len(), ORDERS);
}
