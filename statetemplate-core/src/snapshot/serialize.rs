//! The walk: serialises data along the last tree and shares with it what is equal.

use std::fmt;
use std::sync::Arc;

use serde::ser::{self, Serialize, Serializer};

use super::keys::{Keys, Shape};
use super::node::{Map, Node};
use super::paths::Trail;
use super::{MAX_DEPTH, leaf, shared};
use crate::{Error, ErrorKind};

/// Serialises `data`, sharing with `old` what is equal.
pub(super) fn walk<T: Serialize + ?Sized>(old: Option<&Node>, data: &T) -> Result<Node, Error> {
    data.serialize(Walk { old, depth: 0 }).map_err(|Fault(fault)| {
        Error::new(
            ErrorKind::Data,
            format!("cannot take a snapshot of {}: {}", fault.1, fault.0),
        )
    })
}

/// Why the walk stopped and where; the trail grows while it unwinds. Boxed, to keep the results on the good way small.
#[derive(Debug)]
struct Fault(Box<(String, Trail)>);

impl Fault {
    fn new(message: String) -> Fault {
        Fault(Box::new((message, Trail::default())))
    }

    fn at_key(mut self, key: &Node) -> Fault {
        self.0.1.outer_key(key);
        self
    }

    fn at_name(mut self, name: &str) -> Fault {
        self.0.1.outer_name(name);
        self
    }

    fn at_index(mut self, index: usize) -> Fault {
        self.0.1.outer_index(index);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::new(message.to_string())
    }
}

type Done = Result<Node, Fault>;

/// The serializer of one value.
///
/// `old` is what to share with: the value that stood in this place, or a sibling that probably looks alike. Any node is
/// sound here, since only what turns out equal is shared.
struct Walk<'a> {
    old: Option<&'a Node>,
    depth: usize,
}

impl<'a> Walk<'a> {
    /// The depth of what is inside.
    fn deeper(&self) -> Result<usize, Fault> {
        deeper(self.depth, 1)
    }

    fn seq(&self, kind: SeqKind, len: usize) -> Result<SeqWalk<'a>, Fault> {
        let old = self.old.filter(|old| match kind {
            SeqKind::Seq => matches!(old, Node::Seq(_)),
            SeqKind::Tuple => matches!(old, Node::Tuple(_)),
        });
        Ok(SeqWalk {
            kind,
            old,
            depth: self.deeper()?,
            len: 0,
            fresh: None,
            // A hint of the data's own; not to be trusted with memory.
            capacity: len.min(4096),
            aligner: old.and_then(Node::items).and_then(Aligner::new),
            variant: None,
        })
    }

    fn map(&self, shape: Shape) -> Result<MapWalk<'a>, Fault> {
        let old = match self.old {
            Some(Node::Map(map)) if map.keys.shape() == shape => Some(map),
            _ => None,
        };
        let depth = self.deeper()?;
        Ok(MapWalk {
            shape,
            old,
            depth,
            len: 0,
            cursor: 0,
            keys: None,
            values: None,
            key: None,
            variant: None,
        })
    }

    /// Where the content of an enum's variant stood, when the old value is of the same variant.
    fn inside_variant(&self, variant: &'static str) -> Result<(Walk<'a>, Variant<'a>), Fault> {
        let (old, whole) = match self.old {
            Some(node @ Node::Map(map)) if map.keys.names().len() == 1 && map.keys.shape() == Shape::Map => {
                (map.get(variant), Some(node))
            }
            _ => (None, None),
        };
        Ok((
            Walk {
                old,
                depth: self.deeper()?,
            },
            Variant {
                name: variant,
                old: whole,
            },
        ))
    }

    fn scalar(&self, node: Node) -> Done {
        Ok(node)
    }
}

fn deeper(depth: usize, levels: usize) -> Result<usize, Fault> {
    if depth + levels > MAX_DEPTH {
        return Err(Fault::new(format!(
            "it nests more than {MAX_DEPTH} levels; keep deep trees flat, as a list whose items name their parent"
        )));
    }
    Ok(depth + levels)
}

/// An enum's variant with content: a map of one entry, as minijinja and JSON have it.
struct Variant<'a> {
    name: &'static str,
    old: Option<&'a Node>,
}

impl Variant<'_> {
    fn wrap(self, content: Node) -> Node {
        if let Some(whole @ Node::Map(map)) = self.old {
            if map.get(self.name).is_some_and(|old| old.same(&content)) {
                return whole.clone();
            }
            if map.get(self.name).is_some() {
                return Node::Map(Arc::new(Map {
                    keys: map.keys.clone(),
                    values: [content].into(),
                }));
            }
        }
        let (keys, _) = Keys::new(Shape::Map, vec![Node::Str(self.name.into())]);
        Node::Map(Arc::new(Map {
            keys: Arc::new(keys),
            values: [content].into(),
        }))
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty => $make:expr),* $(,)?) => {$(
        fn $method(self, value: $type) -> Done {
            self.scalar($make(value.into()))
        }
    )*};
}

