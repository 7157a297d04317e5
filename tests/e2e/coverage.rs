//! Whether COVERAGE.md tells the truth about its tests: each that a row names must be in this suite.

use std::fs;
use std::path::Path;

/// Every `module::test` between backticks in the last column.
fn named(text: &str) -> Vec<(&str, &str)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let last = rows.filter_map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next());
    let quoted = last.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    quoted.filter_map(|name| name.rsplit_once("::")).collect()
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("COVERAGE.md")).unwrap();
    let named = named(&table);
    assert!(named.len() > 30, "the table has lost its last column");
    for (module, test) in named {
        let file = root.join("tests/e2e").join(module.replace("::", "/")).with_extension("rs");
        let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(source.contains(&format!("fn {test}(")), "{module} has no test {test}");
    }
}
