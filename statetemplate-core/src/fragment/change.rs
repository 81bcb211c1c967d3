//! The change of one slot between two values, and of a fragment between all its values.

use super::compare::Stop;
use super::values::{Tree, join, refuse_markup};
use super::{Change, Changes};
use crate::template::{Fine, FragmentId, HoleKind, Slot, SlotKind, text};

/// The change of a slot that is a string, from what programs printed for its holes: `old` and `new` give the printed
/// text of a hole.
pub(super) fn printed<'t>(
    slot: &Slot,
    kinds: &[HoleKind],
    old: impl Fn(usize) -> &'t str,
    new: impl Fn(usize) -> &'t str,
) -> Result<Option<Change>, Stop> {
    if slot.holes.iter().all(|&hole| old(hole) == new(hole)) {
        return Ok(None);
    }
    for &hole in &slot.holes {
        if kinds[hole] == HoleKind::Text {
            refuse_markup(old(hole))?;
            refuse_markup(new(hole))?;
        }
    }
    let read = |printed: &'t str, hole: usize| match kinds[hole] {
        HoleKind::Text => text::decode(printed),
        HoleKind::Raw | HoleKind::Branch | HoleKind::List => text::normalise(printed),
    };
    Ok(between(
        slot,
        |hole| read(old(hole), hole),
        |hole| read(new(hole), hole),
    ))
}

/// The changes between all values of a fragment and all its values after.
pub(super) fn trees(fine: &Fine, id: FragmentId, old: &[Tree], new: &[Tree]) -> Changes {
    let mut changes = Vec::new();
    for (number, slot) in fine.fragments[id].slots.iter().enumerate() {
        let first = slot.holes.first().map(|&hole| (&old[hole], &new[hole]));
        let change = match (&slot.kind, first) {
            (SlotKind::Branch, Some((Tree::Branch(old), Tree::Branch(new)))) => match (old, new) {
                (Some((old_id, old)), Some((new_id, new))) if old_id == new_id => {
                    let inside = trees(fine, *new_id, old, new);
                    (!inside.is_empty()).then_some(Change::Inside(inside))
                }
                (None, None) => None,
                (_, None) => Some(Change::Hide),
                (_, Some((id, values))) => Some(Change::Show(*id, values.clone())),
            },
            _ if slot.holes.iter().all(|&hole| old[hole] == new[hole]) => None,
            _ => between(slot, |hole| text_of(&old[hole]), |hole| text_of(&new[hole])),
        };
        changes.extend(change.map(|change| (number, change)));
    }
    changes
}

fn text_of(tree: &Tree) -> &str {
    match tree {
        Tree::Text(text) | Tree::Raw(text) => text,
        Tree::Branch(_) | Tree::List { .. } => "",
    }
}

/// The change of a slot that is a string, from the values of its holes.
fn between<T: std::ops::Deref<Target = str>>(
    slot: &Slot,
    old: impl Fn(usize) -> T,
    new: impl Fn(usize) -> T,
) -> Option<Change> {
    let first = slot.holes.first().copied().unwrap_or(0);
    match &slot.kind {
        SlotKind::Text {
            pieces,
            drops_newline,
        } => {
            let shown = |text: String| match text.strip_prefix('\n') {
                Some(rest) if *drops_newline => rest.to_owned(),
                _ => text,
            };
            let (before, after) = (shown(join(pieces, old)), shown(join(pieces, new)));
            (before != after).then_some(Change::Text(after))
        }
        SlotKind::Attribute { pieces } => {
            let (before, after) = (join(pieces, old), join(pieces, new));
            (before != after).then_some(Change::Attribute(after))
        }
        SlotKind::Tag => {
            let before = text::attributes(&old(first));
            let after = text::attributes(&new(first));
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
        SlotKind::Region { .. } => Some(Change::Region(new(first).to_owned())),
        SlotKind::Branch | SlotKind::List(_) => None,
    }
}
