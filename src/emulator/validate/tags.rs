//! Tags: how many a resource may have, and of what their keys and values are made.
//!
//! AWS's rules for every service (AWS General Reference, "Tag naming limits and requirements"): 50 tags, keys of 1 to 128 and
//! values of 0 to 256 characters, letters, digits, spaces and `_ . : / = + - @`, and no key that begins with `aws:`.

use super::{Findings, Object};
use crate::emulator::error::{ApiError, ErrorKind};

const TAGS_MAX: usize = 50;
const KEY_MAX: usize = 128;
const VALUE_MAX: usize = 256;

/// The tags of a body, if they can be tags
pub(in crate::emulator) fn tags(body: &Object) -> Result<Object, ApiError> {
    let mut findings = Findings::default();
    let tags = checked(&mut findings, body);
    findings.finish()?;
    Ok(tags)
}

/// Refuses more tags than a resource may have
pub(in crate::emulator) fn tag_count(tags: &Object) -> Result<(), ApiError> {
    if tags.len() > TAGS_MAX {
        return Err(ApiError::new(ErrorKind::BadRequest, too_many()));
    }
    Ok(())
}

pub(super) fn checked(findings: &mut Findings, body: &Object) -> Object {
    let tags = findings.object(body, "tags", "").cloned().unwrap_or_default();
    for (key, value) in &tags {
        // A refusal repeats neither: tags may hold confidential text.
        if let Some(problem) = problem(key, value.as_str()) {
            findings.malformed(problem);
        }
    }
    if tags.len() > TAGS_MAX {
        findings.malformed(too_many());
    }
    tags
}

fn too_many() -> String {
    format!("tags: a resource has at most {TAGS_MAX}")
}

fn problem(key: &str, value: Option<&str>) -> Option<String> {
    let fits = |text: &str| text.chars().all(is_of_tag);
    let length = value.map(|text| text.chars().count());
    if key.is_empty() || key.chars().count() > KEY_MAX || length.is_none_or(|length| length > VALUE_MAX) {
        Some(format!(
            "tags: a key has 1 to {KEY_MAX} characters and its value is a string of at most {VALUE_MAX}"
        ))
    } else if key
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
    {
        Some("tags: keys that begin with aws: are AWS's own".to_owned())
    } else if !fits(key) || !value.is_some_and(fits) {
        Some("tags: keys and values hold letters, digits, spaces and _ . : / = + - @ only".to_owned())
    } else {
        None
    }
}

fn is_of_tag(letter: char) -> bool {
    letter.is_alphanumeric()
        || (letter.is_whitespace() && !letter.is_control())
        || "_.:/=+-@".contains(letter)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn said(tags: &Value) -> Option<String> {
        let body = json!({ "tags": tags });
        super::tags(body.as_object().unwrap())
            .err()
            .map(|error| error.message)
    }

    fn one(key: &str, value: &str) -> Option<String> {
        said(&Value::Object(Map::from_iter([(key.to_owned(), json!(value))])))
    }

    #[test]
    fn what_aws_takes_as_a_tag_is_taken() {
        for (key, value) in [
            ("Team", ""),
            ("slotwise.dev/slot:1", "a_b.c:d/e=f+g-h@i 9"),
            ("Bühne 日本", "ß"),
            ("awsome", "x"),
        ] {
            assert_eq!(one(key, value), None, "{key}");
        }
        assert_eq!(one(&"k".repeat(128), &"v".repeat(256)), None);
    }

    #[test]
    fn what_aws_refuses_as_a_tag_is_refused_without_being_repeated() {
        for (key, value, expected) in [
            ("", "v", "1 to 128 characters"),
            (&"k".repeat(129), "v", "1 to 128 characters"),
            ("k", &"v".repeat(257), "at most 256"),
            ("aws:secret", "v", "are AWS's own"),
            ("AWS:secret", "v", "are AWS's own"),
            ("secret;", "v", "letters, digits"),
            ("k", "{secret}", "letters, digits"),
            ("k", "secret\nx", "letters, digits"),
        ] {
            let said = one(key, value).unwrap();
            assert!(
                said.contains(expected) && !said.contains("secret"),
                "{key}: {said}"
            );
        }
    }

    #[test]
    fn a_resource_has_fifty_tags_at_most() {
        let many = |count: usize| {
            (0..count)
                .map(|index| (format!("k{index}"), json!("v")))
                .collect::<Map<_, _>>()
        };
        assert_eq!(said(&Value::Object(many(50))), None);
        assert_eq!(
            said(&Value::Object(many(51))).unwrap(),
            "tags: a resource has at most 50"
        );
        assert_eq!(tag_count(&many(51)).unwrap_err().kind, ErrorKind::BadRequest);
    }
}
