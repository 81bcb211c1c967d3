//! The items of a sequence, read in place: what a list runs over.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use minijinja::Value;

use super::node::{Node, Seq};
use super::{PathStep, View, paths};

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

    pub(super) fn new(items: Arc<Seq>) -> Self {
        SeqItems(items)
    }

    /// What is at a path of an item, if that leads anywhere.
    pub(crate) fn view(&self, at: usize, path: &[PathStep]) -> Option<View<'_>> {
        View(self.0.items.get(at)?).at(path)
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

pub(super) fn identity(node: &Node) -> u64 {
    let address = |pointer: *const ()| pointer.addr() as u64;
    match node {
        Node::Seq(seq) => address(Arc::as_ptr(seq).cast()),
        Node::Tuple(tuple) => address(Arc::as_ptr(tuple).cast()),
        Node::Map(map) => address(Arc::as_ptr(map).cast()),
        Node::Bool(value) => u64::from(*value),
        Node::Int(value) => value.cast_unsigned(),
        Node::UInt(value) => *value,
        Node::Float(value) => value.to_bits(),
        Node::Str(text) => hash(text.as_str()),
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

/// The items of a template value that is a sequence of a snapshot.
pub(crate) fn items_of(value: &Value) -> Option<SeqItems> {
    value.downcast_object::<Seq>().map(SeqItems)
}
