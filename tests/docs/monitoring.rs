//! Compares the dashboard for Grafana and the alert rules for Prometheus with the metrics that exist and with the page
//! that says what to do. The queries themselves are run by `tests/monitoring/run`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the labels of each series, by its name, as the reference lists them.
fn series() -> BTreeMap<String, BTreeSet<String>> {
    let page = read("docs/reference/metrics.md");
    let mut series = BTreeMap::<String, BTreeSet<String>>::new();
    for row in page.lines().filter(|line| line.starts_with("| `tidegate_")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        let labels = cells[3].split(", ").map(|label| label.trim_matches('`').to_owned());
        let mut labels: BTreeSet<String> = labels.filter(|label| label != "none").collect();
        // Prometheus adds these to whatever it scrapes.
        labels.extend(["instance", "job"].map(str::to_owned));
        match cells[2] {
            "histogram" => {
                for end in ["sum", "count"] {
                    series.insert(format!("{name}_{end}"), labels.clone());
                }
                labels.insert("le".to_owned());
                series.insert(format!("{name}_bucket"), labels);
            }
            _ => series.entry(name.to_owned()).or_default().extend(labels),
        }
    }
    assert!(series.len() > 40, "the tables of metrics are gone");
    series.insert("up".to_owned(), ["instance", "job"].map(str::to_owned).into());
    series
}

/// Returns the words of a query: metrics, labels, functions and keywords, but neither texts nor numbers.
fn words(query: &str) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    // Every second part is a text in quotation marks.
    for part in query.split('"').step_by(2) {
        let is_border = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$');
        words
            .extend(part.split(is_border).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())));
    }
    words
}

/// Returns what is wrong with the names in a query.
fn fault(query: &str, series: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    const LANGUAGE: [&str; 11] = [
        "and",
        "by",
        "count",
        "histogram_quantile",
        "increase",
        "max",
        "min",
        "rate",
        "sum",
        "time",
        "unless",
    ];
    let words = words(query);
    let (metrics, others): (Vec<&str>, Vec<&str>) =
        words.into_iter().partition(|word| word.starts_with("tidegate_") || *word == "up");
    if metrics.is_empty() {
        return Some("names no metric".to_owned());
    }
    if let Some(unknown) = metrics.iter().find(|metric| !series.contains_key(**metric)) {
        return Some(format!("{unknown} does not exist"));
    }
    let unknown = others.into_iter().find(|word| {
        !LANGUAGE.contains(word) && !metrics.iter().any(|metric| series[*metric].contains(*word))
    });
    unknown.map(|word| format!("{word} is no label of {metrics:?}"))
}

/// Returns the queries of the dashboard, each with the title of its panel.
fn panel_queries() -> Vec<(String, String)> {
    let dashboard: Value =
        serde_json::from_str(&read("docs/grafana/tidegate.json")).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("the dashboard has panels");
    let mut queries = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().expect("a panel has a title");
        for target in panel["targets"].as_array().expect("a panel has queries") {
            queries.push((title.to_owned(), target["expr"].as_str().expect("a query is a text").to_owned()));
        }
    }
    queries
}

/// Returns the alerts, each with its query.
fn alerts() -> BTreeMap<String, String> {
    let rules: Value =
        serde_saphyr::from_str(&read("docs/prometheus/alerts.yaml")).expect("the rules are YAML");
    let groups = rules["groups"].as_array().expect("the rules have groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("a group has rules"));
    let text =
        |rule: &Value, name: &str| rule[name].as_str().expect("a rule has a name and a query").to_owned();
    rules.map(|rule| (text(rule, "alert"), text(rule, "expr"))).collect()
}

#[test]
fn dashboard_and_alerts_name_only_metrics_and_labels_that_exist() {
    let series = series();
    let queries: Vec<(String, String)> = panel_queries().into_iter().chain(alerts()).collect();
    assert!(queries.len() > 60, "there are only {} queries", queries.len());
    let faults: Vec<String> = queries
        .iter()
        .filter_map(|(place, query)| Some(format!("{place}: {}", fault(query, &series)?)))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_query_with_a_wrong_name_has_a_fault() {
    let series = series();
    for (query, expected) in [
        ("sum(rate(tidegate_http_requests_total[5m]))", None),
        ("sum by (le) (rate(tidegate_tunnel_duration_seconds_bucket{gateway=~\"$gateway\"}[1m]))", None),
        ("sum(rate(tidegate_requests_total[5m]))", Some("tidegate_requests_total does not exist")),
        ("sum by (host) (tidegate_tunnels)", Some("host is no label of [\"tidegate_tunnels\"]")),
        ("vector(1)", Some("names no metric")),
    ] {
        assert_eq!(fault(query, &series).as_deref(), expected, "{query}");
    }
}

#[test]
fn every_alert_has_a_test_and_a_paragraph_that_says_what_to_do() {
    let alerts: BTreeSet<String> = alerts().into_keys().collect();
    let page = read("docs/operations.md");
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("#### "))
        .filter(|heading| heading.starts_with("Tidegate"))
        .map(str::to_owned)
        .collect();
    assert_eq!(alerts, headings, "the alerts (left) and their headings in docs/operations.md");
    let tests = read("docs/prometheus/alerts_test.yaml");
    let untested: Vec<&String> =
        alerts.iter().filter(|alert| !tests.contains(&format!("- alertname: {alert}\n"))).collect();
    assert!(untested.is_empty(), "no test in docs/prometheus/alerts_test.yaml rings {untested:?}");
}
