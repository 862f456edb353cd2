//! What people write into a RouterPool, and into a destination of one.

use super::Fixture;
use super::rules::messages;

const INPUT: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerInput:a1b2c3d4e5f6";
const INTERFACE: &str = "arn:aws:mediaconnect:us-east-1:111122223333:routerNetworkInterface:f6e5d4c3b2a1";

/// A RouterPool `live`, and a destination in it that is right unless `from` is replaced.
fn changed(from: &str, to: &str) -> String {
    let text = format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: RouterPool\nmetadata: {{ name: live }}\nspec:\n  input: {INPUT}\n  \
         networkInterface: {INTERFACE}\n  output: {{ maximumBitrate: 8000000 }}\n---\n\
         apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{ name: one }}\nspec:\n  pool: live\n  \
         url: rtmp://one.example/live\n  state: Streaming\n  streamKeyFrom: {{ file: key }}\n"
    );
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

#[tokio::test]
async fn what_is_right_has_no_problem() {
    for (from, to) in [
        ("live }", "live }"),
        ("  output:", "  keep: 24h\n  output:"),
        ("  output:", "  source: { channel: \"4000001\" }\n  output:"),
        (
            "{ maximumBitrate: 8000000 }",
            "{ tier: OUTPUT_50, maximumBitrate: 30000000, availabilityZone: us-east-1b, \
             maintenance: { day: MONDAY, time: \"03:00\" } }",
        ),
        (
            "  output:",
            "  disruption: { interrupt: Anytime, for: [Retarget] }\n  output:",
        ),
        ("url: rtmp://one.example/live", "platform: youtube"),
    ] {
        assert_eq!(messages(&changed(from, to)).await, [""; 0], "{to}");
    }
}

