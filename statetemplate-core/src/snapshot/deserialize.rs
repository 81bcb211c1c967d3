//! Reads a snapshot back as typed data.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{Map, Node};
use super::paths::Trail;
use super::shared;
use crate::{Error, ErrorKind};

/// Reads `node` as a `T`.
pub(super) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Error> {
    T::deserialize(Reader(node)).map_err(|Misfit(misfit)| {
        Error::new(
            ErrorKind::Data,
            format!(
                "cannot read {} as {}: {}",
                misfit.1,
                std::any::type_name::<T>(),
                misfit.0
            ),
        )
    })
}

/// Why the data does not fit, and where.
#[derive(Debug)]
struct Misfit(Box<(String, Trail)>);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Misfit(Box::new((message.to_string(), Trail::default())))
    }
}

impl Misfit {
    fn at_key(mut self, key: &Node) -> Misfit {
        self.0.1.outer_key(key);
        self
    }

    fn at_index(mut self, index: usize) -> Misfit {
        self.0.1.outer_index(index);
        self
    }
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Node);

impl<'de> Reader<'de> {
    fn map<V: Visitor<'de>>(self, map: &'de Map, visitor: V) -> Result<V::Value, Misfit> {
        let mut entries = Entries { map, next: 0 };
        let value = visitor.visit_map(&mut entries)?;
        match map.values.len() - entries.next {
            0 => Ok(value),
            left => Err(de::Error::custom(format!("{left} entries too many"))),
        }
    }

    fn items<V: Visitor<'de>>(self, items: &'de [Node], visitor: V) -> Result<V::Value, Misfit> {
        let mut rest = Items { items, next: 0 };
        let value = visitor.visit_seq(&mut rest)?;
        match items.len() - rest.next {
            0 => Ok(value),
            left => Err(de::Error::custom(format!("{left} items too many"))),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Node::Null | Node::Some(_) => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            // As JSON does it: integers that are not negative are unsigned.
            Node::Int(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Node::UInt(value) => visitor.visit_u64(*value),
            Node::Int128(value) => visitor.visit_i128(**value),
            Node::UInt128(value) => visitor.visit_u128(**value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Str(text) => visitor.visit_borrowed_str(text),
            Node::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Node::Seq(seq) => self.items(&seq.items, visitor),
            Node::Tuple(tuple) => self.items(&tuple.items, visitor),
            Node::Map(map) => self.map(map, visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Node::Int(value) => visitor.visit_i128(i128::from(*value)),
            Node::UInt(value) => visitor.visit_i128(i128::from(*value)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Node::Int(value) if *value >= 0 => visitor.visit_u128(u128::from(value.unsigned_abs())),
            Node::UInt(value) => visitor.visit_u128(u128::from(*value)),
            // Between the ranges of u64 and i128 both can hold a number.
            Node::Int128(value) => match u128::try_from(**value) {
                Ok(value) => visitor.visit_u128(value),
                Err(_) => visitor.visit_i128(**value),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Node::Null => visitor.visit_none(),
            Node::Some(0 | 1) => visitor.visit_some(Reader(&Node::Null)),
            Node::Some(levels) => visitor.visit_some(Reader(fewer(*levels))),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name == shared::MARK {
            // What is read from this node will serialise to it again.
            let memo = OnceLock::new();
            let _ = memo.set((self.0.clone(), self.0.height()));
            shared::hand(Arc::new(memo));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Node::Str(variant) => visitor.visit_enum(Variant {
                name: variant,
                content: None,
            }),
            Node::Map(map) if map.values.len() == 1 => match &map.keys.names()[0] {
                Node::Str(variant) => visitor.visit_enum(Variant {
                    name: variant,
                    content: Some(&map.values[0]),
                }),
                other => Err(de::Error::custom(format!(
                    "a variant of {name} cannot be named by {}",
                    other.kind()
                ))),
            },
            other => Err(de::Error::custom(format!(
                "a variant of {name} is a string or a map of one entry, and this is {}",
                other.kind()
            ))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        true
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// One `Some` fewer. The nodes are constants, because a reader borrows what it reads.
fn fewer(levels: u8) -> &'static Node {
    static LEVELS: OnceLock<Vec<Node>> = OnceLock::new();
    &LEVELS.get_or_init(|| (0..=u8::MAX).map(Node::Some).collect())[usize::from(levels.saturating_sub(1))]
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for &mut Items<'de> {
    type Error = Misfit;

    fn next_element_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|misfit| misfit.at_index(self.next - 1))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'de> {
    map: &'de Map,
    next: usize,
}

impl<'de> de::MapAccess<'de> for &mut Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(key) = self.map.keys.names().get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(Reader(key))
            .map(Some)
            .map_err(|misfit| misfit.at_key(key))
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let Some(at) = self.next.checked_sub(1) else {
            return Err(de::Error::custom(
                "the type's Deserialize asks for a value before its key",
            ));
        };
        let key = &self.map.keys.names()[at];
        seed.deserialize(Reader(&self.map.values[at]))
            .map_err(|misfit| misfit.at_key(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.map.values.len() - self.next)
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Node>,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Misfit> {
        let name = seed.deserialize(BorrowedStrDeserializer::new(self.name))?;
        Ok((name, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Node, Misfit> {
        self.content.ok_or_else(|| {
            de::Error::custom(format!("the variant {} has content, but none is here", self.name))
        })
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.content {
            None | Some(Node::Null) => Ok(()),
            Some(other) => Err(de::Error::custom(format!(
                "the variant {} has no content, but {} is here",
                self.name,
                other.kind()
            ))),
        }
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(Reader(self.content()?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Misfit> {
        Reader(self.content()?).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        Reader(self.content()?).deserialize_any(visitor)
    }
}
