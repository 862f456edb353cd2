//! The surface for declarations: bytes of a file, and the items of a table, which come in beside it.
//!
//! What holds of any bytes, besides that nothing panics:
//! - work is bounded: a document is a tree of so many values and so much text at most ([`VALUES_MAX`], [`TEXT_MAX`]),
//!   and so many problems of so many bytes are reported of it ([`PROBLEMS_MAX`], [`REPORTED_MAX_BYTES`]);
//! - every problem names the file and a line of it, and says what to do, in one line each;
//! - nothing that is reported or printed repeats a key;
//! - the same bytes are judged the same, and in the midst of other documents as they are alone;
//! - what is accepted can be planned and shown, and the checker finds nothing in the plan;
//! - what is accepted and can be in a table comes back from there as it was, by item and by exported document.

mod accepted;
mod items;

use std::path::Path;

use slotwise::testing::manifest::decode::{Decoded, Object, decode};
use slotwise::testing::manifest::node::Node;
use slotwise::testing::manifest::reference::{KeyLookup, KeyReference};
use slotwise::testing::manifest::yaml::{self, documents};
use slotwise::testing::manifest::{Location, Problem};
use slotwise::testing::model::Secret;
use slotwise::testing::render;
use slotwise::testing::store::assemble::{Assembled, Good, assemble};

use super::engine::Features;

/// Values in a document after its aliases are resolved.
const VALUES_MAX: usize = 100_000;
/// Bytes of text in it.
const TEXT_MAX: usize = 4 << 20;
/// Problems of one document, and one more for what is wrong with all of it.
const PROBLEMS_MAX: usize = 51;
/// Message and fix of one problem together.
const REPORTED_MAX_BYTES: usize = 2_000;

const FILE: &str = "fuzz.yaml";

/// What looks like a stream key in inputs: wherever it stands, it must not be repeated.
const CANARIES: [&str; 3] = [
    "live_90210_CanaryKey77x",
    "FB-5550-0-CanaryKey88y",
    "rtmp-pass-Canary99z1q",
];

/// A document before and after the others: whatever stands between, these are understood.
const FRONT: &str = "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: { name: front }\nspec:\n  \
                     channels: [{ id: \"1\" }]\n  slots: { outputGroups: \"*\", parkingUrl: rtmp://127.0.0.1/p }\n";
const BACK: &str = "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: { name: back }\nspec: { pool: \
                    front, state: Ready, url: rtmp://a.example/b, streamKeyFrom: { ssm: /x } }\n";

/// Takes any bytes; panics where something of the above does not hold.
pub(crate) fn check(input: &[u8]) -> Features {
    let mut features = Features::default();
    let Reading { objects, reported } = read(input);
    if let Ok(text) = std::str::from_utf8(input) {
        check_in_the_midst(text, &reported);
    }
    let layouts = items::layouts(input);
    for document in documents(Path::new(FILE), input).unwrap_or_default() {
        if let Ok(tree) = document.parse() {
            check_size(&tree);
            check_written(&tree);
            items::check(&tree, &layouts, &mut features);
        }
    }
    let Assembled {
        good,
        problems,
        rejected,
        doubts,
    } = assemble(objects, &look_up, &Good::default(), &|_| false);
    check_reported(&[&reported[..], &problems].concat(), Some(input));
    hide_keys(&format!("{rejected:?} {doubts:?}"));
    for problem in reported.iter().chain(&problems) {
        features.note(&format!("{} {} {}", problem.field, problem.message, problem.fix));
    }
    accepted::check(good, input, &mut features);
    features
}

struct Reading {
    objects: Vec<Object>,
    /// What is wrong with the file, and with documents that are no objects; then with each object.
    reported: Vec<Problem>,
}

fn read(input: &[u8]) -> Reading {
    let (mut objects, mut reported) = (Vec::new(), Vec::new());
    match documents(Path::new(FILE), input) {
        Err(broken) => reported.push(broken.into()),
        Ok(documents) => {
            for decoded in documents.iter().flat_map(decode) {
                let before = reported.len();
                match decoded {
                    Decoded::Object(object) => {
                        reported.extend(object.report.clone().into_problems());
                        objects.push(*object);
                    }
                    Decoded::Unidentified(problems) => reported.extend(problems),
                    Decoded::Foreign(problem) => reported.push(problem),
                }
                assert!(
                    reported.len() - before <= PROBLEMS_MAX,
                    "too many problems are reported"
                );
            }
        }
    }
    Reading { objects, reported }
}

