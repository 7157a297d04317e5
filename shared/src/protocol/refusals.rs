//! The handshakes that tunnel policies have refused, in numbers: a flood of them costs no more messages than one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::GatewayId;

/// The maximum number of entries in one report. The rest is a sum.
pub const MAX_REFUSALS: usize = 16;

/// The refused handshakes of one gateway since the report before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// The gateway.
    pub gateway: GatewayId,
    /// The time since the report before.
    pub within: Duration,
    /// The highest numbers, at most [`MAX_REFUSALS`], the highest one first.
    pub highest: Vec<RefusedHandshakes>,
    /// The sum of the others.
    pub others: u64,
}

/// The handshakes that one limit of one pool has refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedHandshakes {
    /// The pool's name.
    pub pool: String,
    /// The limit.
    pub limit: HandshakeLimit,
    /// Their number.
    pub count: u64,
}

/// A limit of a tunnel policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeLimit {
    /// The number of tunnels of the pool.
    Pool,
    /// The number of tunnels of one member.
    Member,
    /// The number of tunnels of one client address.
    ClientAddress,
    /// The number of handshakes in a second.
    Rate,
}

impl Refusals {
    /// Makes the report of a gateway; `None` if nothing was refused.
    pub fn of(gateway: GatewayId, within: Duration, mut refused: Vec<RefusedHandshakes>) -> Option<Refusals> {
        refused.retain(|refused| refused.count > 0);
        refused.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.pool.cmp(&b.pool)));
        let others = refused.iter().skip(MAX_REFUSALS).map(|refused| refused.count).sum();
        refused.truncate(MAX_REFUSALS);
        (!refused.is_empty()).then_some(Refusals { gateway, within, highest: refused, others })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_report_has_the_highest_numbers_and_the_sum_of_the_others() {
        let gateway = GatewayId(Uuid::nil());
        let report = |counts: &[u64]| {
            let refused = counts.iter().enumerate().map(|(number, count)| RefusedHandshakes {
                pool: format!("pool{number}"),
                limit: HandshakeLimit::Pool,
                count: *count,
            });
            let report = Refusals::of(gateway, Duration::from_secs(5), refused.collect())?;
            let highest: Vec<u64> = report.highest.iter().map(|refused| refused.count).collect();
            Some((highest, report.others))
        };
        assert_eq!(report(&[]), None);
        assert_eq!(report(&[0, 0]), None);
        assert_eq!(report(&[1, 0, 7]), Some((vec![7, 1], 0)));
        let many: Vec<u64> = (1..=20).collect();
        assert_eq!(report(&many), Some(((5..=20).rev().collect(), 10)));
    }
}
