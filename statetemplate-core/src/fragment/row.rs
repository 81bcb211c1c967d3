//! Where a row of a list that is read or printed whole finds what it shows.

use minijinja::Value;

use super::counter;
use super::items::Items;
use crate::PathStep;
use crate::template::{Found, List, Lookup, LoopId};

/// A row of a list that is read whole, with what is around the list.
pub(super) struct RowPlace<'r> {
    pub(super) list: &'r List,
    pub(super) items: &'r Items,
    pub(super) row: usize,
    pub(super) around: &'r dyn Lookup,
}

impl Lookup for RowPlace<'_> {
    fn data(&self, path: &[PathStep]) -> Option<Found<'_>> {
        self.around.data(path)
    }

    fn item(&self, id: LoopId, path: &[PathStep]) -> Option<Found<'_>> {
        if id == self.list.id {
            self.items.get(self.row, path)
        } else {
            self.around.item(id, path)
        }
    }

    fn counter(&self, id: LoopId, attribute: &str) -> Option<Value> {
        if id == self.list.id {
            counter::attribute(self.row, self.items.length(), attribute)
        } else {
            self.around.counter(id, attribute)
        }
    }
}