/// A replacement of a text, and the message about it.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        INPUT,
        "arn:aws:mediaconnect:us-east-1:111122223333:flow:1-23aBC45dEF67hiJ8-12AbC34DE5fG:programme",
        "x.yaml:5:10: RouterPool live: spec.input: this is the ARN of a flow, not of a router input; make a router input that \
         takes the flow, and write the ARN of a router input",
    ),
    (
        INPUT,
        "arn:aws:medialive:us-east-1:111122223333:channel:4000001",
        "x.yaml:5:10: RouterPool live: spec.input: this is the ARN of a MediaLive channel, not of a router input; make a router \
         input that takes the channel",
    ),
    (
        INPUT,
        "programme",
        "x.yaml:5:10: RouterPool live: spec.input: this is no ARN, and a router input is named by its ARN; write the ARN of a \
         router input, arn:aws:mediaconnect:REGION:ACCOUNT:routerInput:ID, as aws mediaconnect list-router-inputs shows it",
    ),
    (
        INPUT,
        "arn:aws:mediaconnect:us-east-1:1111:routerInput:a1b2c3d4e5f6",
        "x.yaml:5:10: RouterPool live: spec.input: this is not the ARN of a router input: its account has not 12 digits",
    ),
    (
        INTERFACE,
        INPUT,
        "x.yaml:6:21: RouterPool live: spec.networkInterface: this is the ARN of a router input, not of a router network \
         interface; see whether input and networkInterface are exchanged",
    ),
    (
        INTERFACE,
        "eni-0123456789abcdef0",
        "x.yaml:6:21: RouterPool live: spec.networkInterface: this is a network interface of EC2, not a router network interface",
    ),
    (
        "us-east-1:111122223333:routerNetworkInterface",
        "eu-west-1:111122223333:routerNetworkInterface",
        "x.yaml:6:21: RouterPool live: spec.networkInterface: this interface is in eu-west-1, and the input in us-east-1",
    ),
    (
        "111122223333:routerNetworkInterface",
        "444455556666:routerNetworkInterface",
        "x.yaml:6:21: RouterPool live: spec.networkInterface: this interface is of another account than the input",
    ),
    (
        "8000000",
        "8",
        "x.yaml:7:29: RouterPool live: spec.output.maximumBitrate: 8 bits per second carry no programme; it is in bits per \
         second: write 8000000 for 8 Mbit/s",
    ),
    (
        "8000000",
        "6000",
        "x.yaml:7:29: RouterPool live: spec.output.maximumBitrate: 6000 bits per second carry no programme; it is in bits per \
         second: write 6000000 for 6 Mbit/s",
    ),
    (
        "8000000",
        "8 Mbit/s",
        "x.yaml:7:29: RouterPool live: spec.output.maximumBitrate: must be a whole number, not a text; write bits per second \
         without a unit: 8000000 for 8 Mbit/s",
    ),
    (
        "8000000",
        "30000000",
        "x.yaml:7:29: RouterPool live: spec.output.maximumBitrate: 30000000 bits per second are more than tier OUTPUT_20 \
         carries; write at most 20000000, or tier: OUTPUT_50",
    ),
    (
        "{ maximumBitrate: 8000000 }",
        "{ tier: 20, maximumBitrate: 8000000 }",
        "x.yaml:7:19: RouterPool live: spec.output.tier: must be a word, not a number; write OUTPUT_20, OUTPUT_50 or OUTPUT_100",
    ),
    (
        "8000000 }",
        "8000000, availabilityZone: eu-central-1a }",
        "x.yaml:7:56: RouterPool live: spec.output.availabilityZone: `eu-central-1a` is no availability zone of us-east-1",
    ),
    (
        "  output: { maximumBitrate: 8000000 }\n",
        "",
        "x.yaml:4:1: RouterPool live: spec.output: the field is missing; add output: { maximumBitrate: 8000000 }",
    ),
    (
        "networkInterface",
        "networkinterface",
        "x.yaml:6:3: RouterPool live: spec.networkinterface: there is no field `networkinterface`; did you mean \
         `networkInterface`?",
    ),
    (
        "  output:",
        "  channels: [{ id: \"1\" }]\n  output:",
        "x.yaml:7:3: RouterPool live: spec.channels: there is no field `channels`; remove it; the fields here are input,",
    ),
    (
        "  output:",
        "  keep: 24\n  output:",
        "x.yaml:7:9: RouterPool live: spec.keep: must be a text, not a number; write it with units: 24h",
    ),
    (
        "  output:",
        "  source: { channel: \"40 1\" }\n  output:",
        "x.yaml:7:22: RouterPool live: spec.source.channel: this is not the id of a channel",
    ),
    (
        "  output:",
        "  disruption: { interrupt: Anytime, for: [Start] }\n  output:",
        "x.yaml:7:42: warning: RouterPool live: spec.disruption.for: in a RouterPool only Retarget interrupts, so interrupt: \
         Anytime has no effect; write for: [Retarget]",
    ),
    (
        "  output:",
        "  disruption: { interrupt: Anytime, maxConcurrent: 2 }\n  output:",
        "x.yaml:7:52: warning: RouterPool live: spec.disruption.maxConcurrent: it has no effect in a RouterPool",
    ),
    (
        "  url:",
        "  slot: { channel: \"1\", outputGroup: RTMP-1 }\n  url:",
        "x.yaml:14:9: Destination one: spec.slot: a RouterPool has no slots; remove it, or name a ChannelPool in pool:",
    ),
    (
        "  url:",
        "  backupUrl: rtmp://two.example/live\n  url:",
        "x.yaml:14:14: Destination one: spec.backupUrl: a router output has one target, so a backup URL cannot be used",
    ),
    (
        "  url:",
        "  username: joe\n  passwordParameter: /live/p\n  url:",
        "x.yaml:14:13: Destination one: spec.username: a router output has no user name and password; use a ChannelPool",
    ),
    (
        "rtmp://one.example/live",
        "rtmps://203.0.113.7/live",
        "x.yaml:14:8: Destination one: spec.url: MediaConnect pushes RTMPS to a domain name only",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: 'a\"b'",
        "x.yaml:16:14: Destination one: spec.streamKey: MediaConnect does not take this stream key",
    ),
    (
        "  pool: live\n",
        "",
        "x.yaml:12:1: Destination one: spec.pool: the field is missing; add pool: NAME, with the name of a ChannelPool or \
         RouterPool",
    ),
];

