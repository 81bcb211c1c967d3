//! Snapshots as template values: maps and sequences are read in place, with minijinja's own meaning of them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple as ValueTuple, ValueKind};

use super::keys::Shape;
use super::node::{Map, Node, Seq};

impl Node {
    /// The node as a template value.
    pub(super) fn value(&self) -> Value {
        match self {
            Node::Null | Node::Some(_) => Value::from(()),
            Node::Bool(value) => Value::from(*value),
            Node::Int(value) => Value::from(*value),
            Node::UInt(value) => Value::from(*value),
            Node::Int128(value) => Value::from(**value),
            Node::UInt128(value) => Value::from(**value),
            Node::Float(value) => Value::from(*value),
            // Long strings are shared with the value, short ones are held in place by both.
            Node::Str(text) if text.is_heap_allocated() => Value::from(Arc::<str>::from(text.clone())),
            Node::Str(text) => Value::from(text.as_str()),
            Node::Bytes(bytes) => Value::from_bytes(bytes.to_vec()),
            Node::Seq(seq) => Value::from_dyn_object(seq.clone()),
            Node::Tuple(tuple) => tuple.value().clone(),
            Node::Map(map) => Value::from_dyn_object(map.clone()),
        }
    }
}

impl Object for Seq {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items.get(key.as_usize()?).map(Node::value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }
}

impl Object for Map {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.keys.find_value(key).map(|at| self.values[at].value())
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get(key).map(Node::value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.keys.shape() {
            // A struct's pairs are found by their names, so that a name given twice reads the same both times.
            Shape::Struct => Enumerator::Values(self.keys.names().iter().map(Node::value).collect()),
            Shape::Map => {
                let map = self.clone();
                let pair = move |at: usize| (map.keys.names()[at].value(), map.values[at].value());
                Enumerator::RevKeyValueIter(Box::new((0..self.values.len()).map(pair)))
            }
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }
}

/// The container behind a value that reads a snapshot.
pub(super) fn node_of(value: &Value) -> Option<Node> {
    if let Some(map) = value.downcast_object::<Map>() {
        return Some(Node::Map(map));
    }
    value.downcast_object::<Seq>().map(Node::Seq)
}

/// How many items a freshly made sequence may have to be compared item by item.
const SMALL: usize = 8;

/// Whether two values are certainly the same: one object by pointer, equal scalars of one kind (floats by their bits),
/// or short sequences made anew of items that are the same, like the pairs of `|items`. `false` when unsure.
pub(crate) fn same_value(a: &Value, b: &Value) -> bool {
    same_to_depth(a, b, 4)
}

fn same_to_depth(a: &Value, b: &Value, depth: usize) -> bool {
    let kind = a.kind();
    if kind != b.kind() {
        return false;
    }
    match kind {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::Bool => a.is_true() == b.is_true(),
        ValueKind::Number => same_number(a, b),
        ValueKind::String => a.is_safe() == b.is_safe() && a.as_str() == b.as_str(),
        ValueKind::Bytes => a.as_bytes() == b.as_bytes(),
        ValueKind::Map => same_object::<Map>(a, b),
        ValueKind::Seq => {
            same_object::<Seq>(a, b)
                || same_object::<ValueTuple>(a, b)
                || (depth > 0 && same_items(a, b, depth - 1))
        }
        // Iterables may yield other items each time; what else there is cannot be looked into.
        _ => false,
    }
}

fn same_object<T: 'static>(a: &Value, b: &Value) -> bool {
    match (a.downcast_object_ref::<T>(), b.downcast_object_ref::<T>()) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        _ => false,
    }
}

fn same_items(a: &Value, b: &Value, depth: usize) -> bool {
    // Two nodes that are not one pointer were told apart when they were made.
    if a.downcast_object_ref::<Seq>().is_some() && b.downcast_object_ref::<Seq>().is_some() {
        return false;
    }
    match (a.len(), b.len()) {
        (Some(len), Some(other)) if len == other && len <= SMALL && a.is_tuple() == b.is_tuple() => {
            let (Ok(a), Ok(b)) = (a.try_iter(), b.try_iter()) else {
                return false;
            };
            a.zip(b).all(|(a, b)| same_to_depth(&a, &b, depth))
        }
        _ => false,
    }
}

fn same_number(a: &Value, b: &Value) -> bool {
    if a.is_integer() != b.is_integer() {
        return false;
    }
    if a.is_integer() {
        return match (i128::try_from(a.clone()), i128::try_from(b.clone())) {
            (Ok(a), Ok(b)) => a == b,
            // Above the range of i128, where minijinja compares exactly.
            (Err(_), Err(_)) => a == b,
            _ => false,
        };
    }
    let bits = |value: &Value| f64::try_from(value.clone()).map(f64::to_bits).ok();
    bits(a).is_some() && bits(a) == bits(b)
}

/// A number that is equal for values that are the same, as [`same_value`] tells it; different values may share one.
pub(crate) fn identity(value: &Value) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    identify(value, 4, &mut hasher);
    hasher.finish()
}

fn identify(value: &Value, depth: usize, hasher: &mut std::hash::DefaultHasher) {
    if let Some(map) = value.downcast_object_ref::<Map>() {
        std::ptr::from_ref(map).hash(hasher);
    } else if let Some(seq) = value.downcast_object_ref::<Seq>() {
        std::ptr::from_ref(seq).hash(hasher);
    } else if let Some(text) = value.as_str() {
        text.hash(hasher);
    } else if value.kind() == ValueKind::Seq {
        if depth > 0 && value.len().is_some_and(|len| len <= SMALL) {
            for item in value.try_iter().into_iter().flatten() {
                identify(&item, depth - 1, hasher);
            }
        }
    } else if let Ok(number) = i128::try_from(value.clone()) {
        number.hash(hasher);
    }
}
