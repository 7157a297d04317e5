//! The list against the functions that exist, and against the page of the reference.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::template::{function, special};

/// The start of the page.
const HEAD: &str = "# Template functions

The functions of ARM templates, by the groups of Azure's reference; a function in several groups is listed once.
A refused function is an error that names it and says why.

`TIDEGATE_BLESS=1 cargo test -p tidegate-control-plane --lib template::function::catalog` writes this page.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (group, entries) in CATALOG {
        page.push_str(&format!("\n## {group}\n\n| Function | Here |\n| --- | --- |\n"));
        for Entry { name, support } in *entries {
            let here = match support {
                Served => "served".to_owned(),
                Noted(note) => format!("served: {note}"),
                Refused(why) => format!("refused: {why}"),
            };
            page.push_str(&format!("| `{name}` | {here} |\n"));
        }
    }
    page
}

#[test]
fn the_page_of_the_reference_is_this_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/template-functions.md");
    let page = page();
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page, "run the test with TIDEGATE_BLESS=1");
}

#[test]
fn what_is_listed_as_served_exists_and_all_that_exists_is_listed() {
    let is_refused = |entry: &Entry| matches!(entry.support, Refused(_));
    let (refused, served): (Vec<_>, Vec<_>) = entries().map(|(_, entry)| entry).partition(|e| is_refused(e));
    let lower = |entries: &[&Entry]| entries.iter().map(|e| e.name.to_ascii_lowercase()).collect::<Vec<_>>();
    let (served, refused) = (lower(&served), lower(&refused));
    let listed: BTreeSet<String> = served.iter().cloned().collect();
    assert_eq!(listed.len(), served.len(), "a function is listed twice");
    let plain = function::all().map(|function| function.name.to_ascii_lowercase());
    // The functions of resources have no names of their own.
    let plain = plain.chain(["list*".to_owned()]);
    let existing: BTreeSet<String> = plain.chain(special::names().map(str::to_owned)).collect();
    assert_eq!(listed, existing);
    assert!(refused.iter().all(|name| !existing.contains(name)), "{refused:?}");
}

#[test]
fn who_calls_a_function_that_is_not_there_is_told_what_to_do() {
    let cases = [
        (
            "managementGroup",
            "'managementGroup' is not served: it is only allowed in a deployment to a management",
        ),
        ("MANAGEMENTGROUP", "'managementGroup' is not served"),
        ("externalInput", "give the value of the parameter"),
        ("resourceid2", "Did you mean 'resourceId'?"),
        ("toUper", "Did you mean 'toUpper'?"),
        ("nothingLikeIt", "'nothingLikeIt' does not exist."),
        ("nor", "'nor' does not exist."),
    ];
    for (name, expected) in cases {
        let EvalError::Wrong(_, why) = unknown(name) else { panic!("{name} waits") };
        assert!(why.contains(expected), "{name}: {why}");
    }
}
