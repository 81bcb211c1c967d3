//! Compares two states of a page, slot by slot; what reads nothing that changed is passed over.

use std::cell::RefCell;

use minijinja::Value;

use super::align::Matching;
use super::counter::Counter;
use super::values::{Row, Tree, items, join, read, read_hole};
use super::{Change, Changes, ListChange};
use crate::snapshot::{identity, same_value};
use crate::template::{
    Dependencies, Fine, FragmentId, List, PAGE, Program, ROW_COUNT, ROWS, Root, Slot, SlotKind, counter_name,
    foreign, item_name, text,
};
use crate::{Plan, Snapshot};

/// Why a comparison ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(minijinja::Error),
    /// A text turned out to be HTML.
    Markup,
}

impl From<minijinja::Error> for Stop {
    fn from(error: minijinja::Error) -> Self {
        Stop::Failed(error)
    }
}

/// The changes of the whole page.
pub(super) fn page(plan: &Plan, fine: &Fine, old: &Snapshot, new: &Snapshot) -> Result<Changes, Stop> {
    let pass = Pass {
        plan,
        fine,
        old,
        new,
        changed: RefCell::new(vec![None; fine.paths.len()]),
    };
    pass.fragment(
        PAGE,
        &Around {
            old: Root::new(old),
            new: Root::new(new),
            changed_loops: Vec::new(),
        },
    )
}

struct Pass<'p> {
    plan: &'p Plan,
    fine: &'p Fine,
    old: &'p Snapshot,
    new: &'p Snapshot,
    /// Whether each of the plan's paths changed, once that is known.
    changed: RefCell<Vec<Option<bool>>>,
}

/// The rows around what is compared.
struct Around {
    old: Root,
    new: Root,
    /// Of the loops around: whether the item changed, and whether the counter may have.
    changed_loops: Vec<(usize, bool, bool)>,
}

