//! Checks every Markdown file of the repository: relative links, named files, and the languages of code blocks.
//!
//! Needs no network: links to other hosts are not followed. `tests/clients/readme/run` runs the blocks.

mod markdown;
mod monitoring;
mod packaging;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use markdown::Markdown;

/// Languages of blocks that `tests/clients/readme/run` runs verbatim.
const RUN: [&str; 3] = ["sh", "python", "javascript"];

/// Languages of excerpts: commands with placeholders or for another machine, configuration, drawings.
const EXCERPTS: [&str; 7] = ["console", "text", "ini", "json", "rust", "yaml", "hcl"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Finds every file below the folder, except for build output and hidden folders.
fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                find(&path, found);
            }
        } else {
            found.push(path.strip_prefix(root()).expect("it was found there").to_owned());
        }
    }
}

/// Returns every Markdown file by its path from the top of the repository.
fn documents() -> BTreeMap<PathBuf, Markdown> {
    let mut paths = Vec::new();
    find(root(), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let document = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("a file of the repository can be read");
        (path, Markdown::read(&text))
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

/// A path from the top of the repository must exist; the name of a Rust file may leave out the folders before it.
#[test]
fn every_named_file_exists() {
    let mut files = Vec::new();
    find(root(), &mut files);
    let folders = [
        "control-plane/",
        "data-plane/",
        "docs/",
        "http1/",
        "migrations/",
        "openapi/",
        "packaging/",
        "shared/",
        "src/",
        "tests/",
    ];
    let exists = |name: &str| {
        let is_path = folders.iter().any(|folder| name.starts_with(folder));
        let is_rust = name.ends_with(".rs");
        !(is_path || is_rust)
            || root().join(name).exists()
            || is_rust && files.iter().any(|file| file.ends_with(name))
    };
    let mut broken = Vec::new();
    for (path, document) in documents() {
        for (line, code) in document.code {
            // A command begins with the file that it runs.
            let name = code.split(' ').next().unwrap_or_default();
            if !exists(name) {
                broken.push(format!("{}:{line}: {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these files do not exist:\n{}", broken.join("\n"));
}

#[test]
fn readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; what is more belongs into docs/");
}
