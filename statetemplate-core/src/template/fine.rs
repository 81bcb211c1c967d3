//! What a plan knows of a page that is followed slot by slot: its fragments, their slots, and what these read.

use std::collections::BTreeMap;

use super::condition::{Condition, Lookup};
use super::draft::{FragmentId, HoleKind, ListSource, Piece};
use super::machinery::Program;
use super::reading::Reading;
use super::reads::LoopId;
use super::text;
use crate::PathStep;

#[derive(Debug)]
pub(crate) struct Fine {
    pub(super) page: Program,
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) paths: Vec<Vec<PathStep>>,
    /// The lists of the page that may be printed without a program: the slots of which they are.
    pub(crate) printed: BTreeMap<LoopId, (FragmentId, usize)>,
}

#[derive(Debug)]
pub(crate) struct Fragment {
    /// The HTML between its slots, with marks: one more than there are slots on the page.
    pub(crate) html: Vec<String>,
    /// Of its statics: the HTML, and what fills the slots.
    pub(crate) hash: String,
    pub(crate) holes: Vec<Hole>,
    pub(crate) slots: Vec<Slot>,
    /// Whether all its values can be read from the data, as far as the template tells.
    pub(crate) readable: bool,
    /// How it is printed without a program, where that can be.
    pub(crate) printing: Option<Vec<Print>>,
    /// Prints all its values.
    pub(crate) values: Program,
    /// Prints what its slots show by themselves, those of the groups that are wanted.
    pub(crate) own: Program,
    /// The numbers of the slots in the order in which they are printed.
    pub(crate) order: Vec<usize>,
    /// The same for one group alone, which is what most updates need; none for a group of lists.
    pub(crate) group: Vec<Option<Program>>,
}

/// A step of printing a fragment.
#[derive(Debug)]
pub(crate) enum Print {
    Html(String),
    Hole(usize),
    /// The branch or list that is this slot.
    Slot(usize),
}

/// One value of a fragment.
#[derive(Debug)]
pub(crate) struct Hole {
    pub(crate) kind: HoleKind,
    /// How its text is read from the data, where that can be.
    pub(crate) reading: Option<Vec<Reading>>,
    /// The slot of a branch or a list.
    pub(crate) slot: Option<usize>,
}

/// What fills a slot of a new instance.
#[derive(Debug)]
pub(crate) enum Fill<'f> {
    Text {
        pieces: &'f [Piece],
        drops_newline: bool,
        place: text::Place,
    },
    Attribute(&'f [Piece]),
    /// A region, the attributes of a tag, or a branch.
    Hole(usize),
    List(usize, FragmentId),
}

impl Fragment {
    /// What fills its slots, in their order.
    pub(crate) fn fills(&self) -> impl Iterator<Item = Fill<'_>> {
        self.slots.iter().filter_map(|slot| {
            let hole = slot.holes.first().copied();
            match &slot.kind {
                SlotKind::Text {
                    pieces,
                    drops_newline,
                    place,
                } => Some(Fill::Text {
                    pieces,
                    drops_newline: *drops_newline,
                    place: *place,
                }),
                SlotKind::Attribute { pieces } => Some(Fill::Attribute(pieces)),
                SlotKind::Tag { .. } | SlotKind::Region | SlotKind::Branch => hole.map(Fill::Hole),
                SlotKind::List(list) => hole.map(|hole| Fill::List(hole, list.item)),
                SlotKind::Check => None,
            }
        })
    }
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    /// What the slot's own program reads.
    pub(crate) reads: Dependencies,
    /// What the slot and all inside it reads.
    pub(crate) all_reads: Dependencies,
    /// Slots of a fragment that read the same are one group.
    pub(crate) group: usize,
    /// The holes that the slot's value consists of, in the order in which programs print them.
    pub(crate) holes: Vec<usize>,
    pub(crate) place: String,
    /// Whether its program sets names, and may fail at that.
    pub(crate) sets: bool,
    /// A branch whose conditions are plain questions about the data.
    pub(crate) choice: Option<Choice>,
}

/// What a branch shows when, and what otherwise.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(super) arms: Vec<(Condition, Option<FragmentId>)>,
    pub(super) otherwise: Option<FragmentId>,
}

impl Choice {
    /// The fragment that is shown; nothing when a condition that decides it can't be told.
    pub(crate) fn choose(&self, lookup: &dyn Lookup) -> Option<Option<FragmentId>> {
        for (condition, arm) in &self.arms {
            if condition.holds(lookup)? {
                return Some(*arm);
            }
        }
        Some(self.otherwise)
    }
}

#[derive(Debug)]
pub(crate) enum SlotKind {
    Text {
        pieces: Vec<Piece>,
        drops_newline: bool,
        place: text::Place,
    },
    Attribute {
        pieces: Vec<Piece>,
    },
    Tag {
        /// Whether it is a tag of SVG or MathML.
        foreign: bool,
    },
    Region,
    Branch,
    List(Box<List>),
    /// Shows nothing: its program fails where the page does.
    Check,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) id: LoopId,
    pub(crate) item: FragmentId,
    pub(crate) otherwise: Option<FragmentId>,
    /// Leaves the list's items on the stack.
    pub(crate) items: Program,
    /// What the list runs over, where that is a part of the data and nothing else.
    pub(crate) source: Option<ListSource>,
    pub(crate) keys: Option<Keys>,
    /// What a row reads beside its item and its counter.
    pub(crate) row_reads: Dependencies,
    /// Whether programs for rows are given the `loop` variable.
    pub(crate) counted: bool,
    /// The attributes of `loop` that a row reads.
    pub(crate) counters: Vec<&'static str>,
}

/// What tells a list's rows from one another.
#[derive(Debug)]
pub(crate) enum Keys {
    /// What is at these paths of an item: nothing else makes up its key.
    Data(Vec<Vec<PathStep>>),
    /// Prints the keys of some rows.
    Printed(Program),
}

/// [`Reads`] with the paths numbered.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) paths: Vec<usize>,
    /// Loops with paths within their item.
    pub(crate) items: Vec<(LoopId, Vec<PathStep>)>,
    pub(crate) counters: Vec<LoopId>,
    pub(crate) everything: bool,
    /// Whether something impure is called: then the value before is not known.
    pub(crate) impure: bool,
}
