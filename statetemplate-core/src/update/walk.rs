//! Walks a patch beside the values of the page, fragment by fragment.

use std::collections::BTreeMap;

use super::draft::{Draft, Made};
use super::rows::{self, Place, Step};
use super::{OptimizationLevel, Styling, UpdateAction, UpdateKind, WHOLE_PAGE, html, styling};
use crate::fragment::{Change, Changes, ListChange, Run, Tree, join};
use crate::template::{Fine, FragmentId, Slot, SlotKind, text};

pub(super) struct Maker<'m> {
    pub(super) fine: &'m Fine,
    pub(super) level: OptimizationLevel,
    pub(super) made: Made<'m>,
}

/// A fragment on the page, with its values after and, where they are needed, before.
pub(super) struct Instance<'t> {
    pub(super) fragment: FragmentId,
    /// Empty for the page.
    pub(super) address: String,
    pub(super) values: &'t [Tree],
    pub(super) before: Option<&'t [Tree]>,
}

impl<'t> Instance<'t> {
    fn id(&self) -> &str {
        if self.address.is_empty() {
            WHOLE_PAGE
        } else {
            &self.address
        }
    }

    fn slot_address(&self, slot: usize) -> String {
        if self.address.is_empty() {
            slot.to_string()
        } else {
            format!("{}.{slot}", self.address)
        }
    }

    /// The values of a branch or list, after and before.
    fn trees(&self, slot: &Slot) -> Option<(&'t Tree, Option<&'t Tree>)> {
        let hole = *slot.holes.first()?;
        Some((
            self.values.get(hole)?,
            self.before.and_then(|before| before.get(hole)),
        ))
    }
}

/// What a branch shows, or the `else` of a list.
fn arm(tree: &Tree) -> Option<(FragmentId, &[Tree])> {
    match tree {
        Tree::Branch(arm) | Tree::List { otherwise: arm, .. } => arm
            .as_ref()
            .map(|(fragment, values)| (*fragment, values.as_slice())),
        Tree::Text(_) | Tree::Raw(_) | Tree::Tag { .. } => None,
    }
}

fn row(tree: &Tree, at: usize) -> Option<&[Tree]> {
    match tree {
        Tree::List { rows, .. } => rows.get(at).map(Vec::as_slice),
        _ => None,
    }
}

/// Whether a change is one of the fragment's own parts, not of a fragment inside.
fn is_own(change: &Change) -> bool {
    matches!(
        change,
        Change::Text { .. } | Change::Attribute(_) | Change::Attributes(_) | Change::Region(_)
    )
}

