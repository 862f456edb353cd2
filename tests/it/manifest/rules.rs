//! Each rule by itself: one mistake, one problem, in the right place.

use slotwise::testing::manifest::Severity;
use slotwise::testing::model::{Secret, StreamKey};

use super::{Fixture, destination, pool, simple};

/// All problems of `text` beside a pool `main` with channels 1 and 2.
pub(super) async fn messages(text: &str) -> Vec<String> {
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1", "2"])),
        ("x.yaml", text),
        ("key", "a-key\n"),
    ]);
    let loaded = fixture.load().await;
    loaded
        .problems
        .iter()
        .map(|problem| fixture.message(problem))
        .collect()
}

/// A destination with a key in a file, and with `from` replaced by `to` in its text.
fn changed(from: &str, to: &str) -> String {
    let text = destination("one", "state: Streaming\n  streamKeyFrom: { file: key }");
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

fn pool_with(from: &str, to: &str) -> String {
    let text = pool("other", &["3"]);
    assert!(text.contains(from), "{from} in {text}");
    text.replace(from, to)
}

/// `spec.disruption` of a pool.
fn disruption(text: &str) -> String {
    format!("{}  disruption: {{ {text} }}\n", pool("other", &["3"]))
}

#[tokio::test]
async fn what_is_right_has_no_problem() {
    for text in [
        changed("one", "one"),
        changed("url: rtmp://one.example/live", "platform: youtube"),
        changed("state:", "backupUrl: rtmp://two.example/live\n  state:"),
        changed(
            "state:",
            "slot: { channel: \"2\", outputGroup: RTMP-7 }\n  state:",
        ),
        changed(
            "state:",
            "priority: -5\n  interruptible: false\n  group: a group\n  state:",
        ),
        changed(
            "state:",
            "paused: { until: \"2026-12-24T00:00:00+01:00\", by: ana, why: x }\n  state:",
        ),
        changed(
            "one }",
            "one, labels: { app.kubernetes.io/name: x }, annotations: {} }",
        ),
        disruption(
            "interrupt: Window, windows: [{ cron: \"*/5 1-3 * * MON-FRI\", duration: PT30M }], for: [Stop]",
        ),
        disruption("interrupt: Anytime, maxConcurrent: 3"),
        pool_with("RTMP-*", "{RTMP,SRT}-[0-9]"),
        format!("{}  idle: KeepRunning\n", pool("other", &["3"])),
        pool_with("rtmp://", "RTMP://"),
        changed("rtmp://one", "RTMP://One"),
        changed(
            "state:",
            "username: joe@example.org\n  passwordParameter: /live/wowza.password-1\n  state:",
        ),
        changed(
            "url: rtmp://one.example/live",
            "url: rtmps://a.rtmps.youtube.com/live2\n  backupUrl: rtmps://b.rtmps.youtube.com/live2?backup=1",
        ),
        format!("# only a comment\n---\n---\n{}...\n---\n", changed("one", "one")),
        format!("\u{feff}{}", changed("one", "one").replace('\n', "\r\n")),
        format!("%YAML 1.1\n---\n{}", changed("one", "one")),
    ] {
        assert_eq!(messages(&text).await, [""; 0], "{text}");
    }
}

/// A replacement of a text, and the message about it.
const MISTAKES_IN_A_DESTINATION: &[(&str, &str, &str)] = &[
    (
        "one }",
        "One_Two }",
        "x.yaml:3:19: Destination One_Two: metadata.name: the name is not a DNS label: lower case letters, digits and `-` within; call it `one-two`",
    ),
    (
        "one }",
        "abcd-1234-efgh-5678 }",
        "x.yaml:3:19: Destination: metadata.name: this looks like a stream key, not like a name",
    ),
    (
        "metadata: { name: one }",
        "metadata: {}",
        "x.yaml:3:1: Destination: metadata.name: the field is missing; add name",
    ),
    (
        "apiVersion: slotwise.dev/v1alpha1",
        "apiVersion: slotwise.dev/v9",
        "x.yaml:1:13: Destination one: apiVersion: `slotwise.dev/v9` is not a version this slotwise knows; write slotwise.dev/v1alpha1",
    ),
    (
        "apiVersion: slotwise.dev/v1alpha1",
        "apiVersion: apps/v1",
        "x.yaml:1:13: warning: apiVersion: `apps/v1` is not an API of slotwise, the object is passed over",
    ),
    (
        "kind: Destination",
        "kind: Destinaton",
        "x.yaml:2:7: Destinaton one: kind: `Destinaton` is not a kind of object; did you mean `Destination`?",
    ),
    (
        "kind: Destination\n",
        "",
        "x.yaml:1:1: kind: the field is missing; add kind: ChannelPool, RouterPool, Destination or DestinationTable",
    ),
    (
        "pool: main",
        "pool: mian",
        "x.yaml:5:9: Destination one: spec.pool: there is no pool `mian`; did you mean `main`?",
    ),
    (
        "pool: main",
        "pool: elsewhere",
        "x.yaml:5:9: Destination one: spec.pool: there is no pool `elsewhere`; the only pool is `main`",
    ),
    (
        "  pool: main\n",
        "",
        "x.yaml:4:1: Destination one: spec.pool: the field is missing; add pool: NAME",
    ),
    (
        "state: Streaming",
        "state: streaming",
        "x.yaml:7:10: Destination one: spec.state: `streaming` is not one of the words allowed here; did you mean `Streaming`?",
    ),
    (
        "state: Streaming",
        "state: On",
        "x.yaml:7:10: Destination one: spec.state: `On` is not one of the words allowed here; write Streaming or Ready",
    ),
    (
        "state: Streaming",
        "state: true",
        "x.yaml:7:10: Destination one: spec.state: must be a word, not true or false",
    ),
    (
        "state:",
        "priority: 99999999999\n  state:",
        "x.yaml:7:13: Destination one: spec.priority: the number is out of range; write a number between -2147483648 and 2147483647",
    ),
    (
        "state:",
        "priority: high\n  state:",
        "x.yaml:7:13: Destination one: spec.priority: must be a whole number, not a text",
    ),
    (
        "state:",
        "state: Ready\n  state:",
        "x.yaml:8:3: Destination one: spec.state: the field is written twice; keep one of the two",
    ),
    (
        "state:",
        "plaform: youtube\n  state:",
        "x.yaml:7:3: Destination one: spec.plaform: there is no field `plaform`; did you mean `platform`?",
    ),
    (
        "state:",
        "platform: youtube\n  state:",
        "x.yaml:6:8: Destination one: spec.url: url and platform: youtube both say where to stream to; remove one of the two",
    ),
    (
        "  url: rtmp://one.example/live\n",
        "",
        "x.yaml:4:1: Destination one: spec.url: nothing says where to stream to; add platform",
    ),
    (
        "rtmp://one.example/live",
        "https://one.example/live",
        "x.yaml:6:8: Destination one: spec.url: the URL is neither rtmp:// nor rtmps://",
    ),
    (
        "rtmp://one.example/live",
        "rtmp://one.example/live/a-key",
        "x.yaml:6:8: Destination one: spec.url: the URL holds the stream key",
    ),
    (
        "rtmp://one.example/live",
        "rtmp://live.twitch.tv/app/not-known",
        "x.yaml:6:8: Destination one: spec.url: twitch takes one path segment, what follows it seems to be a stream key",
    ),
    (
        "rtmp://one.example/live",
        "rtmp://one.example/live/FB-123-0-x",
        "x.yaml:6:8: Destination one: spec.url: the URL seems to hold a stream key",
    ),
    (
        "state:",
        "backupUrl: rtmp://one.example/live/\n  state:",
        "x.yaml:7:14: Destination one: spec.backupUrl: backupUrl is the same as url",
    ),
    (
        "state:",
        "backupUrl: RTMP://One.example:1935//live\n  state:",
        "x.yaml:7:14: Destination one: spec.backupUrl: backupUrl is the same as url",
    ),
    (
        "state:",
        "backupUrl: rtmps://one.example/live\n  state:",
        "x.yaml:7:14: Destination one: spec.backupUrl: backupUrl takes the same stream as url: the two pipelines would throw each other out",
    ),
    (
        "rtmp://one.example/live",
        "rtmp://joe:pw@one.example/live",
        "x.yaml:6:8: Destination one: spec.url: the URL holds a user and a password; remove everything before the `@`; username and passwordParameter take the two",
    ),
    (
        "state:",
        "username: joe\n  state:",
        "x.yaml:7:13: Destination one: spec.username: a user name without a password; add passwordParameter",
    ),
    (
        "state:",
        "passwordParameter: /live/wowza\n  state:",
        "x.yaml:7:22: Destination one: spec.passwordParameter: a password without a user name; add username",
    ),
    (
        "state:",
        "username: joe doe\n  passwordParameter: /live/wowza\n  state:",
        "x.yaml:7:13: Destination one: spec.username: there are spaces or line breaks in the user name",
    ),
    (
        "state:",
        "username: \"\"\n  passwordParameter: /live/wowza\n  state:",
        "x.yaml:7:13: Destination one: spec.username: the user name is empty",
    ),
    (
        "state:",
        "username: joe\n  passwordParameter: \"s3cret!\"\n  state:",
        "x.yaml:8:22: Destination one: spec.passwordParameter: this is not the name of a parameter; write the name of an SSM parameter",
    ),
    (
        "state:",
        "username: joe\n  passwordParameter: arn:aws:ssm:eu-central-1:111122223333:parameter/live/wowza\n  state:",
        "x.yaml:8:22: Destination one: spec.passwordParameter: this is an ARN, MediaLive takes the parameter's name",
    ),
    (
        "url: rtmp://one.example/live",
        "platform: twitch\n  username: joe\n  passwordParameter: /live/wowza",
        "x.yaml:7:13: Destination one: spec.username: platform: twitch asks for no user name",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: \"${STREAM_KEY}\"",
        "x.yaml:8:14: Destination one: spec.streamKey: this is a variable that was not filled in, not a stream key",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: rtmp://one.example/live/abc",
        "x.yaml:8:14: Destination one: spec.streamKey: this is a URL with the stream key in it",
    ),
    (
        "url: rtmp://one.example/live",
        "platform: twitch\n  backupUrl: rtmp://two.example/live",
        "x.yaml:7:14: Destination one: spec.backupUrl: platform: twitch decides about the backup itself",
    ),
    (
        "  streamKeyFrom: { file: key }\n",
        "",
        "x.yaml:4:1: Destination one: spec.streamKeyFrom: nothing says where the stream key is",
    ),
    (
        "{ file: key }",
        "{}",
        "x.yaml:8:18: Destination one: spec.streamKeyFrom: no source of the key is named; name exactly one of",
    ),
    (
        "{ file: key }",
        "{ file: key, env: KEY }",
        "x.yaml:8:18: Destination one: spec.streamKeyFrom: more than one source of the key is named: env, file",
    ),
    (
        "{ file: key }",
        "{ file: key }\n  streamKey: x",
        "x.yaml:9:14: Destination one: spec.streamKey: streamKey and streamKeyFrom both give the key",
    ),
    (
        "{ file: key }",
        "{ file: nowhere }",
        "x.yaml:8:26: Destination one: spec.streamKeyFrom.file: no key in nowhere: No such file",
    ),
    (
        "{ file: key }",
        "{ env: SLOTWISE_NOT_SET }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.env: the environment variable SLOTWISE_NOT_SET is not set; set SLOTWISE_NOT_SET",
    ),
    (
        "{ file: key }",
        "{ env: not-a-name }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.env: this is not the name of an environment variable",
    ),
    (
        "{ file: key }",
        "{ env: live_123_abc }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.env: this looks like the stream key itself",
    ),
    (
        "{ file: key }",
        "{ ssm: /live/one }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: ssm /live/one is kept in AWS, and only keys on this machine are read here",
    ),
    (
        "{ file: key }",
        "{ secretsManager: live }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: secretsManager live is kept in AWS, and only keys",
    ),
    (
        "{ file: key }",
        "{ ssm: \"arn:aws:ssm:eu-central-1:111122223333:parameter/live/one:3\" }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: ssm arn:aws:ssm:eu-central-1:111122223333:parameter/live/one:3 is kept in AWS",
    ),
    (
        "{ file: key }",
        "{ secretsManager: \"arn:aws:secretsmanager:eu-central-1:111122223333:secret:live/one-a1B2c3#streamKey\" }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: secretsManager arn:aws:secretsmanager:eu-central-1:111122223333:secret:live/one-a1B2c3#streamKey is kept in AWS",
    ),
    (
        "{ file: key }",
        "{ ssm: \"arn:aws:secretsmanager:eu-central-1:111122223333:secret:live/one-a1B2c3\" }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: this is not the name of a parameter; write the name or ARN of a parameter: /live/youtube",
    ),
    (
        "{ file: key }",
        "{ ssm: \"arn:aws:ssm\" }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: this is not the name of a parameter",
    ),
    (
        "{ file: key }",
        "{ ssm: live one }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: this is not the name of a parameter",
    ),
    (
        "{ file: key }",
        "{ ssm: live_123_abc }",
        "x.yaml:8:25: Destination one: spec.streamKeyFrom.ssm: this looks like the stream key itself",
    ),
    (
        "{ file: key }",
        "{ secretsManager: \"live/one#FB-1020-0-Ab_c\" }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: this looks like the stream key itself",
    ),
    (
        "{ file: key }",
        "{ secretsManager: \"arn:aws:secretsmanager:eu-central-1:1:secret:abcd-ef12-gh34-ij56\" }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: this looks like the stream key itself",
    ),
    (
        "{ file: key }",
        "{ secretsManager: \"live/one#\" }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: this is not the name of a secret; write the name or ARN of a secret, and the field",
    ),
    (
        "{ file: key }",
        "{ secretsManager: \"live:one\" }",
        "x.yaml:8:36: Destination one: spec.streamKeyFrom.secretsManager: this is not the name of a secret",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: 12345",
        "x.yaml:8:14: Destination one: spec.streamKey: must be a text, not a number; put it in quotes",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: a b",
        "x.yaml:8:14: Destination one: spec.streamKey: there are spaces or line breaks in the stream key",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: \"\"",
        "x.yaml:8:14: Destination one: spec.streamKey: the stream key is empty",
    ),
    (
        "streamKeyFrom: { file: key }",
        "streamKey: abc",
        "x.yaml:8:14: warning: Destination one: spec.streamKey: the stream key is in the file",
    ),
    (
        "state:",
        "slot: { channel: \"9\", outputGroup: RTMP-1 }\n  state:",
        "x.yaml:7:20: Destination one: spec.slot.channel: channel `9` is none of pool main",
    ),
    (
        "state:",
        "slot: { channel: \"1\", outputGroup: HLS }\n  state:",
        "x.yaml:7:38: Destination one: spec.slot.outputGroup: `HLS` is no slot of pool main; name a group that slots.outputGroups matches: `RTMP-*`",
    ),
    (
        "state:",
        "slot: { channel: \"1\" }\n  state:",
        "x.yaml:7:3: Destination one: spec.slot.outputGroup: the field is missing",
    ),
    (
        "state:",
        "slot: { channel: arn:aws:medialive:eu-central-1:111122223333:channel:1, outputGroup: RTMP-1 }\n  state:",
        "x.yaml:7:20: Destination one: spec.slot.channel: this is an ARN, not an id; write the last part of the ARN only: `1`",
    ),
    (
        "state:",
        "paused: { until: 2026-12-24 }\n  state:",
        "x.yaml:7:20: Destination one: spec.paused.until: this is not a moment in time; write date, time and offset",
    ),
    (
        "state:",
        "paused:\n  state:",
        "x.yaml:7:10: Destination one: spec.paused: must be a mapping, not nothing; write a value, or remove the field",
    ),
    (
        "state:",
        "group: \"\"\n  state:",
        "x.yaml:7:10: Destination one: spec.group: a group has a name of 1 to 63 characters",
    ),
    (
        "spec:\n",
        "spec:\nnothing:\n",
        "x.yaml:5:1: Destination one: nothing: there is no field `nothing`",
    ),
    (
        "state:",
        "\tstate:",
        "x.yaml:7:3: a tab indents this line; indent with spaces",
    ),
    ("state:", "state: !x ", "x.yaml:7:10: tags are not supported"),
    (
        "state:",
        "<<: {}\n  state:",
        "x.yaml:7:3: Destination one: spec.<<: merge keys are not supported",
    ),
    (
        "state: Streaming",
        "state: *undefined",
        "x.yaml:7:10: cannot be read as YAML: unknown anchor",
    ),
];

#[tokio::test]
async fn each_mistake_in_a_destination_has_its_place() {
    for (from, to, expected) in MISTAKES_IN_A_DESTINATION {
        let messages = messages(&changed(from, to)).await;
        assert!(
            messages.iter().any(|message| message.starts_with(expected)),
            "{expected}\n{messages:#?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_platform_is_reported_once() {
    let messages = messages(&changed("url: rtmp://one.example/live", "platform: myspace")).await;
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].contains("spec.platform"), "{messages:#?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes")]
async fn each_mistake_in_a_pool_has_its_place() {
    for (text, expected) in [
        (
            pool("other", &[]),
            "x.yaml:5:13: ChannelPool other: spec.channels: a pool has at least one channel",
        ),
        (
            pool("other", &["3", "3"]),
            "x.yaml:5:33: ChannelPool other: spec.channels[1].id: channel `3` is listed twice",
        ),
        (
            pool("other", &["2"]),
            "x.yaml:5:20: ChannelPool other: spec.channels[0].id: channel 2 belongs to ChannelPool main at",
        ),
        (
            pool("other", &["a b"]),
            "x.yaml:5:20: ChannelPool other: spec.channels[0].id: this is not the id of a channel",
        ),
        (
            pool_with("[{ id: \"3\" }]", "3"),
            "x.yaml:5:13: ChannelPool other: spec.channels: must be a list, not a number",
        ),
        (
            pool_with("\"3\" }", "\"3\", takeover: maybe }"),
            "x.yaml:5:35: ChannelPool other: spec.channels[0].takeover: must be true or false, not a text",
        ),
        (
            pool_with("RTMP-*", "RTMP-["),
            "x.yaml:6:26: ChannelPool other: spec.slots.outputGroups: this is not a glob: a `[` is not closed",
        ),
        (
            pool_with("RTMP-*", ""),
            "x.yaml:6:26: ChannelPool other: spec.slots.outputGroups: an empty glob matches no output group",
        ),
        (
            pool_with("/parked", "/parked?x=1"),
            "x.yaml:6:48: ChannelPool other: spec.slots.parkingUrl: a parking URL has no query",
        ),
        (
            pool_with("127.0.0.1", "@127.0.0.1"),
            "x.yaml:6:48: ChannelPool other: spec.slots.parkingUrl: the URL holds a user and a password",
        ),
        (
            pool_with("/parked", " /parked"),
            "x.yaml:6:48: ChannelPool other: spec.slots.parkingUrl: a URL has no spaces or line breaks",
        ),
        (
            pool_with("/parked", ""),
            "x.yaml:6:48: ChannelPool other: spec.slots.parkingUrl: the URL has no application path",
        ),
        (
            disruption("interrupt: Window"),
            "x.yaml:7:28: ChannelPool other: spec.disruption.interrupt: interrupt: Window without any windows never interrupts",
        ),
        (
            disruption("windows: [{ cron: \"0 4 * * *\", duration: 30m }]"),
            "x.yaml:7:26: warning: ChannelPool other: spec.disruption.windows: these windows have no effect with interrupt: Never",
        ),
        (
            disruption("interrupt: Anytime, for: []"),
            "x.yaml:7:42: warning: ChannelPool other: spec.disruption.for: no change may interrupt",
        ),
        (
            disruption("for: [Start, Halt]"),
            "x.yaml:7:30: ChannelPool other: spec.disruption.for[1]: `Halt` is not one of the words allowed here; write Start, Stop or Retarget",
        ),
        (
            disruption("maxConcurrent: 0"),
            "x.yaml:7:32: ChannelPool other: spec.disruption.maxConcurrent: with 0 no channel may ever be interrupted",
        ),
        (
            disruption("maxConcurrent: -1"),
            "x.yaml:7:32: ChannelPool other: spec.disruption.maxConcurrent: the number is out of range",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 25 * * *\", duration: 30m }]"),
            "x.yaml:7:54: ChannelPool other: spec.disruption.windows[0].cron: this is not a cron pattern: ",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 0 4 * * *\", duration: 30m }]"),
            "x.yaml:7:54: ChannelPool other: spec.disruption.windows[0].cron: this is not a cron pattern: ",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 0 30 2 *\", duration: 30m }]"),
            "x.yaml:7:54: ChannelPool other: spec.disruption.windows[0].cron: this cron pattern never fires",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 4 * * *\", duration: soon }]"),
            "x.yaml:7:77: ChannelPool other: spec.disruption.windows[0].duration: this is not a duration; write it with units",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 4 * * *\", duration: 400h }]"),
            "x.yaml:7:77: ChannelPool other: spec.disruption.windows[0].duration: a window is open for 7 days",
        ),
        (
            disruption("interrupt: Window, windows: [{ cron: \"0 4 * * *\", duration: -5m }]"),
            "x.yaml:7:77: ChannelPool other: spec.disruption.windows[0].duration: a window is open for a second at least",
        ),
        (
            disruption(
                "interrupt: Window, windows: [{ cron: \"0 4 * * *\", duration: 5m, timeZone: Europe/Brelin }]",
            ),
            "x.yaml:7:91: ChannelPool other: spec.disruption.windows[0].timeZone: there is no time zone `Europe/Brelin`; did you mean `Europe/Berlin`?",
        ),
    ] {
        let messages = messages(&text).await;
        assert!(
            messages.iter().any(|message| message.starts_with(expected)),
            "{expected}\n{messages:#?}"
        );
    }
}

