//! How long each kind of row is kept, and how many are deleted at a time.
//!
//! The machine's clock may be wrong, so a single write deletes at most the rows of one day, and none if the
//! clock has jumped ahead of everything stored. A clock that stays ahead makes all rows old, so tables that
//! are pruned with each insertion keep a number of newest rows regardless of their age.

/// A day, in milliseconds.
pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;

/// The minimum retention of an entry of the audit log, in milliseconds: 90 days, like Azure's activity log.
pub(super) const AUDIT_KEPT: i64 = 90 * DAY;

/// The minimum retention of an ended operation, in milliseconds.
pub(super) const OPERATIONS_KEPT: i64 = DAY;

/// The number of newest operations that are kept regardless of their age.
pub(super) const NEWEST_OPERATIONS_KEPT: i64 = 1000;

/// The maximum number of ended health operations: every reader can create them in quick succession.
pub(super) const HEALTH_OPERATIONS_KEPT: i64 = 1000;

/// The maximum total size of the results of health operations, in bytes.
pub(super) const HEALTH_RESULTS_SIZE: i64 = 64 * 1024 * 1024;

/// The minimum retention of an expired join token, in milliseconds. The token could become valid again only
/// if the clock was ahead and is set back.
pub(super) const JOIN_TOKENS_KEPT: i64 = DAY;

/// The number of newest join tokens that are kept regardless of their age.
pub(super) const NEWEST_JOIN_TOKENS_KEPT: i64 = 1000;

/// The maximum number of deployments of a resource group, as in ARM. The oldest ended ones are deleted first.
pub(super) const DEPLOYMENTS_KEPT: i64 = 800;

/// The maximum total size of the templates of a resource group's deployments, in bytes. Those of the oldest
/// deployments are forgotten first.
pub(super) const TEMPLATES_SIZE: i64 = 64 * 1024 * 1024;

/// The minimum retention of a revision of a gateway, in milliseconds, as far as their number allows: 90 days.
pub(super) const REVISIONS_KEPT: i64 = 90 * DAY;

/// The maximum total size of the revisions of a gateway, in bytes. The oldest ones are deleted first, and the newest
/// one is kept whatever its size.
pub(super) const REVISIONS_SIZE: i64 = 256 * 1024 * 1024;

/// Returns the time before which rows are deleted, in milliseconds since 1970; `None` if nothing is deleted.
///
/// Rows are kept for at least `kept` milliseconds. `newest` and `oldest` are the times of stored rows.
pub(super) fn deleted_before(now: i64, kept: i64, newest: Option<i64>, oldest: Option<i64>) -> Option<i64> {
    let (newest, oldest) = newest.zip(oldest)?;
    let cut = now.saturating_sub(kept);
    (oldest < cut && cut <= newest).then(|| cut.min(oldest.saturating_add(DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_rows_goes_at_a_time_and_none_after_a_jump() {
        let kept = 90 * DAY;
        for (now, newest, oldest, expected) in [
            (100 * DAY, None, None, None),
            (89 * DAY, Some(88 * DAY), Some(0), None),
            (90 * DAY, Some(89 * DAY), Some(0), None),
            (90 * DAY + 1, Some(89 * DAY), Some(0), Some(1)),
            (100 * DAY, Some(99 * DAY), Some(0), Some(DAY)),
            (100 * DAY, Some(99 * DAY), Some(9 * DAY + 1), Some(10 * DAY)),
            (180 * DAY, Some(90 * DAY), Some(0), Some(DAY)),
            (180 * DAY + 1, Some(90 * DAY), Some(0), None),
            (i64::MAX, Some(90 * DAY), Some(0), None),
            (i64::MIN, Some(90 * DAY), Some(0), None),
        ] {
            assert_eq!(deleted_before(now, kept, newest, oldest), expected, "{now} {newest:?} {oldest:?}");
        }
    }
}
