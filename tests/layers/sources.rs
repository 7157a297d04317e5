//! The imports of a crate, read from the text of its files: `use` trees and paths in code. Test code is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module; empty for the root of a crate.
pub(crate) type Module = Vec<String>;

/// One import: the first one in its file of a certain module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: Module,
    pub(crate) to: Module,
    /// The path as written, with `use` trees expanded.
    pub(crate) path: String,
}

/// The modules of one crate and their imports of each other.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The folder of the root module, from the top of the repository.
    pub(crate) folder: String,
    /// The file of each module, within the folder.
    pub(crate) files: BTreeMap<Module, String>,
    pub(crate) imports: BTreeSet<Import>,
    /// The first name of each path in a module, which may be that of another crate.
    roots: BTreeSet<(Module, String)>,
}

impl Sources {
    /// Reads a folder of this repository.
    pub(crate) fn read(folder: &str) -> Sources {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut paths = Vec::new();
        rust_files(&root, &mut paths);
        let files = paths.into_iter().map(|path| {
            let text = fs::read_to_string(&path).expect("a file that was listed can be read");
            let path = path.strip_prefix(&root).expect("it was found there");
            (path.to_string_lossy().into_owned(), text)
        });
        Sources::of(folder, &files.collect::<Vec<_>>())
    }

    /// Reads files, given with their paths within the folder.
    pub(crate) fn of(folder: &str, files: &[(String, String)]) -> Sources {
        let mut sources = Sources { folder: folder.to_owned(), ..Sources::default() };
        let read: Vec<_> = files.iter().map(|(path, text)| (module(path), File::read(text))).collect();
        let mut tests = BTreeSet::new();
        for ((path, _), (module, file)) in files.iter().zip(&read) {
            sources.files.insert(module.clone(), path.clone());
            tests.extend(file.test_modules.iter().map(|name| child(module, name)));
        }
        let is_test = |module: &Module| tests.iter().any(|test| module.starts_with(test));
        sources.files.retain(|module, _| !is_test(module));
        for (from, file) in read.iter().filter(|(module, _)| !is_test(module)) {
            for (within, path) in &file.paths {
                sources.roots.insert((from.clone(), path[0].clone()));
                let Some(to) = sources.target(from, within, path) else { continue };
                if to != *from && !is_test(&to) {
                    sources.imports.insert(Import { from: from.clone(), to, path: path.join("::") });
                }
            }
        }
        sources
    }

