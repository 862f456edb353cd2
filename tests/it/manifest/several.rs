//! Rules about several objects: one stream, one key or one slot declared twice.

use super::rules::messages;
use super::{destination, pool};

/// Wanted destinations: `name`, and where it streams to.
fn streaming(name: &str, place: &str) -> String {
    format!(
        "---\napiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{ name: {name} }}\nspec: {{ state: \
         Streaming, streamKeyFrom: {{ file: key }}, {place} }}\n"
    )
}

#[tokio::test]
async fn one_stream_declared_twice_is_a_mistake_of_both() {
    for (one, other) in [
        ("rtmp://a.example:1935/live", "rtmp://a.example/live"),
        ("rtmp://a.example/live/", "rtmps://A.Example/live"),
        (
            "rtmp://usw20.contribute.live-video.net/app/",
            "rtmp://live.twitch.tv/app",
        ),
    ] {
        let text = [
            pool("other", &["3"]),
            streaming("one", &format!("pool: main, url: \"{one}\"")),
            streaming("two", &format!("pool: other, url: \"{other}\"")),
        ];
        let messages = messages(&text.concat()).await;
        assert_eq!(messages.len(), 2, "{messages:#?}");
        assert!(
            messages[0].contains("Destination one: spec: Destination two at "),
            "{messages:#?}"
        );
        assert!(
            messages[1].contains("Destination two: spec: Destination one at "),
            "{messages:#?}"
        );
        assert!(
            messages
                .iter()
                .all(|message| message.contains("is the same stream")),
            "{messages:#?}"
        );
    }
    // Another key, or one that is off air, is none.
    let key = "streamKeyFrom: { file: key }";
    for (from, to) in [("Streaming", "Ready"), (key, "streamKey: another")] {
        let text = [
            streaming("one", "pool: main, platform: twitch"),
            streaming("two", "pool: main, platform: twitch").replace(from, to),
        ];
        let messages = messages(&text.concat()).await;
        assert!(
            !messages.iter().any(|message| message.contains("same stream")),
            "{messages:#?}"
        );
    }
}

#[tokio::test]
async fn unreadable_keys_of_one_reference_are_the_same() {
    let missing = |name: &str, file: &str| {
        streaming(name, "pool: main, platform: twitch").replace("file: key", &format!("file: {file}"))
    };
    let messages = messages(
        &[
            missing("one", "gone"),
            missing("two", "gone"),
            missing("three", "away"),
        ]
        .concat(),
    )
    .await;
    let same = messages
        .iter()
        .filter(|message| message.contains("is the same stream"));
    assert_eq!(same.count(), 2, "{messages:#?}");
}

#[tokio::test]
async fn one_key_at_both_ingests_of_a_platform_is_a_warning() {
    let text = [
        streaming("one", "pool: main, platform: youtube"),
        streaming(
            "two",
            "pool: main, url: \"rtmps://b.rtmps.youtube.com/live2?backup=1\"",
        ),
    ];
    let messages = messages(&text.concat()).await;
    assert_eq!(messages.len(), 2, "{messages:#?}");
    for message in messages {
        assert!(
            message.contains(": warning: ") && message.contains("other ingest"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn two_wanted_with_one_pinned_slot_are_reported() {
    let pin =
        "state: Streaming\n  streamKeyFrom: { file: key }\n  slot: { channel: \"1\", outputGroup: RTMP-1 }";
    let messages = messages(&format!(
        "{}---\n{}",
        destination("one", pin),
        destination("two", pin)
    ))
    .await;
    assert!(
        messages[0].contains("warning: Destination two: spec.slot: Destination one at"),
        "{messages:?}"
    );
}