#[tokio::test]
async fn a_login_is_read_and_a_scheme_in_capitals_is_written_as_usual() {
    let text = changed(
        "state:",
        "username: joe\n  passwordParameter: /live/wowza\n  state:",
    )
    .replace("rtmp://one", "RTMPS://One");
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1"])),
        ("x.yaml", &text),
        ("key", "\u{feff}a-key\r\n"),
    ]);
    let loaded = fixture.load().await;
    let one = &loaded.desired.destinations["one"];
    let login = one.login.as_ref().unwrap();
    assert_eq!(
        (&*login.username, &*login.password_parameter, &*one.url),
        ("joe", "/live/wowza", "rtmps://One.example/live")
    );
    assert_eq!(one.key, StreamKey::Known(Secret::new("a-key")));
}

/// The content of key files, and the message about it.
const PASTED: [(&str, &str); 9] = [
    ("\u{200b}CANARY", "invisible characters"),
    ("\"CANARY\"\n", "in quotes"),
    ("STREAM_KEY=CANARY\n", "a name and `=`"),
    ("rtmp://a.example/live/CANARY", "a URL"),
    ("{\"key\": \"CANARY\"}", "JSON"),
    ("${CANARY}", "a variable"),
    ("CANARY****", "hide the stream key"),
    ("<your-CANARY>", "a placeholder"),
    ("CANARY 1", "spaces"),
];

