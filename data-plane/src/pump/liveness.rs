//! The time that the kernel waits for a silent peer before it fails the connection. The decision is pure; the state
//! of the socket comes from outside.
//!
//! Without bytes in flight, keepalive detects a peer that has vanished. With bytes in flight, `TCP_USER_TIMEOUT` does
//! (RFC 5482). But the kernel also counts the time of a closed receive window, even if the peer answers each window
//! probe. So the timeout is raised in small steps as long as such a peer answers, and lowered again when bytes move.

use std::time::Duration;

use crate::short_time::ShortInstant;
use crate::tcp_diag::TcpState;

/// The state of one connection between two checks.
#[derive(Debug)]
pub(super) struct Liveness {
    /// The current timeout of the socket.
    timeout: Duration,
    /// The number of bytes that the peer had acknowledged at the last check.
    acked: u64,
    /// A lower bound of the time when an acknowledgement last arrived, or none was awaited.
    progress: ShortInstant,
    last_look: ShortInstant,
    /// The time of silence that applied before a change, for as long as no byte moves after it.
    before: Option<Duration>,
}

/// The number of checks in the peer timeout while a peer may have vanished.
pub(super) const CHECKS: u32 = 12;

/// The time of the next check of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// The peer answers but accepts no bytes: its timeout must be raised in time.
    Soon,
    /// Bytes are in flight.
    Later,
    /// No check until bytes move.
    Never,
}

/// The peer was silent for too long while bytes were in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vanished;

impl Next {
    /// Returns the time until the next check, for a peer timeout of `peer_timeout`.
    pub(super) fn after(self, peer_timeout: Duration) -> Option<Duration> {
        match self {
            Next::Soon => Some(peer_timeout / CHECKS),
            Next::Later => Some(peer_timeout / 4),
            Next::Never => None,
        }
    }
}

impl Liveness {
    /// Creates the state of a socket whose timeout is `timeout`.
    pub(super) fn new(timeout: Duration, now: ShortInstant) -> Liveness {
        Liveness { timeout, acked: 0, progress: now, last_look: now, before: None }
    }

    /// Returns the current timeout of the socket.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Prepares for a change of the time of silence, which was `silence`. A peer that accepts no bytes keeps the longer
    /// of both times until it does: the kernel has planned its next probe by the timeout before the change, so a
    /// shorter time would end before the peer can answer.
    pub(super) fn change(&mut self, silence: Duration) {
        self.before = Some(self.before.map_or(silence, |before| before.max(silence)));
    }

    /// Returns the new timeout of the socket, if it must change, and the time of the next check. `silence` is the time
    /// after which a silent peer has vanished.
    ///
    /// # Errors
    /// The peer has vanished. Keepalive may have asked it for nearly that time before bytes were sent, and the kernel
    /// would wait as long again for their acknowledgement.
    pub(super) fn look(
        &mut self,
        state: TcpState,
        silence: Duration,
        now: ShortInstant,
    ) -> Result<(Option<Duration>, Next), Vanished> {
        let is_stuck = state.is_waiting && state.acked == self.acked;
        self.before = self.before.filter(|_| is_stuck);
        let silence = self.before.map_or(silence, |before| before.max(silence));
        if state.is_waiting && state.silent_for >= silence {
            return Err(Vanished);
        }
        if !is_stuck {
            self.progress = if state.is_waiting { self.last_look } else { now };
            self.acked = state.acked;
        }
        self.last_look = now;
        // The kernel probes the peer at least this often, because the next probe is never later than the timeout.
        let grace = silence / 3;
        let wanted = if !is_stuck {
            silence
        } else if state.silent_for < silence - grace {
            silence.max(now.since(self.progress) + grace)
        } else {
            self.timeout
        };
        let may_have_vanished = is_stuck || state.silent_for >= grace;
        let next = match (state.is_waiting, may_have_vanished) {
            (true, true) => Next::Soon,
            (true, false) => Next::Later,
            (false, _) => Next::Never,
        };
        Ok((self.set(wanted), next))
    }

    /// The same as [`Liveness::look`] if the state of the socket is unknown: while bytes wait for the peer, the
    /// timeout is at least the idle timeout.
    pub(super) fn look_blindly(
        &mut self,
        is_held_up: bool,
        idle: Duration,
        silence: Duration,
    ) -> (Option<Duration>, Next) {
        let wanted = if is_held_up { silence.max(idle) } else { silence };
        (self.set(wanted), if is_held_up { Next::Soon } else { Next::Never })
    }

