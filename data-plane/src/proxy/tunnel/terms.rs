//! What the policy of its pool asks of one open tunnel beyond what every tunnel does: a lifetime, Pings, a Close frame
//! at the end. Tunnels of a pool with the usual policy have no terms.

use std::task::{Context, Poll};
use std::time::Duration;

use tidegate_shared::snapshot::{CloseFrame, TunnelPolicy};
use tokio::time::Instant;

use super::{Tunnel, TunnelOutcome, review};
use crate::downstream::framed::FramedClient;
use crate::downstream::upgrade::UpgradedClient;
use crate::drain_schedule as schedule;
use crate::limits::AddressPermit;
use crate::pump::{End, Side, Timeouts};
use crate::registry::CloseReason;
use crate::runtime::reviews_tunnels;
use crate::short_time::ShortInstant;

/// The time that a client has to answer the gateway's Close frame, and the backend to end its frame before. The scan
/// of the thread adds up to half a second.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The terms of one tunnel.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// The idle timeout of the settings, if the policy has a shorter one.
    request_timeout: Option<Duration>,
    /// The end of its lifetime.
    ends_at: Option<ShortInstant>,
    /// The idle time after which the client gets a Ping.
    ping_after: Option<Duration>,
    /// The time of the last Ping.
    pinged_at: Option<ShortInstant>,
    /// The count at the client's address.
    address_permit: Option<AddressPermit>,
    closing: Option<Box<Closing>>,
}

/// An end that the gateway announces with a Close frame.
#[derive(Debug)]
struct Closing {
    outcome: Option<TunnelOutcome>,
    until: ShortInstant,
    frame: CloseFrame,
}

/// The next step of the task of a tunnel.
pub(super) enum Step {
    /// Give the client an end into which the gateway can write frames.
    Frame,
    End(TunnelOutcome),
}

/// Returns the timeouts of a tunnel under a policy, if its settings have this request timeout.
pub(super) fn timeouts(policy: &TunnelPolicy, request_timeout: Duration) -> Timeouts {
    let idle = policy.idle_timeout.map_or(request_timeout, |idle| idle.min(request_timeout));
    Timeouts::new(idle, policy.peer_timeout)
}

impl Terms {
    /// Returns the terms of a tunnel under a policy; `None` if there are none.
    pub(super) fn of(
        policy: &TunnelPolicy,
        request_timeout: Duration,
        started: ShortInstant,
        address_permit: Option<AddressPermit>,
    ) -> Option<Box<Terms>> {
        let TunnelPolicy { idle_timeout, max_lifetime, ping_after_idle, .. } = policy;
        if idle_timeout.or(*max_lifetime).or(*ping_after_idle).is_none() && address_permit.is_none() {
            return None;
        }
        Some(Box::new(Terms {
            request_timeout: idle_timeout.map(|_| request_timeout),
            ends_at: max_lifetime.map(|lifetime| started.after(lifetime.into())),
            ping_after: *ping_after_idle,
            address_permit,
            ..Terms::default()
        }))
    }
}

impl Tunnel {
    /// Acts on a configuration that has changed: takes the terms of the policy in force, and joins or leaves the
    /// tunnels that end because of the change.
    pub(super) fn review(&mut self) {
        let policy = self.live.policy().clone();
        let before = self.terms.take().map(|terms| *terms).unwrap_or_default();
        let request_timeout = before.request_timeout.unwrap_or_else(|| self.traffic.timeouts().idle());
        self.terms = Terms::of(&policy, request_timeout, self.live.started, before.address_permit);
        self.traffic.set_timeouts(timeouts(&policy, request_timeout));
        let Some(details) = self.live.details.as_deref().filter(|_| reviews_tunnels(&policy)) else {
            return self.live.set_group(None);
        };
        let current = details.current.load();
        let event = review::event_of(&current, details, &self.live, &policy);
        let drain_timeout = details.drain_timeout();
        let end = event.and_then(|(why, action)| Some((why, schedule::time_of(action, drain_timeout)?)));
        let thread = self.context.admission.thread();
        match end {
            None => self.live.set_group(None),
            Some((why, Duration::ZERO)) => self.live.close(why),
            Some((why, time)) => {
                let group = self.live.group();
                if group.and_then(|group| thread.group_drains.reason(group)) != Some(why) {
                    self.live.set_group(Some(thread.drain_group(why, policy.drain_spread, time)));
                }
            }
        }
    }

