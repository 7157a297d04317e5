//! The table of weighted round robin: each member has as many positions as its weight, spread as evenly as possible.
//! Pure.

use std::cmp::Ordering;

/// The target length of a table. Weights of longer rounds are rounded, and each member keeps at least one position.
const MAX_POSITIONS: u64 = 65_536;

/// One round of positions.
#[derive(Debug)]
pub(super) struct Schedule {
    positions: Box<[u32]>,
    members: usize,
}

impl Schedule {
    /// Creates the round for members with these weights, none of which is 0.
    pub(super) fn new(weights: impl Iterator<Item = u8>) -> Schedule {
        let weights = shortened(weights.map(u64::from).collect());
        let mut positions = Vec::new();
        for (member, weight) in (0u32..).zip(&weights) {
            positions.extend((0..*weight).map(|time| (time, *weight, member)));
        }
        positions.sort_unstable_by(earlier);
        Schedule {
            positions: positions.into_iter().map(|(.., member)| member).collect(),
            members: weights.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    pub(super) fn members(&self) -> usize {
        self.members
    }

    /// Returns the member of this position.
    pub(super) fn at(&self, position: usize) -> usize {
        self.positions[position] as usize
    }
}

/// Orders positions by their due time. A member of weight w divides the round into w parts and has a position
/// in the middle of each; of positions that are due together, the first listed member comes first.
fn earlier(a: &(u64, u64, u32), b: &(u64, u64, u32)) -> Ordering {
    let ((time_a, weight_a, member_a), (time_b, weight_b, member_b)) = (a, b);
    let due = ((2 * time_a + 1) * weight_b).cmp(&((2 * time_b + 1) * weight_a));
    due.then(member_a.cmp(member_b))
}

/// Returns the smallest weights in the same proportion, rounded if the round would be longer than [`MAX_POSITIONS`].
fn shortened(mut weights: Vec<u64>) -> Vec<u64> {
    let common = weights.iter().fold(0, |a, b| greatest_common_divisor(a, *b)).max(1);
    weights.iter_mut().for_each(|weight| *weight /= common);
    let total: u64 = weights.iter().sum();
    if total > MAX_POSITIONS {
        weights.iter_mut().for_each(|weight| *weight = (*weight * MAX_POSITIONS / total).max(1));
    }
    weights
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_and_none_has_it_all_at_once() {
        let cases: &[(&[u8], &[u32])] = &[
            (&[], &[]),
            (&[1], &[0]),
            (&[7], &[0]),
            (&[1, 1, 1], &[0, 1, 2]),
            (&[50, 50], &[0, 1]),
            (&[3, 2, 1], &[0, 1, 0, 2, 1, 0]),
            (&[100, 50], &[0, 1, 0]),
            (&[1, 4], &[1, 1, 0, 1, 1]),
        ];
        for (weights, expected) in cases {
            assert_eq!(*Schedule::new(weights.iter().copied()).positions, **expected, "{weights:?}");
        }
    }

    #[test]
    fn a_table_has_a_bound_and_everybody_a_place_in_it() {
        let weights = (0..20_000u32).map(|member| if member % 2 == 0 { 99 } else { 1 });
        let schedule = Schedule::new(weights);
        assert!(schedule.len() <= MAX_POSITIONS as usize + 20_000, "{}", schedule.len());
        for member in [0, 1, 19_998, 19_999] {
            assert!(schedule.positions.contains(&member), "{member}");
        }
    }
}
