//! Makes updates from a patch.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::rows::{self, Place, Step};
use super::{
    Content, OptimizationLevel, Structure, Styling, Update, UpdateAction, UpdateKind, html, styling,
};
use crate::fragment::{Change, Changes, ListChange, Run, Stop, Tree, join, read};
use crate::store::Timestamp;
use crate::template::{Fine, FragmentId, PAGE, Root, Slot, SlotKind};
use crate::{Error, Patch, Plan, Snapshot};

/// The address of the whole page.
const WHOLE_PAGE: &str = "page";

impl Update {
    /// Puts a patch into words that any transport can carry: the updates that bring a page of `plan` from `old` to `new`,
    /// in order. `patch` is the [`diff`](crate::diff) of the two.
    ///
    /// `sequence` is the last number that was used; it is moved on. An empty patch gives one update of the kind
    /// [`UpdateKind::NoOp`]. A patch that [is a refresh](Patch::is_refresh), and any patch of a page that prints HTML where
    /// text is expected, gives the whole page.
    ///
    /// This evaluates the page's values once, and a second time for differences of classes and styles, because hashes and
    /// savings need the fragments as a whole. The wire's own frames ([`wire`](crate::wire)) cost less.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`](crate::ErrorKind::Template) when the template fails on one of the two.
    pub fn from_patch(
        plan: &Plan,
        patch: &Patch,
        old: &Snapshot,
        new: &Snapshot,
        level: OptimizationLevel,
        sequence: &mut u64,
    ) -> Result<Vec<Update>, Error> {
        let mut made = Made {
            sequence,
            at: Timestamp::now(),
            updates: Vec::new(),
        };
        if patch.is_empty() {
            let page = plan.render(new, "")?;
            let draft = Draft {
                kind: UpdateKind::NoOp,
                ..Draft::new(WHOLE_PAGE, UpdateAction::Replace)
            };
            made.push(draft, &page);
            return Ok(made.updates);
        }
        let fine = plan.fine().filter(|_| !patch.refresh);
        let values = match fine {
            Some(fine) => page_values(plan, fine, new)?.map(|values| (fine, values)),
            None => None,
        };
        let Some((fine, values)) = values else {
            let page = plan.render(new, "")?;
            made.push(Draft::full(WHOLE_PAGE, page.clone()), &page);
            return Ok(made.updates);
        };
        let needs_old =
            level >= OptimizationLevel::Maximal && styles_change(fine, PAGE, &patch.changes, &values);
        let before = if needs_old {
            page_values(plan, fine, old)?
        } else {
            None
        };
        let mut maker = Maker { fine, level, made };
        let page = Instance {
            fragment: PAGE,
            address: String::new(),
            values: &values,
            before: before.as_deref(),
        };
        maker.instance(&page, &patch.changes);
        Ok(maker.made.updates)
    }
}

/// All values of the page; `None` when it prints HTML where text is expected.
pub(super) fn page_values(plan: &Plan, fine: &Fine, data: &Snapshot) -> Result<Option<Vec<Tree>>, Error> {
    let program = &fine.fragments[PAGE].values;
    let values = program
        .value(plan.env(), Root::new(data).value())
        .map_err(Stop::from)
        .and_then(|value| read(fine, PAGE, &value));
    match values {
        Ok(values) => Ok(Some(values)),
        Err(Stop::Markup) => Ok(None),
        Err(Stop::Failed(error)) => Err(plan.explain_error(error, data)),
    }
}

/// The updates made so far.
struct Made<'m> {
    sequence: &'m mut u64,
    at: Timestamp,
    updates: Vec<Update>,
}

/// What an update says, before it is numbered.
struct Draft {
    fragment_id: String,
    action: UpdateAction,
    target_id: Option<String>,
    html: Option<String>,
    kind: UpdateKind,
    content: Content,
    styling: Styling,
    structure: Structure,
}

impl Draft {
    fn new(fragment_id: &str, action: UpdateAction) -> Self {
        Draft {
            fragment_id: fragment_id.to_owned(),
            action,
            target_id: None,
            html: None,
            kind: UpdateKind::Structural,
            content: Content::default(),
            styling: Styling::default(),
            structure: Structure::default(),
        }
    }

    fn full(fragment_id: &str, html: String) -> Self {
        Draft {
            html: Some(html),
            kind: UpdateKind::Full,
            ..Draft::new(fragment_id, UpdateAction::Replace)
        }
    }

    /// The bytes of what the update says.
    fn size(&self) -> usize {
        let parts = serde_json::to_string(&(&self.content, &self.styling, &self.structure));
        match &self.html {
            Some(html) => html.len(),
            None if self.content.is_empty() && self.styling.is_empty() && self.structure.is_empty() => 0,
            None => parts.map_or(0, |json| json.len()),
        }
    }
}

impl Made<'_> {
    /// Numbers an update of a fragment that is `whole` after it.
    fn push(&mut self, draft: Draft, whole: &str) {
        *self.sequence += 1;
        let saved = whole.len().saturating_sub(draft.size());
        self.updates.push(Update {
            sequence_number: *self.sequence,
            content_hash: URL_SAFE_NO_PAD.encode(&Sha256::digest(whole.as_bytes())[..16]),
            bytes_saved: u64::try_from(saved).unwrap_or(u64::MAX),
            timestamp: self.at,
            fragment_id: draft.fragment_id,
            action: draft.action,
            target_id: draft.target_id,
            html: draft.html,
            kind: draft.kind,
            content: draft.content,
            styling: draft.styling,
            structure: draft.structure,
        });
    }
}

struct Maker<'m> {
    fine: &'m Fine,
    level: OptimizationLevel,
    made: Made<'m>,
}

/// A fragment on the page, with its values after and, where they are needed, before.
struct Instance<'t> {
    fragment: FragmentId,
    /// Empty for the page.
    address: String,
    values: &'t [Tree],
    before: Option<&'t [Tree]>,
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
        Tree::Text(_) | Tree::Raw(_) => None,
    }
}

fn row(tree: &Tree, at: usize) -> Option<&[Tree]> {
    match tree {
        Tree::List { rows, .. } => rows.get(at).map(|row| row.values.as_slice()),
        _ => None,
    }
}

/// Whether a change is one of the fragment's own parts, not of a fragment inside.
fn is_own(change: &Change) -> bool {
    matches!(
        change,
        Change::Text(_) | Change::Attribute(_) | Change::Attributes(_) | Change::Region(_)
    )
}

impl Maker<'_> {
    fn instance(&mut self, instance: &Instance<'_>, changes: &Changes) {
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
                Change::Text(_) | Change::Attribute(_) | Change::Attributes(_) | Change::Region(_) => {}
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
                Change::Text(text) => {
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
    join(pieces, |hole| &values[hole])
}

/// Whether a class or a style is among the changes.
fn styles_change(fine: &Fine, fragment: FragmentId, changes: &Changes, values: &[Tree]) -> bool {
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
