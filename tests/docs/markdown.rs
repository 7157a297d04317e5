//! Reads of a Markdown text what the checks need: links, headings and code blocks.

use std::collections::{BTreeMap, BTreeSet};

/// The parts of one file. Lines are counted from 1.
#[derive(Debug, Default)]
pub(crate) struct Markdown {
    /// The targets of links and images, each with its line.
    pub(crate) links: Vec<(usize, String)>,
    /// The texts between backticks, each with its line.
    pub(crate) code: Vec<(usize, String)>,
    /// The anchors of headings.
    pub(crate) anchors: BTreeSet<String>,
    /// The languages of fenced code blocks, each with the line of its opening fence.
    pub(crate) blocks: Vec<(usize, String)>,
}

impl Markdown {
    pub(crate) fn read(text: &str) -> Markdown {
        let mut document = Markdown::default();
        let mut seen = BTreeMap::<String, usize>::new();
        let mut is_code = false;
        for (index, line) in text.lines().enumerate() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                if !is_code {
                    document.blocks.push((index + 1, language.to_owned()));
                }
                is_code = !is_code;
            } else if !is_code {
                if let Some(heading) = heading(line) {
                    document.anchors.insert(anchor(heading, &mut seen));
                }
                let code = line.split('`').skip(1).step_by(2);
                document.code.extend(code.map(|code| (index + 1, code.to_owned())));
                let links = links(&without_code(line));
                document.links.extend(links.into_iter().map(|link| (index + 1, link)));
            }
        }
        document
    }
}

/// Returns the text of a heading.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (1..=6).contains(&level).then(|| text.strip_prefix(' ')).flatten()
}

/// Returns the anchor that GitHub gives to a heading; a later heading of the same text gets a number.
fn anchor(heading: &str, seen: &mut BTreeMap<String, usize>) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
    let number = seen.entry(anchor.clone()).or_default();
    *number += 1;
    if *number == 1 { anchor } else { format!("{anchor}-{}", *number - 1) }
}

/// Removes what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Returns the targets of inline links and images, and of a link definition.
fn links(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let definition = line.strip_prefix('[').and_then(|line| line.split_once("]: ")).map(|(_, target)| target);
    let target = |link: &str| link.split_whitespace().next().unwrap_or_default().to_owned();
    inline.chain(definition).map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_headings_and_blocks_are_found() {
        let document = Markdown::read(
            "# The `--log` option: uses\n\nSee [a](b.md#c), ![d](e.png \"t\") and `[f](g)`.\n\
             [h]: i.md\n\n```sh\n# no heading\n[j](k)\n```\n## Same\n## Same\n",
        );
        let links: Vec<_> = document.links.iter().map(|(line, link)| (*line, link.as_str())).collect();
        assert_eq!(links, [(3, "b.md#c"), (3, "e.png"), (4, "i.md")]);
        let anchors: Vec<_> = document.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["same", "same-1", "the---log-option-uses"]);
        assert_eq!(document.blocks, [(6, "sh".to_owned())]);
        assert_eq!(document.code, [(1, "--log".to_owned()), (3, "[f](g)".to_owned())]);
    }
}
