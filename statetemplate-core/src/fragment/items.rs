//! What a list runs over: a sequence or the pairs of a map of the data, read in place, or values that the template made.

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::PathStep;
use crate::snapshot::{MapPairs, SeqItems, View, identity, items_of, same_value};
use crate::template::Found;

/// The items of one state of a list.
#[derive(Clone)]
pub(super) enum Items {
    Data(SeqItems),
    Pairs(MapPairs),
    Made(Vec<Value>),
    /// Values whose number the loop does not know before it ends: the characters of a string.
    Uncounted(Vec<Value>),
}

impl Items {
    /// The items of a part of the data, or its pairs, if it is read in place.
    pub(super) fn in_place(part: View<'_>, pairs: bool) -> Option<Self> {
        if pairs {
            part.pairs().map(Items::Pairs)
        } else {
            part.items().map(Items::Data)
        }
    }

    /// The items of what a loop is given, as the loop would take them.
    pub(super) fn of(value: &Value) -> Result<Self, minijinja::Error> {
        if let Some(items) = items_of(value) {
            return Ok(Items::Data(items));
        }
        // As in a template, where a loop over something undefined has no items.
        if value.is_undefined() {
            return Ok(Items::Made(Vec::new()));
        }
        let values = value.try_iter()?;
        // As minijinja asks: without an exact answer `loop.length` and the like are undefined.
        let is_counted = matches!(values.size_hint(), (least, Some(most)) if least == most);
        let values = values.collect();
        Ok(if is_counted {
            Items::Made(values)
        } else {
            Items::Uncounted(values)
        })
    }

    /// How many items there are, as far as the loop knows.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Items::Uncounted(_) => None,
            _ => Some(self.len()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Items::Data(items) => items.len(),
            Items::Pairs(pairs) => pairs.len(),
            Items::Made(values) | Items::Uncounted(values) => values.len(),
        }
    }

    /// The item at a position; undefined where there is none.
    pub(super) fn value(&self, at: usize) -> Value {
        match self {
            Items::Data(items) => items.value(at),
            Items::Pairs(pairs) => pairs.value(at),
            Items::Made(values) | Items::Uncounted(values) => values.get(at).cloned().unwrap_or_default(),
        }
    }

    /// What is at a path of an item, if that leads anywhere.
    pub(super) fn get(&self, at: usize, path: &[PathStep]) -> Option<Found<'_>> {
        match self {
            Items::Data(items) => items.view(at, path).map(Found::Data),
            Items::Pairs(pairs) => pairs.view(at, path).map(Found::Data),
            Items::Made(values) | Items::Uncounted(values) => {
                value_at(values.get(at)?, path).map(Found::Made)
            }
        }
    }

    /// Whether an item is certainly the same as one of another state. Past the end nothing is the same as nothing.
    pub(super) fn same(&self, at: usize, other: &Items, other_at: usize) -> bool {
        match (self, other) {
            (Items::Data(items), Items::Data(others)) => items.same(at, others, other_at),
            (Items::Pairs(pairs), Items::Pairs(others)) => pairs.same(at, others, other_at),
            _ => same_value(&self.value(at), &other.value(other_at)),
        }
    }

    /// A number that is equal for items that are the same. Only numbers of [`Items::comparable`] states mean anything
    /// beside each other.
    pub(super) fn identity(&self, at: usize) -> u64 {
        match self {
            Items::Data(items) => items.identity(at),
            Items::Pairs(pairs) => pairs.identity(at),
            Items::Made(values) | Items::Uncounted(values) => values.get(at).map_or(0, identity),
        }
    }

    /// Whether what is at a path of an item is certainly the same as at that path of one of another state.
    pub(super) fn same_at(&self, at: usize, other: &Items, other_at: usize, path: &[PathStep]) -> bool {
        match (self, other) {
            (Items::Data(items), Items::Data(others)) => items.same_at(at, others, other_at, path),
            (Items::Pairs(pairs), Items::Pairs(others)) => pairs.same_at(at, others, other_at, path),
            _ => same_value_at(&self.value(at), &other.value(other_at), path),
        }
    }

    /// As [`Items::identity`], of what an item has at some paths.
    pub(super) fn identity_at(&self, at: usize, paths: &[Vec<PathStep>]) -> u64 {
        paths.iter().fold(0u64, |all, path| {
            let one = match self {
                Items::Data(items) => items.identity_at(at, path),
                Items::Pairs(pairs) => pairs.identity_at(at, path),
                Items::Made(values) | Items::Uncounted(values) => {
                    values.get(at).map_or(0, |value| identity(&part(value, path).0))
                }
            };
            all.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(one)
        })
    }

    /// Both with identities that can be compared.
    pub(super) fn comparable(old: Items, new: Items) -> (Items, Items) {
        match (&old, &new) {
            (Items::Data(_), Items::Data(_))
            | (Items::Pairs(_), Items::Pairs(_))
            | (Items::Made(_) | Items::Uncounted(_), Items::Made(_) | Items::Uncounted(_)) => (old, new),
            _ => (old.made(), new.made()),
        }
    }

    fn made(self) -> Items {
        if let Items::Uncounted(_) = self {
            return self;
        }
        Items::Made((0..self.len()).map(|at| self.value(at)).collect())
    }
}

/// Whether two values certainly have the same at a path.
pub(super) fn same_value_at(a: &Value, b: &Value, path: &[PathStep]) -> bool {
    let ((a, steps), (b, other_steps)) = (part(a, path), part(b, path));
    steps == other_steps && same_value(&a, &b)
}

/// What a value has at a path, or the part at which the path can't be followed; and how many steps led there.
fn part(value: &Value, path: &[PathStep]) -> (Value, usize) {
    let mut value = value.clone();
    for (steps, step) in path.iter().enumerate() {
        match inner(&value, step) {
            Some(inner) => value = inner,
            None => return (value, steps),
        }
    }
    (value, path.len())
}

/// What a value has at a path, if that leads anywhere.
pub(super) fn value_at(value: &Value, path: &[PathStep]) -> Option<Value> {
    path.iter()
        .try_fold(value.clone(), |value, step| inner(&value, step))
}

fn inner(value: &Value, step: &PathStep) -> Option<Value> {
    let inner = match step {
        PathStep::Key(name) => value.get_attr(name),
        // A target that takes an item apart takes a map's keys, not what is under the number.
        PathStep::Index(_) if value.kind() != ValueKind::Seq => return None,
        PathStep::Index(index) => value.get_item_by_index(usize::try_from(*index).ok()?),
    };
    inner.ok().filter(|inner| !inner.is_undefined())
}
