//! The values of a fragment, cut out of what its programs print.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use smol_str::SmolStr;

use super::compare::Stop;
use crate::template::{Cut, Cutter, Fine, FragmentId, Hole, HoleKind, List, Mark, Piece, SlotKind, text};

/// The value of one hole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    /// Text as the data has it: the document has one kind of line end only.
    Text(Text),
    /// HTML as it is printed.
    Raw(Text),
    /// Attributes as they are printed in a tag; `foreign` in one of SVG or MathML.
    Tag { html: Text, foreign: bool },
    /// The fragment that a branch shows, with its values.
    Branch(Option<(FragmentId, Vec<Tree>)>),
    List {
        item: FragmentId,
        rows: Vec<Vec<Tree>>,
        otherwise: Option<(FragmentId, Vec<Tree>)>,
    },
}

/// The text of a value, which costs as little memory of its own as may be.
#[derive(Clone)]
pub(crate) enum Text {
    /// A part of a text that many values were cut from.
    Cut {
        whole: Arc<str>,
        start: usize,
        end: usize,
    },
    /// A text of the data, shared with it.
    Own(SmolStr),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Cut { whole, start, end } => &whole[*start..*end],
            Text::Own(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Reads the values of `count` instances of a fragment from what its program printed.
pub(crate) fn read(
    fine: &Fine,
    fragment: FragmentId,
    printed: String,
    count: usize,
) -> Result<Vec<Vec<Tree>>, Stop> {
    let whole: Arc<str> = printed.into();
    let mut reader = Reader {
        fine,
        cutter: Cutter::new(&whole),
        whole: &whole,
    };
    let mut instances = Vec::with_capacity(count);
    for _ in 0..count {
        reader.expect(Mark::Row)?;
        instances.push(reader.fragment(fragment)?);
    }
    Ok(instances)
}

struct Reader<'r> {
    fine: &'r Fine,
    cutter: Cutter<'r>,
    whole: &'r Arc<str>,
}

impl Reader<'_> {
    fn expect(&mut self, mark: Mark) -> Result<Cut, Stop> {
        self.cutter
            .next()
            .filter(|cut| cut.mark == mark)
            .ok_or(Stop::Markup)
    }

    fn fragment(&mut self, id: FragmentId) -> Result<Vec<Tree>, Stop> {
        let holes = &self.fine.fragments[id].holes;
        let mut values = Vec::with_capacity(holes.len());
        for hole in holes {
            values.push(self.hole(id, hole)?);
        }
        Ok(values)
    }

    fn hole(&mut self, fragment: FragmentId, hole: &Hole) -> Result<Tree, Stop> {
        Ok(match hole.kind {
            HoleKind::Text => {
                let cut = self.expect(Mark::Hole)?;
                if !cut.special {
                    return Ok(Tree::Text(self.same(cut)));
                }
                let html = &self.whole[cut.start..cut.end];
                refuse_markup(html)?;
                Tree::Text(self.text(cut, text::unescape(html)))
            }
            HoleKind::Raw => {
                let cut = self.expect(Mark::Hole)?;
                Tree::Raw(self.same(cut))
            }
            HoleKind::Tag { foreign } => {
                let cut = self.expect(Mark::Hole)?;
                Tree::Tag {
                    html: self.same(cut),
                    foreign,
                }
            }
            HoleKind::Branch => Tree::Branch(self.arm()?),
            HoleKind::List => {
                self.expect(Mark::List)?;
                let item = list_of(self.fine, fragment, hole).item;
                let mut rows = Vec::new();
                while self.cutter.peek() == Some(Mark::Row) {
                    self.expect(Mark::Row)?;
                    rows.push(self.fragment(item)?);
                }
                let otherwise = match self.cutter.peek() {
                    Some(Mark::Arm) => self.arm()?,
                    _ => None,
                };
                self.expect(Mark::End)?;
                Tree::List {
                    item,
                    rows,
                    otherwise,
                }
            }
        })
    }

    fn text(&self, cut: Cut, decoded: Cow<'_, str>) -> Text {
        match decoded {
            Cow::Borrowed(_) => self.same(cut),
            Cow::Owned(text) => Text::Own(text.into()),
        }
    }

    /// What was cut, as it is.
    fn same(&self, cut: Cut) -> Text {
        Text::Cut {
            whole: Arc::clone(self.whole),
            start: cut.start,
            end: cut.end,
        }
    }

    fn arm(&mut self) -> Result<Option<(FragmentId, Vec<Tree>)>, Stop> {
        let cut = self.expect(Mark::Arm)?;
        match arm_number(&self.whole[cut.start..cut.end]) {
            Some(id) if id < self.fine.fragments.len() => Ok(Some((id, self.fragment(id)?))),
            _ => Ok(None),
        }
    }
}

/// The list that is a hole.
pub(super) fn list_of<'f>(fine: &'f Fine, fragment: FragmentId, hole: &Hole) -> &'f List {
    let slot = hole.slot.map(|slot| &fine.fragments[fragment].slots[slot].kind);
    match slot {
        Some(SlotKind::List(list)) => list,
        _ => unreachable!("each list hole belongs to the slot of its list"),
    }
}

/// The fragment that a branch shows, as a program names it; what it prints besides is white space of no meaning.
pub(super) fn arm_number(printed: &str) -> Option<FragmentId> {
    printed.parse().ok()
}

/// Markup in a text: a function returned a safe string where none was expected.
pub(super) fn refuse_markup(html: &str) -> Result<(), Stop> {
    if html.contains('<') {
        Err(Stop::Markup)
    } else {
        Ok(())
    }
}

/// How much memory a joined text starts with, in bytes: most texts and attributes are shorter.
const JOINED: usize = 64;

/// A slot's text as the document holds it, put together from its pieces.
pub(crate) fn join<T: Deref<Target = str>>(
    pieces: &[Piece],
    place: text::Place,
    hole: impl Fn(usize) -> T,
) -> String {
    let mut out = String::with_capacity(JOINED);
    // A line feed right after a carriage return belongs to it, wherever the two come from.
    let mut after_return = false;
    let mut push = |printed: &str, text: &str| {
        if printed.is_empty() {
            return;
        }
        let text = match text.strip_prefix('\n') {
            Some(rest) if after_return && printed.starts_with('\n') => rest,
            _ => text,
        };
        out.push_str(text);
        after_return = printed.ends_with('\r');
    };
    for piece in pieces {
        match piece {
            Piece::Static { html, text } => push(html, text),
            Piece::Hole(number) => {
                let printed = hole(*number);
                push(&printed, &text::normalise(&printed, place));
            }
        }
    }
    out
}