#[tokio::test]
async fn each_mistake_has_its_place_and_its_fix() {
    let mut wrong = Vec::new();
    for (from, to, expected) in MISTAKES {
        let messages = messages(&changed(from, to)).await;
        if !messages.iter().any(|message| message.starts_with(expected)) {
            wrong.push(format!("{expected}\n{messages:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn what_is_set_aside_is_told_by_its_first_mistake() {
    let text = changed("8000000 }", "8000000, tier: OUTPUT_7 }").replace(INPUT, "programme");
    let mut fixture = Fixture::new(&[("x.yaml", &text)]);
    let loaded = fixture.load().await;
    let pool = &loaded.rejected[0];
    assert_eq!(
        (pool.object.name.as_str(), pool.problem.field.as_str()),
        ("live", "spec.input")
    );
}

/// A tier that is a mistake itself is not compared with the bit rate.
#[tokio::test]
async fn of_a_tier_that_does_not_exist_nothing_more_is_said() {
    let text = changed(
        "maximumBitrate: 8000000",
        "tier: OUTPUT_7, maximumBitrate: 80000000",
    );
    let messages = messages(&text).await;
    let of_output = messages.iter().filter(|message| message.contains("spec.output"));
    assert_eq!(of_output.count(), 1, "{messages:#?}");
}

#[tokio::test]
async fn of_two_pools_with_one_name_each_is_named_by_its_kind() {
    let channels = super::pool("live", &["1"]);
    let text = format!("{}---\n{channels}", changed("live }", "live }"));
    let messages = messages(&text).await;
    let other = "ChannelPool live: metadata.name: RouterPool live is declared at x.yaml:3:";
    assert!(
        messages.iter().any(|message| message.contains(other)),
        "{messages:#?}"
    );
}

/// `live` with a source, and another document.
fn beside(document: &str) -> String {
    let live = changed("  output:", "  source: { channel: \"4000001\" }\n  output:");
    format!("{live}---\napiVersion: slotwise.dev/v1alpha1\n{document}")
}

fn other_pool(input: &str, channel: &str) -> String {
    beside(&format!(
        "kind: RouterPool\nmetadata: {{ name: other }}\nspec:\n  input: {input}\n  networkInterface: {INTERFACE}\n  \
         source: {{ channel: \"{channel}\" }}\n  output: {{ maximumBitrate: 8000000 }}\n"
    ))
}

#[tokio::test]
async fn a_channel_in_front_is_in_no_channel_pool_and_an_input_has_one() {
    let channel_pool = beside(
        "kind: ChannelPool\nmetadata: { name: slots }\nspec:\n  channels: [{ id: \"4000001\" }]\n  \
         slots: { outputGroups: \"RTMP-*\", parkingUrl: rtmp://127.0.0.1:1935/parked }\n",
    );
    let found = messages(&channel_pool).await;
    let said = "ChannelPool slots: spec.channels[0].id: channel 4000001 belongs to RouterPool live at";
    assert!(found.iter().any(|one| one.contains(said)), "{found:#?}");

    let another_input = INPUT.replace("a1b2", "b2c3");
    let right = [
        other_pool(&another_input, "4000001"),
        other_pool(INPUT, "4000001"),
    ];
    for text in right {
        assert_eq!(
            messages(&text).await,
            [""; 0],
            "one channel may feed several inputs, and an input several pools"
        );
    }
    let found = messages(&other_pool(INPUT, "4000002")).await;
    let said = "RouterPool other: spec.source.channel: the input of this pool takes channel 4000001, by RouterPool live at";
    assert!(found.iter().any(|one| one.contains(said)), "{found:#?}");
    assert!(found[0].contains("write channel: \"4000001\""), "{found:#?}");
}