impl<'a> Serializer for Walk<'a> {
    type Ok = Node;
    type Error = Fault;
    type SerializeSeq = SeqWalk<'a>;
    type SerializeTuple = SeqWalk<'a>;
    type SerializeTupleStruct = SeqWalk<'a>;
    type SerializeTupleVariant = SeqWalk<'a>;
    type SerializeMap = MapWalk<'a>;
    type SerializeStruct = MapWalk<'a>;
    type SerializeStructVariant = MapWalk<'a>;

    integers! {
        serialize_bool: bool => Node::Bool,
        serialize_i8: i8 => Node::Int,
        serialize_i16: i16 => Node::Int,
        serialize_i32: i32 => Node::Int,
        serialize_i64: i64 => Node::Int,
        serialize_i128: i128 => Node::int128,
        serialize_u8: u8 => Node::uint,
        serialize_u16: u16 => Node::uint,
        serialize_u32: u32 => Node::uint,
        serialize_u64: u64 => Node::uint,
        serialize_u128: u128 => Node::uint128,
        serialize_f32: f32 => Node::Float,
        serialize_f64: f64 => Node::Float,
    }

    fn serialize_char(self, value: char) -> Done {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Done {
        Ok(match self.old {
            Some(old @ Node::Str(text)) if **text == *value => old.clone(),
            _ => Node::Str(value.into()),
        })
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        Ok(match self.old {
            Some(old @ Node::Bytes(bytes)) if **bytes == *value => old.clone(),
            _ => Node::Bytes(value.into()),
        })
    }

    fn serialize_none(self) -> Done {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        let depth = self.deeper()?;
        Ok(match value.serialize(Walk { old: self.old, depth })? {
            Node::Null => Node::Some(1),
            // At most MAX_DEPTH, which is less than a byte holds.
            Node::Some(levels) => Node::Some(levels.saturating_add(1)),
            node => node,
        })
    }

    fn serialize_unit(self) -> Done {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        Ok(Node::Null)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Done {
        let depth = self.deeper()?;
        let walk = Walk { old: self.old, depth };
        if name != shared::MARK {
            return value.serialize(walk);
        }
        let Some(memo) = shared::take() else {
            return value.serialize(walk);
        };
        if let Some((node, height)) = memo.get() {
            deeper(depth, *height)?;
            return Ok(node.clone());
        }
        let node = value.serialize(walk)?;
        // Another thread may have been first; then its node is the one that everybody shares.
        Ok(memo.get_or_init(|| (node.clone(), node.height())).0.clone())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let (walk, whole) = self.inside_variant(variant)?;
        let content = value.serialize(walk).map_err(|fault| fault.at_name(variant))?;
        Ok(whole.wrap(content))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<SeqWalk<'a>, Fault> {
        self.seq(SeqKind::Seq, len.unwrap_or(0))
    }

    fn serialize_tuple(self, len: usize) -> Result<SeqWalk<'a>, Fault> {
        self.seq(SeqKind::Tuple, len)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<SeqWalk<'a>, Fault> {
        self.seq(SeqKind::Seq, len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<SeqWalk<'a>, Fault> {
        let (walk, whole) = self.inside_variant(variant)?;
        Ok(SeqWalk {
            variant: Some(whole),
            ..walk.seq(SeqKind::Seq, len)?
        })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<MapWalk<'a>, Fault> {
        self.map(Shape::Map)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<MapWalk<'a>, Fault> {
        self.map(Shape::Struct)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<MapWalk<'a>, Fault> {
        let (walk, whole) = self.inside_variant(variant)?;
        // minijinja makes a map of it, not a struct: the two look keys up differently.
        Ok(MapWalk {
            variant: Some(whole),
            ..walk.map(Shape::Map)?
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum SeqKind {
    Seq,
    Tuple,
}

/// A sequence on its way. `fresh` is made only once something differs from `old`.
struct SeqWalk<'a> {
    kind: SeqKind,
    old: Option<&'a Node>,
    depth: usize,
    len: usize,
    fresh: Option<Vec<Node>>,
    capacity: usize,
    aligner: Option<Aligner<'a>>,
    variant: Option<Variant<'a>>,
}

impl SeqWalk<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        // Without an old sequence the item before is the model: rows share their key table, and what they repeat.
        let sibling;
        let model = match &mut self.aligner {
            Some(aligner) if self.kind == SeqKind::Seq => Some(aligner.choose(self.len, value)),
            Some(aligner) => aligner.items.get(self.len),
            None => {
                sibling = self
                    .fresh
                    .as_ref()
                    .and_then(|fresh| fresh.last())
                    .filter(|node| shares(node))
                    .cloned();
                sibling.as_ref()
            }
        };
        let node = value
            .serialize(Walk {
                old: model,
                depth: self.depth,
            })
            .map_err(|fault| fault.at_index(self.len))?;
        let old = self.old.and_then(Node::items).unwrap_or_default();
        match &mut self.fresh {
            Some(fresh) => fresh.push(node),
            None if old.get(self.len).is_some_and(|old| old.same(&node)) => {}
            None => {
                let mut fresh = Vec::with_capacity(self.capacity.max(self.len + 1));
                fresh.extend_from_slice(&old[..self.len]);
                fresh.push(node);
                self.fresh = Some(fresh);
            }
        }
        self.len += 1;
        Ok(())
    }

    fn finish(self) -> Done {
        let node = match (self.fresh, self.old) {
            (None, Some(old)) if old.items().is_some_and(|items| items.len() == self.len) => old.clone(),
            (fresh, old) => {
                let kept = || old.and_then(Node::items).unwrap_or_default()[..self.len].to_vec();
                let items = fresh.unwrap_or_else(kept);
                match self.kind {
                    SeqKind::Seq => Node::seq(items),
                    SeqKind::Tuple => Node::tuple(items),
                }
            }
        };
        Ok(match self.variant {
            Some(variant) => variant.wrap(node),
            None => node,
        })
    }
}

/// Whether a node of this kind can be shared at all; other scalars are as cheap made anew.
fn shares(node: &Node) -> bool {
    matches!(
        node,
        Node::Str(_) | Node::Bytes(_) | Node::Seq(_) | Node::Tuple(_) | Node::Map(_)
    )
}

/// Finds for each new item the old one that it probably was.
struct Aligner<'a> {
    items: &'a [Node],
    /// How far the last match was from its position; after an insertion all that follows is off by one.
    shift: isize,
    /// The old items' leaves in order, with their positions; made when the first item is not where it is expected.
    leaves: Option<Vec<(leaf::Leaf, usize)>>,
    last: usize,
}

impl<'a> Aligner<'a> {
    fn new(items: &'a [Node]) -> Option<Aligner<'a>> {
        let useful = items.iter().any(shares);
        useful.then_some(Aligner {
            items,
            shift: 0,
            leaves: None,
            last: 0,
        })
    }

    fn choose<T: Serialize + ?Sized>(&mut self, at: usize, value: &T) -> &'a Node {
        let expected = at
            .checked_add_signed(self.shift)
            .filter(|expected| *expected < self.items.len());
        // Any old item serves as a model for the keys of a new one.
        let fallback = &self.items[expected.unwrap_or(0)];
        let Some(wanted) = leaf::of_data(value) else {
            return fallback;
        };
        if let Some(expected) = expected
            && leaf::of_node(&self.items[expected]) == Some(wanted)
        {
            self.last = expected;
            return &self.items[expected];
        }
        let leaves = self.leaves.get_or_insert_with(|| {
            let leaves = self.items.iter().enumerate();
            let mut leaves: Vec<_> = leaves
                .filter_map(|(at, item)| Some((leaf::of_node(item)?, at)))
                .collect();
            leaves.sort_unstable();
            leaves
        });
        // Among equal leaves the next one in order is the best guess, else the first.
        let find = |from: usize| {
            let found = leaves.partition_point(|entry| *entry < (wanted, from));
            leaves
                .get(found)
                .filter(|(leaf, _)| *leaf == wanted)
                .map(|(_, position)| *position)
        };
        let Some(found) = find(self.last + 1).or_else(|| find(0)) else {
            return fallback;
        };
        self.shift = found as isize - at as isize;
        self.last = found;
        &self.items[found]
    }
}

/// A map or struct on its way. `keys` and `values` are made only once something differs from `old`.
struct MapWalk<'a> {
    shape: Shape,
    old: Option<&'a Arc<Map>>,
    depth: usize,
    len: usize,
    /// Where in `old` the next key is expected, which is not `len` once keys were left out.
    cursor: usize,
    keys: Option<Vec<Node>>,
    values: Option<Vec<Node>>,
    key: Option<Node>,
    variant: Option<Variant<'a>>,
}

impl MapWalk<'_> {
    /// The position in `old` of a key.
    fn position(&self, is: impl Fn(&Node) -> bool, find: impl Fn(&Keys) -> Option<usize>) -> Option<usize> {
        let keys = &self.old?.keys;
        if keys.names().get(self.cursor).is_some_and(is) {
            Some(self.cursor)
        } else {
            find(keys)
        }
    }

