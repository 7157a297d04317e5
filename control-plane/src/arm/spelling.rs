//! The distance between two spellings of a name. Pure.

/// The longest name that is compared, in bytes: names of properties are shorter.
const LONGEST: usize = 64;

/// Returns the Damerau-Levenshtein distance of two names, ignoring ASCII case, with transpositions of neighbours,
/// if it is at most `most`. Equal names have distance 0.
pub(crate) fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) > most {
        return None;
    }
    let (a, b) = (a.to_ascii_lowercase().into_bytes(), b.to_ascii_lowercase().into_bytes());
    // Three rows of the table: the one before the previous, the previous and the current one.
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<usize>>(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        let [before, previous, current] = &mut rows;
        current[0] = i;
        for j in 1..=b.len() {
            let changed = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(previous[j] + 1).min(current[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            current[j] = least;
        }
        rows.rotate_left(1);
    }
    Some(rows[1][b.len()]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_of_a_finger_counts_once() {
        for (a, b, expected) in [
            ("port", "PORT", Some(0)),
            ("requestTimeOutt", "requestTimeout", Some(1)),
            ("backendAdressPools", "backendAddressPools", Some(1)),
            ("prot", "port", Some(1)),
            ("pooort", "port", Some(2)),
            ("ptroocol", "protocol", Some(2)),
            ("host", "port", Some(2)),
            ("probes", "port", None),
            ("", "ab", Some(2)),
            ("abc", "", None),
            (&"x".repeat(65), &"x".repeat(65), None),
        ] {
            assert_eq!(distance(a, b, 2), expected, "{a} {b}");
            assert_eq!(distance(b, a, 2), expected, "{b} {a}");
        }
        assert_eq!(distance("ab", "abcd", 1), None);
    }
}
