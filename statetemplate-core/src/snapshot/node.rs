//! The tree of a snapshot.

use std::fmt;
use std::sync::{Arc, OnceLock};

use minijinja::Value;
use smol_str::SmolStr;

use super::keys::Keys;

/// One node: a scalar, or a pointer to a container or string that other trees may share.
#[derive(Clone)]
pub(super) enum Node {
    /// `()`, a unit struct, `None`.
    Null,
    /// That many `Some` round a `Null`: a template sees a `Null`, but `Option<Option<T>>` comes back as it was.
    Some(u8),
    Bool(bool),
    /// Every integer that fits, of whatever type.
    Int(i64),
    /// Integers above `i64::MAX` that fit.
    UInt(u64),
    // Boxed, because 16 bytes with their alignment would make every node larger.
    Int128(Box<i128>),
    UInt128(Box<u128>),
    Float(f64),
    /// Short ones are held in place, like minijinja's own: no allocation, and no pointer to follow when compared.
    Str(SmolStr),
    Bytes(Arc<[u8]>),
    Seq(Arc<Seq>),
    Tuple(Arc<Tuple>),
    Map(Arc<Map>),
}

/// A sequence of any length: `Vec`, a set, a tuple struct.
pub(super) struct Seq {
    pub(super) items: Box<[Node]>,
}

/// A sequence of fixed length, which templates show as a tuple: tuples and arrays.
pub(super) struct Tuple {
    pub(super) items: Box<[Node]>,
    // minijinja knows tuples by their type, so a template has to get one of its own; made when first read.
    value: OnceLock<Value>,
}

/// A map or struct: a key table, shared by all maps of the same shape, and a value for each key.
pub(super) struct Map {
    pub(super) keys: Arc<Keys>,
    pub(super) values: Box<[Node]>,
}

impl Node {
    pub(super) fn int128(value: i128) -> Node {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(small), _) => Node::Int(small),
            (_, Ok(small)) => Node::UInt(small),
            _ => Node::Int128(Box::new(value)),
        }
    }

    pub(super) fn uint128(value: u128) -> Node {
        match i128::try_from(value) {
            Ok(small) => Node::int128(small),
            Err(_) => Node::UInt128(Box::new(value)),
        }
    }

    pub(super) fn uint(value: u64) -> Node {
        i64::try_from(value).map_or(Node::UInt(value), Node::Int)
    }

    pub(super) fn seq(items: Vec<Node>) -> Node {
        Node::Seq(Arc::new(Seq { items: items.into() }))
    }

    pub(super) fn tuple(items: Vec<Node>) -> Node {
        Node::Tuple(Arc::new(Tuple {
            items: items.into(),
            value: OnceLock::new(),
        }))
    }

    /// The same container by pointer, or an equal scalar of the same kind. Floats are equal by their bits.
    pub(super) fn same(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::Null, Node::Null) => true,
            (Node::Some(a), Node::Some(b)) => a == b,
            (Node::Bool(a), Node::Bool(b)) => a == b,
            (Node::Int(a), Node::Int(b)) => a == b,
            (Node::UInt(a), Node::UInt(b)) => a == b,
            (Node::Int128(a), Node::Int128(b)) => a == b,
            (Node::UInt128(a), Node::UInt128(b)) => a == b,
            (Node::Float(a), Node::Float(b)) => a.to_bits() == b.to_bits(),
            (Node::Str(a), Node::Str(b)) => a == b,
            (Node::Bytes(a), Node::Bytes(b)) => Arc::ptr_eq(a, b) || a == b,
            (Node::Seq(a), Node::Seq(b)) => Arc::ptr_eq(a, b),
            (Node::Tuple(a), Node::Tuple(b)) => Arc::ptr_eq(a, b),
            (Node::Map(a), Node::Map(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Whether nobody but this tree holds any of its containers and byte strings. Key tables and strings do not count: they
    /// are small, or many share them.
    pub(super) fn is_held_once(&self) -> bool {
        let all = |items: &[Node]| items.iter().all(Node::is_held_once);
        match self {
            Node::Seq(seq) => Arc::strong_count(seq) == 1 && all(&seq.items),
            Node::Tuple(tuple) => Arc::strong_count(tuple) == 1 && all(&tuple.items),
            Node::Map(map) => Arc::strong_count(map) == 1 && all(&map.values),
            Node::Bytes(bytes) => Arc::strong_count(bytes) == 1,
            _ => true,
        }
    }

    pub(super) fn items(&self) -> Option<&[Node]> {
        match self {
            Node::Seq(seq) => Some(&seq.items),
            Node::Tuple(tuple) => Some(&tuple.items),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// How many levels of containers there are, this one included; 0 for scalars.
    pub(super) fn height(&self) -> usize {
        let tallest = |nodes: &[Node]| 1 + nodes.iter().map(Node::height).max().unwrap_or(0);
        match self {
            Node::Map(map) => tallest(&map.values).max(tallest(map.keys.names())),
            Node::Some(depth) => usize::from(*depth),
            _ => self.items().map_or(0, tallest),
        }
    }

    /// In words, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Node::Null | Node::Some(_) => "null",
            Node::Bool(_) => "a boolean",
            Node::Int(_) | Node::UInt(_) | Node::Int128(_) | Node::UInt128(_) => "an integer",
            Node::Float(_) => "a float",
            Node::Str(_) => "a string",
            Node::Bytes(_) => "bytes",
            Node::Seq(_) | Node::Tuple(_) => "a sequence",
            Node::Map(_) => "a map",
        }
    }
}

impl Tuple {
    pub(super) fn value(&self) -> &Value {
        self.value.get_or_init(|| {
            let items: Vec<Value> = self.items.iter().map(Node::value).collect();
            Value::from(minijinja::value::Tuple::new(items))
        })
    }
}

impl Map {
    /// The value for a string key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.keys.find(key).map(|at| &self.values[at])
    }

    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = (&Node, &Node)> {
        self.keys.names().iter().zip(&self.values)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Null => f.write_str("null"),
            Node::Some(depth) => write!(f, "some^{depth}(null)"),
            Node::Bool(value) => value.fmt(f),
            Node::Int(value) => value.fmt(f),
            Node::UInt(value) => value.fmt(f),
            Node::Int128(value) => value.fmt(f),
            Node::UInt128(value) => value.fmt(f),
            Node::Float(value) => value.fmt(f),
            Node::Str(text) => text.fmt(f),
            Node::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Node::Seq(seq) => seq.fmt(f),
            Node::Tuple(tuple) => tuple.fmt(f),
            Node::Map(map) => map.fmt(f),
        }
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl fmt::Debug for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}
