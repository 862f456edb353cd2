//! Finds the place of a field.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Spot;
use crate::manifest::node::Segment;

/// Walks to a path and fails there, so that the error carries the place.
pub(super) struct Seek<'p> {
    pub(super) path: &'p [Segment],
    pub(super) spot: Spot,
}

/// The error that a walk ends with; only its place is used.
fn here<T, E: serde::de::Error>() -> Result<T, E> {
    Err(E::custom("here"))
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

// Every visit that is not implemented fails, which is the point.
impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of a path")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((Segment::Index(index), rest)) = self.path.split_first() else {
            return here();
        };
        for _ in 0..*index {
            seq.next_element::<IgnoredAny>()?;
        }
        seq.next_element_seed(Seek {
            path: rest,
            spot: self.spot,
        })?;
        here()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Segment::Field(name), rest)) = self.path.split_first() else {
            return here();
        };
        let at_key = rest.is_empty() && self.spot != Spot::Value;
        let mut skip = usize::from(at_key && self.spot == Spot::SecondKey);
        while let Some(found) = map.next_key_seed(SeekKey {
            name,
            fail: at_key && skip == 0,
        })? {
            if found && at_key {
                skip = skip.saturating_sub(1);
            } else if found {
                return map.next_value_seed(Seek {
                    path: rest,
                    spot: self.spot,
                });
            }
            map.next_value::<IgnoredAny>()?;
        }
        here()
    }
}

/// Whether a key is `name`; fails there if asked to.
struct SeekKey<'p> {
    name: &'p str,
    fail: bool,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for SeekKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        if key != self.name {
            return Ok(false);
        }
        if self.fail { here() } else { Ok(true) }
    }
}
