//! What is recorded in the tags of a channel: of its slots, and of its takeover; and in those of a router output.
//!
//! The tag `slotwise.dev/slot/<output group>` has the value `<destination> <digest>`, with a [`Mark`] behind it where there is
//! one, or `- <digest>` for a parked slot. It is written before the update that points the slot. The digest shows whether the
//! slot still points there: with any other target the tag proves nothing.
//!
//! The tag `slotwise.dev/takeover` says how far `takeover: true` of the channel has come: [`TakeoverTag`].
//!
//! A router output has four tags from its creation or from its stop on, which [`OutputRecord`] reads: `slotwise.dev/owner`,
//! `slotwise.dev/pool`, `slotwise.dev/destination` with a value as that of a slot's tag, and `slotwise.dev/off-since`. A router
//! input, and the channel in front of it, has `slotwise.dev/started` with its owner while slotwise is the one to stop it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Endpoint, Identity, OutputGroup, OutputRecord, OwnerId, PoolName, ShortDigest, SlotId, Target};

/// The tag that says which controller a channel or a router output belongs to.
pub const OWNER_TAG: &str = "slotwise.dev/owner";

/// The tag of a router output with the name of the pool whose place it takes.
pub const POOL_TAG: &str = "slotwise.dev/pool";

/// The tag of a router output that says whose it is, and by a digest where it was pointed.
pub const DESTINATION_TAG: &str = "slotwise.dev/destination";

/// The tag of a router output that says since when it is off.
pub const OFF_SINCE_TAG: &str = "slotwise.dev/off-since";

/// The tag of a router input, and of a channel in front of one, with the owner that started it.
pub const STARTED_TAG: &str = "slotwise.dev/started";

/// Tags of slots begin with it; the output group follows.
pub const SLOT_TAG_PREFIX: &str = "slotwise.dev/slot/";

/// The tag of a channel with `takeover: true` that says how far the takeover has come.
pub const TAKEOVER_TAG: &str = "slotwise.dev/takeover";

/// Tags that a channel may have, slotwise's and others' together.
///
/// Source: AWS General Reference, "Tag naming limits and requirements": "Maximum number of tags per resource – 50".
pub const TAGS_MAX: usize = 50;

/// The value of a parked slot in a tag.
const PARKED: &str = "-";
/// The value of a takeover that has begun.
const BEGUN: &str = "begun";
/// The value of one that is used up.
const DONE: &str = "done";
/// What follows where a destination that vanished from the declaration was released.
const RELEASED: &str = "released";
/// What follows where it stays on air, since more vanished with it than may at once.
const KEPT: &str = "kept";
/// What follows where a slot was found carrying the destination's stream at another address.
const ADOPTED: &str = "adopted";

/// The key of the tag of an output group. A name that no tag key may hold is replaced by a hash of it.
pub fn slot_tag_key(output_group: &OutputGroup) -> String {
    let name = output_group.as_str();
    // "letters, numbers, spaces representable in UTF-8, and the following characters: _ . : / = + - @" (AWS General
    // Reference, as above); letters beyond ASCII are left to the hash, as services differ. Names that look like a hash get
    // one, too.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter);
    let may_stand = name.chars().all(is_plain) && !name.starts_with(['=', ' ']) && !name.ends_with(' ');
    if may_stand && !name.is_empty() {
        return format!("{SLOT_TAG_PREFIX}{name}");
    }
    let hash = Sha256::digest(name.as_bytes());
    let mut short = [0; 8];
    short[2..].copy_from_slice(&hash[..6]);
    format!("{SLOT_TAG_PREFIX}={:012x}", u64::from_be_bytes(short))
}

/// A slot's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotTag {
    /// The occupant of the slot when the tag was written.
    pub occupant: Recorded,
    /// Of what the slot pointed at.
    pub digest: TargetDigest,
}

/// The occupant of a slot, by its tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recorded {
    /// It was parked.
    Parked,
    /// A destination.
    Destination {
        /// Which.
        identity: Identity,
        /// What else is recorded of it.
        mark: Mark,
    },
}

