//! The YAML.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Declared, Options};
use crate::manifest::node::Node;
use crate::manifest::raw::API_VERSION;
use crate::manifest::yaml::to_text;
use crate::model::{ObservedChannel, WantedState};

/// Shortest beginning that names have in common and that says something.
const COMMON_MIN: usize = 3;

/// A glob that fits these names.
pub(super) fn glob(names: &BTreeSet<&str>) -> String {
    let escaped = |text: &str| {
        let mut escaped = String::new();
        for letter in text.chars() {
            if "*?[]{}\\!,".contains(letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        escaped
    };
    let mut all = names.iter();
    let Some(first) = all.next() else {
        return "RTMP-*".to_owned();
    };
    if names.len() == 1 {
        return escaped(first);
    }
    let common = all.fold((*first).to_owned(), |common, name| {
        let same = common
            .chars()
            .zip(name.chars())
            .take_while(|(one, other)| one == other);
        same.map(|(one, _)| one).collect()
    });
    // They differ by a number.
    let common = common.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if common.chars().count() >= COMMON_MIN {
        return format!("{}*", escaped(common));
    }
    let each: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    format!("{{{}}}", each.join(","))
}

/// The ChannelPool.
pub(super) fn pool(
    channels: &[&ObservedChannel],
    glob: &str,
    parking_url: &str,
    options: &Options,
) -> String {
    let mut text = String::from(
        "# The MediaLive channels that slotwise may use, as `slotwise init` found them. Output groups that the glob does\n\
         # not match are never changed.\n",
    );
    for channel in channels {
        let others: Vec<&str> = channel.others.iter().map(|other| &*other.name).collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            format!("; ends with it: {}", comment(&others.join(", ")))
        };
        // Writing to a String cannot fail.
        writeln!(text, "# {}  {}{others}", channel.id, comment(&channel.name)).ok();
    }
    // Viewers of the other output groups would lose them, too.
    let keeps_running = channels
        .iter()
        .any(|channel| channel.state.may_publish() && !channel.others.is_empty());
    let ids = channels
        .iter()
        .map(|channel| map([("id", word(channel.id.as_str()))]));
    text += &to_text(&object(
        "ChannelPool",
        &options.pool,
        map([
            ("channels", Node::List(ids.collect())),
            (
                "slots",
                map([("outputGroups", word(glob)), ("parkingUrl", word(parking_url))]),
            ),
            ("placement", word("Spread")),
            ("idle", word(if keeps_running { "KeepRunning" } else { "Stop" })),
            ("disruption", map([("interrupt", word("Never"))])),
        ]),
    ));
    text
}

/// The Destinations.
pub(super) fn destinations(declared: &[Declared<'_>], options: &Options) -> String {
    let documents = declared.iter().map(|one| destination(one, options));
    documents.collect::<Vec<_>>().join("---\n")
}

/// One of them.
pub(super) fn destination(one: &Declared<'_>, options: &Options) -> String {
    let slot = one.channel.slot(one.output_group);
    let (state, now) = match one.state {
        WantedState::Streaming => ("Streaming", "on air"),
        WantedState::Ready => ("Ready", "off air"),
    };
    let mut spec = vec![
        ("pool", word(&options.pool)),
        ("state", word(state)),
        ("url", word(&one.pushed.url)),
    ];
    spec.extend(one.pushed.backup_url.as_ref().map(|url| ("backupUrl", word(url))));
    if let Some(login) = &one.pushed.login {
        spec.push(("username", word(&login.username)));
        spec.push(("passwordParameter", word(&login.password_parameter)));
    }
    let (field, place) = options.keys.reference(&one.name);
    spec.push(("streamKeyFrom", map([(field, word(&place))])));
    let object = to_text(&object("Destination", &one.name, map(spec)));
    let mut found = format!("# Found {now} in {}\n", comment(&slot.to_string()));
    if one.pushed.is_doubled {
        found += "# Both pipelines push to this URL, where they throw each other out: the second is parked with the next update\n";
    }
    found + &object
}

fn object(kind: &str, name: &str, spec: Node) -> Node {
    map([
        ("apiVersion", word(API_VERSION)),
        ("kind", word(kind)),
        ("metadata", map([("name", word(name))])),
        ("spec", spec),
    ])
}

fn map(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let entries = entries.into_iter();
    Node::Map(entries.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn word(text: &str) -> Node {
    Node::Text(text.to_owned())
}

/// User text, so that it stays in its comment.
fn comment(text: &str) -> String {
    // To YAML these two end lines as well.
    let ends_line = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let plain = |letter: char| if ends_line(letter) { ' ' } else { letter };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;

    #[test]
    fn a_glob_fits_all_names_and_says_what_they_have_in_common() {
        for (names, expected) in [
            (vec!["RTMP-Slot-1", "RTMP-Slot-2"], "RTMP-Slot-*"),
            (vec!["slot10", "slot11"], "slot*"),
            (vec!["YouTube"], "YouTube"),
            (vec!["Twitch", "YouTube"], "{Twitch,YouTube}"),
            (vec!["a[1]", "b{2},c"], r"{a\[1\],b\{2\}\,c}"),
        ] {
            let names: BTreeSet<&str> = names.into_iter().collect();
            let glob = glob(&names);
            assert_eq!(glob, expected);
            let matcher = Glob::new(&glob).unwrap().compile_matcher();
            for name in names {
                assert!(matcher.is_match(name), "{glob} {name}");
            }
            assert!(!matcher.is_match("HLS"));
        }
    }
}