    fn value<T: Serialize + ?Sized>(&self, position: Option<usize>, value: &T) -> Done {
        let sibling = match position {
            // Values of a map often look alike; fields of a struct do not.
            None if self.shape == Shape::Map => {
                let fresh = self.values.as_ref().and_then(|values| values.last());
                fresh
                    .or_else(|| self.old?.values.first())
                    .filter(|node| shares(node))
                    .cloned()
            }
            _ => None,
        };
        let old = position.and_then(|at| Some(&self.old?.values[at]));
        value.serialize(Walk {
            old: old.or(sibling.as_ref()),
            depth: self.depth,
        })
    }

    fn put(&mut self, position: Option<usize>, key: impl FnOnce() -> Node, value: Node) {
        if let Some(at) = position {
            self.cursor = at + 1;
        }
        let (old_keys, old_values) = match self.old {
            Some(old) => (old.keys.names(), &*old.values),
            None => (&[][..], &[][..]),
        };
        let in_place = position == Some(self.len);
        if self.keys.is_none() && !in_place {
            self.keys = Some(old_keys[..self.len].to_vec());
        }
        if let Some(keys) = &mut self.keys {
            keys.push(position.map_or_else(key, |at| old_keys[at].clone()));
        }
        if self.values.is_none()
            && !old_values
                .get(self.len)
                .is_some_and(|old| in_place && old.same(&value))
        {
            self.values = Some(old_values[..self.len].to_vec());
        }
        if let Some(values) = &mut self.values {
            values.push(value);
        }
        self.len += 1;
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
        let position = self.position(|key| key.as_str() == Some(name), |keys| keys.find(name));
        let value = self.value(position, value).map_err(|fault| fault.at_name(name))?;
        self.put(position, || Node::Str(name.into()), value);
        Ok(())
    }

