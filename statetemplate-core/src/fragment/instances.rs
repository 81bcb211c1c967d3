//! The instances of a fragment that are compared together: the page itself, or some rows of one list.

use minijinja::Value;

use super::counter::{self, Counter};
use super::items::{Items, same_value_at, value_at};
use crate::template::{Found, List, Lookup, ROWS, Root, counter_name, item_name};
use crate::{PathStep, Snapshot};

/// Some instances of a fragment, before and after.
pub(super) struct Instances<'i> {
    pub(super) old: Side<'i>,
    pub(super) new: Side<'i>,
    pub(super) pairs: Vec<Pair>,
    /// The loops around the innermost one.
    pub(super) around: &'i [Outer],
}

/// A loop around, as it is for one row.
#[derive(Clone)]
pub(super) struct Outer {
    id: usize,
    old: Value,
    new: Value,
    counter: bool,
}

/// One instance: which row it was, and which it is. For the page both are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) old: usize,
    pub(super) new: usize,
    /// Whether the row's item changed, and whether what it reads of its `loop` variable may have.
    pub(super) item: bool,
    pub(super) counter: bool,
}

/// One of the two states.
#[derive(Clone, Copy)]
pub(super) struct Side<'i> {
    /// Without what belongs to the rows themselves.
    pub(super) root: &'i Root,
    /// The innermost list around; none for the page.
    pub(super) rows: Option<Rows<'i>>,
}

/// The rows of one state of a list.
#[derive(Clone, Copy)]
pub(super) struct Rows<'i> {
    pub(super) list: &'i List,
    pub(super) items: &'i Items,
}

impl<'i> Instances<'i> {
    /// The same states for other instances.
    pub(super) fn only(&self, pairs: Vec<Pair>) -> Self {
        Instances { pairs, ..*self }
    }

    /// The loops around a list in one of the instances.
    pub(super) fn outer(&self, pair: &Pair) -> Vec<Outer> {
        let own = self.old.rows.zip(self.new.rows).map(|(old, new)| Outer {
            id: new.list.id,
            old: old.items.value(pair.old),
            new: new.items.value(pair.new),
            counter: pair.counter,
        });
        self.around.iter().cloned().chain(own).collect()
    }

    /// Where what an instance shows is found in the data.
    pub(super) fn place<'p>(&'p self, pair: &Pair, state: State, data: &'p Snapshot) -> InstancePlace<'p> {
        let row = match state {
            State::Old => pair.old,
            State::New => pair.new,
        };
        self.place_of(row, state, data)
    }

    /// As [`Instances::place`], by the number of the row.
    pub(super) fn place_of<'p>(&'p self, row: usize, state: State, data: &'p Snapshot) -> InstancePlace<'p> {
        let side = match state {
            State::Old => &self.old,
            State::New => &self.new,
        };
        InstancePlace {
            data,
            rows: side.rows,
            row,
            around: self.around,
            state,
        }
    }

    /// Whether the item of a loop may differ at a path, in any of the instances.
    pub(super) fn item_changed(&self, id: usize, path: &[PathStep]) -> bool {
        match (self.old.rows, self.new.rows) {
            (Some(old), Some(new)) if new.list.id == id => self
                .pairs
                .iter()
                .any(|pair| pair.item && !old.items.same_at(pair.old, new.items, pair.new, path)),
            _ => {
                let mut around = self.around.iter();
                around.any(|outer| outer.id == id && !same_value_at(&outer.old, &outer.new, path))
            }
        }
    }

    /// Whether the `loop` variable of a loop may differ, in any of the instances.
    pub(super) fn counter_changed(&self, id: usize) -> bool {
        match self.new.rows {
            Some(rows) if rows.list.id == id => self.pairs.iter().any(|pair| pair.counter),
            _ => self.around.iter().any(|outer| outer.id == id && outer.counter),
        }
    }
}

/// Before or after.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Old,
    New,
}

/// The data of one instance in one state.
pub(super) struct InstancePlace<'i> {
    data: &'i Snapshot,
    rows: Option<Rows<'i>>,
    row: usize,
    around: &'i [Outer],
    state: State,
}

impl Lookup for InstancePlace<'_> {
    fn data(&self, path: &[PathStep]) -> Option<Found<'_>> {
        self.data.view().at(path).map(Found::Data)
    }

    fn item(&self, id: usize, path: &[PathStep]) -> Option<Found<'_>> {
        match self.rows {
            Some(rows) if rows.list.id == id => rows.items.get(self.row, path),
            _ => {
                let outer = self.around.iter().find(|outer| outer.id == id)?;
                let item = match self.state {
                    State::Old => &outer.old,
                    State::New => &outer.new,
                };
                value_at(item, path).map(Found::Made)
            }
        }
    }

    fn counter(&self, id: usize, attribute: &str) -> Option<Value> {
        let rows = self.rows.filter(|rows| rows.list.id == id)?;
        counter::attribute(self.row, rows.items.length(), attribute)
    }
}

impl Side<'_> {
    /// The root for a program that runs for these instances.
    pub(super) fn root_of(&self, which: impl Iterator<Item = usize>) -> Root {
        let Some(rows) = self.rows else {
            return self.root.clone();
        };
        let counted = rows.list.counted;
        let row = |at: usize| {
            let item = rows.items.value(at);
            if counted {
                Value::from(vec![item, rows.counter(at)])
            } else {
                item
            }
        };
        self.root
            .with(ROWS, Value::from(which.map(row).collect::<Vec<Value>>()))
    }

    /// The root for the lists inside one instance.
    pub(super) fn enter(&self, row: usize) -> Root {
        match self.rows {
            None => self.root.clone(),
            Some(rows) => self
                .root
                .with(item_name(rows.list.id), rows.items.value(row))
                .with(counter_name(rows.list.id), rows.counter(row)),
        }
    }
}

impl Rows<'_> {
    fn neighbour(&self, at: Option<usize>) -> Value {
        at.map_or(Value::UNDEFINED, |at| self.items.value(at))
    }

    fn counter(&self, index: usize) -> Value {
        if !self.list.counted {
            return Value::UNDEFINED;
        }
        Value::from_object(Counter {
            index,
            length: self.items.length(),
            previous: self.neighbour(index.checked_sub(1)),
            next: self.neighbour(Some(index + 1)),
        })
    }

    /// Whether what a row reads of its `loop` variable differs from what it read as row `old` of the state before.
    pub(super) fn counter_changed(&self, new: usize, before: &Rows<'_>, old: usize) -> bool {
        let (old_len, new_len) = (before.items.len(), self.items.len());
        // Past an end `value` is undefined on both sides.
        let same = |old: Option<usize>, new: Option<usize>| match (old, new) {
            (Some(old), Some(new)) if old < old_len && new < new_len => {
                before.items.same(old, self.items, new)
            }
            (old, new) => old.is_none_or(|old| old >= old_len) && new.is_none_or(|new| new >= new_len),
        };
        // Whether one of the two loops does not know its length.
        let is_other = before.items.length().is_some() != self.items.length().is_some();
        self.list.counters.iter().any(|attribute| match *attribute {
            "last" | "length" | "revindex" | "revindex0" if is_other => true,
            "first" => (old == 0) != (new == 0),
            "last" => (old + 1 == old_len) != (new + 1 == new_len),
            "length" => old_len != new_len,
            "revindex" | "revindex0" => old_len - old != new_len - new,
            "depth" | "depth0" => false,
            "previtem" => !same(old.checked_sub(1), new.checked_sub(1)),
            "nextitem" => !same(Some(old + 1), Some(new + 1)),
            _ => old != new,
        })
    }
}
