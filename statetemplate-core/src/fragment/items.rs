//! What a list runs over: a sequence of the data, read in place, or values that the template made.

use minijinja::Value;

use crate::snapshot::{SeqItems, identity, items_of, same_value};

/// The items of one state of a list.
#[derive(Clone)]
pub(super) enum Items {
    Data(SeqItems),
    Made(Vec<Value>),
}

impl Items {
    /// The items of what a loop is given, as the loop would take them.
    pub(super) fn of(value: &Value) -> Result<Self, minijinja::Error> {
        if let Some(items) = items_of(value) {
            return Ok(Items::Data(items));
        }
        // As in a template, where a loop over something undefined has no items.
        if value.is_undefined() {
            return Ok(Items::Made(Vec::new()));
        }
        Ok(Items::Made(value.try_iter()?.collect()))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Items::Data(items) => items.len(),
            Items::Made(values) => values.len(),
        }
    }

    /// The item at a position; undefined where there is none.
    pub(super) fn value(&self, at: usize) -> Value {
        match self {
            Items::Data(items) => items.value(at),
            Items::Made(values) => values.get(at).cloned().unwrap_or_default(),
        }
    }

    /// Whether an item is certainly the same as one of another state. Past the end nothing is the same as nothing.
    pub(super) fn same(&self, at: usize, other: &Items, other_at: usize) -> bool {
        match (self, other) {
            (Items::Data(items), Items::Data(others)) => items.same(at, others, other_at),
            _ => same_value(&self.value(at), &other.value(other_at)),
        }
    }

    /// A number that is equal for items that are the same. Only numbers of two states that are both of the data, or
    /// both made, can be compared.
    pub(super) fn identity(&self, at: usize) -> u64 {
        match self {
            Items::Data(items) => items.identity(at),
            Items::Made(values) => values.get(at).map_or(0, identity),
        }
    }

    /// Both with identities that can be compared.
    pub(super) fn comparable(old: Items, new: Items) -> (Items, Items) {
        match (&old, &new) {
            (Items::Data(_), Items::Made(_)) | (Items::Made(_), Items::Data(_)) => (old.made(), new.made()),
            _ => (old, new),
        }
    }

    fn made(self) -> Items {
        Items::Made((0..self.len()).map(|at| self.value(at)).collect())
    }
}
