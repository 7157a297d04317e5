//! Checks what `packaging/` says against the command line, and renders the Helm chart, which nothing here can run.
//! `tests/packaging/run` makes the packages and uses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{find, root};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Returns every file below the folder, as a path from the top of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    find(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

/// Returns the variables that options of the processes have.
fn variables() -> BTreeSet<String> {
    let page = read("docs/reference/cli.md");
    let options = page.lines().filter_map(|line| line.strip_prefix("| `--")?.split(['`', ' ']).next());
    options.map(|name| format!("TIDEGATE_{}", name.to_uppercase().replace('-', "_"))).collect()
}

#[test]
fn every_variable_is_an_option() {
    let variables = variables();
    assert!(variables.contains("TIDEGATE_PUBLIC_ADDRESS"), "the table of options is gone");
    let mut unknown = Vec::new();
    let mut count = 0;
    for path in files("packaging") {
        let text = read(&path.to_string_lossy());
        let is_border = |c: char| !(c.is_ascii_uppercase() || c == '_');
        for name in text.split(is_border).filter(|word| word.starts_with("TIDEGATE_")) {
            count += 1;
            // The build's own choice of a binary.
            if !variables.contains(name) && name != "TIDEGATE_BINARY" {
                unknown.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(count > 20, "{count} variables were found");
    assert!(unknown.is_empty(), "no option has these variables:\n{}", unknown.join("\n"));
}

#[test]
fn every_unit_runs_a_command_that_exists() {
    let page = read("docs/reference/cli.md");
    let units = files("packaging/systemd");
    for path in &units {
        let unit = read(&path.to_string_lossy());
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/tidegate "));
        let command = line.and_then(|line| line.split(' ').next()).unwrap();
        assert!(page.contains(&format!("## `tidegate {command}`\n")), "{}: {command}", path.display());
        for setting in ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
            assert!(unit.lines().any(|line| line.starts_with(setting)), "{}: {setting}", path.display());
        }
        let is_service = !path.ends_with("tidegate-echo.service");
        assert_eq!(unit.contains("Type=notify\n"), is_service, "{}", path.display());
    }
    assert_eq!(units.len(), 4);
}

#[test]
fn every_version_is_that_of_this_build() {
    let image = format!("tidegate:{VERSION}");
    let compose = &yaml(&read("packaging/compose.yaml"))[0];
    for (name, service) in compose["services"].as_object().unwrap() {
        assert_eq!(service["image"], image, "service {name}");
    }
    assert!(compose["volumes"]["tidegate"].is_object());
    let chart = &yaml(&read("packaging/helm/tidegate/Chart.yaml"))[0];
    let values = &yaml(&read("packaging/helm/tidegate/values.yaml"))[0];
    assert_eq!((&chart["version"], &chart["appVersion"]), (&VERSION.into(), &VERSION.into()));
    assert_eq!(values["image"]["tag"], VERSION);
    let page = read("docs/install.md");
    for name in [format!("tidegate_{VERSION}-1_amd64.deb"), format!("tidegate-{VERSION}-oci.tar"), image] {
        assert!(page.contains(&name), "docs/install.md does not name {name}");
    }
}

/// Renders a template of the chart as Helm does. Only values, the names of release and chart, `quote`, and `toYaml` with
/// `nindent` on a line of its own are known. Adds the paths of the values to `used`.
fn rendered(template: &str, values: &Value, used: &mut BTreeSet<String>) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let (expression, after) = after.split_once("}}").unwrap_or_else(|| panic!("no end: {line}"));
            let mut parts = expression.trim_start_matches('-').split('|').map(str::trim);
            let source = parts.next().unwrap_or_default();
            let value = match source {
                ".Release.Name" => Value::from("edge"),
                ".Chart.Name" => Value::from("tidegate"),
                ".Chart.AppVersion" => Value::from(VERSION),
                source => {
                    let path = source.trim_start_matches("toYaml ").strip_prefix(".Values.");
                    let path = path.unwrap_or_else(|| panic!("unknown expression: {line}"));
                    used.insert(path.to_owned());
                    let value = values.pointer(&format!("/{}", path.replace('.', "/")));
                    value.unwrap_or_else(|| panic!("values.yaml lacks {path}")).clone()
                }
            };
            let pipes: Vec<&str> = parts.collect();
            text.push_str(match pipes[..] {
                [indent] if source.starts_with("toYaml ") && indent.starts_with("nindent ") => {
                    assert_eq!(before.trim(), "", "toYaml must have a line of its own: {line}");
                    let width: usize = indent.trim_start_matches("nindent ").parse().expect("a width");
                    assert_eq!(before.len(), width, "the line is indented differently: {line}");
                    before
                }
                ["quote"] | [] => before,
                _ => panic!("unknown expression: {line}"),
            });
            // JSON is YAML too.
            text.push_str(&match (&value, &pipes[..]) {
                (Value::String(text), []) => text.clone(),
                (Value::Number(number), ["quote"]) => format!("\"{number}\""),
                (value, _) => value.to_string(),
            });
            rest = after;
        }
        text.push_str(rest);
        text.push('\n');
    }
    text
}

#[test]
fn the_chart_renders_and_uses_every_value() {
    let values = &yaml(&read("packaging/helm/tidegate/values.yaml"))[0];
    let mut used = BTreeSet::new();
    let mut kinds = Vec::new();
    for path in files("packaging/helm/tidegate/templates") {
        let text = rendered(&read(&path.to_string_lossy()), values, &mut used);
        if path.extension().is_some_and(|extension| extension == "yaml") {
            for document in yaml(&text) {
                assert!(document["metadata"]["name"].is_string(), "{}: {document}", path.display());
                kinds.push(document["kind"].as_str().unwrap().to_owned());
            }
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["ConfigMap", "Service", "Service", "StatefulSet"]);
    let unused: Vec<String> = leaves(values, "").into_iter().filter(|leaf| !is_used(leaf, &used)).collect();
    assert!(unused.is_empty(), "no template uses {unused:?}");
}

/// Returns the paths of the values that are no objects, or are empty ones.
fn leaves(value: &Value, path: &str) -> Vec<String> {
    match value.as_object() {
        Some(object) if !object.is_empty() => {
            let below = |(name, value): (&String, &Value)| leaves(value, &format!("{path}.{name}"));
            object.iter().flat_map(below).collect()
        }
        _ => vec![path.trim_start_matches('.').to_owned()],
    }
}

fn is_used(leaf: &str, used: &BTreeSet<String>) -> bool {
    used.iter().any(|path| leaf == path || leaf.starts_with(&format!("{path}.")))
}