impl Maker<'_> {
    /// Says how one fragment changes, with all inside it.
    pub(super) fn instance(&mut self, instance: &Instance<'_>, changes: &Changes) {
        if changes.iter().any(|(_, change)| is_own(change)) {
            if self.level == OptimizationLevel::None {
                let whole = html::of(self.fine, instance.fragment, instance.values);
                self.made.push(Draft::full(instance.id(), whole.clone()), &whole);
                return;
            }
            self.own(instance, changes);
        }
        let fine = self.fine;
        for (number, change) in changes {
            let slot = &fine.fragments[instance.fragment].slots[*number];
            let Some((tree, before)) = instance.trees(slot) else {
                continue;
            };
            let address = instance.slot_address(*number);
            match change {
                Change::Hide => self.made.push(Draft::new(&address, UpdateAction::Remove), ""),
                Change::Show(fragment, values) => self.show(&address, html::of(fine, *fragment, values)),
                Change::Inside(inside) => self.arm(address, (tree, before), inside),
                Change::List(list) => self.list(&address, (tree, before), list),
                Change::Text { .. } | Change::Attribute(_) | Change::Attributes(_) | Change::Region(_) => {}
            }
        }
    }

    /// One update for all of a fragment's own parts that change.
    fn own(&mut self, instance: &Instance<'_>, changes: &Changes) {
        let mut draft = Draft::new(instance.id(), UpdateAction::Replace);
        for (number, change) in changes {
            let slot = &self.fine.fragments[instance.fragment].slots[*number];
            let address = instance.slot_address(*number);
            match change {
                Change::Text { text, .. } => {
                    draft.content.text_nodes.insert(address, text.clone());
                }
                Change::Region(html) => {
                    draft.content.inner_html.insert(address, html.clone());
                }
                Change::Attributes(pairs) => {
                    let pairs = pairs.iter().cloned().collect();
                    draft.structure.attributes.insert(address, pairs);
                }
                Change::Attribute(value) => self.attribute(instance, slot, address, value, &mut draft),
                Change::Hide | Change::Show(..) | Change::Inside(_) | Change::List(_) => {}
            }
        }
        draft.kind = match (
            draft.content.is_empty(),
            draft.structure.is_empty(),
            draft.styling.is_empty(),
        ) {
            (_, true, true) => UpdateKind::Content,
            (true, false, true) => UpdateKind::Structural,
            _ => UpdateKind::Incremental,
        };
        let whole = html::of(self.fine, instance.fragment, instance.values);
        self.made.push(draft, &whole);
    }

    fn attribute(
        &self,
        instance: &Instance<'_>,
        slot: &Slot,
        address: String,
        value: &str,
        draft: &mut Draft,
    ) {
        let name = attribute_name(slot);
        let old = instance.before.map(|before| attribute_value(slot, before));
        match (name, old) {
            ("class", Some(old)) => {
                if let Some((added, removed)) = styling::classes(&old, value) {
                    let mut put = |into: fn(&mut Styling) -> &mut BTreeMap<String, Vec<String>>,
                                   classes: Vec<String>| {
                        if !classes.is_empty() {
                            into(&mut draft.styling).insert(address.clone(), classes);
                        }
                    };
                    put(|styling| &mut styling.class_additions, added);
                    put(|styling| &mut styling.class_removals, removed);
                    return;
                }
            }
            ("style", Some(old)) => {
                if let Some(changes) = styling::styles(&old, value) {
                    draft.styling.inline_styles.insert(address, changes);
                    return;
                }
            }
            _ => {}
        }
        let pair = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        draft.content.attributes.insert(address, pair);
    }

    /// The content of a branch or of a list, put there anew.
    fn show(&mut self, address: &str, html: String) {
        let mut draft = Draft::full(address, html.clone());
        if self.level >= OptimizationLevel::Structural {
            draft.kind = UpdateKind::Structural;
        }
        self.made.push(draft, &html);
    }

    fn arm(&mut self, address: String, (tree, before): (&Tree, Option<&Tree>), changes: &Changes) {
        if let Some((fragment, values)) = arm(tree) {
            let before = before.and_then(arm).filter(|(known, _)| *known == fragment);
            let inside = Instance {
                fragment,
                address,
                values,
                before: before.map(|(_, values)| values),
            };
            self.instance(&inside, changes);
        }
    }

    fn list(&mut self, address: &str, trees: (&Tree, Option<&Tree>), change: &ListChange) {
        match change {
            ListChange::Otherwise(fragment, values) => {
                self.show(address, html::of(self.fine, *fragment, values));
            }
            ListChange::InsideOtherwise(changes) => self.arm(format!("{address}.else"), trees, changes),
            ListChange::Rows {
                order,
                before,
                edits,
                item,
            } => {
                let order = order.as_ref().map(|runs| positions(runs));
                if let Some(order) = &order {
                    let steps = Some(order)
                        .filter(|_| self.level >= OptimizationLevel::Structural && *before > 0)
                        .and_then(|order| rows::steps(order, *before));
                    if order.is_empty() {
                        self.made.push(Draft::new(address, UpdateAction::Remove), "");
                        return;
                    }
                    let Some(steps) = steps else {
                        self.show(address, html::inside(self.fine, trees.0));
                        return;
                    };
                    self.steps(address, trees.0, *item, order, steps);
                }
                for (position, changes) in edits {
                    let Some(values) = row(trees.0, *position) else {
                        continue;
                    };
                    let old = match &order {
                        Some(order) => order.get(*position).copied().flatten(),
                        None => Some(*position),
                    };
                    let inside = Instance {
                        fragment: *item,
                        address: format!("{address}[{position}]"),
                        values,
                        before: trees.1.zip(old).and_then(|(tree, old)| row(tree, old)),
                    };
                    self.instance(&inside, changes);
                }
            }
        }
    }

    fn steps(
        &mut self,
        address: &str,
        tree: &Tree,
        item: FragmentId,
        order: &[Option<usize>],
        steps: Vec<Step>,
    ) {
        let row_id = |at: usize| format!("{address}[{at}]");
        let row_html =
            |at: usize| row(tree, at).map_or_else(String::new, |values| html::of(self.fine, item, values));
        // Where each old row ends up, for the HTML that a moved row has in the end.
        let end_of: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .filter_map(|(at, old)| old.map(|old| (old, at)))
            .collect();
        for step in steps {
            let (draft, whole) = match step {
                Step::Remove(at) => (Draft::new(&row_id(at), UpdateAction::Remove), String::new()),
                Step::Move { row, from, before } => {
                    let mut draft = Draft::new(&row_id(from), UpdateAction::Move);
                    draft.target_id = before.map(row_id);
                    (
                        draft,
                        end_of.get(&row).map_or_else(String::new, |at| row_html(*at)),
                    )
                }
                Step::Insert(place, rows) => {
                    let (action, target) = match place {
                        Place::First => (UpdateAction::Prepend, None),
                        Place::Last => (UpdateAction::Append, None),
                        Place::After(row) => (UpdateAction::InsertAfter, Some(row)),
                        Place::Before(row) => (UpdateAction::InsertBefore, Some(row)),
                    };
                    let html: String = rows.map(row_html).collect();
                    let mut draft = Draft::new(address, action);
                    draft.target_id = target.map(row_id);
                    draft.html = Some(html.clone());
                    (draft, html)
                }
            };
            self.made.push(draft, &whole);
        }
    }
}

