//! The values of a fragment, as its programs compute them.

use std::borrow::Cow;

use minijinja::Value;

use super::compare::Stop;
use crate::template::{Fine, FragmentId, HoleKind, Piece, SlotKind, text};

/// The value of one hole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// Text as the data has it: the document has one kind of line end only.
    Text(String),
    /// HTML as it is printed.
    Raw(String),
    /// The fragment that a branch shows, with its values.
    Branch(Option<(FragmentId, Vec<Tree>)>),
    List {
        item: FragmentId,
        rows: Vec<Row>,
        otherwise: Option<(FragmentId, Vec<Tree>)>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: Option<String>,
    pub(crate) values: Vec<Tree>,
}

/// Reads the list of values that the program of `fragment` left.
pub(crate) fn read(fine: &Fine, fragment: FragmentId, value: &Value) -> Result<Vec<Tree>, Stop> {
    let holes = &fine.fragments[fragment].holes;
    let mut values = items(value);
    let mut trees = Vec::with_capacity(holes.len());
    for (hole, kind) in holes.iter().enumerate() {
        let value = values.next().unwrap_or_default();
        trees.push(read_hole(fine, fragment, hole, *kind, &value)?);
    }
    Ok(trees)
}

pub(super) fn read_hole(
    fine: &Fine,
    fragment: FragmentId,
    hole: usize,
    kind: HoleKind,
    value: &Value,
) -> Result<Tree, Stop> {
    Ok(match kind {
        HoleKind::Text => Tree::Text(text_of(value)?),
        HoleKind::Raw => Tree::Raw(value.as_str().unwrap_or_default().to_owned()),
        HoleKind::Branch => Tree::Branch(read_arm(fine, value)?),
        HoleKind::List => {
            let mut parts = items(value);
            let rows = parts.next().unwrap_or_default();
            let otherwise = parts.next().unwrap_or_default();
            let slot = fine.fragments[fragment]
                .slots
                .iter()
                .find(|slot| slot.holes == [hole]);
            let Some(SlotKind::List(list)) = slot.map(|slot| &slot.kind) else {
                unreachable!("each list hole belongs to the slot of its list")
            };
            let count = fine.fragments[list.item].holes.len();
            let mut read_rows = Vec::new();
            for row in items(&rows) {
                let key = list.keys.as_ref().and_then(|_| row.get_item_by_index(count).ok());
                let key = key.and_then(|key| key.as_str().map(str::to_owned));
                read_rows.push(Row {
                    key,
                    values: read(fine, list.item, &row)?,
                });
            }
            Tree::List {
                item: list.item,
                rows: read_rows,
                otherwise: read_arm(fine, &otherwise)?,
            }
        }
    })
}

fn read_arm(fine: &Fine, value: &Value) -> Result<Option<(FragmentId, Vec<Tree>)>, Stop> {
    let Some(id) = value.get_item_by_index(0).ok().and_then(|id| id.as_usize()) else {
        return Ok(None);
    };
    let values = value.get_item_by_index(1).unwrap_or_default();
    Ok(Some((id, read(fine, id, &values)?)))
}

/// The text in what was printed for a text or an attribute.
fn text_of(value: &Value) -> Result<String, Stop> {
    let html = value.as_str().unwrap_or_default();
    // Markup in a text: a function returned a safe string where none was expected.
    if html.contains('<') && value.is_safe() {
        Err(Stop::Markup)
    } else {
        Ok(text::unescape(html))
    }
}

/// A slot's text as the document holds it, put together from its pieces.
pub(crate) fn join<'t>(pieces: &[Piece], place: text::Place, hole: impl Fn(usize) -> &'t Tree) -> String {
    let mut out = String::new();
    // A line feed right after a carriage return belongs to it, wherever the two come from.
    let mut after_return = false;
    for piece in pieces {
        let (printed, text) = match piece {
            Piece::Static { html, text } => (html.as_str(), Cow::Borrowed(text.as_str())),
            Piece::Hole(number) => match hole(*number) {
                Tree::Text(text) | Tree::Raw(text) => (text.as_str(), text::normalise(text, place)),
                _ => continue,
            },
        };
        if printed.is_empty() {
            continue;
        }
        let text = if after_return && printed.starts_with('\n') {
            text.strip_prefix('\n').unwrap_or(&text)
        } else {
            &text
        };
        out.push_str(text);
        after_return = printed.ends_with('\r');
    }
    out
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = Value> + use<> {
    value.try_iter().into_iter().flatten()
}
