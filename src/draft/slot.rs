//! What an output group pushes, in the words of a Destination.

use std::fmt;
use std::sync::Arc;

use crate::model::{Endpoint, Login, Secret, SlotId, SlotSelector, Stream, Target};

/// What a slot pushes.
pub(super) struct Pushed {
    /// `url`.
    pub(super) url: Arc<str>,
    /// `backupUrl`.
    pub(super) backup_url: Option<Arc<str>>,
    /// The stream key.
    pub(super) key: Secret,
    /// `username` and `passwordParameter`.
    pub(super) login: Option<Login>,
    /// What viewers see of it.
    pub(super) stream: Stream,
    /// Host of the URL.
    pub(super) host: String,
    /// Both pipelines push to one URL, where they throw each other out. A Destination parks the second one.
    pub(super) is_doubled: bool,
}

impl Pushed {
    /// Whether it goes to the second of a platform's two ingests for one key.
    pub(super) fn is_backup_ingest(&self) -> bool {
        Endpoint::new(Arc::clone(&self.url), self.key.clone()).is_backup_ingest()
    }
}

/// Why a Destination cannot say what a slot pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsayable {
    /// The first pipeline is parked, and the second is not.
    OnlySecond,
    /// The pipelines have two keys, or two users.
    TwoStreams,
    /// There is no stream key.
    NoKey,
    /// A user or a query in the URL, which may be a secret.
    Secrets,
    /// It is no RTMP URL.
    NotRtmp,
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlySecond => "only its second pipeline pushes anything",
            Self::TwoStreams => "its two pipelines push two streams, and a Destination is one",
            Self::NoKey => "it has no stream name",
            Self::Secrets => {
                "its URL has a user or a query in it, which may be secret; write a Destination for it by hand"
            }
            Self::NotRtmp => "its URL is not rtmp:// or rtmps:// with a host and an application",
        })
    }
}

/// What `target` pushes on the slot; `None` while it is parked.
pub(super) fn pushed(slot: &SlotId, target: &Target, parking_url: &str) -> Result<Option<Pushed>, Unsayable> {
    let parking = Endpoint::new(parking_url, Secret::new("")).canonical().url;
    let is_parked = |(at, one): &(usize, &Endpoint)| {
        SlotSelector::is_parking_name(&one.stream_name, slot, *at) || one.canonical().url == parking
    };
    let mut pipelines = (0..)
        .zip(target.0.iter())
        .map(|one| (!is_parked(&one)).then_some(one.1));
    let (first, second) = (pipelines.next().flatten(), pipelines.next().flatten());
    let Some(first) = first else {
        return match second {
            Some(_) => Err(Unsayable::OnlySecond),
            None => Ok(None),
        };
    };
    let main = written(first)?;
    let backup = second.map(written).transpose()?;
    let is_other = |one: &Endpoint| one.stream_name != main.stream_name || one.login != main.login;
    if backup.as_ref().is_some_and(is_other) {
        return Err(Unsayable::TwoStreams);
    }
    let is_doubled = backup
        .as_ref()
        .is_some_and(|backup| backup.canonical() == main.canonical());
    Ok(Some(Pushed {
        stream: first.stream(),
        host: first.host().to_owned(),
        backup_url: backup.filter(|_| !is_doubled).map(|backup| backup.url),
        url: main.url,
        key: main.stream_name,
        login: main.login,
        is_doubled,
    }))
}

/// An endpoint as it can be written down: the URL as it is, or without a key that was pasted into it.
fn written(endpoint: &Endpoint) -> Result<Endpoint, Unsayable> {
    let plain = endpoint.canonical();
    let has_key_in_url = endpoint.stream_name.is_empty() && !plain.stream_name.is_empty();
    let written = if has_key_in_url { plain } else { endpoint.clone() };
    let lower = written.url.to_ascii_lowercase();
    let rest = lower
        .strip_prefix("rtmp://")
        .or_else(|| lower.strip_prefix("rtmps://"));
    let (authority, path) = rest
        .and_then(|rest| rest.split_once('/'))
        .ok_or(Unsayable::NotRtmp)?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if authority.contains('@') || !matches!(query, "" | "backup=1") {
        return Err(Unsayable::Secrets);
    }
    if authority.is_empty() || path.is_empty() {
        return Err(Unsayable::NotRtmp);
    }
    if written.stream_name.is_blank() {
        return Err(Unsayable::NoKey);
    }
    Ok(written)
}
