//! Compares two states of a list: which rows are the same, which changed, came, went or moved.

use super::align::Matching;
use super::compare::{Pass, Stop};
use super::instances::{InstancePlace, Instances, Pair, Rows, Side, State};
use super::items::Items;
use super::{Changes, ListChange};
use crate::snapshot::items_of;
use crate::template::{Cutter, Found, Keys, List, Lookup, Mark, Program, Root, Slot, loop_over};

impl Pass<'_> {
    /// The change of a list in one of the instances of the fragment that it stands in.
    pub(super) fn list(
        &self,
        slot: &Slot,
        list: &List,
        instances: &Instances<'_>,
        pair: &Pair,
    ) -> Result<Option<ListChange>, Stop> {
        let around = instances.only(vec![*pair]);
        let (old_root, new_root) = (instances.old.enter(pair.old), instances.new.enter(pair.new));
        let place = |state| instances.place(pair, state, self.data(state));
        let new_items = self.items(list, &place(State::New), &new_root)?;
        let old_items = if self.may_change(&slot.reads, &around) {
            Stop::before(self.items(list, &place(State::Old), &old_root))?
        } else {
            new_items.clone()
        };
        let (old_items, new_items) = Items::comparable(old_items, new_items);
        if new_items.len() == 0
            && let Some(otherwise) = list.otherwise
        {
            if old_items.len() > 0 {
                let mut values = self.values(otherwise, &around, &[pair.new])?;
                return Ok(values
                    .pop()
                    .map(|values| ListChange::Otherwise(otherwise, values)));
            }
            let inside = self.fragment(otherwise, &around)?.pop().unwrap_or_default();
            return Ok((!inside.is_empty()).then_some(ListChange::InsideOtherwise(inside)));
        }
        let mut matching = Matching::by_identity(
            old_items.len(),
            new_items.len(),
            |old, new| old_items.same(old, &new_items, new),
            |old| old_items.identity(old),
            |new| new_items.identity(new),
        );
        let old_rows = Rows {
            list,
            items: &old_items,
        };
        let new_rows = Rows {
            list,
            items: &new_items,
        };
        let outer = instances.outer(pair);
        let mut rows = Instances {
            old: Side {
                root: &old_root,
                rows: Some(old_rows),
            },
            new: Side {
                root: &new_root,
                rows: Some(new_rows),
            },
            pairs: Vec::new(),
            around: &outer,
        };
        let left = matching.unmatched_new();
        let left_old = matching.unmatched_old();
        if !left_old.is_empty() && !left.is_empty() {
            match &list.keys {
                Some(Keys::Data(paths)) => {
                    let same = |old, new| {
                        let mut paths = paths.iter();
                        paths.all(|path| old_items.same_at(old, &new_items, new, path))
                    };
                    // Most rows that change stay where they are, and need not be looked up.
                    if !matching.in_place(&left_old, &left, same) {
                        matching.by_part(
                            &left_old,
                            &left,
                            same,
                            |old| old_items.identity_at(old, paths),
                            |new| new_items.identity_at(new, paths),
                        );
                    }
                }
                Some(Keys::Printed(program)) => {
                    let old = Stop::before(self.keys(program, &rows.old, &left_old))?;
                    let new = self.keys(program, &rows.new, &left)?;
                    matching.by_key(&old.of(&left_old), &new.of(&left));
                }
                None => matching.by_position(),
            }
        }
        let edits = self.edits(list, &matching, &left, &mut rows)?;
        let order = if matching.is_unchanged() {
            None
        } else {
            let values = self.values(list.item, &rows, &matching.unmatched_new())?;
            Some(matching.order(values.into_iter()))
        };
        if order.is_none() && edits.is_empty() {
            return Ok(None);
        }
        Ok(Some(ListChange::Rows {
            order,
            before: old_items.len(),
            edits,
            item: list.item,
        }))
    }

    /// What a list runs over in one state.
    fn items(&self, list: &List, place: &InstancePlace<'_>, root: &Root) -> Result<Items, Stop> {
        if let Some(items) = in_place(list, place) {
            return Ok(items);
        }
        let value = list.items.value(self.plan.env(), root.clone().value())?;
        if value.is_undefined() {
            // Whether a loop takes that for nothing or fails is for the environment to say.
            loop_over(self.plan.env(), value.clone())?;
        }
        Ok(Items::of(&value)?)
    }

    /// The changes of the rows that stay, by their new positions. `left`: the new rows that are not the same as an old
    /// one. Fills in the instances' pairs.
    fn edits(
        &self,
        list: &List,
        matching: &Matching,
        left: &[usize],
        rows: &mut Instances<'_>,
    ) -> Result<Vec<(usize, Changes)>, Stop> {
        let (Some(old_rows), Some(new_rows)) = (rows.old.rows, rows.new.rows) else {
            return Ok(Vec::new());
        };
        let outside = self.may_change(&list.row_reads, rows);
        let which = left.iter().copied();
        let mut left = which.clone().peekable();
        let mut consider = |new: usize| {
            let item = left.next_if_eq(&new).is_some();
            let Some(old) = matching.old_of(new) else { return };
            let counter = new_rows.counter_changed(new, &old_rows, old);
            if outside || item || counter {
                rows.pairs.push(Pair {
                    old,
                    new,
                    item,
                    counter,
                });
            }
        };
        if outside || !list.counters.is_empty() {
            (0..new_rows.items.len()).for_each(&mut consider);
        } else {
            which.for_each(&mut consider);
        }
        let changes = self.fragment(list.item, rows)?;
        let changes = rows.pairs.iter().map(|pair| pair.new).zip(changes);
        Ok(changes.filter(|(_, changes)| !changes.is_empty()).collect())
    }

    fn keys(&self, program: &Program, side: &Side<'_>, which: &[usize]) -> Result<Printed, Stop> {
        let root = side.root_of(which.iter().copied());
        Ok(Printed(program.render_many(
            self.plan.env(),
            root.value(),
            which.len(),
        )?))
    }
}

/// What a list runs over, where it is a part of the data.
pub(super) fn in_place(list: &List, lookup: &dyn Lookup) -> Option<Items> {
    let source = list.source.as_ref()?;
    match source.operand.find(lookup)? {
        Found::Data(part) => Items::in_place(part, source.pairs),
        Found::Made(_) if source.pairs => None,
        Found::Made(value) => items_of(&value).map(Items::Data),
    }
}

/// The keys of some rows, as their program printed them.
struct Printed(String);

impl Printed {
    fn of(&self, rows: &[usize]) -> Vec<(usize, &str)> {
        let keys = Cutter::new(&self.0).filter(|cut| cut.mark == Mark::Hole);
        rows.iter()
            .copied()
            .zip(keys.map(|cut| &self.0[cut.start..cut.end]))
            .collect()
    }
}
