//! What slotwise itself would not take, found before anything is written.

use std::path::Path;

use super::{Declared, Options, text};
use crate::manifest::decode::{Decoded, Object, RawObject, decode};
use crate::manifest::reference::{KeyLookup, KeyReference};
use crate::manifest::validate::{Globs, key_of, validate_destination, validate_pool};
use crate::manifest::yaml::documents;
use crate::manifest::{Problem, Severity};

/// Why a Destination would be refused, its key included.
pub(super) fn of_destination(one: &Declared<'_>, options: &Options) -> Option<String> {
    // As it will be read from its place.
    let look_up = |_: &KeyReference| match key_of(one.pushed.key.reveal()) {
        Ok(key) => KeyLookup::Found(key),
        Err(mistake) => KeyLookup::Missing {
            what: mistake.to_string(),
            fix: "put another key into the channel".to_owned(),
        },
    };
    of(&text::destination(one, options), |object| {
        if let Some(RawObject::Destination(raw)) = object.raw.take() {
            validate_destination(&raw, &look_up, &mut object.report);
        }
    })
}

/// Why the pool would be refused.
pub(super) fn of_pool(text: &str) -> Option<String> {
    of(text, |object| {
        if let Some(RawObject::Pool(raw)) = object.raw.take() {
            validate_pool(&raw, &mut Globs::default(), &mut object.report);
        }
    })
}

fn of(text: &str, validate: impl Fn(&mut Object)) -> Option<String> {
    let sentence = |problem: &Problem| format!("{}: {}; {}", problem.field, problem.message, problem.fix);
    let documents = match documents(Path::new("declared"), text.as_bytes()) {
        Ok(documents) => documents,
        Err(broken) => return Some(broken.message),
    };
    let problems = documents
        .iter()
        .flat_map(decode)
        .flat_map(|decoded| match decoded {
            Decoded::Object(mut object) => {
                validate(&mut object);
                object.report.into_problems()
            }
            Decoded::Unidentified(problems) => problems,
            Decoded::Foreign(problem) => vec![problem],
        });
    let mut errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.next().as_ref().map(sentence)
}
