//! Values that are read from the data, where no program has to run for them.

use std::fmt::Debug;
use std::ops::Range;

use smol_str::SmolStr;

use super::Changes;
use super::change;
use super::compare::{Affected, Pass, Printed, Stop};
use super::instances::{Instances, State};
use super::list::in_place;
use super::row::RowPlace;
use super::values::{Text, Tree, list_of};
use crate::template::{
    Fragment, FragmentId, Hole, HoleKind, Lookup, OWN_FORMATTER, Slot, SlotKind, read, text,
};

/// The texts of a slot's holes, one instance after the other.
pub(super) struct Texts {
    old: Vec<SmolStr>,
    new: Vec<SmolStr>,
    width: usize,
}

impl Texts {
    fn instance(&self, at: usize) -> Range<usize> {
        at * self.width..(at + 1) * self.width
    }

    /// Compares the texts with what programs printed for the slot; those of an instance start at `start`.
    pub(super) fn compare(
        &self,
        fragment: &Fragment,
        slot: &Slot,
        start: usize,
        old: Option<&Printed>,
        new: Option<&Printed>,
    ) -> Result<(), Stop> {
        for (texts, printed) in [(&self.old, old), (&self.new, new)] {
            let Some(printed) = printed else { continue };
            for (at, read) in texts.iter().enumerate() {
                let (instance, hole) = (at / self.width, at % self.width);
                let html = printed.cell(instance, start + hole);
                let printed = match fragment.holes[slot.holes[hole]].kind {
                    HoleKind::Text => text::unescape(html),
                    _ => html.into(),
                };
                if *printed != **read {
                    return Err(disagreement(&slot.place, &printed, read));
                }
            }
        }
        Ok(())
    }
}

/// The error of a value that the data gives otherwise than minijinja prints it.
pub(super) fn disagreement(place: &str, printed: &dyn Debug, read: &dyn Debug) -> Stop {
    Stop::Failed(minijinja::Error::new(
        minijinja::ErrorKind::InvalidOperation,
        format!("{place} is printed as {printed:?}, where the data has {read:?}. {OWN_FORMATTER}"),
    ))
}

impl Pass<'_> {
    /// The texts of a slot in each of the instances; nothing where a program has to run for any of them.
    pub(super) fn texts(&self, fragment: &Fragment, slot: &Slot, instances: &Instances<'_>) -> Option<Texts> {
        if slot.reads.impure
            || slot.sets
            || matches!(slot.kind, SlotKind::Branch | SlotKind::List(_) | SlotKind::Check)
        {
            return None;
        }
        let readings = slot
            .holes
            .iter()
            .map(|hole| fragment.holes[*hole].reading.as_deref());
        let width = slot.holes.len();
        let room = instances.pairs.len() * width;
        let (mut old, mut new) = (Vec::with_capacity(room), Vec::with_capacity(room));
        for pair in &instances.pairs {
            let before = instances.place(pair, State::Old, self.old);
            let after = instances.place(pair, State::New, self.new);
            for reading in readings.clone() {
                let reading = reading?;
                old.push(read(reading, &before)?);
                new.push(read(reading, &after)?);
            }
        }
        Some(Texts { old, new, width })
    }

    /// Notes the changes of a slot whose texts were read.
    pub(super) fn text_changes(affected: &Affected<'_>, texts: &Texts, all: &mut [Changes]) {
        let Affected { number, slot, .. } = affected;
        for (at, changes) in all.iter_mut().enumerate() {
            let (old, new) = (&texts.old[texts.instance(at)], &texts.new[texts.instance(at)]);
            if old != new {
                let at = |hole: usize| slot.holes.iter().position(|known| *known == hole).unwrap_or(0);
                let change = change::between(
                    slot,
                    |hole| old[at(hole)].as_str().into(),
                    |hole| new[at(hole)].as_str().into(),
                );
                changes.extend(change.map(|change| (*number, change)));
            }
        }
    }

    /// All values of some instances of a fragment after the change; nothing where a program has to run for any of them.
    pub(super) fn read_values(
        &self,
        id: FragmentId,
        instances: &Instances<'_>,
        rows: &[usize],
    ) -> Option<Vec<Vec<Tree>>> {
        let values = rows.iter().map(|row| {
            let place = instances.place_of(*row, State::New, self.new);
            self.fragment_values(id, &place)
        });
        values.collect()
    }

    fn fragment_values(&self, id: FragmentId, lookup: &dyn Lookup) -> Option<Vec<Tree>> {
        let fragment = &self.fine.fragments[id];
        if !fragment.readable {
            return None;
        }
        let mut values = Vec::with_capacity(fragment.holes.len());
        for hole in &fragment.holes {
            values.push(self.hole_value(id, hole, lookup)?);
        }
        Some(values)
    }

    fn hole_value(&self, id: FragmentId, hole: &Hole, lookup: &dyn Lookup) -> Option<Tree> {
        match hole.kind {
            HoleKind::Text => Some(Tree::Text(Text::Own(read(hole.reading.as_deref()?, lookup)?))),
            HoleKind::Raw => Some(Tree::Raw(Text::Own(read(hole.reading.as_deref()?, lookup)?))),
            HoleKind::Tag { foreign } => Some(Tree::Tag {
                html: Text::Own(read(hole.reading.as_deref()?, lookup)?),
                foreign,
            }),
            HoleKind::Branch => {
                let slot = &self.fine.fragments[id].slots[hole.slot?];
                let arm = slot.choice.as_ref()?.choose(lookup)?;
                Some(Tree::Branch(match arm {
                    Some(arm) => Some((arm, self.fragment_values(arm, lookup)?)),
                    None => None,
                }))
            }
            HoleKind::List => {
                let list = list_of(self.fine, id, hole);
                let items = in_place(list, lookup)?;
                let length = items.len();
                let rows = (0..length).map(|row| {
                    let row = RowPlace {
                        list,
                        items: &items,
                        row,
                        around: lookup,
                    };
                    self.fragment_values(list.item, &row)
                });
                let rows = rows.collect::<Option<Vec<_>>>()?;
                let otherwise = match list.otherwise.filter(|_| length == 0) {
                    Some(otherwise) => Some((otherwise, self.fragment_values(otherwise, lookup)?)),
                    None => None,
                };
                Some(Tree::List {
                    item: list.item,
                    rows,
                    otherwise,
                })
            }
        }
    }
}
