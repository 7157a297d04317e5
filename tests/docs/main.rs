//! Checks every Markdown file of the repository: relative links, and the languages of code blocks.
//!
//! Needs no network: links to other hosts are not followed. `tests/clients/readme/run` runs the blocks.

mod markdown;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use markdown::Markdown;

/// Languages of blocks that `tests/clients/readme/run` runs verbatim.
const RUN: [&str; 3] = ["sh", "python", "javascript"];

/// Languages of excerpts: commands with placeholders or for another machine, configuration, drawings.
const EXCERPTS: [&str; 6] = ["console", "text", "ini", "json", "rust", "yaml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Finds every Markdown file below the folder, except for build output and hidden folders.
fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                find(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Returns every Markdown file by its path from the top of the repository.
fn documents() -> BTreeMap<PathBuf, Markdown> {
    let mut paths = Vec::new();
    find(root(), &mut paths);
    let document = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a file of the repository can be read");
        (path.strip_prefix(root()).expect("it was found there").to_owned(), Markdown::read(&text))
    };
    paths.into_iter().map(document).collect()
}

/// Removes `.` and `..` from a path. Returns `None` if it leads out of the repository.
fn normalized(path: &Path) -> Option<PathBuf> {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normalized.push(name),
            Component::CurDir => {}
            Component::ParentDir if normalized.pop() => {}
            _ => return None,
        }
    }
    Some(normalized)
}

/// Returns the reason why a link of the document is broken.
fn fault(from: &Path, link: &str, documents: &BTreeMap<PathBuf, Markdown>) -> Option<&'static str> {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let target = match path {
        "" => from.to_owned(),
        path => match normalized(&from.parent().unwrap_or(Path::new("")).join(path)) {
            Some(target) => target,
            None => return Some("leads out of the repository"),
        },
    };
    if !root().join(&target).exists() {
        return Some("has no such file");
    }
    let anchors = anchor.map(|anchor| (anchor, documents.get(&target)));
    match anchors {
        Some((anchor, Some(document))) if !document.anchors.contains(anchor) => Some("has no such heading"),
        Some((_, None)) => Some("has an anchor, but is no Markdown file"),
        _ => None,
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let documents = documents();
    assert!(documents.len() > 10, "the pages are gone");
    let mut broken = Vec::new();
    for (path, document) in &documents {
        for (line, link) in &document.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            if let Some(fault) = fault(path, link, &documents) {
                broken.push(format!("{}:{line}: {link} {fault}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_language_of_each_block_says_whether_it_is_run() {
    let mut broken = Vec::new();
    for (path, document) in documents() {
        for (line, language) in document.blocks {
            let is_run = RUN.contains(&language.as_str());
            // The other folders have pages that nothing runs.
            let may_be_run = path.components().count() == 1 || path.starts_with("docs");
            if !(is_run && may_be_run || EXCERPTS.contains(&language.as_str())) {
                broken.push(format!("{}:{line}: {language:?}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "run {RUN:?} or show {EXCERPTS:?}, not\n{}", broken.join("\n"));
}
