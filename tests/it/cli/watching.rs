//! Alerts and dashboard ask for what is counted, and for nothing else: a metric that does not exist is an alert that never
//! fires. Whether they say it in Prometheus' language, `tests/contract/manifests.py` tries.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use slotwise::testing::metrics::Metrics;
use slotwise::testing::status::Phase;

/// Those that Prometheus adds to every series.
const ADDED: [&str; 2] = ["job", "instance"];

const FILES: [&str; 3] = [
    "manifests/prometheus/alerts.yaml",
    "manifests/grafana/slotwise.json",
    GUIDE,
];

const GUIDE: &str = "examples/monitoring/README.md";

fn read(path: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    text.replace("\\\"", "\"")
}

/// Name of each series, and the labels that it has.
fn series() -> BTreeMap<String, Vec<String>> {
    let reference = Metrics::new().unwrap().reference();
    let mut series = BTreeMap::new();
    for row in reference.lines().skip(2) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (name, kind) = (cells[1].trim_matches('`'), cells[2]);
        let labels = || {
            cells[3]
                .split(", ")
                .map(|label| label.trim_matches('`').to_owned())
        };
        if kind == "histogram" {
            for part in ["sum", "count"] {
                series.insert(format!("{name}_{part}"), labels().collect());
            }
            let le = std::iter::once("le".to_owned());
            series.insert(format!("{name}_bucket"), labels().chain(le).collect());
        } else {
            series.insert(name.to_owned(), labels().collect());
        }
    }
    series
}

/// Each series that `text` names, with its matchers: label, and the values that are listed.
fn asked(text: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    text.match_indices("slotwise_")
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest
                .find(|sign: char| !(sign.is_ascii_lowercase() || sign == '_'))
                .unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let matchers = rest
                .strip_prefix('{')
                .map_or("", |rest| rest.split('}').next().unwrap());
            let matchers = matchers.split(", ").filter_map(|matcher| {
                let (label, value) = matcher.split_once('"')?;
                Some((
                    label.trim_end_matches(['=', '~', '!']),
                    value.trim_end_matches('"'),
                ))
            });
            (name, matchers.collect())
        })
        .collect()
}

#[test]
fn alerts_and_dashboard_use_metrics_and_labels_that_exist() {
    let series = series();
    let mut seen = 0;
    for file in FILES {
        for (name, matchers) in asked(&read(file)) {
            // To people a histogram has one name.
            let reported = (file == GUIDE).then(|| format!("{name}_count"));
            let known = series.get(name).or_else(|| series.get(&reported?));
            let labels = known.unwrap_or_else(|| panic!("{file}: there is no {name}"));
            for (label, _) in matchers {
                let known = ADDED.contains(&label) || labels.iter().any(|one| one == label);
                assert!(known, "{file}: {name} has no label {label}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn phases_and_reasons_that_alerts_name_exist() {
    let waitings = read("src/plan/waiting.rs");
    let mut reasons = 0;
    for file in FILES {
        let text = read(file);
        for (name, matchers) in asked(&text) {
            for value in matchers.iter().flat_map(|(label, values)| {
                let values = values.split('|');
                values.filter(|_| ["phase", "reason"].contains(label))
            }) {
                let exists = match name {
                    "slotwise_destinations" => Phase::ALL.iter().any(|phase| phase.as_str() == value),
                    "slotwise_waiting" => waitings.contains(&format!("\"{value}\"")),
                    _ => panic!("{file}: {name}"),
                };
                assert!(exists, "{file}: {name} is never {value}");
                reasons += usize::from(name == "slotwise_waiting");
            }
        }
    }
    assert!(reasons > 10, "{reasons}");
}

/// Every metric is documented.
#[test]
fn the_guide_names_every_metric() {
    let guide = read(GUIDE);
    for row in Metrics::new().unwrap().reference().lines().skip(2) {
        let name = row.split('`').nth(1).unwrap();
        assert!(guide.contains(&format!("`{name}")), "{name}");
    }
}
