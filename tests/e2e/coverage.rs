//! Checks docs/compatibility.md: each row describes the support of a feature, with a code if it is refused, and
//! names tests of this suite.

use std::fs;
use std::path::Path;

/// The allowed beginnings of the second column.
const KINDS: [&str; 4] = ["works", "refused", "no effect", "not applicable"];

/// A row of a table.
struct Row {
    what: String,
    here: String,
    shown_by: String,
}

fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let rows = lines.filter(|line| !line.starts_with("What |") && !line.starts_with("---"));
    let row = |line: &str| {
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [what, here, shown_by] = cells.try_into().unwrap_or_else(|_| panic!("not three cells: {line}"));
        Row { what, here, shown_by }
    };
    rows.map(row).collect()
}

/// Returns the texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns true if the module is part of the suite, and has a test with this name, or if it is a suite of
/// clients.
fn is_test(name: &str) -> bool {
    if let Some(suite) = name.strip_prefix("tests/clients/") {
        return file("tests/clients/kit/suites.py").contains(&format!("    \"{suite}\": Suite("));
    }
    let Some((module, test)) = name.rsplit_once("::") else { return false };
    let source = file(&format!("tests/e2e/{}.rs", module.replace("::", "/")));
    let parent = module.rsplit_once("::");
    let (parent, child) = parent.map_or(("main".to_owned(), module), |(p, c)| (p.replace("::", "/"), c));
    let declared = file(&format!("tests/e2e/{parent}.rs")).contains(&format!("mod {child};\n"));
    let lines: Vec<&str> = source.lines().collect();
    let is_it = |pair: &[&str]| pair[0].contains("test") && pair[1].contains(&format!("fn {test}("));
    declared && lines.windows(2).any(|pair| pair[0].starts_with("#[") && is_it(pair))
}

#[test]
fn every_row_says_what_becomes_of_it_and_names_tests_that_show_it() {
    let rows = rows(&file("docs/compatibility.md"));
    assert!(rows.len() > 100, "the tables have lost their rows");
    let codes = file("openapi/tidegate.json");
    for Row { what, here, shown_by } in rows {
        let kind = KINDS.into_iter().find(|kind| here.starts_with(kind));
        let kind = kind.unwrap_or_else(|| panic!("{what}: '{here}' begins with none of {KINDS:?}"));
        let named: Vec<&str> = quoted(&here).filter(|word| word.starts_with("ApplicationGateway")).collect();
        assert!(kind != "refused" || !named.is_empty(), "{what}: refused with which code?");
        for code in named {
            assert!(codes.contains(&format!("\"{code}\"")), "{what}: no such code: {code}");
        }
        assert!(kind == "not applicable" || !shown_by.is_empty(), "{what}: shown by no test");
        for test in quoted(&shown_by) {
            assert!(is_test(test), "{what}: there is no test {test}");
        }
    }
}

/// The first paragraph states how many rows there are of each kind.
#[test]
fn the_summary_counts_the_rows() {
    let page = file("docs/compatibility.md");
    let rows = rows(&page);
    let count = |start: &str| rows.iter().filter(|row| row.here.starts_with(start)).count();
    let expected = format!(
        "Of {} rows, {} work ({} of them beyond Azure), {} are refused, {} have no effect and {} are not applicable.",
        rows.len(),
        count("works"),
        count("works beyond"),
        count("refused"),
        count("no effect"),
        count("not applicable"),
    );
    assert!(page.contains(&expected), "the summary must be: {expected}");
}