    /// Does what the terms ask for now. Pending with the time of the next thing to do, at the latest `due`.
    pub(super) fn poll_terms(
        &mut self,
        cx: &mut Context<'_>,
        due: ShortInstant,
    ) -> Result<ShortInstant, Step> {
        let Some(terms) = &mut self.terms else { return Ok(due) };
        let (now, mut due) = (ShortInstant::from(Instant::now()), due);
        if let Some(ends_at) = terms.ends_at {
            if ends_at <= now {
                return Err(Step::End(TunnelOutcome::Drained(CloseReason::Lifetime)));
            }
            due = due.min(ends_at);
        }
        // After the backend's last byte, the client's connection is shut for writing, but may still be read.
        let has_ended = self.traffic.has_ended(Side::Backend);
        let Some(after) = terms.ping_after.filter(|_| !has_ended) else { return Ok(due) };
        let is_held_up = self.traffic.awaits_client();
        let moved_at = self.traffic.last_moved();
        let Some(framed) = self.traffic.client.framed() else {
            // Bytes that wait for the client must go first.
            return if is_held_up { Ok(due) } else { Err(Step::Frame) };
        };
        let mut from = moved_at.max(terms.pinged_at.unwrap_or(moved_at));
        if from.after(after.into()) <= now {
            framed.ping();
            terms.pinged_at = Some(now);
            from = now;
        }
        if let Poll::Ready(Err(error)) = framed.poll_own(cx) {
            return Err(Step::End(TunnelOutcome::Traffic(End::Failed(Side::Client, error))));
        }
        Ok(due.min(from.after(after.into())))
    }

    /// Ends the tunnel, with a Close frame if its policy or the request to close it has one and the backend has sent
    /// none.
    pub(super) fn begin_close(&mut self, cx: &mut Context<'_>, outcome: TunnelOutcome) -> Poll<Step> {
        let Some(frame) = self.close_frame(&outcome).filter(|_| !self.traffic.tap(Side::Backend).is_closed())
        else {
            return Poll::Ready(Step::End(outcome));
        };
        let until = ShortInstant::from(Instant::now()).after(CLOSE_TIME.into());
        let closing = Closing { outcome: Some(outcome), until, frame };
        self.terms.get_or_insert_default().closing = Some(Box::new(closing));
        self.poll_closing(cx)
    }

    fn close_frame(&self, outcome: &TunnelOutcome) -> Option<CloseFrame> {
        let requested = match outcome {
            TunnelOutcome::Drained(CloseReason::Requested) => {
                self.context.thread().closing_frames.take(self.live.number())
            }
            TunnelOutcome::Drained(_) | TunnelOutcome::Traffic(_) => None,
        };
        requested.unwrap_or_else(|| self.live.policy().close_frame.clone())
    }

    /// Returns true once the gateway ends the tunnel.
    pub(super) fn is_closing(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.closing.is_some())
    }

    /// Writes the Close frame when the backend's frame has ended, and waits for the client's. Bytes move meanwhile.
    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.live.watch(cx);
        let has_ended = matches!(self.poll_traffic(cx), Poll::Ready(End::Closed(_) | End::Failed(..)));
        let has_answered = self.traffic.tap(Side::Client).is_closed() || self.traffic.has_ended(Side::Client);
        let awaits_client = self.traffic.awaits_client();
        let Some(closing) = self.terms.as_mut().and_then(|terms| terms.closing.as_mut()) else {
            return Poll::Pending;
        };
        let is_over = match self.traffic.client.framed() {
            _ if has_ended || closing.until <= Instant::now().into() => true,
            None if awaits_client => false,
            None => return Poll::Ready(Step::Frame),
            Some(framed) => {
                let is_wanted = framed.close(closing.frame.code, &closing.frame.reason);
                match framed.poll_own(cx) {
                    Poll::Ready(Ok(())) => !is_wanted || (framed.sent_code().is_some() && has_answered),
                    Poll::Ready(Err(_)) => true,
                    Poll::Pending => !is_wanted,
                }
            }
        };
        if is_over && let Some(outcome) = closing.outcome.take() {
            return Poll::Ready(Step::End(outcome));
        }
        self.live.wake_after(closing.until);
        Poll::Pending
    }

    /// Gives the client an end into which the gateway can write frames.
    pub(super) fn framed(self) -> Tunnel {
        let Tunnel { traffic, live, context, terms } = self;
        let mark = context.thread().random.borrow_mut().u64(..).to_ne_bytes();
        let traffic = traffic.map_client(|client, [read, written]| {
            UpgradedClient::Framed(Box::new(FramedClient::new(client, *read, *written, mark)))
        });
        Tunnel { traffic, live, context, terms }
    }
}