/// What a slot's tag says beside the destination's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing: the slot had the destination's very target when the tag was written.
    None,
    /// The slot was found carrying the destination's stream at another address, and has not been written since: the
    /// difference is no change of the declaration.
    Adopted,
    /// The destination was released after it had vanished from the declaration.
    Released,
    /// The destination vanished from the declaration together with more than may vanish at once: it stays on air until it is
    /// declared again, whichever process looks next and however few are left of those that vanished with it.
    Kept,
}

/// How far the takeover of a channel has come, by its tag. It is used once: what is undeclared on the channel later is not
/// released by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TakeoverTag {
    /// What is undeclared on the channel is to be released. It is written before the stop that releases it: where the tag cannot
    /// be written, nothing would ever end the takeover.
    Begun,
    /// It is used up: the channel has stopped since, or ran with nothing undeclared on it.
    Done,
}

impl TakeoverTag {
    /// Reads the value of the tag. Whatever slotwise does not write counts as used up, which releases nothing.
    pub fn parse(value: &str) -> Self {
        match value {
            BEGUN => Self::Begun,
            _ => Self::Done,
        }
    }

    /// The value of the tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => BEGUN,
            Self::Done => DONE,
        }
    }
}

impl Recorded {
    /// A destination that holds its slot.
    pub fn destination(identity: Identity) -> Self {
        Self::Destination {
            identity,
            mark: Mark::None,
        }
    }
}

impl SlotTag {
    /// Reads the value of a tag; `None` for one that slotwise does not write.
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let (name, digest) = (words.next()?, words.next()?);
        let mark = match (words.next(), words.next()) {
            (None, _) => Mark::None,
            (Some(ADOPTED), None) => Mark::Adopted,
            (Some(RELEASED), None) => Mark::Released,
            (Some(KEPT), None) => Mark::Kept,
            _ => return None,
        };
        let occupant = match name {
            "" => return None,
            PARKED => Recorded::Parked,
            name => Recorded::Destination {
                identity: name.into(),
                mark,
            },
        };
        let digest = TargetDigest::parse(digest)?;
        Some(Self { occupant, digest })
    }
}

/// The value of the tag.
impl fmt::Display for SlotTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.occupant {
            Recorded::Parked => write!(f, "{PARKED} {}", self.digest),
            Recorded::Destination { identity, mark } => {
                write!(f, "{identity} {}", self.digest)?;
                match mark {
                    Mark::None => Ok(()),
                    Mark::Adopted => write!(f, " {ADOPTED}"),
                    Mark::Released => write!(f, " {RELEASED}"),
                    Mark::Kept => write!(f, " {KEPT}"),
                }
            }
        }
    }
}

impl OutputRecord {
    /// Reads the tags of a router output; `None` unless pool and destination are there as slotwise writes them.
    pub fn of_tags(tags: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key: &str| tags.get(key).map(String::as_str);
        let pool = text(POOL_TAG).filter(|pool| !pool.is_empty())?;
        let SlotTag { occupant, digest } = SlotTag::parse(text(DESTINATION_TAG)?)?;
        let (identity, mark) = match occupant {
            Recorded::Parked
            | Recorded::Destination {
                mark: Mark::Adopted, ..
            } => return None,
            Recorded::Destination { identity, mark } => (identity, mark),
        };
        Some(Self {
            pool: pool.into(),
            identity,
            digest,
            released: mark == Mark::Released,
            kept: mark == Mark::Kept,
            // One that cannot be read is none: an output that was never off gives way last.
            off_since: text(OFF_SINCE_TAG).and_then(|time| time.parse().ok()),
        })
    }

    /// The value of [`DESTINATION_TAG`].
    pub fn destination_tag(&self) -> String {
        let mark = match (self.released, self.kept) {
            (true, _) => Mark::Released,
            (false, true) => Mark::Kept,
            (false, false) => Mark::None,
        };
        let occupant = Recorded::Destination {
            identity: self.identity.clone(),
            mark,
        };
        let digest = self.digest;
        SlotTag { occupant, digest }.to_string()
    }

    /// All tags of an output of `owner` with this record.
    pub fn tags(&self, owner: &OwnerId) -> Vec<(String, String)> {
        let mut tags = vec![
            (OWNER_TAG.to_owned(), owner.to_string()),
            (POOL_TAG.to_owned(), self.pool.to_string()),
            (DESTINATION_TAG.to_owned(), self.destination_tag()),
        ];
        tags.extend(self.off_since.map(off_since_tag));
        tags
    }
}

