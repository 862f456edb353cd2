//! Whatever the bytes are: no panic, and no key in what is told.

use std::path::Path;

use proptest::prelude::*;
use slotwise::manifest::decode::{Decoded, decode};
use slotwise::manifest::reference::{KeyLookup, KeyReference};
use slotwise::manifest::yaml::documents;
use slotwise::model::Secret;
use slotwise::store::assemble::{Good, assemble};

const CANARIES: [&str; 3] = [
    "live_90210_CanaryKey77x",
    "FB-5550-0-CanaryKey88y",
    "rtmp-pass-Canary99z1q",
];

const VALID: &str = r#"# pools
apiVersion: slotwise.dev/v1alpha1
kind: ChannelPool
metadata: { name: main, labels: { team: live } }
spec:
  channels:
    - { id: "4000001", takeover: true }
    - id: "4000002"
  slots:
    outputGroups: "RTMP-Slot-*"
    parkingUrl: rtmp://127.0.0.1:1935/parked
  placement: Pack
  disruption:
    interrupt: Window
    for: &causes [Start, Stop]
    windows: [{ cron: "0 4 * * *", duration: 30m, timeZone: Europe/Berlin }]
  paused: { until: 2026-12-24T00:00:00Z, by: ana, why: "maintenance" }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata:
  name: one
spec:
  pool: main
  state: Streaming
  platform: youtube
  streamKey: live_90210_CanaryKey77x
  group: event
  priority: 100
  slot: { channel: "4000001", outputGroup: RTMP-Slot-2 }
---
apiVersion: slotwise.dev/v1alpha1
kind: Destination
metadata: { name: two }
spec:
  pool: main
  state: Ready
  url: rtmps://user:rtmp-pass-Canary99z1q@a.example/live/FB-5550-0-CanaryKey88y?x=1
  streamKeyFrom: { env: FB-5550-0-CanaryKey88y }
  interruptible: false
"#;

/// Everything that is told about `bytes`.
fn told(bytes: &[u8]) -> String {
    let look_up = |reference: &KeyReference| match reference {
        KeyReference::Env(_) => KeyLookup::Found(Secret::new(CANARIES[0])),
        _ => KeyLookup::NotAsked,
    };
    let mut told = Vec::new();
    let mut objects = Vec::new();
    match documents(Path::new("fuzz.yaml"), bytes) {
        Err(broken) => told.push(format!("{broken:?}")),
        Ok(documents) => {
            for document in documents {
                match decode(&document) {
                    Some(Decoded::Object(object)) => objects.push(*object),
                    Some(Decoded::Unidentified(problems)) => told.push(format!("{problems:?}")),
                    Some(Decoded::Foreign(problem)) => told.push(format!("{problem:?}")),
                    None => {}
                }
            }
        }
    }
    let assembled = assemble(objects, &look_up, &Good::default(), &|_| false);
    told.push(format!(
        "{:?}",
        (assembled.problems, assembled.rejected, assembled.doubts)
    ));
    told.concat()
}

/// One edit of a text: cut some bytes, put others in, or move some.
fn edit() -> impl Strategy<Value = (u8, prop::sample::Index, usize, String)> {
    let text = prop_oneof![
        "[ -~\\n]{0,8}",
        Just("\t".to_owned()),
        Just("\n---\n".to_owned()),
        Just("*causes".to_owned()),
        Just("!!int ".to_owned()),
        Just("!x ".to_owned()),
        Just("\"".to_owned()),
        Just(": ".to_owned()),
        Just("\n  ".to_owned()),
    ];
    (0..3u8, any::<prop::sample::Index>(), 0..40usize, text)
}

fn apply(text: &mut Vec<u8>, (what, at, length, new): (u8, prop::sample::Index, usize, String)) {
    if text.is_empty() {
        return;
    }
    let start = at.index(text.len());
    let end = (start + length).min(text.len());
    match what {
        0 => drop(text.drain(start..end)),
        1 => drop(text.splice(start..start, new.bytes())),
        _ => {
            let moved: Vec<u8> = text.drain(start..end).collect();
            let to = (start * 7 + length) % (text.len() + 1);
            drop(text.splice(to..to, moved));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        told(&bytes);
    }

    #[test]
    fn any_text_of_yaml_signs_is_read_without_a_panic(text in "[-:{}\\[\\],&*!|>'\"%@`#?~ \\na-c0-9\\t]{0,200}") {
        told(text.as_bytes());
    }

    #[test]
    fn a_mangled_declaration_never_repeats_a_key(edits in prop::collection::vec(edit(), 1..6)) {
        let mut text = VALID.as_bytes().to_vec();
        for edit in edits {
            apply(&mut text, edit);
        }
        let told = told(&text);
        // Parts of a key that was cut in two are no key any more; whole ones must not show.
        for canary in CANARIES {
            prop_assert!(!told.contains(canary), "{canary} in {told}\nof {}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_declaration_that_is_mangled_is_understood_and_repeats_no_key() {
    let told = told(VALID.as_bytes());
    assert!(told.contains("user and password"), "{told}");
    for canary in CANARIES {
        assert!(!told.contains(canary), "{told}");
    }
}

#[test]
fn aliases_cannot_grow_a_small_file_to_gigabytes() {
    let mut bomb = vec!["a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned()];
    for (name, before) in ["b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g"])
    {
        let items = vec![format!("*{before}"); 10].join(", ");
        bomb.push(format!("{name}: &{name} [{items}]\n"));
    }
    let told = told(bomb.concat().as_bytes());
    assert!(
        told.contains("too large once its aliases are resolved") || told.contains("aliases"),
        "{told}"
    );
}

#[test]
fn deep_and_wide_documents_are_refused_and_not_worked_through() {
    for deep in ["[", "{a: ", "- "] {
        let told = told(deep.repeat(100_000).as_bytes());
        assert!(told.contains("nest less deeply"), "{told}");
    }
    let twice =
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\n".to_owned() + &"metadata: 1\n".repeat(2_000);
    // Whoever has thousands of mistakes is told the first of them.
    assert_eq!(told(twice.as_bytes()).matches("written twice").count(), 50);
}
