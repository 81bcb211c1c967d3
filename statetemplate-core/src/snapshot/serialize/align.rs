//! Finds for each new item of a sequence the old one that it probably was.

use crate::snapshot::leaf::{self, Leaf};
use crate::snapshot::node::Node;

/// Where old items are that do not stand where they are expected. Made when the first such item is met.
pub(super) struct Aligner {
    /// How far the last match was from its position; after an insertion all that follows is off by one.
    shift: isize,
    last: usize,
    /// The old items' leaves in order, with their positions.
    leaves: Vec<(Leaf, usize)>,
}

impl Aligner {
    /// An aligner for new items the first `met` of which all were where they are expected.
    pub(super) fn new(items: &[Node], met: usize) -> Aligner {
        let leaves = items.iter().enumerate();
        let mut leaves: Vec<_> = leaves
            .filter_map(|(at, item)| Some((leaf::of_node(item)?, at)))
            .collect();
        leaves.sort_unstable();
        Aligner {
            shift: 0,
            last: met.saturating_sub(1),
            leaves,
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

    /// Where an item with the leaf `wanted`, which is at `at` now, has been. The next ones are then expected behind it.
    pub(super) fn find(&mut self, at: usize, wanted: Leaf) -> Option<usize> {
        let find = |from: usize| {
            let found = self.leaves.partition_point(|entry| *entry < (wanted, from));
            self.leaves
                .get(found)
                .filter(|(leaf, _)| *leaf == wanted)
                .map(|(_, position)| *position)
        };
        // Among equal leaves the next one in order is the best guess, else the first.
        let found = find(self.last + 1).or_else(|| find(0))?;
        self.shift = found as isize - at as isize;
        self.last = found;
        Some(found)
    }
}
