//! What MediaLive checks about a request before it does anything.
//!
//! Every problem of a request is reported at once, up to a hundred. What is malformed is a 400; what is well-formed and wrong is a
//! 422 with one `validationErrors` entry each. Texts in `monospace` here are real ones with their source beside
//! them; the others are invented, so match on types.

mod channel;
mod encoder;
mod input;
mod schedule;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) use self::channel::{InputFacts, channel};
pub(super) use self::input::{changed_input, input_class, is_push, new_input, whitelist};
pub(super) use self::schedule::{Existing, schedule};
use super::error::{ApiError, ErrorKind, ValidationError};

type Object = Map<String, Value>;

/// The most tags a resource may have, and the most characters of a key and of a value (AWS's general tag limits)
const TAGS_MAX: usize = 50;
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;

/// Problems of one request that are told: a long list of wrong items would make a refusal many times its size
const FINDINGS_MAX: usize = 100;

/// Problems found so far
#[derive(Debug, Default)]
struct Findings {
    malformed: Vec<String>,
    invalid: Vec<ValidationError>,
}

impl Findings {
    /// A 400
    fn malformed(&mut self, message: impl Into<String>) {
        if self.malformed.len() < FINDINGS_MAX {
            self.malformed.push(message.into());
        }
    }

    /// A 422
    fn invalid(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.invalid.len() < FINDINGS_MAX {
            self.invalid.push(ValidationError {
                element_path: path.into(),
                error_message: message.into(),
            });
        }
    }

    /// The refusal, if anything was found; malformed comes first, as such a request is not looked at further
    fn finish(self) -> Result<(), ApiError> {
        if !self.malformed.is_empty() {
            return Err(ApiError::new(ErrorKind::BadRequest, self.malformed.join("; ")));
        }
        if !self.invalid.is_empty() {
            return Err(ApiError::unprocessable(self.invalid));
        }
        Ok(())
    }

    /// The list at `key`; empty when absent, a 400 when it is no list
    fn list<'a>(&mut self, object: &'a Object, key: &str, path: &str) -> &'a [Value] {
        match object.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.malformed(format!("{} must be a list", join(path, key)));
                &[]
            }
        }
    }

    /// The objects in the list at `key`, each with its path
    fn objects<'a>(&mut self, object: &'a Object, key: &str, path: &str) -> Vec<(String, &'a Object)> {
        let list = self.list(object, key, path);
        let mut objects = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let path = format!("{}[{index}]", join(path, key));
            match value {
                Value::Object(object) => objects.push((path, object)),
                _ => self.malformed(format!("{path} must be an object")),
            }
        }
        objects
    }

    /// The text at `key`; none when absent, a 400 when it is no text
    fn text<'a>(&mut self, object: &'a Object, key: &str, path: &str) -> Option<&'a str> {
        match object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.malformed(format!("{} must be a string", join(path, key)));
                None
            }
        }
    }

    /// The object at `key`; none when absent, a 400 when it is no object
    fn object<'a>(&mut self, object: &'a Object, key: &str, path: &str) -> Option<&'a Object> {
        match object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Object(inner)) => Some(inner),
            Some(_) => {
                self.malformed(format!("{} must be an object", join(path, key)));
                None
            }
        }
    }

    /// The texts in the list at `key`
    fn texts<'a>(&mut self, object: &'a Object, key: &str, path: &str) -> Vec<&'a str> {
        let list = self.list(object, key, path);
        let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        if texts.len() != list.len() {
            self.malformed(format!("{} must hold strings only", join(path, key)));
        }
        texts
    }

    /// Refuses a value that is none of `allowed`
    fn one_of(&mut self, object: &Object, key: &str, path: &str, allowed: &[&str]) {
        if let Some(text) = self.text(object, key, path)
            && !allowed.contains(&text)
        {
            self.malformed(format!(
                "{} must be one of: {}",
                join(path, key),
                allowed.join(", ")
            ));
        }
    }

    /// Refuses a whole number outside of its range (botocore service model, `__integerMin…`)
    fn number(&mut self, object: &Object, key: &str, path: &str, min: i64, max: i64) {
        match object.get(key) {
            None | Some(Value::Null) => {}
            Some(value) => match value.as_i64() {
                Some(number) if (min..=max).contains(&number) => {}
                Some(number) => {
                    self.invalid(
                        join(path, key),
                        format!("{number} is not in the range {min} to {max}"),
                    );
                }
                None => self.malformed(format!("{} must be a whole number", join(path, key))),
            },
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The members of `object` that hold something; empty lists count as absent, as Describe echoes them
fn present<'a>(object: &Object, keys: &[&'a str]) -> Vec<&'a str> {
    let holds = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    keys.iter()
        .copied()
        .filter(|key| object.get(*key).is_some_and(holds))
        .collect()
}

