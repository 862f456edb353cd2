//! Raw objects → model types, rule by rule. What concerns several objects is in `assemble`.

mod destination;
mod key;
mod login;
mod pasted;
mod pool;
mod router;
mod url;

use jiff::Timestamp;

use super::node::FieldPath;
use super::raw::{RawMetadata, RawPause};
use super::report::Report;
use super::words::{NAME_FORM, as_label, is_label};
use crate::model::Pause;

pub use destination::validate_destination;
pub use key::{KeySource, key_source};
pub use pasted::{KeyMistake, key_of};
pub use pool::{Globs, validate_pool};
pub use router::{router_mistakes, validate_router_pool};

/// Longest text of a free field.
const TEXT_LIMIT: usize = 1000;

pub(super) fn check_metadata(metadata: &RawMetadata, report: &mut Report) {
    if !is_label(&metadata.name) {
        let fix = match as_label(&metadata.name) {
            Some(label) => format!("call it `{label}`"),
            None => NAME_FORM.to_owned(),
        };
        let message = "the name is not a DNS label: lower case letters, digits and `-` within";
        report.reject(&FieldPath::from("metadata.name"), message, fix);
    }
}

fn validate_pause(raw: &RawPause, path: &FieldPath, report: &mut Report) -> Option<Pause> {
    let until = raw.until.as_ref().map(|text| text.parse::<Timestamp>());
    if let Some(Err(_)) = until {
        let fix = "write date, time and offset: 2026-12-24T00:00:00Z";
        report.reject(&path.field("until"), "this is not a moment in time", fix);
    }
    for (name, text) in [("by", &raw.by), ("why", &raw.why)] {
        if text.as_ref().is_some_and(|text| text.len() > TEXT_LIMIT) {
            let message = format!("the text is longer than {TEXT_LIMIT} bytes");
            report.reject(&path.field(name), message, "be brief");
        }
    }
    Some(Pause {
        until: until.transpose().ok()?,
        by: raw.by.clone(),
        why: raw.why.clone(),
    })
}

/// An id of a channel: what is wrong with it, and what to do.
fn check_channel_id(id: &str) -> Result<(), (&'static str, String)> {
    if let Some(last) = id.strip_prefix("arn:").and_then(|arn| arn.rsplit(':').next()) {
        let fix = format!(
            "write the last part of the ARN only: {}",
            super::words::shown(last)
        );
        return Err(("this is an ARN, not an id", fix));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=32).contains(&id.len()) && id.bytes().all(fits) {
        Ok(())
    } else {
        Err((
            "this is not the id of a channel",
            "write the last part of its ARN: \"4000001\"".to_owned(),
        ))
    }
}
