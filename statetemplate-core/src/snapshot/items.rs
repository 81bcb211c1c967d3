//! The items of a sequence, read in place: what a list runs over.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use minijinja::Value;

use super::Snapshot;
use super::node::{Node, Seq};

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

    /// Whether two items are the same, as [`Snapshot::is_same`] tells it.
    pub(crate) fn same(&self, at: usize, other: &SeqItems, other_at: usize) -> bool {
        match (self.0.items.get(at), other.0.items.get(other_at)) {
            (Some(item), Some(other)) => item.same(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// A number that is equal for items that are the same; different items may share one.
    pub(crate) fn identity(&self, at: usize) -> u64 {
        let address = |pointer: *const ()| pointer.addr() as u64;
        match self.0.items.get(at) {
            Some(Node::Seq(seq)) => address(Arc::as_ptr(seq).cast()),
            Some(Node::Tuple(tuple)) => address(Arc::as_ptr(tuple).cast()),
            Some(Node::Map(map)) => address(Arc::as_ptr(map).cast()),
            Some(Node::Bool(value)) => u64::from(*value),
            Some(Node::Int(value)) => value.cast_unsigned(),
            Some(Node::UInt(value)) => *value,
            Some(Node::Float(value)) => value.to_bits(),
            Some(Node::Str(text)) => hash(text.as_str()),
            Some(Node::Bytes(bytes)) => hash(&**bytes),
            Some(Node::Int128(value)) => hash(&**value),
            Some(Node::UInt128(value)) => hash(&**value),
            Some(Node::Null | Node::Some(_)) | None => 0,
        }
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
