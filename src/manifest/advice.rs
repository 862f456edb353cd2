//! What to write instead of a mistake, with an example where there is one.

use super::node::{FieldPath, Segment};
use super::presets::instead_of;
use super::raw::API_VERSION;
use super::words::{nearest, one_of};

/// Words that a message lists at most; the schema has the rest.
const WORDS_LISTED: usize = 8;

pub(super) fn suggest(word: &str, allowed: &[&str]) -> String {
    if let Some(instead) = instead_of(word) {
        return instead;
    }
    match nearest(word, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if allowed.len() > WORDS_LISTED => {
            let first = allowed[..WORDS_LISTED].join(", ");
            format!("write {first}, or another one that `slotwise schema Destination` lists")
        }
        None => format!("write {}", one_of(allowed)),
    }
}

/// What to do about the field `name` where only the fields `allowed` are.
pub(super) fn instead_of_unknown(name: &str, allowed: &[&str]) -> String {
    if let Some(below) = PLACES
        .iter()
        .find_map(|(field, below)| (*field == name && allowed.contains(below)).then_some(below))
    {
        return format!("write it below {below}:");
    }
    match nearest(name, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("remove it; the fields here are {}", allowed.join(", ")),
    }
}

/// Fields that are easily written one level too high, and where they belong.
const PLACES: [(&str, &str); 10] = [
    ("outputGroups", "slots"),
    ("parkingUrl", "slots"),
    ("interrupt", "disruption"),
    ("for", "disruption"),
    ("windows", "disruption"),
    ("maxConcurrent", "disruption"),
    ("maximumBitrate", "output"),
    ("tier", "output"),
    ("labels", "metadata"),
    ("name", "metadata"),
];

/// How a field looks that is more than a word.
fn example(name: &str) -> Option<&'static str> {
    Some(match name {
        "metadata" => "{ name: NAME }",
        "channels" => "[{ id: \"4000001\" }]",
        "slots" => "{ outputGroups: \"RTMP-*\", parkingUrl: rtmp://HOST/APP }",
        "disruption" => "{ interrupt: Never }",
        "windows" => "[{ cron: \"0 4 * * *\", duration: 1h }]",
        "output" => "{ maximumBitrate: 8000000 }",
        "source" => "{ channel: \"4000009\" }",
        "slot" => "{ channel: \"4000001\", outputGroup: RTMP-1 }",
        "paused" => "{ by: NAME, why: REASON }, with until: where it ends by itself",
        "streamKeyFrom" => "{ env: NAME }, or file:, ssm: or secretsManager: with a name",
        _ => return None,
    })
}

/// What to write at `path`, where `needed` is needed and `found` was found.
pub(super) fn how_to_write(path: &FieldPath, needed: &str, found: &str) -> String {
    let (name, is_entry) = match path.0.as_slice() {
        [.., Segment::Field(name), Segment::Index(_)] => (name.as_str(), true),
        [.., Segment::Field(name)] => (name.as_str(), false),
        _ => ("", false),
    };
    match (needed, found) {
        ("a text", "a number") if name == "duration" => "write it with units: 30m, 1h30m".to_owned(),
        ("a text", "a number") if name == "keep" => "write it with units: 24h, 168h".to_owned(),
        ("a whole number", _) if name == "maximumBitrate" => {
            "write bits per second without a unit: 8000000 for 8 Mbit/s".to_owned()
        }
        ("a word", "a number") if name == "tier" => "write OUTPUT_20, OUTPUT_50 or OUTPUT_100".to_owned(),
        ("a text", "a number" | "true or false") => "put it in quotes".to_owned(),
        ("a text", "a list") if name == "outputGroups" => {
            "write one glob that fits all of them: \"RTMP-*\"".to_owned()
        }
        ("a whole number", "a text") if name == "priority" => {
            "write a whole number: 100; the higher one goes first".to_owned()
        }
        ("a list", "a mapping") => "begin each entry with `- `".to_owned(),
        (_, "nothing") => "write a value, or remove the field".to_owned(),
        ("a list" | "a mapping", _) => match example(name) {
            Some(whole) if is_entry => format!("write {}", whole.trim_matches(['[', ']'])),
            Some(whole) => format!("write {name}: {whole}"),
            None => format!("write {needed}"),
        },
        _ => format!("write {needed}"),
    }
}

/// What to write where the field `name` is missing.
pub(super) fn how_to_add(name: &str) -> String {
    match name {
        "apiVersion" => format!("add apiVersion: {API_VERSION}"),
        "state" => "add state: Streaming (on air) or state: Ready (off air)".to_owned(),
        "pool" => "add pool: NAME, with the name of a ChannelPool or RouterPool".to_owned(),
        "channels" => "add channels: [{ id: \"4000001\" }], with ids of your MediaLive channels".to_owned(),
        "slots" => {
            "add slots: { outputGroups: \"RTMP-*\", parkingUrl: rtmp://HOST/APP }, which output groups are slots, and a place that takes no stream"
                .to_owned()
        }
        "table" => "add table: NAME, with the name of a DynamoDB table".to_owned(),
        "id" => "add id: \"4000001\", with the id of a MediaLive channel".to_owned(),
        "parkingUrl" => "add parkingUrl: rtmp://HOST/APP, a place that takes no stream".to_owned(),
        "outputGroups" => "add outputGroups: \"RTMP-*\", a glob on the names of the groups".to_owned(),
        "input" => "add input: with the ARN of the router input that feeds the outputs".to_owned(),
        "networkInterface" => {
            "add networkInterface: with the ARN of the router network interface that the outputs push through"
                .to_owned()
        }
        "output" => "add output: { maximumBitrate: 8000000 }, in bits per second".to_owned(),
        "maximumBitrate" => {
            "add maximumBitrate: 8000000, in bits per second, at least that of the input".to_owned()
        }
        _ => match example(name) {
            Some(whole) => format!("add {name}: {whole}"),
            None => format!("add {name}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &[&str], entry: Option<usize>) -> FieldPath {
        let fields = path.iter().map(|field| Segment::Field((*field).to_owned()));
        FieldPath(fields.chain(entry.map(Segment::Index)).collect())
    }

    #[test]
    fn what_to_write_is_shown_as_it_is_written() {
        let channels = at(&["spec", "channels"], None);
        assert_eq!(
            how_to_write(&channels, "a list", "a text"),
            "write channels: [{ id: \"4000001\" }]"
        );
        let one = at(&["spec", "channels"], Some(0));
        assert_eq!(
            how_to_write(&one, "a mapping", "a text"),
            "write { id: \"4000001\" }"
        );
        assert_eq!(
            how_to_write(&at(&["spec", "slot"], None), "a mapping", "a text"),
            "write slot: { channel: \"4000001\", outputGroup: RTMP-1 }"
        );
        assert_eq!(how_to_add("disruption"), "add disruption: { interrupt: Never }");
        assert!(how_to_add("slots").starts_with("add slots: { outputGroups: "));
    }

    #[test]
    fn a_field_that_stands_too_high_is_sent_where_it_belongs() {
        let of_pool = ["channels", "slots", "disruption"];
        assert_eq!(
            instead_of_unknown("outputGroups", &of_pool),
            "write it below slots:"
        );
        assert_eq!(instead_of_unknown("slot", &of_pool), "did you mean `slots`?");
        assert!(instead_of_unknown("tier", &of_pool).starts_with("remove it; "));
    }
}