/// One key that could be read, one that could not, and some that were not looked up.
fn look_up(reference: &KeyReference) -> KeyLookup {
    match reference {
        KeyReference::Env(_) => KeyLookup::Found(Secret::new(CANARIES[0])),
        KeyReference::Ssm(_) => KeyLookup::Missing {
            what: "access is denied".to_owned(),
            fix: "allow it".to_owned(),
        },
        _ => KeyLookup::NotAsked,
    }
}

/// `text` is what the problems are in; nothing for those of a table.
fn check_reported(problems: &[Problem], text: Option<&[u8]>) {
    let lines = text.map_or(0, |text| text.split(|byte| *byte == b'\n').count());
    for problem in problems {
        let place = &problem.location;
        if text.is_some() {
            assert_eq!(place.file, Path::new(FILE));
            assert!(
                (1..=lines).contains(&place.line),
                "line {} of {lines}: {problem}",
                place.line
            );
        } else {
            assert!(place.is_table() && place.line == 0, "{problem}");
        }
        assert!(
            !problem.message.is_empty() && !problem.fix.is_empty(),
            "{problem:?}"
        );
        let words = format!("{}{}{}", problem.field, problem.message, problem.fix);
        assert!(
            words.len() <= REPORTED_MAX_BYTES,
            "{} bytes are reported",
            words.len()
        );
        assert!(
            !words.contains(char::is_control),
            "{words:?} has control characters"
        );
    }
    hide_keys(&format!("{problems:?}"));
    hide_keys(&render::problems::problems(problems, render::Style::PLAIN));
    hide_keys(&render::problems::problems_json(problems));
}

fn hide_keys(reported: &str) {
    for canary in CANARIES {
        assert!(!reported.contains(canary), "{canary} in {reported}");
    }
}

/// The documents of `text` between two others: these are understood, and the problems of `text` are the same.
fn check_in_the_midst(text: &str, alone: &[Problem]) {
    let around = format!("{FRONT}---\n{text}\n---\n{BACK}");
    let read = read(around.as_bytes());
    let good = |object: Option<&Object>, name: &str| {
        object.is_some_and(|object| object.id.name == name && !object.report.is_rejected())
    };
    assert!(good(read.objects.first(), "front"), "what stands before is lost");
    assert!(good(read.objects.last(), "back"), "what stands behind is lost");
    // A directive needs its marker, a byte order mark the very beginning, and what is never closed ends elsewhere.
    let differs = text.starts_with('\u{feff}')
        || text.lines().any(|line| line.starts_with('%'))
        || !text.ends_with('\n');
    if differs {
        let again = self::read(text.as_bytes()).reported;
        assert!(again == alone, "the same bytes are reported differently");
        return;
    }
    let before = FRONT.lines().count() + 1;
    let moved: Vec<Problem> = alone
        .iter()
        .cloned()
        .map(|problem| Problem {
            location: Location {
                line: problem.location.line + before,
                ..problem.location
            },
            ..problem
        })
        .collect();
    assert!(
        read.reported == moved,
        "{:?}\nin the midst of others, alone {moved:?}",
        read.reported
    );
}

fn check_size(tree: &Node) {
    fn size(node: &Node) -> (usize, usize) {
        let sum = |(a, b): (usize, usize), (c, d): (usize, usize)| (a + c, b + d);
        match node {
            Node::Text(text) => (1, text.len()),
            Node::List(items) => items.iter().map(size).fold((1, 0), sum),
            Node::Map(entries) => entries
                .iter()
                .map(|(key, value)| sum((1, key.len()), size(value)))
                .fold((1, 0), sum),
            _ => (1, 0),
        }
    }
    let (values, text) = size(tree);
    assert!(
        values <= VALUES_MAX && text <= TEXT_MAX,
        "{values} values, {text} bytes"
    );
}

/// A tree is read from the document that is written of it as it was.
fn check_written(tree: &Node) {
    let text = yaml::to_text(tree);
    let read = documents(Path::new(FILE), text.as_bytes()).unwrap();
    if *tree == Node::Null {
        return;
    }
    assert_eq!(read.len(), 1, "it is written as another number of documents");
    match read[0].parse() {
        Ok(again) => assert!(same(tree, &again), "{text:?} is read as something else"),
        // What is written is longer than what was read.
        Err(broken) => assert!(broken.message.contains("longer than"), "{text:?}: {broken:?}"),
    }
}

/// Equal, where no number is as good as another.
fn same(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Float(one), Node::Float(other)) => {
            one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
        }
        (Node::List(one), Node::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Node::Map(one), Node::Map(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs
                    .into_iter()
                    .all(|(one, other)| one.0 == other.0 && same(&one.1, &other.1))
        }
        _ => one == other,
    }
}
