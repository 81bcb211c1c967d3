//! The walk: serialises data along the last tree and shares with it what is equal.

mod align;
mod entries;
mod fault;
mod maps;
mod sequences;
mod variants;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde::ser::{Serialize, Serializer};

use self::fault::Fault;
use self::maps::{MapWalk, StructWalk};
use self::sequences::{Kind, SeqWalk};
use self::variants::{Variant, VariantWalk};
use super::keys::Shape;
use super::node::Node;
use super::{MAX_DEPTH, leaf, shared};
use crate::Error;

/// Serialises `data`, sharing with `old` what is equal.
pub(super) fn walk<T: Serialize + ?Sized>(old: Option<&Node>, data: &T) -> Result<Node, Error> {
    let walk = Walk {
        old,
        first: None,
        depth: 0,
    };
    match data.serialize(walk) {
        Ok(walked) => Ok(walked.resolve(old)),
        Err(fault) => Err(fault.explain()),
    }
}

/// What a value turned out to be.
enum Walked {
    /// The same as the `old` of its [`Walk`]. Nothing is made and nothing is counted, so that what did not change costs
    /// little more than comparing it.
    Same,
    New(Node),
}

impl Walked {
    /// The node itself, when `old` was what the value was walked along.
    #[inline]
    fn resolve(self, old: Option<&Node>) -> Node {
        match self {
            Walked::New(node) => node,
            // Without an old value nothing is the same as it.
            Walked::Same => old.cloned().unwrap_or(Node::Null),
        }
    }
}

type Done = Result<Walked, Fault>;

/// The serializer of one value.
struct Walk<'a> {
    /// What to share with: the value that stood in this place, or a sibling that probably looks alike. Any node is
    /// sound here, since only what turns out equal is shared.
    old: Option<&'a Node>,
    /// Where it is of interest whether the value is the item of a sequence that `old` was: set once the first scalar is
    /// another than that of `old`, and the walk ends. The sequence then looks for a better `old`.
    first: Option<&'a Cell<bool>>,
    depth: usize,
}

impl<'a> Walk<'a> {
    /// The depth of what is inside.
    #[inline]
    fn deeper(&self) -> Result<usize, Fault> {
        deeper(self.depth, 1)
    }

    /// The same place, one level further in.
    #[inline]
    fn inside(&self) -> Result<Walk<'a>, Fault> {
        Ok(Walk {
            depth: self.deeper()?,
            ..*self
        })
    }

    /// A scalar that is not what `old` is.
    #[inline]
    fn other(self, make: impl FnOnce() -> Node) -> Done {
        match self.first {
            None => Ok(Walked::New(make())),
            Some(lost) => {
                lost.set(true);
                Err(Fault::LOST)
            }
        }
    }

    /// A scalar of a kind that needs no speed.
    fn scalar(self, node: Node) -> Done {
        match self.old {
            Some(old) if old.same(&node) => Ok(Walked::Same),
            _ => self.other(|| node),
        }
    }

    /// A node that was made before, for data that has not changed since.
    fn made(self, node: &Node) -> Done {
        match self.old {
            Some(old) if old.same(node) => Ok(Walked::Same),
            Some(old) if leaf::of_node(old) == leaf::of_node(node) => Ok(Walked::New(node.clone())),
            _ => self.other(|| node.clone()),
        }
    }
}

#[inline]
fn deeper(depth: usize, levels: usize) -> Result<usize, Fault> {
    if depth + levels > MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(depth + levels)
}

#[cold]
fn too_deep() -> Fault {
    Fault::new(format!(
        "it nests more than {MAX_DEPTH} levels; keep deep trees flat, as a list whose items name their parent"
    ))
}

/// Whether a node of this kind can be shared at all; other scalars are as cheap made anew.
fn shares(node: &Node) -> bool {
    matches!(
        node,
        Node::Str(_) | Node::Bytes(_) | Node::Seq(_) | Node::Tuple(_) | Node::Map(_)
    )
}

macro_rules! signed {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        #[inline]
        fn $method(self, value: $type) -> Done {
            let value = i64::from(value);
            match self.old {
                Some(Node::Int(old)) if *old == value => Ok(Walked::Same),
                _ => self.other(|| Node::Int(value)),
            }
        }
    )*};
}