#[tokio::test]
async fn a_pasted_key_mistake_hides_the_key_and_sets_nothing_aside() {
    for (text, said) in PASTED {
        let one = destination("one", "state: Streaming\n  streamKeyFrom: { file: pasted }");
        let mut fixture = Fixture::new(&[
            ("pool.yaml", &pool("main", &["1"])),
            ("x.yaml", &one),
            ("pasted", text),
        ]);
        let loaded = fixture.load().await;
        let message = fixture.message(&loaded.problems[0]);
        assert!(
            message.starts_with("x.yaml:8:26: Destination one: spec.streamKeyFrom.file: "),
            "{message}"
        );
        assert!(
            message.contains(said) && message.contains("into file pasted"),
            "{message}"
        );
        assert!(!format!("{loaded:?} {message}").contains("CANARY"), "{loaded:?}");
        assert_eq!(loaded.desired.destinations.len(), 1);
    }
}

#[tokio::test]
async fn a_key_in_place_of_a_reference_or_field_is_not_repeated() {
    const KEY: &str = "a1b2c3d4e5f6g7";
    for (from, said) in [
        (
            format!("{{ file: {KEY} }}"),
            "(not repeated here: it could be a key): No such file or directory (os error 2); write the path of a file",
        ),
        (
            format!("{{ env: {KEY} }}"),
            "the environment variable (not repeated here: it could be a key) is not set; write the name of a variable",
        ),
        (
            format!("{{ {KEY}: x }}"),
            "spec.streamKeyFrom.…: there is no field (not repeated here: it could be a key)",
        ),
        (
            "{ qwertyuiopasdfghjklzxcvbnm: x }".to_owned(),
            "spec.streamKeyFrom.…: there is no field (not repeated here: it could be a key)",
        ),
    ] {
        let one = destination("one", &format!("state: Streaming\n  streamKeyFrom: {from}"));
        let mut fixture = Fixture::new(&[("pool.yaml", &pool("main", &["1"])), ("x.yaml", &one)]);
        let loaded = fixture.load().await;
        let messages: Vec<String> = loaded
            .problems
            .iter()
            .map(|problem| fixture.message(problem))
            .collect();
        assert!(
            messages.iter().any(|message| message.contains(said)),
            "{messages:?}"
        );
        let told = format!("{messages:?} {:?}", loaded.problems);
        assert!(!told.contains(KEY) && !told.contains("qwerty"), "{told}");
        // What the plan and the status say of it.
        if let Some(one) = loaded.desired.destinations.get("one") {
            assert!(!format!("{:?}", one.key).contains(KEY), "{:?}", one.key);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_not_utf8_is_reported_and_the_rest_works() {
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1"])),
        ("one.yaml", &simple("one", "Ready")),
    ]);
    std::fs::write(fixture.path("latin.yaml"), b"# caf\xe9\n").unwrap();
    std::fs::write(fixture.path("wide.yaml"), b"\xff\xfea\0").unwrap();
    let loaded = fixture.load().await;
    let messages: Vec<String> = loaded
        .problems
        .iter()
        .map(|problem| fixture.message(problem))
        .collect();
    assert_eq!(
        messages[0],
        "latin.yaml:1: is another encoding, not UTF-8; save the file as UTF-8"
    );
    assert_eq!(
        messages[2],
        "wide.yaml:1: is UTF-16, not UTF-8; save the file as UTF-8"
    );
    assert_eq!(loaded.desired.destinations.len(), 1);
}

#[tokio::test]
async fn a_warning_sets_nothing_aside() {
    let mut fixture = Fixture::new(&[
        ("pool.yaml", &pool("main", &["1"])),
        ("one.yaml", &simple("one", "Ready")),
    ]);
    let loaded = fixture.load().await;
    assert_eq!(loaded.problems[0].severity, Severity::Warning);
    assert!(loaded.rejected.is_empty());
    assert_eq!(loaded.desired.destinations.len(), 1);
}
