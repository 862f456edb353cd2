//! What MediaLive checks about a request before it does anything.
//!
//! Two steps. [`request`] holds the body against the public service model ([`model`]): members, types, enums, ranges, what
//! is required. Then what the request would leave behind is checked for what the model does not say: what refers to what,
//! how much there may be, what is unique. Every problem of a step is reported at once, up to a hundred. What is malformed
//! is a 400; what is well-formed and wrong is a 422 with one `validationErrors` entry each. Texts in `monospace` here are
//! real ones with their source beside them; the others are invented, so match on types.
//!
//! What MediaLive has accepted before is not refused again: a channel or an input that exists, of a fleet file, say, may
//! have what the model or a switch forbids, and an update that leaves it as it is goes through.

mod channel;
mod encoder;
mod input;
mod model;
mod references;
mod schedule;
mod tags;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) use self::channel::{InputFacts, channel};
pub(super) use self::input::{changed_input, input_class, is_push, new_input, whitelist};
pub(super) use self::schedule::{Existing, schedule};
pub(super) use self::tags::{tag_count, tags};
use super::error::{ApiError, ErrorKind, ValidationError};
use super::request::Request;
use super::switches::Switches;

type Object = Map<String, Value>;

/// Problems of one request that are reported: a long list of wrong items would make a refusal many times its size
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

    /// A 422 about a member that is not there; `requires property "m3u8Settings"` is how MediaLive names one
    /// (aws-samples/aws-media-services-simple-live-workflow#23)
    fn missing(&mut self, path: &str, key: &str) {
        self.invalid(path, format!("requires property \"{key}\""));
    }

    /// Makes everything a 400, for operations that have no 422
    fn all_malformed(&mut self) {
        for ValidationError {
            element_path,
            error_message,
        } in std::mem::take(&mut self.invalid)
        {
            self.malformed(format!("{element_path} {error_message}").trim().to_owned());
        }
    }

    fn is_empty(&self) -> bool {
        self.malformed.is_empty() && self.invalid.is_empty()
    }

    /// Leaves out what `known` has as well
    fn without(mut self, known: &Self) -> Self {
        self.malformed.retain(|one| !known.malformed.contains(one));
        self.invalid.retain(|one| !known.invalid.contains(one));
        self
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

/// Checks a body against the service model; `stored` is what the request is to change, if that exists
pub(super) fn request(
    request: &Request,
    stored: Option<&Object>,
    switches: &Switches,
) -> Result<(), ApiError> {
    let check = |body: &Object| model::check(request.operation, body, switches.refuse_unknown_members);
    let body = object(&request.body)?;
    let findings = check(body);
    match stored {
        Some(stored) if !findings.is_empty() => findings.without(&check(stored)),
        _ => findings,
    }
    .finish()
}

/// The request's body as an object
pub(super) fn object(body: &Value) -> Result<&Object, ApiError> {
    body.as_object()
        .ok_or_else(|| ApiError::new(ErrorKind::BadRequest, "The request body must be a JSON object"))
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
