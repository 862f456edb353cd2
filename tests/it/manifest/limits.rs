//! Small files that stand for large ones, and files that are too much.

use std::path::Path;

use slotwise::testing::manifest::Problem;
use slotwise::testing::manifest::decode::{Decoded, decode};
use slotwise::testing::manifest::yaml::documents;

/// The problems of the documents in `text`.
fn messages(text: &str) -> Vec<Problem> {
    let documents = documents(Path::new("limits.yaml"), text.as_bytes()).unwrap();
    let messages = documents.iter().flat_map(decode).map(|decoded| match decoded {
        Decoded::Object(object) => object.report.into_problems(),
        Decoded::Unidentified(problems) => problems,
        Decoded::Foreign(problem) => vec![problem],
    });
    messages.flatten().collect()
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
    let messages = messages(&bomb.concat());
    assert!(messages[0].fix.contains("use fewer aliases"), "{messages:?}");
}

#[test]
fn deep_and_wide_documents_are_refused_and_not_worked_through() {
    for deep in ["[", "{a: ", "- "] {
        let messages = messages(&deep.repeat(100_000));
        assert!(messages[0].fix.contains("nest less deeply"), "{messages:?}");
    }
    let twice =
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\n".to_owned() + &"metadata: 1\n".repeat(2_000);
    // Of thousands of mistakes the first are reported.
    let messages = messages(&twice);
    let twice = messages
        .iter()
        .filter(|problem| problem.message.contains("written twice"));
    assert_eq!(twice.count(), 50);
}

#[test]
fn a_control_character_is_reported_with_its_place() {
    for (text, place) in [
        ("a: 1\nb: \u{1b}[31m\n", (2, 4)),
        ("---\n\u{0}\n", (2, 1)),
        ("a: \"é\u{feff}\"\n", (1, 6)),
    ] {
        let messages = messages(text);
        let found = (messages[0].location.line, messages[0].location.column);
        assert_eq!(found, place, "{text:?}: {messages:?}");
        assert!(messages[0].fix.contains("remove it"), "{messages:?}");
    }
    assert!(
        messages("a: \"\u{85}\u{a0}😀\t\"\n")[0].field == "kind",
        "these are allowed"
    );
}