    fn set(&mut self, wanted: Duration) -> Option<Duration> {
        let changed = wanted != self.timeout;
        self.timeout = wanted;
        changed.then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const PEER: Duration = Duration::from_secs(60);

    /// A check: its second, whether the kernel waits, the acknowledged bytes, and the seconds for which the peer was
    /// silent; then the expected timeout in seconds and the next check.
    type Look = (u64, bool, u64, u64, u64, Next);

    #[test]
    fn the_timeout_is_raised_for_a_reader_that_answers_and_for_nobody_else() {
        use Next::{Later, Never, Soon};
        let cases: &[(&str, &[Look])] = &[
            ("nothing is on the way", &[(15, false, 0, 15, 60, Never), (900, false, 0, 900, 60, Never)]),
            ("all is acknowledged", &[(15, true, 9, 0, 60, Later), (30, false, 20, 14, 60, Never)]),
            ("bytes flow", &[(15, true, 9, 0, 60, Later), (30, true, 99, 0, 60, Later)]),
            (
                "bytes flow for an hour, then the peer vanishes",
                &[
                    (3585, true, 5, 0, 60, Later),
                    (3600, true, 9, 0, 60, Later),
                    (3615, true, 9, 15, 60, Soon),
                    (3650, true, 9, 50, 60, Soon),
                ],
            ),
            (
                "it vanished with bytes on the way",
                &[(15, true, 0, 15, 60, Soon), (55, true, 0, 55, 60, Soon)],
            ),
            (
                "its window is shut and it answers",
                &[
                    (15, true, 0, 2, 60, Soon),
                    (55, true, 0, 10, 75, Soon),
                    (60, true, 0, 15, 80, Soon),
                    (600, true, 0, 19, 620, Soon),
                ],
            ),
            (
                "then it vanishes",
                &[(600, true, 0, 1, 620, Soon), (635, true, 0, 36, 655, Soon), (640, true, 0, 41, 655, Soon)],
            ),
            (
                "then it reads on",
                &[(600, true, 0, 1, 620, Soon), (605, true, 9, 0, 60, Later), (620, false, 99, 9, 60, Never)],
            ),
        ];
        for (case, looks) in cases {
            let start = Instant::now();
            let mut liveness = Liveness::new(PEER, start.into());
            for (at, is_waiting, acked, silent, timeout, next) in *looks {
                let silent_for = Duration::from_secs(*silent);
                let state = TcpState { is_waiting: *is_waiting, acked: *acked, silent_for };
                let look = liveness.look(state, PEER, (start + Duration::from_secs(*at)).into());
                let (_, then) = look.expect("it has not vanished");
                let seen = (liveness.timeout, then);
                assert_eq!(seen, (Duration::from_secs(*timeout), *next), "{case}, after {at} s");
            }
        }
    }

    #[test]
    fn a_peer_has_vanished_that_was_silent_for_too_long_before_or_after_bytes_were_sent() {
        let start = Instant::now();
        for (is_waiting, silent, expected) in [
            (true, 10, Ok(Next::Later)),
            (true, 20, Ok(Next::Soon)),
            (true, 59, Ok(Next::Soon)),
            (true, 60, Err(Vanished)),
            (true, 600, Err(Vanished)),
            (false, 600, Ok(Next::Never)),
        ] {
            let state = TcpState { is_waiting, acked: 7, silent_for: Duration::from_secs(silent) };
            let mut liveness = Liveness::new(PEER, start.into());
            let look = liveness.look(state, PEER, (start + PEER / 12).into());
            assert_eq!(look.map(|(_, next)| next), expected, "silent for {silent} s");
        }
    }

    #[test]
    fn a_reader_that_is_stuck_when_its_time_is_shortened_keeps_the_longer_one_until_it_reads_on() {
        let (start, short) = (Instant::now(), PEER / 6);
        let at = |seconds: u64| ShortInstant::from(start + Duration::from_secs(seconds));
        let state =
            |acked, silent| TcpState { is_waiting: true, acked, silent_for: Duration::from_secs(silent) };
        let mut liveness = Liveness::new(PEER, start.into());
        assert_eq!(liveness.look(state(0, 10), PEER, at(55)), Ok((Some(PEER * 5 / 4), Next::Soon)));
        liveness.change(PEER);
        for (seconds, silent, expected) in [(57, 12, 77), (58, 13, 78), (75, 1, 95), (110, 36, 95)] {
            let look = liveness.look(state(0, silent), short, at(seconds));
            assert_eq!(look.map(|(_, next)| next), Ok(Next::Soon), "after {seconds} s");
            assert!(liveness.timeout() >= Duration::from_secs(expected), "after {seconds} s");
        }
        let mut vanished = Liveness { ..liveness };
        assert_eq!(vanished.look(state(0, 60), short, at(135)), Err(Vanished));
        assert_eq!(liveness.look(state(9, 0), short, at(111)), Ok((Some(short), Next::Later)));
        assert_eq!(liveness.look(state(9, 10), short, at(121)), Err(Vanished));
    }

    #[test]
    fn where_the_kernel_does_not_tell_a_reader_that_takes_nothing_has_the_idle_time() {
        let mut liveness = Liveness::new(PEER, Instant::now().into());
        let hour = Duration::from_secs(3600);
        assert_eq!(liveness.look_blindly(false, hour, PEER), (None, Next::Never));
        assert_eq!(liveness.look_blindly(true, hour, PEER), (Some(hour), Next::Soon));
        assert_eq!(liveness.look_blindly(true, hour, PEER), (None, Next::Soon));
        assert_eq!(liveness.look_blindly(false, hour, PEER), (Some(PEER), Next::Never));
        assert_eq!(liveness.look_blindly(true, PEER / 2, PEER), (None, Next::Soon));
    }
}
