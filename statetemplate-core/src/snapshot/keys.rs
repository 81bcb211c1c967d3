//! Key tables: the keys of a map or struct, shared by all maps of the same shape.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::Value;
use smol_str::SmolStr;

use super::node::Node;

/// Up to this many keys, looking at each one's [`mark`] is faster than hashing.
const SCAN: usize = 32;

/// How a map looks its keys up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Field names, looked up as strings.
    Struct,
    /// Keys of any kind, looked up by minijinja's equality (where `1` is `1.0` and `true`); no two are equal.
    Map,
}

/// The keys of a map, in order.
pub(super) struct Keys {
    shape: Shape,
    names: Box<[Node]>,
    /// The marks of the names, by which strings are found.
    marks: Box<[u32]>,
    index: Index,
    /// A struct's names as the program has them.
    fields: Box<[Field]>,
}

/// The name of a struct's field, recognised by where the program has it.
pub(super) struct Field {
    /// The address of the program's own string of this name; 0 until one was seen.
    address: AtomicUsize,
    len: usize,
}

impl Field {
    fn new(name: &Node) -> Field {
        Field {
            address: AtomicUsize::new(0),
            len: name.as_str().map_or(0, str::len),
        }
    }

    /// Whether this is the name, as far as addresses tell: a program may have one name in several places.
    #[inline]
    pub(super) fn is(&self, name: &'static str) -> bool {
        // What is static does not change or go away, so what was equal at this address is equal still.
        self.address.load(Ordering::Relaxed) == name.as_ptr().addr() && self.len == name.len()
    }

    /// Keeps the address of the first equal name, by which it is recognised from then on.
    fn learn(&self, name: &'static str) {
        let address = name.as_ptr().addr();
        // Where the program has a name in several places, the first stays: the others are compared each time.
        let _ = self
            .address
            .compare_exchange(0, address, Ordering::Relaxed, Ordering::Relaxed);
    }
}

enum Index {
    /// String keys only: scanned while few, else hashed once somebody asks.
    Strings(OnceLock<HashMap<SmolStr, usize>>),
    /// Other kinds of keys, as the values that templates look them up with.
    Values(HashMap<Value, usize>),
}

impl Keys {
    /// A table of `names`. For those of a map, keys equal to an earlier one are left out; the second result then says
    /// which of `names` each remaining key's value comes from: the last of the equal ones, as in any map.
    pub(super) fn new(shape: Shape, names: Vec<Node>) -> (Keys, Option<Vec<usize>>) {
        let strings = names.iter().all(|name| matches!(name, Node::Str(_)));
        if shape == Shape::Struct || (strings && !repeats(&names)) {
            let fields = match shape {
                Shape::Struct => names.iter().map(Field::new).collect(),
                Shape::Map => [].into(),
            };
            return (
                Keys {
                    shape,
                    marks: marks(&names),
                    names: names.into(),
                    index: Index::Strings(OnceLock::new()),
                    fields,
                },
                None,
            );
        }
        let mut index: HashMap<Value, usize> = HashMap::with_capacity(names.len());
        let (mut kept, mut sources) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        for (at, name) in names.into_iter().enumerate() {
            match index.entry(name.value()) {
                Entry::Occupied(first) => sources[*first.get()] = at,
                Entry::Vacant(free) => {
                    free.insert(kept.len());
                    kept.push(name);
                    sources.push(at);
                }
            }
        }
        let index = if strings {
            Index::Strings(OnceLock::new())
        } else {
            Index::Values(index)
        };
        (
            Keys {
                shape,
                marks: marks(&kept),
                names: kept.into(),
                index,
                fields: [].into(),
            },
            Some(sources),
        )
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn names(&self) -> &[Node] {
        &self.names
    }

    /// The names of a struct's fields; empty for maps.
    #[inline]
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The position of a field's name, which is probably at `expected`.
    pub(super) fn find_field(&self, expected: usize, name: &'static str) -> Option<usize> {
        if self.names.get(expected).and_then(Node::as_str) != Some(name) {
            return self.find(name);
        }
        if let Some(field) = self.fields.get(expected) {
            field.learn(name);
        }
        Some(expected)
    }

    /// The position of a string key; of the first one, should a struct have it twice.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        if self.names.len() <= SCAN {
            let wanted = mark(key);
            let mut marks = self.marks.iter().zip(&self.names);
            return marks.position(|(mark, name)| *mark == wanted && name.as_str() == Some(key));
        }
        match &self.index {
            Index::Strings(hashed) => hashed.get_or_init(|| self.hash()).get(key).copied(),
            Index::Values(values) => values.get(&Value::from(key)).copied(),
        }
    }

    /// The position of a key that a template looks up.
    pub(super) fn find_value(&self, key: &Value) -> Option<usize> {
        match &self.index {
            // Bytes pass for a string here, as they do where minijinja looks up a struct's field.
            Index::Strings(_) if self.shape == Shape::Struct => self.find(key.as_str()?),
            Index::Strings(_) if key.kind() == minijinja::value::ValueKind::String => {
                self.find(key.as_str()?)
            }
            Index::Strings(_) => None,
            Index::Values(values) => values.get(key).copied(),
        }
    }

    /// The position of a key of another table.
    pub(super) fn find_node(&self, key: &Node) -> Option<usize> {
        match key {
            Node::Str(text) => self.find(text),
            other => self
                .find_value(&other.value())
                .filter(|at| self.names[*at].same(other)),
        }
    }

    fn hash(&self) -> HashMap<SmolStr, usize> {
        let mut hashed = HashMap::with_capacity(self.names.len());
        for (at, name) in self.names.iter().enumerate() {
            if let Node::Str(text) = name {
                hashed.entry(text.clone()).or_insert(at);
            }
        }
        hashed
    }
}

fn marks(names: &[Node]) -> Box<[u32]> {
    // Tables that are not looked through need none.
    let names = if names.len() <= SCAN { names } else { &[] };
    names.iter().map(|name| name.as_str().map_or(0, mark)).collect()
}

/// A number that tells most strings apart at a glance: the length, the first, middle and last byte.
#[inline]
fn mark(text: &str) -> u32 {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.get(bytes.len() / 2), bytes.last()) {
        (Some(first), Some(middle), Some(last)) => {
            u32::from_le_bytes([bytes.len() as u8, *first, *middle, *last])
        }
        _ => 0,
    }
}

fn repeats(names: &[Node]) -> bool {
    if names.len() <= SCAN {
        return (1..names.len()).any(|at| names[..at].iter().any(|name| name.same(&names[at])));
    }
    let mut seen = std::collections::HashSet::with_capacity(names.len());
    !names
        .iter()
        .filter_map(Node::as_str)
        .all(|name| seen.insert(name))
}
