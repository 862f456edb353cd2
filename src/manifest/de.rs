//! A serde deserializer over [`Node`] whose errors are data: which field, and what is wrong with it.

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;

use super::node::{FieldPath, Node, Segment};

/// Decodes `node`; the first mistake ends it.
pub fn from_node<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, DecodeError> {
    T::deserialize(FromNode(node)).map_err(|mut error| {
        error.path.reverse();
        error
    })
}

/// The first mistake.
#[derive(Debug)]
pub struct DecodeError {
    /// From the inside out while the error is on its way up.
    path: Vec<Segment>,
    fault: Fault,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The mapping has no such field; the path ends in its name.
    UnknownField {
        /// Those it has.
        allowed: &'static [&'static str],
    },
    /// The mapping lacks a field; the path ends in its name.
    Missing,
    /// A value of another type is needed.
    WrongType {
        /// What is needed: `a text`.
        needed: &'static str,
        /// What is there: `a number`.
        found: &'static str,
    },
    /// A word that is not allowed.
    UnknownWord {
        /// The word.
        found: String,
        /// The allowed ones.
        allowed: &'static [&'static str],
    },
    /// A number that is too small or too large.
    OutOfRange {
        /// The range, in words.
        range: &'static str,
    },
    /// Anything else.
    Other,
}

impl DecodeError {
    /// The field, and what is wrong with it.
    pub fn into_parts(self) -> (FieldPath, Fault) {
        (FieldPath(self.path), self.fault)
    }

    fn new(fault: Fault) -> Self {
        Self {
            path: Vec::new(),
            fault,
        }
    }

    fn wrong_type(needed: &'static str, found: &Node) -> Self {
        Self::new(Fault::WrongType {
            needed,
            found: found.what(),
        })
    }

    fn within(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value does not decode")
    }
}

impl std::error::Error for DecodeError {}

// Whatever serde says in words is dropped: it repeats values, and any value may be a key.
impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(Fault::Other)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(Fault::Other)
    }

    fn unknown_variant(variant: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownWord {
            found: variant.to_owned(),
            allowed,
        })
    }

    fn unknown_field(field: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownField { allowed }).within(Segment::Field(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::Missing).within(Segment::Field(field.to_owned()))
    }
}

/// The deserializer.
struct FromNode<'de>(&'de Node);

impl FromNode<'_> {
    fn integer<T: TryFrom<i128> + Default>(self, range: &'static str) -> Result<T, DecodeError> {
        match self.0 {
            Node::Int(value) => {
                T::try_from(*value).map_err(|_| DecodeError::new(Fault::OutOfRange { range }))
            }
            Node::Hole => Ok(T::default()),
            other => Err(DecodeError::wrong_type("a whole number", other)),
        }
    }
}

impl<'de> de::Deserializer<'de> for FromNode<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::Null | Node::Hole => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Int(value) => visitor.visit_i128(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Hole => visitor.visit_bool(false),
            other => Err(DecodeError::wrong_type("true or false", other)),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i32(self.integer("between -2147483648 and 2147483647")?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u32(self.integer("between 0 and 4294967295")?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u64(self.integer("between 0 and 18446744073709551615")?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::Hole => visitor.visit_borrowed_str(""),
            other => Err(DecodeError::wrong_type("a text", other)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::Hole => visitor.visit_none(),
            // A field without a value is a mistake: `paused:` alone does not say whether it is paused.
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Node::Hole => visitor.visit_seq(Items { items: &[], next: 0 }),
            other => Err(DecodeError::wrong_type("a list", other)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Node::Map(entries) => visitor.visit_map(Entries {
                written: entries,
                next: 0,
                holes: &[],
            }),
            Node::Hole => visitor.visit_map(Entries {
                written: &[],
                next: 0,
                holes: &[],
            }),
            other => Err(DecodeError::wrong_type("a mapping", other)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0 {
            // The stand-in for a mistake has every field.
            Node::Hole => visitor.visit_map(Entries {
                written: &[],
                next: 0,
                holes: fields,
            }),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match (self.0, variants) {
            (Node::Text(word), _) => visitor.visit_enum(Word(word)),
            (Node::Hole, [first, ..]) => visitor.visit_enum(Word(first)),
            (other, _) => Err(DecodeError::wrong_type("a word", other)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct
        tuple tuple_struct identifier ignored_any
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let index = self.next;
        let Some(item) = self.items.get(index) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(FromNode(item))
            .map(Some)
            .map_err(|error| error.within(Segment::Index(index)))
    }
}

/// The entries of a mapping, then `holes`: fields of a mapping that is a mistake itself.
struct Entries<'de> {
    written: &'de [(String, Node)],
    next: usize,
    holes: &'static [&'static str],
}

impl<'de> Entries<'de> {
    fn key(&self, index: usize) -> Option<&'de str> {
        match self.written.get(index) {
            Some((key, _)) => Some(key),
            None => self.holes.get(index - self.written.len()).copied(),
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        match self.key(self.next) {
            None => Ok(None),
            Some(key) => {
                let key: StrDeserializer<'_, DecodeError> = key.into_deserializer();
                seed.deserialize(key).map(Some)
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let index = self.next;
        self.next += 1;
        let value = self.written.get(index).map_or(&Node::Hole, |(_, value)| value);
        seed.deserialize(FromNode(value)).map_err(|error| {
            let key = self.key(index).unwrap_or_default();
            error.within(Segment::Field(key.to_owned()))
        })
    }
}

/// A word that names a variant.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let word: StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, DecodeError> {
        Err(DecodeError::new(Fault::Other))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new(Fault::Other))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::new(Fault::Other))
    }
}
