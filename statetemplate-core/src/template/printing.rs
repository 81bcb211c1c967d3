//! Which fragments and lists are printed from the data, without a program.

use std::collections::BTreeMap;

use super::draft::{DraftKind, FragmentId, HoleSource, Op, Piece, Scope, SlotDraft, ValueStep};
use super::fine::Print;
use super::layout::Layout;
use super::reads::LoopId;

/// The lists that stand in no other list and may be printed without a program, each with its slot.
pub(super) fn printed_lists(layout: &Layout<'_>) -> BTreeMap<LoopId, (FragmentId, usize)> {
    let mut found = BTreeMap::new();
    if !layout.prints_as_usual() {
        return found;
    }
    for (id, draft) in layout.fragments.iter().enumerate() {
        for (number, slot) in draft.slots.iter().enumerate() {
            let DraftKind::List(list) = &slot.kind else {
                continue;
            };
            let is_inside = slot.scope.iter().any(|step| matches!(step, Scope::Loop(..)));
            let mut parts = std::iter::once(list.item).chain(list.otherwise);
            if list.source.is_some() && !is_inside && parts.all(|part| printing(layout, part).is_some()) {
                found.insert(list.id, (id, number));
            }
        }
    }
    found
}

/// Whether the data alone tells all values of a fragment, and of those in it.
pub(super) fn is_readable(layout: &Layout<'_>, id: FragmentId) -> bool {
    let draft = &layout.fragments[id];
    let must_run = |slot: &SlotDraft<'_>| matches!(slot.kind, DraftKind::Check(_)) || slot.sets;
    !draft.slots.iter().any(must_run)
        && draft.holes.iter().all(|hole| match hole.source {
            HoleSource::Nodes(_) => hole.reading.is_some(),
            HoleSource::Slot(slot) => match &draft.slots[slot].kind {
                DraftKind::Branch {
                    arms,
                    otherwise,
                    conditions: Some(_),
                    ..
                } => {
                    let mut inside = arms.iter().filter_map(|(_, arm)| *arm).chain(*otherwise);
                    inside.all(|arm| is_readable(layout, arm))
                }
                DraftKind::List(list) => {
                    let mut inside = std::iter::once(list.item).chain(list.otherwise);
                    list.source.is_some() && inside.all(|id| is_readable(layout, id))
                }
                _ => false,
            },
        })
}

/// How a fragment is printed without a program.
pub(super) fn printing(layout: &Layout<'_>, id: FragmentId) -> Option<Vec<Print>> {
    if !is_readable(layout, id) {
        return None;
    }
    let draft = &layout.fragments[id];
    let mut prints: Vec<Print> = Vec::new();
    let html = |text: &str, prints: &mut Vec<Print>| match prints.last_mut() {
        Some(Print::Html(last)) => last.push_str(text),
        _ => prints.push(Print::Html(text.to_owned())),
    };
    for op in &draft.ops {
        match op {
            Op::Raw(text) => html(text, &mut prints),
            // What it defines, or changes, may matter elsewhere.
            Op::Silent(_) | Op::HeadEnd => return None,
            Op::Slot(slot) => match &draft.slots[*slot].kind {
                DraftKind::Text { pieces, steps, .. }
                | DraftKind::Attribute {
                    pieces,
                    steps,
                    unquoted: false,
                    ..
                } => {
                    if steps.iter().any(|step| matches!(step, ValueStep::Silent(_))) {
                        return None;
                    }
                    for piece in pieces {
                        match piece {
                            Piece::Static { html: text, .. } => html(text, &mut prints),
                            Piece::Hole(hole) => prints.push(Print::Hole(*hole)),
                        }
                    }
                }
                DraftKind::Attribute { unquoted: true, .. } => return None,
                DraftKind::Tag { hole, .. } | DraftKind::Region { hole, .. } => {
                    prints.push(Print::Hole(*hole));
                }
                DraftKind::Branch { .. } | DraftKind::List(_) => prints.push(Print::Slot(*slot)),
                DraftKind::Check(_) => return None,
            },
        }
    }
    let inside = draft.slots.iter().flat_map(|slot| match &slot.kind {
        DraftKind::Branch { arms, otherwise, .. } => arms
            .iter()
            .filter_map(|(_, arm)| *arm)
            .chain(*otherwise)
            .collect(),
        DraftKind::List(list) => std::iter::once(list.item).chain(list.otherwise).collect(),
        _ => Vec::new(),
    });
    inside
        .into_iter()
        .all(|id| printing(layout, id).is_some())
        .then_some(prints)
}