impl Pass<'_> {
    fn path_changed(&self, path: usize) -> bool {
        if let Some(known) = self.changed.borrow()[path] {
            return known;
        }
        let steps = &self.fine.paths[path];
        let changed = match (self.old.get(steps), self.new.get(steps)) {
            (Some(old), Some(new)) => !old.is_same(&new),
            (None, None) => false,
            _ => true,
        };
        self.changed.borrow_mut()[path] = Some(changed);
        changed
    }

    fn may_change(&self, reads: &Dependencies, around: &Around) -> bool {
        reads.everything
            || reads.paths.iter().any(|&path| self.path_changed(path))
            || around.changed_loops.iter().any(|(id, item, counter)| {
                (*item && reads.items.contains(id)) || (*counter && reads.counters.contains(id))
            })
    }

    fn run(&self, program: &Program, root: &Root) -> Result<Value, Stop> {
        Ok(program.value(self.plan.env(), root.value())?)
    }

    fn fragment(&self, id: FragmentId, around: &Around) -> Result<Changes, Stop> {
        let mut changes = Vec::new();
        for (number, slot) in self.fine.fragments[id].slots.iter().enumerate() {
            if !self.may_change(&slot.all_reads, around) {
                continue;
            }
            if let Some(change) = self.slot(id, slot, around)? {
                changes.push((number, change));
            }
        }
        Ok(changes)
    }

    fn slot(&self, fragment: FragmentId, slot: &Slot, around: &Around) -> Result<Option<Change>, Stop> {
        match &slot.kind {
            SlotKind::Branch => {
                let new = self.run(&slot.program, &around.new)?.as_usize();
                let old = if self.may_change(&slot.reads, around) {
                    self.run(&slot.program, &around.old)?.as_usize()
                } else {
                    new
                };
                Ok(match (old, new) {
                    (old, Some(new)) if old == Some(new) => {
                        let inside = self.fragment(new, around)?;
                        (!inside.is_empty()).then_some(Change::Inside(inside))
                    }
                    (None, None) => None,
                    (Some(_), None) => Some(Change::Hide),
                    (_, Some(new)) => Some(Change::Show(new, self.values(new, &around.new)?)),
                })
            }
            SlotKind::List(list) => Ok(self.list(slot, list, around)?.map(Change::List)),
            _ => {
                let old = self.slot_values(fragment, slot, &around.old)?;
                let new = self.slot_values(fragment, slot, &around.new)?;
                let place = |hole: usize| slot.holes.iter().position(|known| *known == hole).unwrap_or(0);
                Ok(simple_change(
                    slot,
                    |hole| &old[place(hole)],
                    |hole| &new[place(hole)],
                ))
            }
        }
    }

    fn slot_values(&self, fragment: FragmentId, slot: &Slot, root: &Root) -> Result<Vec<Tree>, Stop> {
        let values = self.run(&slot.program, root)?;
        let kinds = &self.fine.fragments[fragment].holes;
        slot.holes
            .iter()
            .zip(items(&values))
            .map(|(&hole, value)| read_hole(self.fine, fragment, hole, kinds[hole], &value))
            .collect()
    }

    /// All values of a fragment that comes in.
    fn values(&self, id: FragmentId, root: &Root) -> Result<Vec<Tree>, Stop> {
        read(self.fine, id, &self.run(&self.fine.fragments[id].values, root)?)
    }

    fn list(&self, slot: &Slot, list: &List, around: &Around) -> Result<Option<ListChange>, Stop> {
        let new_items: Vec<Value> = self.items(slot, &around.new)?;
        let old_items: Vec<Value> = if self.may_change(&slot.reads, around) {
            self.items(slot, &around.old)?
        } else {
            new_items.clone()
        };
        if new_items.is_empty()
            && let Some(otherwise) = list.otherwise
        {
            if !old_items.is_empty() {
                return Ok(Some(ListChange::Otherwise(
                    otherwise,
                    self.values(otherwise, &around.new)?,
                )));
            }
            let inside = self.fragment(otherwise, around)?;
            return Ok((!inside.is_empty()).then_some(ListChange::InsideOtherwise(inside)));
        }
        let mut matching = Matching::by_identity(
            old_items.len(),
            new_items.len(),
            |old, new| same_value(&old_items[old], &new_items[new]),
            |old| identity(&old_items[old]),
            |new| identity(&new_items[new]),
        );
        let old_rows = Rows {
            list,
            items: &old_items,
            root: &around.old,
        };
        let new_rows = Rows {
            list,
            items: &new_items,
            root: &around.new,
        };
        let (left_old, left_new) = (matching.unmatched_old(), matching.unmatched_new());
        if !left_old.is_empty() && !left_new.is_empty() {
            match &list.keys {
                Some(keys) => matching.by_key(
                    self.keys(keys, &old_rows, &left_old)?,
                    self.keys(keys, &new_rows, &left_new)?,
                ),
                None => matching.by_position(),
            }
        }
        let edits = self.edits(list, &matching, &old_rows, &new_rows, around)?;
        let order = if matching.is_unchanged() {
            None
        } else {
            let values = self.rows(&new_rows, &matching.unmatched_new())?;
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

    fn items(&self, slot: &Slot, root: &Root) -> Result<Vec<Value>, Stop> {
        let value = self.run(&slot.program, root)?;
        // As in a template, where a loop over something undefined has no items.
        if value.is_undefined() {
            Ok(Vec::new())
        } else {
            Ok(value.try_iter()?.collect())
        }
    }

    /// The changes of the rows that stay.
    fn edits(
        &self,
        list: &List,
        matching: &Matching,
        old_rows: &Rows<'_>,
        new_rows: &Rows<'_>,
        around: &Around,
    ) -> Result<Vec<(usize, Changes)>, Stop> {
        let all = self.may_change(&list.row_reads, around);
        let mut edited = Vec::new();
        for (new, old) in matching.old_of.iter().enumerate() {
            let Some(old) = *old else { continue };
            let item = !same_value(&old_rows.items[old], &new_rows.items[new]);
            let counter = counter_changed(list, old_rows, old, new_rows, new);
            if all || item || counter {
                edited.push((new, old, item, counter));
            }
        }
        let mut edits = Vec::new();
        if self.fine.fragments[list.item].has_list {
            for (new, old, item, counter) in edited {
                let mut changed_loops = around.changed_loops.clone();
                changed_loops.push((list.id, item, counter));
                let inside = Around {
                    old: old_rows.enter(old),
                    new: new_rows.enter(new),
                    changed_loops,
                };
                let changes = self.fragment(list.item, &inside)?;
                if !changes.is_empty() {
                    edits.push((new, changes));
                }
            }
            return Ok(edits);
        }
        let new_of: Vec<usize> = edited.iter().map(|(new, ..)| *new).collect();
        let old_of: Vec<usize> = edited.iter().map(|(_, old, ..)| *old).collect();
        let old = self.rows(old_rows, &old_of)?;
        let new = self.rows(new_rows, &new_of)?;
        for ((row, old), new) in new_of.into_iter().zip(old).zip(new) {
            let changes = self.trees(list.item, &old, &new);
            if !changes.is_empty() {
                edits.push((row, changes));
            }
        }
        Ok(edits)
    }

    fn keys(
        &self,
        program: &Program,
        rows: &Rows<'_>,
        which: &[usize],
    ) -> Result<Vec<(usize, String)>, Stop> {
        let keys = self.run(program, &rows.root_of(which))?;
        Ok(which
            .iter()
            .copied()
            .zip(items(&keys).map(|key| key.as_str().unwrap_or_default().to_owned()))
            .collect())
    }

    fn rows(&self, rows: &Rows<'_>, which: &[usize]) -> Result<Vec<Vec<Tree>>, Stop> {
        if which.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.run(&rows.list.rows, &rows.root_of(which))?;
        items(&values)
            .map(|row| read(self.fine, rows.list.item, &row))
            .collect()
    }

    /// The changes between all values of a fragment and all its values after.
    fn trees(&self, id: FragmentId, old: &[Tree], new: &[Tree]) -> Changes {
        let mut changes = Vec::new();
        for (number, slot) in self.fine.fragments[id].slots.iter().enumerate() {
            let change = match (
                &slot.kind,
                slot.holes.first().map(|&hole| (&old[hole], &new[hole])),
            ) {
                (SlotKind::Branch, Some((Tree::Branch(old), Tree::Branch(new)))) => match (old, new) {
                    (Some((old_id, old)), Some((new_id, new))) if old_id == new_id => {
                        let inside = self.trees(*new_id, old, new);
                        (!inside.is_empty()).then_some(Change::Inside(inside))
                    }
                    (None, None) => None,
                    (_, None) => Some(Change::Hide),
                    (_, Some((id, values))) => Some(Change::Show(*id, values.clone())),
                },
                (
                    SlotKind::List(list),
                    Some((
                        Tree::List {
                            rows: old,
                            otherwise: before,
                            ..
                        },
                        Tree::List {
                            rows: new, otherwise, ..
                        },
                    )),
                ) => self
                    .list_trees(list, (old, before.as_ref()), (new, otherwise.as_ref()))
                    .map(Change::List),
                _ => simple_change(slot, |hole| &old[hole], |hole| &new[hole]),
            };
            changes.extend(change.map(|change| (number, change)));
        }
        changes
    }

    fn list_trees(
        &self,
        list: &List,
        (old, before): (&[Row], Option<&(FragmentId, Vec<Tree>)>),
        (new, otherwise): (&[Row], Option<&(FragmentId, Vec<Tree>)>),
    ) -> Option<ListChange> {
        match (before, otherwise) {
            (Some((_, before)), Some((id, after))) => {
                let inside = self.trees(*id, before, after);
                return (!inside.is_empty()).then_some(ListChange::InsideOtherwise(inside));
            }
            (None, Some((id, values))) => return Some(ListChange::Otherwise(*id, values.clone())),
            _ => {}
        }
        let mut matching = Matching::by_identity(old.len(), new.len(), |_, _| false, |_| 0, |_| 1);
        if list.keys.is_some() {
            let keys = |rows: &[Row]| {
                rows.iter()
                    .enumerate()
                    .map(|(at, row)| (at, row.key.clone().unwrap_or_default()))
                    .collect()
            };
            matching.by_key(keys(old), keys(new));
        } else {
            matching.by_position();
        }
        let mut edits = Vec::new();
        for (row, old_row) in matching.old_of.iter().enumerate() {
            if let Some(old_row) = *old_row {
                let inside = self.trees(list.item, &old[old_row].values, &new[row].values);
                if !inside.is_empty() {
                    edits.push((row, inside));
                }
            }
        }
        let order = (!matching.is_unchanged()).then(|| {
            let values = matching
                .unmatched_new()
                .into_iter()
                .map(|row| new[row].values.clone());
            matching.order(values)
        });
        (order.is_some() || !edits.is_empty()).then_some(ListChange::Rows {
            order,
            before: old.len(),
            edits,
            item: list.item,
        })
    }
}

/// The change of a slot that is a string.
fn simple_change<'t>(
    slot: &Slot,
    old: impl Fn(usize) -> &'t Tree,
    new: impl Fn(usize) -> &'t Tree,
) -> Option<Change> {
    if slot.holes.iter().all(|&hole| old(hole) == new(hole)) {
        return None;
    }
    let raw = |tree: &Tree| match tree {
        Tree::Raw(text) | Tree::Text(text) => text.clone(),
        _ => String::new(),
    };
    let first = slot.holes.first().copied().unwrap_or(0);
    match &slot.kind {
        SlotKind::Text {
            pieces,
            drops_newline,
            place,
        } => {
            let shown = |text: String| match text.strip_prefix('\n') {
                Some(rest) if *drops_newline => rest.to_owned(),
                _ => text,
            };
            let (before, after) = (shown(join(pieces, *place, old)), shown(join(pieces, *place, new)));
            (before != after).then_some(Change::Text(after))
        }
        SlotKind::Attribute { pieces } => {
            let place = text::Place::Attribute;
            let (before, after) = (join(pieces, place, old), join(pieces, place, new));
            (before != after).then_some(Change::Attribute(after))
        }
        SlotKind::Tag { foreign } => {
            let before = attributes(&raw(old(first)), *foreign);
            let after = attributes(&raw(new(first)), *foreign);
            let mut pairs: Vec<(String, Option<String>)> = Vec::new();
            for (name, _) in &before {
                if !after.iter().any(|(known, _)| known == name) {
                    pairs.push((name.clone(), None));
                }
            }
            for (name, value) in after {
                if !before.iter().any(|(known, old)| *known == name && *old == value) {
                    pairs.push((name, Some(value)));
                }
            }
            (!pairs.is_empty()).then_some(Change::Attributes(pairs))
        }
        SlotKind::Region { .. } => {
            let html = raw(new(first));
            Some(Change::Region(if html.contains(['<', '&']) {
                html
            } else {
                text::normalise(&html, text::Place::Html).into_owned()
            }))
        }
        SlotKind::Branch | SlotKind::List(_) => None,
    }
}

