//! Finds the first scalar of a value, by which sequences are aligned; it stops the serialisation right there.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::MAX_DEPTH;
use super::node::Node;

/// A number that is equal for items with an equal first scalar. Only a hint: a collision costs sharing, nothing else.
pub(super) type Leaf = u64;

const NULL: Leaf = 1;

/// The leaf of a value that is about to be serialised; `None` when it holds no scalar.
pub(super) fn of_data<T: Serialize + ?Sized>(data: &T) -> Option<Leaf> {
    match data.serialize(Finder(0)) {
        Err(Found(leaf)) => leaf,
        Ok(()) => None,
    }
}

/// The leaf of a node, equal to that of the value it was made from.
pub(super) fn of_node(node: &Node) -> Option<Leaf> {
    match node {
        Node::Null | Node::Some(_) => Some(NULL),
        Node::Bool(value) => Some(u64::from(*value)),
        Node::Int(value) => Some(of_int(i128::from(*value))),
        Node::UInt(value) => Some(of_int(i128::from(*value))),
        Node::Int128(value) => Some(of_int(**value)),
        Node::UInt128(value) => Some(of_int(**value as i128)),
        Node::Float(value) => Some(value.to_bits()),
        Node::Str(text) => Some(of_bytes(text.as_bytes())),
        Node::Bytes(bytes) => Some(of_bytes(bytes)),
        Node::Seq(_) | Node::Tuple(_) => node.items()?.iter().find_map(of_node),
        Node::Map(map) => map.values.iter().find_map(of_node),
    }
}

/// Whether there is a scalar in a node.
#[inline]
pub(super) fn is_in(node: &Node) -> bool {
    !matches!(node, Node::Seq(_) | Node::Tuple(_) | Node::Map(_)) || of_node(node).is_some()
}

fn of_int(value: i128) -> Leaf {
    // The multiplier spreads small numbers over all bits, away from the leaves of booleans and null.
    ((value >> 64) as u64 ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn of_bytes(bytes: &[u8]) -> Leaf {
    // FNV-1a: short, no state, good enough for a hint.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The "error" that ends the serialisation: what was found, or nothing when the data itself failed.
#[derive(Debug)]
struct Found(Option<Leaf>);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("found the first scalar")
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Found(None)
    }
}

/// The search, so many levels down.
struct Finder(usize);

impl Finder {
    /// One level further down. Too deep a value gets its clear error from the walk itself, so this one just ends.
    fn deeper(&self) -> Result<Finder, Found> {
        if self.0 < MAX_DEPTH {
            Ok(Finder(self.0 + 1))
        } else {
            Err(Found(None))
        }
    }
}

type Search = Result<(), Found>;

fn found(leaf: Leaf) -> Search {
    Err(Found(Some(leaf)))
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Search {
            found(of_int(i128::from(value)))
        }
    )*};
}

impl Serializer for Finder {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Finder;
    type SerializeTuple = Finder;
    type SerializeTupleStruct = Finder;
    type SerializeTupleVariant = Finder;
    type SerializeMap = Finder;
    type SerializeStruct = Finder;
    type SerializeStructVariant = Finder;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    integers!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_u128(self, value: u128) -> Search {
        found(of_int(value as i128))
    }

    fn serialize_bool(self, value: bool) -> Search {
        found(u64::from(value))
    }

    fn serialize_f32(self, value: f32) -> Search {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Search {
        found(value.to_bits())
    }

    fn serialize_char(self, value: char) -> Search {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Search {
        found(of_bytes(value.as_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Search {
        found(of_bytes(value))
    }

    fn serialize_none(self) -> Search {
        found(NULL)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Search {
        value.serialize(self.deeper()?)
    }

    fn serialize_unit(self) -> Search {
        found(NULL)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Search {
        found(NULL)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Search {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Search {
        value.serialize(self.deeper()?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Search {
        value.serialize(self.deeper()?)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Finder, Found> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Finder, Found> {
        Ok(self)
    }
}

macro_rules! sequences {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for Finder {
            type Ok = ();
            type Error = Found;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Search {
                value.serialize(self.deeper()?)
            }

            fn end(self) -> Search {
                Ok(())
            }
        }
    )*};
}

sequences!(SerializeSeq: serialize_element, SerializeTuple: serialize_element);
sequences!(SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field);

macro_rules! structs {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Finder {
            type Ok = ();
            type Error = Found;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _key: &'static str, value: &T) -> Search {
                value.serialize(self.deeper()?)
            }

            fn end(self) -> Search {
                Ok(())
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Finder {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _key: &T) -> Search {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Search {
        value.serialize(self.deeper()?)
    }

    fn end(self) -> Search {
        Ok(())
    }
}