    fn finish(self) -> Done {
        let node = match (self.keys, self.values, self.old) {
            (None, None, Some(old)) if old.values.len() == self.len => Node::Map(old.clone()),
            (None, Some(values), Some(old)) if old.values.len() == self.len => Node::Map(Arc::new(Map {
                keys: old.keys.clone(),
                values: values.into(),
            })),
            (keys, values, old) => {
                let kept = old.map_or(&[][..], |old| old.keys.names());
                let names = keys.unwrap_or_else(|| kept[..self.len].to_vec());
                let mut values = values.unwrap_or_else(|| match old {
                    Some(old) => old.values[..self.len].to_vec(),
                    None => Vec::new(),
                });
                let (keys, sources) = Keys::new(self.shape, names);
                if let Some(sources) = sources {
                    values = sources.into_iter().map(|source| values[source].clone()).collect();
                }
                share(old, keys, values)
            }
        };
        Ok(match self.variant {
            Some(variant) => variant.wrap(node),
            None => node,
        })
    }
}

/// The old map where its keys and values turn out equal after all (data that names a key twice), else a new one.
fn share(old: Option<&Arc<Map>>, keys: Keys, values: Vec<Node>) -> Node {
    let equal = |a: &[Node], b: &[Node]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b));
    if let Some(old) = old
        && equal(old.keys.names(), keys.names())
    {
        if equal(&old.values, &values) {
            return Node::Map(old.clone());
        }
        return Node::Map(Arc::new(Map {
            keys: old.keys.clone(),
            values: values.into(),
        }));
    }
    Node::Map(Arc::new(Map {
        keys: Arc::new(keys),
        values: values.into(),
    }))
}

macro_rules! sequences {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for SeqWalk<'_> {
            type Ok = Node;
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.push(value)
            }

            fn end(self) -> Done {
                self.finish()
            }
        }
    )*};
}

sequences!(SerializeSeq: serialize_element, SerializeTuple: serialize_element);
sequences!(SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field);

macro_rules! structs {
    ($($kind:ident),*) => {$(
        impl ser::$kind for MapWalk<'_> {
            type Ok = Node;
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
                self.field(name, value)
            }

            fn end(self) -> Done {
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for MapWalk<'_> {
    type Ok = Node;
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        // The expected key is the model, so that a key that is still there costs no allocation.
        let expected = self.old.and_then(|old| old.keys.names().get(self.cursor));
        let key = key.serialize(Walk {
            old: expected,
            depth: self.depth,
        });
        self.key = Some(key.map_err(|fault| Fault::new(format!("one of its keys: {fault}")))?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let Some(key) = self.key.take() else {
            return Err(Fault::new(
                "its Serialize gives a value before its key".to_owned(),
            ));
        };
        let position = self.position(|name| name.same(&key), |keys| keys.find_node(&key));
        let value = self.value(position, value).map_err(|fault| fault.at_key(&key))?;
        self.put(position, || key, value);
        Ok(())
    }

    fn end(self) -> Done {
        self.finish()
    }
}