/// The attributes in a stretch of a tag, by the names that the parser gives them.
fn attributes(html: &str, foreign: bool) -> Vec<(String, String)> {
    let mut found = text::attributes(html);
    if foreign {
        for (name, _) in &mut found {
            *name = foreign::attribute_name(name).to_owned();
        }
    }
    found
}

fn counter_changed(list: &List, old_rows: &Rows<'_>, old: usize, new_rows: &Rows<'_>, new: usize) -> bool {
    let (old_len, new_len) = (old_rows.items.len(), new_rows.items.len());
    list.counters.iter().any(|attribute| match *attribute {
        "first" => (old == 0) != (new == 0),
        "last" => (old + 1 == old_len) != (new + 1 == new_len),
        "length" => old_len != new_len,
        "revindex" | "revindex0" => old_len - old != new_len - new,
        "depth" | "depth0" => false,
        "previtem" => !same_value(
            &old_rows.neighbour(old.checked_sub(1)),
            &new_rows.neighbour(new.checked_sub(1)),
        ),
        "nextitem" => !same_value(
            &old_rows.neighbour(Some(old + 1)),
            &new_rows.neighbour(Some(new + 1)),
        ),
        _ => old != new,
    })
}

/// The rows of one state of a list.
struct Rows<'r> {
    list: &'r List,
    items: &'r [Value],
    root: &'r Root,
}

impl Rows<'_> {
    fn neighbour(&self, at: Option<usize>) -> Value {
        at.and_then(|at| self.items.get(at)).cloned().unwrap_or_default()
    }

    fn counter(&self, index: usize) -> Value {
        if self.list.counters.is_empty() {
            return Value::UNDEFINED;
        }
        Value::from_object(Counter {
            index,
            length: self.items.len(),
            depth: self.list.depth,
            previous: self.neighbour(index.checked_sub(1)),
            next: self.neighbour(Some(index + 1)),
        })
    }

    /// The root for a program that computes some of the rows.
    fn root_of(&self, which: &[usize]) -> Root {
        let rows: Vec<Value> = which
            .iter()
            .map(|&row| Value::from(vec![self.items[row].clone(), self.counter(row)]))
            .collect();
        self.root
            .with(ROW_COUNT, Value::from(rows.len()))
            .with(ROWS, Value::from(rows))
    }

    /// The root for programs inside a row.
    fn enter(&self, row: usize) -> Root {
        self.root
            .with(item_name(self.list.id), self.items[row].clone())
            .with(counter_name(self.list.id), self.counter(row))
    }
}