/// The tag that says that an output is off since `at`, to the second.
pub fn off_since_tag(at: Timestamp) -> (String, String) {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    (OFF_SINCE_TAG.to_owned(), at.to_string())
}

/// The tag that says that `owner` started an input.
pub fn started_tag(owner: &OwnerId) -> (String, String) {
    (STARTED_TAG.to_owned(), owner.to_string())
}

/// Four hex digits over owner, channel, output group and canonical target: enough to notice another target, useless to
/// find a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetDigest(u16);

impl TargetDigest {
    /// Of what `slot` of `owner` points at.
    pub fn of(owner: &OwnerId, slot: &SlotId, target: &Target) -> Self {
        let place = [
            "slotwise slot 1",
            owner.as_str(),
            slot.channel.as_str(),
            slot.output_group.as_str(),
        ];
        Self::of_endpoints(&place, &target.canonical().0)
    }

    /// Of what a router output of `owner` for a destination of `pool` points at.
    pub fn of_output(owner: &OwnerId, pool: &PoolName, destination: &Identity, target: &Endpoint) -> Self {
        let place = [
            "slotwise output 1",
            owner.as_str(),
            pool.as_str(),
            destination.as_str(),
        ];
        Self::of_endpoints(&place, &[target.canonical()])
    }

    fn of_endpoints(place: &[&str], endpoints: &[Endpoint]) -> Self {
        let endpoints = endpoints.iter().flat_map(|endpoint| {
            let login = endpoint.login.as_ref();
            [
                endpoint.url.as_ref(),
                endpoint.stream_name.reveal(),
                login.map_or("", |login| &login.username),
                login.map_or("", |login| &login.password_parameter),
            ]
        });
        let texts = place.iter().copied().chain(endpoints);
        Self(ShortDigest::of(texts).0)
    }

    /// A digest that is another one.
    #[must_use]
    pub fn other(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// As it was written.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |letter: u8| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
        let has_form = text.len() == 4 && text.bytes().all(is_hex);
        let digest = u16::from_str_radix(text, 16).ok()?;
        has_form.then_some(Self(digest))
    }
}