/// The request's body as an object
pub(super) fn object(body: &Value) -> Result<&Object, ApiError> {
    body.as_object()
        .ok_or_else(|| ApiError::new(ErrorKind::BadRequest, "The request body must be a JSON object"))
}

/// The tags of a body, if they can be tags
pub(super) fn tags(body: &Object) -> Result<Object, ApiError> {
    let mut findings = Findings::default();
    let tags = checked_tags(&mut findings, body);
    findings.finish()?;
    Ok(tags)
}

fn checked_tags(findings: &mut Findings, body: &Object) -> Object {
    let tags = findings.object(body, "tags", "").cloned().unwrap_or_default();
    for (key, value) in &tags {
        let length = value.as_str().map(|text| text.chars().count());
        if key.is_empty()
            || key.chars().count() > TAG_KEY_MAX
            || length.is_none_or(|length| length > TAG_VALUE_MAX)
        {
            findings.malformed(format!(
                "tags: a key has 1 to {TAG_KEY_MAX} characters and its value is a string of at most {TAG_VALUE_MAX}"
            ));
        }
    }
    if tags.len() > TAGS_MAX {
        findings.malformed(format!("tags: a resource has at most {TAGS_MAX}"));
    }
    tags
}

/// Refuses more tags than a resource may have
pub(super) fn tag_count(tags: &Object) -> Result<(), ApiError> {
    if tags.len() > TAGS_MAX {
        return Err(ApiError::new(
            ErrorKind::BadRequest,
            format!("tags: a resource has at most {TAGS_MAX}"),
        ));
    }
    Ok(())
}

/// RestartChannelPipelines names pipelines by `PIPELINE_0` and `PIPELINE_1` (botocore service model)
pub(super) fn pipeline_ids(body: &Object) -> Result<(), ApiError> {
    let mut findings = Findings::default();
    for id in findings.texts(body, "pipelineIds", "") {
        if !matches!(id, "PIPELINE_0" | "PIPELINE_1") {
            findings.malformed("pipelineIds must be of: PIPELINE_0, PIPELINE_1");
        }
    }
    findings.finish()
}

/// UpdateChannelClass requires the class (botocore service model)
pub(super) fn channel_class(body: &Object) -> Result<(), ApiError> {
    let mut findings = Findings::default();
    if findings.text(body, "channelClass", "").is_none() {
        findings.malformed("channelClass is required");
    }
    findings.finish()
}

/// The ids in each of a batch's fields; one at least
pub(super) fn batch_ids<'a>(
    body: &Object,
    fields: impl Iterator<Item = &'a str>,
) -> Result<Vec<Vec<String>>, ApiError> {
    let mut findings = Findings::default();
    let ids: Vec<Vec<String>> = fields
        .map(|field| {
            findings
                .texts(body, field, "")
                .into_iter()
                .map(str::to_owned)
                .collect()
        })
        .collect();
    if ids.iter().all(Vec::is_empty) {
        findings.malformed("Must specify at least one resource id");
    }
    findings.finish()?;
    Ok(ids)
}

/// Names that occur more than once, each with the paths after its first
fn repeated<'a>(names: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, &'a str)> {
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    let mut again = Vec::new();
    for (path, name) in names {
        if first.contains_key(name) {
            again.push((path, name));
        } else {
            first.insert(name, path);
        }
    }
    again
}

#[cfg(test)]
mod tests;
