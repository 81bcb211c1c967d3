//! The change of one slot, from what programs printed for its holes.

use std::borrow::Cow;

use super::Change;
use super::compare::Stop;
use super::values::{join, refuse_markup};
use crate::template::{Hole, HoleKind, Slot, SlotKind, foreign, text};

/// The change of a slot that is a string; `old` and `new` give the printed text of a hole.
pub(super) fn printed<'t>(
    slot: &Slot,
    holes: &[Hole],
    old: impl Fn(usize) -> &'t str,
    new: impl Fn(usize) -> &'t str,
) -> Result<Option<Change>, Stop> {
    // What was shown of something impure is not known, and not compared.
    if !slot.reads.impure && slot.holes.iter().all(|&hole| old(hole) == new(hole)) {
        return Ok(None);
    }
    for &hole in &slot.holes {
        if holes[hole].kind == HoleKind::Text {
            refuse_markup(old(hole))?;
            refuse_markup(new(hole))?;
        }
    }
    let read = |printed: &'t str, hole: usize| match holes[hole].kind {
        HoleKind::Text => text::unescape(printed),
        HoleKind::Raw | HoleKind::Tag { .. } | HoleKind::Branch | HoleKind::List => Cow::Borrowed(printed),
    };
    Ok(between(
        slot,
        |hole| read(old(hole), hole),
        |hole| read(new(hole), hole),
    ))
}

/// The change of a slot from the values of its holes.
pub(super) fn between<'t>(
    slot: &Slot,
    old: impl Fn(usize) -> Cow<'t, str>,
    new: impl Fn(usize) -> Cow<'t, str>,
) -> Option<Change> {
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
            // What was shown of something impure is not known.
            let around = match place {
                text::Place::Html if !slot.reads.impure => white_space_around(&before, &after),
                _ => (0, 0),
            };
            (slot.reads.impure || before != after).then_some(Change::Text { text: after, around })
        }
        SlotKind::Attribute { pieces } => {
            let place = text::Place::Attribute;
            let (before, after) = (join(pieces, place, old), join(pieces, place, new));
            (slot.reads.impure || before != after).then_some(Change::Attribute(after))
        }
        SlotKind::Tag { foreign } => {
            let before = attributes(&old(first), *foreign);
            let after = attributes(&new(first), *foreign);
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
        SlotKind::Region => {
            let html = new(first);
            Some(Change::Region(if html.contains(['<', '&']) {
                html.into_owned()
            } else {
                text::normalise(&html, text::Place::Html).into_owned()
            }))
        }
        SlotKind::Branch | SlotKind::List(_) | SlotKind::Check => None,
    }
}

/// How many bytes of white space two texts begin and end with, if both begin and end with the same. Of a text that is
/// nothing else all counts as its end.
fn white_space_around(before: &str, after: &str) -> (usize, usize) {
    fn parts(text: &str) -> (&str, &str) {
        let (rest, end) = text.split_at(text.trim_end_matches(text::is_white_space).len());
        let start = rest.len() - rest.trim_start_matches(text::is_white_space).len();
        (&rest[..start], end)
    }
    let (start, end) = parts(after);
    if parts(before) == (start, end) {
        (start.len(), end.len())
    } else {
        (0, 0)
    }
}

/// The attributes in a stretch of a tag, by the names that the parser gives them.
pub(crate) fn attributes(html: &str, foreign: bool) -> Vec<(String, String)> {
    let mut found = text::attributes(html);
    if foreign {
        for (name, _) in &mut found {
            *name = foreign::attribute_name(name).to_owned();
        }
    }
    found
}
