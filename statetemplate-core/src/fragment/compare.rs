//! Compares two states of a page, slot by slot; what reads nothing that changed is passed over.
//!
//! The slots of a fragment that may have changed are evaluated together: one run of a program for the state before and
//! one for the state after, however many slots there are, and however many rows of a list.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::change;
use super::instances::{Instances, Pair, Side, State};
use super::reading::{Texts, disagreement};
use super::values::{Tree, arm_number, read};
use super::{Change, Changes};
use crate::template::{
    Cutter, Dependencies, Fine, Fragment, FragmentId, PAGE, Program, Root, Slot, SlotKind,
};
use crate::{PathStep, Plan, Snapshot};

/// Why a comparison ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(minijinja::Error),
    /// A text turned out to be HTML.
    Markup,
    /// What was shown can't be computed any more.
    Forgotten,
}

impl Stop {
    /// The outcome of computing what was shown. It was there once, so where the template fails on it now, something impure
    /// has decided otherwise; that is no fault of the new data.
    pub(super) fn before<T>(outcome: Result<T, Stop>) -> Result<T, Stop> {
        outcome.map_err(|stop| match stop {
            Stop::Failed(_) => Stop::Forgotten,
            other => other,
        })
    }
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
        changed_keys: new.changed_keys(old),
        changed: RefCell::new(vec![None; fine.paths.len()]),
    };
    let (old_root, new_root) = (Root::new(old), Root::new(new));
    let side = |root| Side { root, rows: None };
    let itself = Pair {
        old: 0,
        new: 0,
        item: false,
        counter: false,
    };
    let page = Instances {
        old: side(&old_root),
        new: side(&new_root),
        pairs: vec![itself],
        around: &[],
    };
    Ok(pass.fragment(PAGE, &page)?.pop().unwrap_or_default())
}

pub(super) struct Pass<'p> {
    pub(super) plan: &'p Plan,
    pub(super) fine: &'p Fine,
    pub(super) old: &'p Snapshot,
    pub(super) new: &'p Snapshot,
    /// The names at the root of the data whose values differ, if the names themselves are the same.
    changed_keys: Option<Vec<&'p str>>,
    /// Whether each of the plan's paths changed, once that is known.
    changed: RefCell<Vec<Option<bool>>>,
}

/// A slot that may change.
pub(super) struct Affected<'f> {
    pub(super) number: usize,
    pub(super) slot: &'f Slot,
    /// What a branch showed and shows, where the data alone tells.
    arms: Option<Vec<Arms>>,
    /// The texts before and after, where the data alone tells.
    texts: Option<Texts>,
    /// Where among the texts that were printed for an instance those of the slot start.
    start: usize,
}

/// Whether what is read from the data is compared with what programs print: in debug builds, which pay for it.
const CHECKED: bool = cfg!(debug_assertions);

/// The fragments that a branch showed and shows.
type Arms = (Option<FragmentId>, Option<FragmentId>);

/// What a program printed for the slots of a fragment that were wanted: for each instance the same number of texts.
pub(super) struct Printed {
    text: String,
    cells: Vec<(usize, usize)>,
    width: usize,
}

impl Printed {
    /// Fails when the program printed other marks than it should have.
    fn cut(text: String, instances: usize, width: usize) -> Result<Self, Stop> {
        let mut cells = Vec::with_capacity(instances * width);
        cells.extend(Cutter::new(&text).map(|cut| (cut.start, cut.end)));
        if cells.len() == instances * width {
            Ok(Printed { text, cells, width })
        } else {
            Err(Stop::Markup)
        }
    }

    pub(super) fn cell(&self, instance: usize, at: usize) -> &str {
        let (start, end) = self.cells[instance * self.width + at];
        &self.text[start..end]
    }
}

