//! Finds for each new item of a sequence the old one that it probably was.

use crate::snapshot::leaf::{self, Leaf};
use crate::snapshot::node::Node;

/// Finds the old items that are not where they are expected. Made when the first such item is met.
pub(super) struct Aligner {
    /// How far the last match was from its position; after an insertion all that follows is off by one.
    shift: isize,
    /// The same before the last jump: after two items that changed places the next ones are where they were.
    before: isize,
    last: usize,
    /// Whether the last item was nowhere: then its neighbours say nothing of the next one.
    adrift: bool,
    /// How often all items were looked through.
    scans: u8,
    /// The items' leaves in order, with their positions; made once looking through all would take too long.
    leaves: Option<Vec<(Leaf, usize)>>,
}

/// How often to look through all items before their leaves are put in order, which takes about as long as this.
const SCANS: u8 = 3;

impl Aligner {
    /// An aligner for new items the first `met` of which all were where they are expected.
    pub(super) fn new(met: usize) -> Aligner {
        Aligner {
            shift: 0,
            before: 0,
            last: met.saturating_sub(1),
            adrift: false,
            scans: 0,
            leaves: None,
        }
    }

    /// Where the item that is at `at` now has been, if it moved like the one before it.
    pub(super) fn expected(&self, at: usize) -> Option<usize> {
        at.checked_add_signed(self.shift)
    }

    /// The item was where it is expected.
    pub(super) fn met(&mut self, expected: usize) {
        self.last = expected;
    }

    /// Where in `items` one with the leaf `wanted`, which is at `at` now, has been. The next ones are then expected behind
    /// it.
    pub(super) fn find(&mut self, items: &[Node], at: usize, wanted: Leaf) -> Option<usize> {
        let beside = if self.adrift {
            None
        } else {
            self.beside(items, at, wanted)
        };
        let found = beside.or_else(|| self.anywhere(items, wanted));
        self.adrift = found.is_none();
        let found = found?;
        self.before = self.shift;
        self.shift = found as isize - at as isize;
        self.last = found;
        Some(found)
    }

    /// Looks where it is after one item is gone, where it is in a list that was reversed, and where it was before the
    /// last jump.
    fn beside(&self, items: &[Node], at: usize, wanted: Leaf) -> Option<usize> {
        let is = |at: &usize| {
            items
                .get(*at)
                .is_some_and(|item| leaf::of_node(item) == Some(wanted))
        };
        let next = self.last + 1;
        let before = || self.last.checked_sub(1).filter(is);
        let home = || at.checked_add_signed(self.before).filter(is);
        Some(next)
            .filter(is)
            .or_else(|| Some(next + 1).filter(is))
            .or_else(before)
            .or_else(home)
    }

    /// Looks everywhere. Among equal leaves the next one in order is the best guess, else the first.
    fn anywhere(&mut self, items: &[Node], wanted: Leaf) -> Option<usize> {
        let next = self.last + 1;
        if self.scans < SCANS {
            self.scans += 1;
            let (before, after) = items.split_at(next.min(items.len()));
            let is = |item: &Node| leaf::of_node(item) == Some(wanted);
            let found = after.iter().position(is).map(|at| next + at);
            return found.or_else(|| before.iter().position(is));
        }
        let leaves = self.leaves.get_or_insert_with(|| {
            let leaves = items.iter().enumerate();
            let mut leaves: Vec<_> = leaves
                .filter_map(|(at, item)| Some((leaf::of_node(item)?, at)))
                .collect();
            leaves.sort_unstable();
            leaves
        });
        let find = |from: usize| {
            let found = leaves.partition_point(|entry| *entry < (wanted, from));
            leaves
                .get(found)
                .filter(|(leaf, _)| *leaf == wanted)
                .map(|(_, position)| *position)
        };
        find(next).or_else(|| find(0))
    }
}
