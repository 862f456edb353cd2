//! Members that repeat of which type another one is: `protocol` beside `protocolConfiguration`.
//!
//! "If you specify it, it must match" (botocore service model); MediaConnect shows them whether or not they were given.

use serde_json::{Value, json};

/// A member with a type, and the member whose content says the same
const PAIRS: [(&str, &str); 5] = [
    ("protocol", "protocolConfiguration"),
    ("encryptionType", "encryptionConfiguration"),
    ("encryptionKeyType", "encryptionKeyConfiguration"),
    ("switchingMode", "switchingConfiguration"),
    ("namingType", "namingConfiguration"),
];

/// SRT has an `encryptionConfiguration`, too, which is no choice between types
const NO_CHOICE: &str = "encryptionKey";

/// The type in capitals, as MediaConnect writes it: `rtmpPush` is `RTMP_PUSH`
pub(super) fn type_name(member: &str) -> String {
    let mut name = String::with_capacity(member.len() + 4);
    for letter in member.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name.replace("MEDIA_LIVE", "MEDIALIVE")
        .replace("MEDIA_CONNECT", "MEDIACONNECT")
}

/// Writes every type beside what it is of
pub(super) fn fill_in(value: &mut Value) {
    for (type_key, name) in chosen(value) {
        value[type_key] = json!(name);
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(fill_in),
        Value::Array(list) => list.iter_mut().for_each(fill_in),
        _ => {}
    }
}

/// The path of every type that says something else than what it stands beside
pub(super) fn mismatches(value: &Value, path: &str, found: &mut Vec<String>) {
    for (type_key, name) in chosen(value) {
        if value.get(type_key).is_some_and(|given| *given != json!(name)) {
            found.push(format!("{path}.{type_key}"));
        }
    }
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                mismatches(inner, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                mismatches(inner, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// What the types in an object itself have to be
fn chosen(value: &Value) -> Vec<(&'static str, String)> {
    let choice = |(type_key, union_key): (&'static str, &str)| {
        let (member, _) = value.get(union_key)?.as_object()?.iter().next()?;
        (member != NO_CHOICE).then(|| (type_key, type_name(member)))
    };
    PAIRS.into_iter().filter_map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output() -> Value {
        json!({"standard": {"protocolConfiguration": {"rtmpPush": {"tlsEncryption":
            {"encryptionConfiguration": {"public": {}}}}}}})
    }

    #[test]
    fn types_are_filled_in_at_every_depth() {
        let mut value = output();
        fill_in(&mut value);
        assert_eq!(value["standard"]["protocol"], "RTMP_PUSH");
        let tls = &value["standard"]["protocolConfiguration"]["rtmpPush"]["tlsEncryption"];
        assert_eq!(tls["encryptionType"], "PUBLIC");
        let mut srt = json!({"srtCaller": {"encryptionConfiguration": {"encryptionKey": {}}}});
        let before = srt.clone();
        fill_in(&mut srt);
        assert_eq!(srt, before);
    }

    #[test]
    fn a_type_that_does_not_match_is_named_by_its_path() {
        let mut value = output();
        let mut found = Vec::new();
        mismatches(&value, "configuration", &mut found);
        assert!(found.is_empty(), "left out is no mismatch");
        value["standard"]["protocol"] = json!("RTP");
        mismatches(&value, "configuration", &mut found);
        assert_eq!(found, ["configuration.standard.protocol"]);
    }

    #[test]
    fn the_names_of_types_are_those_of_the_model() {
        for (member, name) in [
            ("mediaLiveChannel", "MEDIALIVE_CHANNEL"),
            ("mediaConnectFlow", "MEDIACONNECT_FLOW"),
            ("preferredDayTime", "PREFERRED_DAY_TIME"),
            ("standard", "STANDARD"),
        ] {
            assert_eq!(type_name(member), name);
        }
    }
}