impl<'a> Serializer for Walk<'a> {
    type Ok = Walked;
    type Error = Fault;
    type SerializeSeq = SeqWalk<'a>;
    type SerializeTuple = SeqWalk<'a>;
    type SerializeTupleStruct = SeqWalk<'a>;
    type SerializeTupleVariant = VariantWalk<'a, SeqWalk<'a>>;
    type SerializeMap = MapWalk<'a>;
    type SerializeStruct = StructWalk<'a>;
    type SerializeStructVariant = VariantWalk<'a, StructWalk<'a>>;

    signed! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Done {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.scalar(Node::UInt(value)),
        }
    }

    fn serialize_i128(self, value: i128) -> Done {
        self.scalar(Node::int128(value))
    }

    fn serialize_u128(self, value: u128) -> Done {
        self.scalar(Node::uint128(value))
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Done {
        match self.old {
            Some(Node::Bool(old)) if *old == value => Ok(Walked::Same),
            _ => self.other(|| Node::Bool(value)),
        }
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Done {
        match self.old {
            Some(Node::Float(old)) if old.to_bits() == value.to_bits() => Ok(Walked::Same),
            _ => self.other(|| Node::Float(value)),
        }
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Done {
        match self.old {
            Some(Node::Str(old)) if old.as_str() == value => Ok(Walked::Same),
            _ => self.other(|| Node::Str(value.into())),
        }
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        match self.old {
            Some(Node::Bytes(old)) if **old == *value => Ok(Walked::Same),
            _ => self.other(|| Node::Bytes(value.into())),
        }
    }

    #[inline]
    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        let walk = self.inside()?;
        match value.serialize(walk)? {
            // Whether a `Some` more is the same depends on how many the old value has.
            Walked::Same if matches!(self.old, Some(Node::Null | Node::Some(_))) => {
                self.nested_some(Walked::Same)
            }
            walked @ Walked::New(Node::Null | Node::Some(_)) => self.nested_some(walked),
            walked => Ok(walked),
        }
    }

    #[inline]
    fn serialize_unit(self) -> Done {
        match self.old {
            Some(Node::Null) => Ok(Walked::Same),
            _ => self.other(|| Node::Null),
        }
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Done {
        let walk = self.inside()?;
        if name != shared::MARK {
            return value.serialize(walk);
        }
        let Some(memo) = shared::take() else {
            return value.serialize(walk);
        };
        if let Some((node, height)) = memo.get() {
            deeper(walk.depth, *height)?;
            return self.made(node);
        }
        let node = value.serialize(walk)?.resolve(self.old);
        if self.first.is_some_and(Cell::get) {
            // What was made after the walk should have ended is nothing to remember.
            return Err(Fault::LOST);
        }
        // Another thread may have been first; then its node is the one that everybody shares.
        let (node, _) = memo.get_or_init(|| (node.clone(), node.height()));
        match self.old {
            Some(old) if old.same(node) => Ok(Walked::Same),
            _ => Ok(Walked::New(node.clone())),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let (whole, content) = Variant::enter(variant, &self)?;
        match value.serialize(content) {
            Ok(content) => Ok(whole.wrap(content)),
            Err(fault) => Err(fault.at_name(variant)),
        }
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<SeqWalk<'a>, Fault> {
        SeqWalk::new(Kind::Seq, &self, len.unwrap_or(0))
    }

    fn serialize_tuple(self, len: usize) -> Result<SeqWalk<'a>, Fault> {
        SeqWalk::new(Kind::Tuple, &self, len)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<SeqWalk<'a>, Fault> {
        SeqWalk::new(Kind::Seq, &self, len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<VariantWalk<'a, SeqWalk<'a>>, Fault> {
        let (variant, content) = Variant::enter(variant, &self)?;
        let content = SeqWalk::new(Kind::Seq, &content, len)?;
        Ok(VariantWalk { variant, content })
    }

    #[inline]
    fn serialize_map(self, _len: Option<usize>) -> Result<MapWalk<'a>, Fault> {
        MapWalk::new(&self)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<StructWalk<'a>, Fault> {
        StructWalk::new(Shape::Struct, &self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<VariantWalk<'a, StructWalk<'a>>, Fault> {
        let (variant, content) = Variant::enter(variant, &self)?;
        let content = StructWalk::new(Shape::Map, &content)?;
        Ok(VariantWalk { variant, content })
    }
}

impl Walk<'_> {
    /// A `Some` round what is null without it.
    #[cold]
    fn nested_some(self, content: Walked) -> Done {
        let levels = match content.resolve(self.old) {
            // At most MAX_DEPTH, which is less than a byte holds.
            Node::Some(levels) => levels.saturating_add(1),
            _ => 1,
        };
        self.scalar(Node::Some(levels))
    }
}
