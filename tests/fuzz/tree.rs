//! Edits of what an input means: trees of values, written out again.

use std::path::Path;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use slotwise::testing::manifest::node::Node;
use slotwise::testing::manifest::yaml::{self, documents};

use super::dictionary::Dictionary;

/// Most copies of an item or entry.
const COPIES_MAX: usize = 300;

/// Changes one document of a declaration.
pub(crate) fn rewrite_yaml(input: &[u8], dictionary: &Dictionary, rng: &mut ChaCha8Rng) -> Option<Vec<u8>> {
    let documents = documents(Path::new("x.yaml"), input).ok()?;
    let trees: Option<Vec<Value>> = documents
        .iter()
        .map(|document| serde_json::to_value(document.parse().ok()?).ok())
        .collect();
    let mut trees = trees.filter(|trees| !trees.is_empty())?;
    let at = rng.random_range(0..trees.len());
    edit(&mut trees[at], dictionary, rng);
    // JSON is YAML too, and looks quite different.
    let written = trees.iter().map(|tree| {
        if rng.random_ratio(1, 4) {
            format!("{tree}\n")
        } else {
            yaml::to_text(&node(tree))
        }
    });
    Some(written.collect::<Vec<_>>().join("---\n").into_bytes())
}

/// Changes the body of one request.
pub(crate) fn rewrite_bodies(input: &[u8], dictionary: &Dictionary, rng: &mut ChaCha8Rng) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(input).ok()?;
    let mut parts: Vec<String> = text.split("\n###\n").map(str::to_owned).collect();
    let at = rng.random_range(0..parts.len());
    let (head, body) = parts[at].split_once("\n\n").unwrap_or((&parts[at], "{}"));
    let mut body = serde_json::from_str(body).ok()?;
    edit(&mut body, dictionary, rng);
    parts[at] = format!("{head}\n\n{body}");
    Some(parts.join("\n###\n").into_bytes())
}

/// Changes a file that is one value.
pub(crate) fn rewrite_json(input: &[u8], dictionary: &Dictionary, rng: &mut ChaCha8Rng) -> Option<Vec<u8>> {
    let mut value = serde_json::from_slice(input).ok()?;
    edit(&mut value, dictionary, rng);
    Some(value.to_string().into_bytes())
}

fn node(value: &Value) -> Node {
    match value {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Bool(*value),
        Value::Number(number) => match number.as_i128() {
            Some(whole) => Node::Int(whole),
            None => Node::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Node::Text(text.clone()),
        Value::Array(items) => Node::List(items.iter().map(node).collect()),
        Value::Object(entries) => Node::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), node(value)))
                .collect(),
        ),
    }
}

/// One change somewhere in `tree`.
fn edit(tree: &mut Value, dictionary: &Dictionary, rng: &mut ChaCha8Rng) {
    let borrowed = {
        let from = rng.random_range(0..count(tree));
        nth(tree, from).clone()
    };
    let at = rng.random_range(0..count(tree));
    let place = nth(tree, at);
    match rng.random_range(0..4) {
        0 => *place = value(dictionary, rng),
        1 => *place = borrowed,
        _ => edit_within(place, borrowed, dictionary, rng),
    }
}

fn edit_within(place: &mut Value, borrowed: Value, dictionary: &Dictionary, rng: &mut ChaCha8Rng) {
    let word = dictionary.words.choose(rng).cloned().unwrap_or_default();
    match place {
        Value::Object(entries) if !entries.is_empty() => {
            let keys: Vec<String> = entries.keys().cloned().collect();
            let key = &keys[rng.random_range(0..keys.len())];
            match rng.random_range(0..4) {
                0 => drop(entries.shift_remove(key)),
                1 => rename(entries, key, &word),
                2 => drop(entries.insert(word, borrowed)),
                _ => {
                    for number in 0..rng.random_range(1..COPIES_MAX) {
                        entries.insert(format!("{key}{number}"), borrowed.clone());
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = rng.random_range(0..items.len());
            match rng.random_range(0..3) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, borrowed),
                _ => {
                    let copies = vec![items[at].clone(); rng.random_range(1..COPIES_MAX)];
                    items.splice(at..at, copies).for_each(drop);
                }
            }
        }
        Value::String(text) => {
            let cut = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
            text.insert_str(cut.choose(rng).copied().unwrap_or(0), &word);
        }
        other => *other = value(dictionary, rng),
    }
}

fn rename(entries: &mut Map<String, Value>, key: &str, new: &str) {
    let renamed = std::mem::take(entries).into_iter().map(|(old, value)| {
        let name = if old == key { new.to_owned() } else { old };
        (name, value)
    });
    entries.extend(renamed.collect::<Vec<_>>());
}

fn value(dictionary: &Dictionary, rng: &mut ChaCha8Rng) -> Value {
    let known = dictionary.values.choose(rng).map_or("null", String::as_str);
    match rng.random_range(0..5) {
        0 => json!(dictionary.words.choose(rng)),
        1 => json!("x".repeat(rng.random_range(1..2_000))),
        2 => json!(rng.random_range(-2..100_000)),
        3 => json!(vec![dictionary.words.choose(rng); rng.random_range(1..50)]),
        // Some are no JSON on purpose.
        _ => serde_json::from_str(known).unwrap_or_else(|_| json!(known)),
    }
}

/// How many values `tree` has, itself included.
fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of number `at`, which is less than [`count`].
fn nth(tree: &mut Value, mut at: usize) -> &mut Value {
    if at == 0 {
        return tree;
    }
    at -= 1;
    let inner: Vec<&mut Value> = match tree {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(entries) => entries.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        let size = count(value);
        if at < size {
            return nth(value, at);
        }
        at -= size;
    }
    panic!("there are not so many values");
}
