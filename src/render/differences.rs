//! What is different between two documents, in words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// How two documents are compared, and what the one and the other are called.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// The word before a value of the first: `was`.
    pub was: &'static str,
    /// The word before a value of the second: `is`.
    pub is: &'static str,
    /// The words for a value that the second does not have: `is gone`.
    pub gone: &'static str,
    /// The words before a value that the first does not have: `is new:`.
    pub new: &'static str,
    /// Fields that are not compared, at any depth.
    pub left_out: &'static [&'static str],
}

impl Comparison {
    /// A line for each difference: `channel 4000001, state: was IDLE, is RUNNING`. Empty for the same.
    pub fn differences(self, was: &Value, is: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        self.compare("", was, is, &mut lines);
        lines
    }

    fn compare(self, place: &str, was: &Value, is: &Value, lines: &mut Vec<String>) {
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                let fields: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
                let compared = fields
                    .into_iter()
                    .filter(|field| !self.left_out.contains(&field.as_str()));
                for field in compared {
                    let inner = if place.is_empty() {
                        field.clone()
                    } else {
                        format!("{place}, {field}")
                    };
                    let (was, is) = (was.get(field), is.get(field));
                    self.compare(
                        &inner,
                        was.unwrap_or(&Value::Null),
                        is.unwrap_or(&Value::Null),
                        lines,
                    );
                }
            }
            (Value::Array(was), Value::Array(is)) => self.compare_lists(singular(place), was, is, lines),
            (was, is) if was == is => {}
            (was, Value::Null) => {
                lines.push(format!("{place}: {} {}, {}", self.was, brief(was), self.gone));
            }
            (Value::Null, is) => lines.push(format!("{place}: {} {}", self.new, brief(is))),
            (was, is) => lines.push(format!(
                "{place}: {} {}, {} {}",
                self.was,
                brief(was),
                self.is,
                brief(is)
            )),
        }
    }

    /// Entries are compared with those of the same name, in any order.
    fn compare_lists(self, place: &str, was: &[Value], is: &[Value], lines: &mut Vec<String>) {
        let labelled = |entries: &[Value]| -> BTreeMap<String, Value> {
            let labels = entries
                .iter()
                .enumerate()
                .map(|(index, entry)| label(entry, index));
            labels.zip(entries.iter().cloned()).collect()
        };
        let (was, is) = (labelled(was), labelled(is));
        let labels: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for label in labels {
            let place = format!("{place} {label}");
            match (was.get(label), is.get(label)) {
                (Some(was), Some(is)) => self.compare(&place, was, is, lines),
                (Some(was), None) => lines.push(format!("{place}{} is gone", named(was))),
                (None, Some(is)) => lines.push(format!("{place}{} is new", named(is))),
                (None, None) => {}
            }
        }
    }
}

/// `, update` for a step, nothing for what its place names already.
fn named(entry: &Value) -> String {
    match entry.get("action").unwrap_or(entry) {
        Value::String(text) => format!(", {text},"),
        _ => String::new(),
    }
}

/// A value in a few words.
fn brief(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match value {
        Value::Object(fields) => ["code", "outputGroup"]
            .iter()
            .find_map(|field| text(fields.get(*field)?))
            .unwrap_or_else(|| "something".to_owned()),
        other => text(other).unwrap_or_else(|| other.to_string()),
    }
}

/// What an entry of a list is called: its name, or its number from 1.
fn label(entry: &Value, index: usize) -> String {
    ["id", "name", "outputGroup"]
        .iter()
        .find_map(|field| entry.get(field)?.as_str())
        .map_or_else(|| (index + 1).to_string(), ToOwned::to_owned)
}

/// `channels` → `channel`, of the last word of a place.
fn singular(place: &str) -> &str {
    place.strip_suffix('s').unwrap_or(place)
}