impl Pass<'_> {
    fn path_changed(&self, path: usize) -> bool {
        if let Some(known) = self.changed.borrow()[path] {
            return known;
        }
        let steps = &self.fine.paths[path];
        let may_have = match (&self.changed_keys, steps.first()) {
            (Some(keys), Some(PathStep::Key(first))) => keys.iter().any(|key| **key == **first),
            _ => true,
        };
        let changed = may_have && !self.old.is_same_at(self.new, steps);
        self.changed.borrow_mut()[path] = Some(changed);
        changed
    }

    /// Whether what reads this may have changed in any of the instances.
    pub(super) fn may_change(&self, reads: &Dependencies, instances: &Instances<'_>) -> bool {
        reads.everything
            || reads.impure
            || reads.paths.iter().any(|&path| self.path_changed(path))
            || reads
                .items
                .iter()
                .any(|(id, path)| instances.item_changed(*id, path))
            || reads.counters.iter().any(|&id| instances.counter_changed(id))
    }

    fn print(&self, program: &Program, root: Root, count: usize) -> Result<String, Stop> {
        Ok(program.render_many(self.plan.env(), root.value(), count)?)
    }

    /// The changes of each of the instances of a fragment.
    pub(super) fn fragment(&self, id: FragmentId, instances: &Instances<'_>) -> Result<Vec<Changes>, Stop> {
        let mut all: Vec<Changes> = Vec::new();
        all.resize_with(instances.pairs.len(), Vec::new);
        if all.is_empty() {
            return Ok(all);
        }
        let fragment = &self.fine.fragments[id];
        let mut affected = self.affected(fragment, instances);
        let (old, new) = self.print_affected(fragment, &mut affected, instances)?;
        for affected in affected {
            if let Some(texts) = &affected.texts {
                if CHECKED {
                    texts.compare(
                        fragment,
                        affected.slot,
                        affected.start,
                        old.as_ref(),
                        new.as_ref(),
                    )?;
                }
                Self::text_changes(&affected, texts, &mut all);
                continue;
            }
            let Affected {
                number,
                slot,
                arms,
                start,
                ..
            } = affected;
            match (&slot.kind, arms, &new) {
                (SlotKind::List(list), ..) => {
                    for (changes, pair) in all.iter_mut().zip(&instances.pairs) {
                        let change = self.list(slot, list, instances, pair)?;
                        changes.extend(change.map(|change| (number, Change::List(change))));
                    }
                }
                (SlotKind::Branch, Some(arms), _) => self.branch(number, &arms, instances, &mut all)?,
                (SlotKind::Branch, None, Some(new)) => {
                    let arms: Vec<Arms> = (0..all.len())
                        .map(|at| {
                            let shown = |printed: &Printed| arm_number(printed.cell(at, start));
                            let after = shown(new);
                            (old.as_ref().map_or(after, shown), after)
                        })
                        .collect();
                    self.branch(number, &arms, instances, &mut all)?;
                }
                (_, _, Some(new)) => {
                    // Where nothing that the slot reads changed, there is no state before to compare with.
                    let Some(old) = &old else { continue };
                    let place =
                        |hole: usize| start + slot.holes.iter().position(|known| *known == hole).unwrap_or(0);
                    for (at, changes) in all.iter_mut().enumerate() {
                        let change = change::printed(
                            slot,
                            &fragment.holes,
                            |hole| old.cell(at, place(hole)),
                            |hole| new.cell(at, place(hole)),
                        )?;
                        changes.extend(change.map(|change| (number, change)));
                    }
                }
                (_, _, None) => {}
            }
        }
        Ok(all)
    }

    /// The slots that may change in any of the instances.
    fn affected<'f>(&self, fragment: &'f Fragment, instances: &Instances<'_>) -> Vec<Affected<'f>> {
        // Slots of a group read the same, but for the last group, which may hold what was left.
        let mut known: Vec<Option<bool>> = vec![None; fragment.group.len()];
        let last = fragment.group.len().saturating_sub(1);
        let mut affected = Vec::new();
        for (number, slot) in fragment.slots.iter().enumerate() {
            let may_change = match known[slot.group] {
                Some(known) if slot.group < last => known,
                _ => self.may_change(&slot.all_reads, instances),
            };
            known[slot.group] = Some(may_change);
            if may_change {
                affected.push(Affected {
                    number,
                    slot,
                    arms: self.arms(slot, instances),
                    texts: self.texts(fragment, slot, instances),
                    start: 0,
                });
            }
        }
        affected
    }

    /// What a branch showed and shows in each of the instances, if its conditions are answered by the data.
    fn arms(&self, slot: &Slot, instances: &Instances<'_>) -> Option<Vec<Arms>> {
        let choice = slot.choice.as_ref()?;
        let before = self.may_change(&slot.reads, instances);
        let arms = instances.pairs.iter().map(|pair| {
            let after = choice.choose(&instances.place(pair, State::New, self.new))?;
            if before {
                Some((
                    choice.choose(&instances.place(pair, State::Old, self.old))?,
                    after,
                ))
            } else {
                Some((after, after))
            }
        });
        arms.collect()
    }

    /// Prints the slots that programs have to print, before and after, and notes where the texts of each start. Before
    /// only where a slot itself reads what changed.
    fn print_affected(
        &self,
        fragment: &Fragment,
        affected: &mut [Affected<'_>],
        instances: &Instances<'_>,
    ) -> Result<(Option<Printed>, Option<Printed>), Stop> {
        let (mut groups, mut before) = (0u64, false);
        for entry in &*affected {
            let is_known = entry.arms.is_some() || (entry.texts.is_some() && !CHECKED);
            if !is_known && !matches!(entry.slot.kind, SlotKind::List(_)) {
                groups |= 1 << entry.slot.group;
                before |= !matches!(entry.slot.kind, SlotKind::Check)
                    && self.may_change(&entry.slot.reads, instances);
            }
        }
        if groups == 0 {
            return Ok((None, None));
        }
        let mut width = 0;
        for number in &fragment.order {
            let slot = &fragment.slots[*number];
            if groups >> slot.group & 1 == 0 {
                continue;
            }
            if let Some(entry) = affected.iter_mut().find(|entry| entry.number == *number) {
                entry.start = width;
            }
            width += match slot.kind {
                SlotKind::List(_) => 0,
                SlotKind::Branch => 1,
                _ => slot.holes.len(),
            };
        }
        let count = instances.pairs.len();
        let alone = (groups.count_ones() == 1).then(|| groups.trailing_zeros() as usize);
        let alone = alone.and_then(|group| fragment.group[group].as_ref());
        let run = |side: &Side<'_>, row: fn(&Pair) -> usize| {
            let root = side.root_of(instances.pairs.iter().map(row));
            let printed = match alone {
                Some(program) => self.print(program, root, count)?,
                None => self.print(&fragment.own, root.wanting(groups), count)?,
            };
            Printed::cut(printed, count, width)
        };
        let new = run(&instances.new, |pair| pair.new)?;
        let old = before
            .then(|| Stop::before(run(&instances.old, |pair| pair.old)))
            .transpose()?;
        Ok((old, Some(new)))
    }

    /// The changes of a branch, which showed the first and shows the second of `arms` in each instance.
    fn branch(
        &self,
        number: usize,
        arms: &[Arms],
        instances: &Instances<'_>,
        all: &mut [Changes],
    ) -> Result<(), Stop> {
        let mut stay: BTreeMap<FragmentId, Vec<usize>> = BTreeMap::new();
        let mut come: BTreeMap<FragmentId, Vec<usize>> = BTreeMap::new();
        for (at, arms) in arms.iter().enumerate() {
            match *arms {
                (None, None) => {}
                (Some(_), None) => all[at].push((number, Change::Hide)),
                (old, Some(new)) if old == Some(new) => stay.entry(new).or_default().push(at),
                (_, Some(new)) => come.entry(new).or_default().push(at),
            }
        }
        for (arm, which) in stay {
            let inside = instances.only(which.iter().map(|&at| instances.pairs[at]).collect());
            for (at, changes) in which.into_iter().zip(self.fragment(arm, &inside)?) {
                if !changes.is_empty() {
                    all[at].push((number, Change::Inside(changes)));
                }
            }
        }
        for (arm, which) in come {
            let rows: Vec<usize> = which.iter().map(|&at| instances.pairs[at].new).collect();
            for (at, values) in which.into_iter().zip(self.values(arm, instances, &rows)?) {
                all[at].push((number, Change::Show(arm, values)));
            }
        }
        Ok(())
    }

    /// All values of some instances of a fragment after the change.
    pub(super) fn values(
        &self,
        id: FragmentId,
        instances: &Instances<'_>,
        rows: &[usize],
    ) -> Result<Vec<Vec<Tree>>, Stop> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.read_values(id, instances, rows);
        if !CHECKED && let Some(known) = known {
            return Ok(known);
        }
        let root = instances.new.root_of(rows.iter().copied());
        let printed = self.print(&self.fine.fragments[id].values, root, rows.len())?;
        let values = read(self.fine, id, printed, rows.len())?;
        match known {
            Some(known) if known != values => {
                let differ = known.iter().zip(&values).find(|(read, printed)| read != printed);
                Err(disagreement(
                    "a row or branch",
                    &differ.map(|(_, printed)| printed),
                    &differ.map(|(read, _)| read),
                ))
            }
            _ => Ok(values),
        }
    }

    /// The data before or after.
    pub(super) fn data(&self, state: State) -> &Snapshot {
        match state {
            State::Old => self.old,
            State::New => self.new,
        }
    }
}