    /// Returns the module of a path or of the item that the path names; `None` if it is not in this crate. `within`
    /// are the inline modules around the path.
    fn target(&self, file: &Module, within: &[String], path: &[String]) -> Option<Module> {
        let mut target: Module = match path[0].as_str() {
            "crate" => Vec::new(),
            "self" | "super" => [file.as_slice(), within].concat(),
            name if within.is_empty() && self.files.contains_key(&child(file, name)) => file.clone(),
            _ => return None,
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(target.pop()),
                name => target.push(name.to_owned()),
            }
        }
        while !self.files.contains_key(&target) && !target.is_empty() {
            target.pop();
        }
        Some(target)
    }

    /// Returns the files that name another crate.
    pub(crate) fn files_naming(&self, name: &str) -> Vec<String> {
        self.roots.iter().filter(|(_, root)| root == name).map(|(module, _)| self.file(module)).collect()
    }

    /// Returns the path of a module's file from the top of the repository.
    pub(crate) fn file(&self, module: &Module) -> String {
        format!("{}/{}", self.folder, self.files[module])
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of a crate's sources can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module(path: &str) -> Module {
    match path.trim_end_matches(".rs") {
        "lib" | "main" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn child(module: &Module, name: &str) -> Module {
    [module.as_slice(), &[name.to_owned()]].concat()
}

/// The imports and the test modules of one file.
#[derive(Debug, Default)]
struct File {
    /// Every path that has at least two names or stands in a `use`, with the inline modules around it.
    paths: BTreeSet<(Module, Vec<String>)>,
    /// The modules that are declared for tests only.
    test_modules: Vec<String>,
}

impl File {
    fn read(text: &str) -> File {
        let tokens = tokens(&code_of(text));
        let mut file = File::default();
        // The open inline modules, with the depth of braces at which each ends.
        let (mut within, mut depth) = (Vec::<(String, usize)>::new(), 0_usize);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at..];
            match (token.as_str(), rest.get(1).map(String::as_str), rest.get(2).map(String::as_str)) {
                ("#", Some("["), _) => {
                    let attribute = group(rest, 1);
                    let has = |name| attribute.iter().any(|token| token == name);
                    at += 1 + attribute.len();
                    if has("cfg") && has("test") && !has("not") {
                        at += file.skip_test(&tokens[at..]);
                    }
                    continue;
                }
                ("use", Some(next), _) if next != "<" => {
                    let end = rest.iter().position(|token| token == ";").unwrap_or(rest.len());
                    let modules: Module = within.iter().map(|(name, _)| name.clone()).collect();
                    let mut paths = Vec::new();
                    expand(&rest[1..end], &[], &mut paths);
                    file.paths.extend(paths.into_iter().map(|path| (modules.clone(), path)));
                    at += end;
                    continue;
                }
                ("mod", Some(name), Some("{")) => within.push((name.to_owned(), depth)),
                ("{", ..) => depth += 1,
                ("}", ..) => {
                    depth = depth.saturating_sub(1);
                    within.pop_if(|(_, opened)| *opened == depth);
                }
                (name, Some("::"), _) if is_name(name) && (at == 0 || tokens[at - 1] != "::") => {
                    let path = path_at(rest);
                    let modules = within.iter().map(|(name, _)| name.clone()).collect();
                    at += 2 * path.len() - 1;
                    file.paths.insert((modules, path));
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        file
    }

    /// Returns the number of tokens of an item that is only for tests.
    fn skip_test(&mut self, tokens: &[String]) -> usize {
        let end = tokens.iter().position(|token| token == ";" || token == "{").unwrap_or(tokens.len());
        if let Some(name) = tokens[..end].iter().position(|token| token == "mod") {
            self.test_modules.extend(tokens.get(name + 1).cloned());
        }
        match tokens.get(end).map(String::as_str) {
            Some("{") => end + group(tokens, end).len(),
            _ => end + 1,
        }
    }
}

/// Returns the tokens from an opening bracket at `start` to its closing one.
fn group(tokens: &[String], start: usize) -> &[String] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &tokens[start..=at];
        }
    }
    &tokens[start..]
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Returns the names of a path, which are separated by `::`.
fn path_at(tokens: &[String]) -> Vec<String> {
    let mut path = vec![tokens[0].clone()];
    let mut rest = &tokens[1..];
    while let [colons, name, ..] = rest
        && colons == "::"
        && is_name(name)
    {
        path.push(name.clone());
        rest = &rest[2..];
    }
    path
}

/// Returns the paths of a `use` tree.
fn expand(tree: &[String], prefix: &[String], found: &mut Vec<Vec<String>>) {
    let names = tree.iter().take_while(|token| is_name(token) && *token != "as" || *token == "::");
    let (mut path, length) = (prefix.to_vec(), names.clone().count());
    path.extend(names.filter(|token| *token != "::").cloned());
    if tree.get(length).is_none_or(|token| token != "{") {
        // In a macro, a variable may stand in place of a path.
        found.extend(Some(path).filter(|path| !path.is_empty()));
        return;
    }
    let inner = group(tree, length);
    let mut depth = 0;
    for branch in inner[1..inner.len() - 1].split(|token| {
        depth += i32::from(token == "{") - i32::from(token == "}");
        token == "," && depth == 0
    }) {
        if !branch.is_empty() {
            expand(branch, &path, found);
        }
    }
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(char) = chars.next() {
        let mut token = String::from(char);
        if char.is_alphanumeric() || char == '_' {
            while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                token.push(next);
            }
        } else if char == ':' {
            token.extend(chars.next_if_eq(&':'));
        }
        if !char.is_whitespace() {
            tokens.push(token);
        }
    }
    tokens
}

/// Returns the text with each comment, string and character literal replaced by a space.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = raw.filter(|raw| raw.trim_start_matches('#').starts_with('"'))
            && !code.ends_with(|last: char| last.is_alphanumeric() || last == '_')
        {
            let hashes = &raw[..raw.find('"').unwrap_or(0)];
            let end = format!("\"{hashes}");
            let start = rest.len() - raw.len() + hashes.len() + 1;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[length..];
    }
    code
}

/// Returns the length of a quoted literal, with both quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            chars.next();
        } else if char == quote {
            return at + 1;
        }
    }
    text.len()
}

/// A character literal ends with a quote; a lifetime does not.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_wherever_they_stand_and_only_in_code() {
        let root = "mod a; mod b; mod c; mod d; #[cfg(test)] mod t; use a::Thing;";
        let a = r##"
            //! See crate::d.
            use crate::b::{self, inner::{Deep, Other as Name}};
            use std::io; // use crate::d;
            /* crate::d::x */
            fn f<'a>(x: &'a str) -> char { let s = "crate::d::x \" use crate::d;"; crate::c::call('"', r#"crate::d::""#) }
            #[cfg(test)]
            mod tests { use crate::d::X; fn f() { { crate::d::y() } } }
            mod nested { use super::super::b::Z; }
        "##;
        let b = "use super::c::X; pub mod inner; #[cfg(test)] use crate::d; #[cfg(not(test))] use inner::Y;";
        let files = [
            ("lib.rs", root),
            ("a.rs", a),
            ("b.rs", b),
            ("b/inner.rs", "use super::X; impl crate::c::Trait for X {}"),
            ("c.rs", ""),
            ("d.rs", ""),
            ("t.rs", "use crate::d::X;"),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let sources = Sources::of("src", &files);
        assert_eq!(sources.files_naming("std"), ["src/a.rs"]);
        let found: BTreeSet<_> =
            sources.imports.iter().map(|import| (import.from.join("::"), import.to.join("::"))).collect();
        let expected = [
            ("", "a"),
            ("a", "b"),
            ("a", "b::inner"),
            ("a", "c"),
            ("b", "b::inner"),
            ("b", "c"),
            ("b::inner", "b"),
            ("b::inner", "c"),
        ];
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(found, expected.into_iter().collect());
    }
}