impl fmt::Display for TargetDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Secret};

    fn target(url: &str, key: &str) -> Target {
        Target::from(vec![Endpoint::new(url, Secret::new(key))])
    }

    fn digest(owner: &str, channel: &str, group: &str, url: &str, key: &str) -> TargetDigest {
        TargetDigest::of(&owner.into(), &SlotId::new(channel, group), &target(url, key))
    }

    #[test]
    fn a_tag_reads_as_it_was_written() {
        let digest = digest("us", "1", "slot-1", "rtmp://a.example/live", "k");
        let marked = |mark| Recorded::Destination {
            identity: "yt".into(),
            mark,
        };
        for occupant in [
            Recorded::Parked,
            Recorded::destination("yt".into()),
            marked(Mark::Adopted),
            marked(Mark::Released),
            marked(Mark::Kept),
        ] {
            let tag = SlotTag { occupant, digest };
            assert_eq!(SlotTag::parse(&tag.to_string()), Some(tag));
        }
    }

    #[test]
    fn what_slotwise_does_not_write_is_no_tag() {
        for text in [
            "",
            "yt",
            "yt 12",
            "yt 12g4",
            "yt ABCD",
            "yt +123",
            " 1234",
            "yt 1234 x",
            "yt 1234 released x",
            "yt 1234 kept released",
        ] {
            assert_eq!(SlotTag::parse(text), None, "{text:?}");
        }
    }

    fn record(released: bool, off_since: Option<&str>) -> OutputRecord {
        let target = Endpoint::new("rtmp://a.example/live", Secret::new("k3y"));
        let (owner, pool, identity) = ("us".into(), "main".into(), "yt".into());
        OutputRecord {
            digest: TargetDigest::of_output(&owner, &pool, &identity, &target),
            pool,
            identity,
            released,
            kept: false,
            off_since: off_since.map(|time| time.parse().unwrap()),
        }
    }

    #[test]
    fn the_tags_of_an_output_read_as_they_were_written() {
        for released in [false, true] {
            for off_since in [None, Some("2026-11-30T16:22:34Z")] {
                let record = record(released, off_since);
                let tags: BTreeMap<_, _> = record.tags(&"us".into()).into_iter().collect();
                assert_eq!(tags[OWNER_TAG], "us");
                assert_eq!(tags.get(OFF_SINCE_TAG).map(String::as_str), off_since);
                assert_eq!(OutputRecord::of_tags(&tags), Some(record));
            }
        }
        let kept = OutputRecord {
            kept: true,
            ..record(false, None)
        };
        let tags: BTreeMap<_, _> = kept.tags(&"us".into()).into_iter().collect();
        assert_eq!(OutputRecord::of_tags(&tags), Some(kept));
    }

    #[test]
    fn the_tags_of_an_output_are_as_plain_as_tags_may_be() {
        let (key, value) = off_since_tag("2026-11-30T16:22:34.567Z".parse().unwrap());
        assert_eq!((&*key, &*value), (OFF_SINCE_TAG, "2026-11-30T16:22:34Z"));
        let written = record(true, Some("2026-11-30T16:22:34Z")).tags(&"us".into());
        let may_stand = |letter: char| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter);
        for (key, value) in written.into_iter().chain([started_tag(&"us".into())]) {
            assert!(key.chars().chain(value.chars()).all(may_stand), "{key} {value}");
            assert!(!value.contains("k3y"));
        }
    }

    #[test]
    fn tags_that_slotwise_does_not_write_are_no_record() {
        let written: BTreeMap<_, _> = record(false, None).tags(&"us".into()).into_iter().collect();
        for (key, value) in [
            (POOL_TAG, ""),
            (DESTINATION_TAG, ""),
            (DESTINATION_TAG, "- 12ab"),
            (DESTINATION_TAG, "yt"),
            (DESTINATION_TAG, "yt 12ab adopted"),
        ] {
            let mut tags = written.clone();
            tags.insert(key.to_owned(), value.to_owned());
            assert_eq!(OutputRecord::of_tags(&tags), None, "{key} {value:?}");
            tags.remove(key);
            assert_eq!(OutputRecord::of_tags(&tags), None, "without {key}");
        }
        let mut tags = written;
        tags.insert(OFF_SINCE_TAG.to_owned(), "yesterday".to_owned());
        assert_eq!(OutputRecord::of_tags(&tags).unwrap().off_since, None);
    }

    #[test]
    fn a_digest_is_what_tags_of_earlier_versions_hold() {
        let digest = digest("us", "1", "slot-1", "rtmp://a.example/live", "k");
        assert_eq!(digest.to_string(), "52a7");
    }

    #[test]
    fn a_digest_changes_with_all_it_is_made_of_but_spelling() {
        let base = ("us", "1", "slot-1", "rtmp://a.example/live", "k");
        let of = |(owner, channel, group, url, key)| digest(owner, channel, group, url, key);
        assert_eq!(
            of(base),
            of(("us", "1", "slot-1", "rtmp://A.example:1935/live/", "k"))
        );
        for other in [
            ("them", "1", "slot-1", "rtmp://a.example/live", "k"),
            ("us", "2", "slot-1", "rtmp://a.example/live", "k"),
            ("us", "1", "slot-2", "rtmp://a.example/live", "k"),
            ("us", "1", "slot-1", "rtmp://b.example/live", "k"),
            ("us", "1", "slot-1", "rtmp://a.example/live", "k2"),
        ] {
            assert_ne!(of(base), of(other), "{other:?}");
        }
    }

    #[test]
    fn every_name_has_a_key_of_its_own_that_a_tag_may_have() {
        let names = [
            "RTMP-Slot-1",
            "a b",
            "ä",
            "",
            "=0123456789ab",
            "a#b",
            "a~b",
            " a",
            "a ",
            "日本語の名前",
        ];
        let mut keys: Vec<String> = names.iter().map(|name| slot_tag_key(&(*name).into())).collect();
        assert_eq!(keys[0], "slotwise.dev/slot/RTMP-Slot-1");
        for key in &keys {
            let may_stand = |letter: char| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter);
            assert!(key.chars().all(may_stand) && key.len() <= 128, "{key}");
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), names.len());
    }
}