/// A new order row by row: the old position of each, nothing for a new one.
fn positions(runs: &[Run]) -> Vec<Option<usize>> {
    let mut positions = Vec::new();
    for run in runs {
        match run {
            Run::New(_) => positions.push(None),
            Run::Keep { start, count } => {
                let steps = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                positions.extend(
                    (0..steps).map(|step| Some(if *count < 0 { start - step } else { start + step })),
                );
            }
        }
    }
    positions
}

/// The name of the attribute that a slot is, empty for another slot.
fn attribute_name(slot: &Slot) -> &str {
    // The place is "attribute NAME of <ELEMENT>".
    let name = slot
        .place
        .strip_prefix("attribute ")
        .and_then(|rest| rest.rsplit_once(" of <"));
    name.map_or("", |(name, _)| name)
}

/// The value of an attribute's slot, put together from the values of its fragment.
fn attribute_value(slot: &Slot, values: &[Tree]) -> String {
    let SlotKind::Attribute { pieces } = &slot.kind else {
        return String::new();
    };
    let text = |hole: usize| match values.get(hole) {
        Some(Tree::Text(text)) => &**text,
        _ => "",
    };
    join(pieces, text::Place::Attribute, text)
}

/// Whether a class or a style is among the changes.
pub(super) fn styles_change(fine: &Fine, fragment: FragmentId, changes: &Changes, values: &[Tree]) -> bool {
    changes.iter().any(|(number, change)| {
        let slot = &fine.fragments[fragment].slots[*number];
        let tree = slot.holes.first().and_then(|hole| values.get(*hole));
        let inside = |changes| {
            tree.and_then(arm)
                .is_some_and(|(fragment, values)| styles_change(fine, fragment, changes, values))
        };
        match change {
            Change::Attribute(_) => matches!(attribute_name(slot), "class" | "style"),
            Change::Inside(changes) | Change::List(ListChange::InsideOtherwise(changes)) => inside(changes),
            Change::List(ListChange::Rows { edits, item, .. }) => edits.iter().any(|(position, changes)| {
                tree.and_then(|tree| row(tree, *position))
                    .is_some_and(|values| styles_change(fine, *item, changes, values))
            }),
            _ => false,
        }
    })
}
