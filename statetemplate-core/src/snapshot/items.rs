//! The items of a sequence, read in place: what a list runs over.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use minijinja::Value;

use super::node::{Node, Seq};
use super::{PathStep, Snapshot, paths};

/// The items of a sequence in a snapshot.
#[derive(Clone)]
pub(crate) struct SeqItems(Arc<Seq>);

impl SeqItems {
    pub(crate) fn len(&self) -> usize {
        self.0.items.len()
    }

    /// The item as a template value; undefined past the end.
    pub(crate) fn value(&self, at: usize) -> Value {
        self.0.items.get(at).map(Node::value).unwrap_or_default()
    }

    /// What is at a path of an item, as a template value, if that leads anywhere.
    pub(crate) fn get(&self, at: usize, path: &[PathStep]) -> Option<Value> {
        let mut node = self.0.items.get(at)?;
        for step in path {
            node = match (node, step) {
                (Node::Map(map), PathStep::Key(key)) => map.get(key)?,
                // Not under a number of a map: a target that takes an item apart takes a map's keys.
                (Node::Seq(_) | Node::Tuple(_), PathStep::Index(index)) => {
                    node.items()?.get(usize::try_from(*index).ok()?)?
                }
                _ => return None,
            };
        }
        Some(node.value())
    }

    /// Whether two items are the same, as [`Snapshot::is_same`] tells it.
    pub(crate) fn same(&self, at: usize, other: &SeqItems, other_at: usize) -> bool {
        match (self.0.items.get(at), other.0.items.get(other_at)) {
            (Some(item), Some(other)) => item.same(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether two items have the same at a path, as [`Snapshot::is_same`] tells it.
    pub(crate) fn same_at(&self, at: usize, other: &SeqItems, other_at: usize, path: &[PathStep]) -> bool {
        match (self.0.items.get(at), other.0.items.get(other_at)) {
            (Some(item), Some(other)) => paths::same_at(item, other, path),
            (None, None) => true,
            _ => false,
        }
    }

    /// A number that is equal for items that are the same; different items may share one.
    pub(crate) fn identity(&self, at: usize) -> u64 {
        self.0.items.get(at).map_or(0, identity)
    }

    /// As [`SeqItems::identity`], of what an item has at a path.
    pub(crate) fn identity_at(&self, at: usize, path: &[PathStep]) -> u64 {
        let item = self.0.items.get(at);
        item.and_then(|item| paths::get(item, path))
            .as_ref()
            .map_or(0, identity)
    }
}

fn identity(node: &Node) -> u64 {
    let address = |pointer: *const ()| pointer.addr() as u64;
    match node {
        Node::Seq(seq) => address(Arc::as_ptr(seq).cast()),
        Node::Tuple(tuple) => address(Arc::as_ptr(tuple).cast()),
        Node::Map(map) => address(Arc::as_ptr(map).cast()),
        Node::Bool(value) => u64::from(*value),
        Node::Int(value) => value.cast_unsigned(),
        Node::UInt(value) => *value,
        Node::Float(value) => value.to_bits(),
        Node::Str(text) => hash(&**text),
        Node::Bytes(bytes) => hash(&**bytes),
        Node::Int128(value) => hash(&**value),
        Node::UInt128(value) => hash(&**value),
        Node::Null | Node::Some(_) => 0,
    }
}

fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Snapshot {
    /// The items, if the snapshot is a sequence that templates iterate over as it is.
    pub(crate) fn items(&self) -> Option<SeqItems> {
        match &self.0 {
            Node::Seq(seq) => Some(SeqItems(seq.clone())),
            _ => None,
        }
    }
}

/// The items of a template value that is a sequence of a snapshot.
pub(crate) fn items_of(value: &Value) -> Option<SeqItems> {
    value.downcast_object::<Seq>().map(SeqItems)
}
