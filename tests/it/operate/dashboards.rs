//! Do the dashboard and the alert rules that come with the Hub name figures that it publishes?

use std::collections::BTreeSet;

use executor_hub::telemetry::metrics::{Kind, METRICS};

const DASHBOARD: &str = include_str!("../../../config/grafana-dashboard.json");
const RULES: &str = include_str!("../../../config/prometheus-rules.yml");

/// Every word of a text that looks like a figure of ours. Alert names and the like have no such prefix.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("hub_") || word.starts_with("process_"))
        .collect()
}

fn exists(name: &str) -> bool {
    METRICS.iter().any(|metric| match metric.kind {
        Kind::Histogram(_) => {
            name.strip_prefix(metric.name).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
        }
        _ => metric.name == name,
    })
}

#[test]
fn every_figure_that_they_name_is_published() {
    for (file, text) in [("dashboard", DASHBOARD), ("rules", RULES)] {
        let names = named(text);
        assert!(names.len() > 8, "{file} names figures: {names:?}");
        let missing: Vec<_> = names.iter().filter(|name| !exists(name)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn the_dashboard_is_json_and_each_panel_asks_for_something() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 8);
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(
            targets.iter().all(|target| target["expr"].as_str().is_some_and(|text| text.len() > 5)),
            "{panel}"
        );
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
    }
}

#[test]
fn each_alert_says_what_to_do() {
    let alerts = RULES.matches("- alert:").count();
    assert!(alerts >= 8);
    for word in ["expr:", "for:", "severity:", "summary:", "description:"] {
        assert_eq!(RULES.matches(word).count(), alerts, "{word}");
    }
}
