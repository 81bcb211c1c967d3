//! Which old row each new row is, and the order in which they then stand.

use std::collections::HashMap;

use super::Run;
use super::values::Tree;

/// The rows of a list before and after, matched as far as that is known. Rows at both ends that did not change take no
/// memory, since in most updates that is nearly all of them.
pub(super) struct Matching {
    old: usize,
    new: usize,
    /// How many rows at the start, and at the end, are the same.
    prefix: usize,
    suffix: usize,
    /// For each new row in between the old one that it is.
    middle: Vec<Option<usize>>,
    /// Which of the old rows in between are matched.
    taken: Vec<bool>,
}

impl Matching {
    /// Matches rows that are equal: at the start, at the end, and then wherever they went.
    pub(super) fn by_identity(
        old: usize,
        new: usize,
        same: impl Fn(usize, usize) -> bool,
        old_identity: impl Fn(usize) -> u64,
        new_identity: impl Fn(usize) -> u64,
    ) -> Self {
        let shorter = old.min(new);
        let prefix = (0..shorter).take_while(|&row| same(row, row)).count();
        let suffix = (0..shorter - prefix)
            .take_while(|&row| same(old - 1 - row, new - 1 - row))
            .count();
        let mut matching = Matching {
            old,
            new,
            prefix,
            suffix,
            middle: vec![None; new - prefix - suffix],
            taken: vec![false; old - prefix - suffix],
        };
        if matching.middle.is_empty() || matching.taken.is_empty() {
            return matching;
        }
        // In a list that is as long as before most rows are where they were, even between two that changed places.
        if old == new {
            for row in matching.window() {
                if same(row, row) {
                    matching.set(row, row);
                }
            }
        }
        let (left_old, left_new) = (matching.unmatched_old(), matching.unmatched_new());
        matching.by_part(&left_old, &left_new, same, old_identity, new_identity);
        matching
    }

    /// Matches rows of which a part is the same; of equal ones the first with the first.
    pub(super) fn by_part(
        &mut self,
        old: &[usize],
        new: &[usize],
        same: impl Fn(usize, usize) -> bool,
        old_identity: impl Fn(usize) -> u64,
        new_identity: impl Fn(usize) -> u64,
    ) {
        let mut places: Vec<(u64, usize)> = old.iter().map(|&row| (old_identity(row), row)).collect();
        places.sort_unstable();
        // How many at the start of a run of equal identities are taken; kept at the run's first place.
        let mut gone = vec![0; places.len()];
        for &row in new {
            let wanted = new_identity(row);
            let first = places.partition_point(|(identity, _)| *identity < wanted);
            let mut at = first + gone.get(first).copied().unwrap_or(0);
            while let Some((_, candidate)) = places.get(at).filter(|(identity, _)| *identity == wanted) {
                let free = !self.taken[*candidate - self.prefix];
                if !free && at == first + gone[first] {
                    gone[first] += 1;
                }
                if free && same(*candidate, row) {
                    self.set(row, *candidate);
                    break;
                }
                at += 1;
            }
        }
    }

    /// Matches these rows, if each is where it was as far as `same` tells; says whether that is so. Of equal rows the
    /// first is then matched with the first, as they would be one by one.
    pub(super) fn in_place(
        &mut self,
        old: &[usize],
        new: &[usize],
        same: impl Fn(usize, usize) -> bool,
    ) -> bool {
        let is_so = old == new && new.iter().all(|&row| same(row, row));
        if is_so {
            new.iter().for_each(|&row| self.set(row, row));
        }
        is_so
    }

    /// The old row that a new row is.
    pub(super) fn old_of(&self, new: usize) -> Option<usize> {
        if new < self.prefix {
            Some(new)
        } else if new >= self.new - self.suffix {
            Some(self.old - (self.new - new))
        } else {
            self.middle[new - self.prefix]
        }
    }

    /// The new rows that may not be the same as an old one: all others are where nothing changed.
    pub(super) fn window(&self) -> std::ops::Range<usize> {
        self.prefix..self.new - self.suffix
    }

    fn set(&mut self, new: usize, old: usize) {
        self.middle[new - self.prefix] = Some(old);
        self.taken[old - self.prefix] = true;
    }

    pub(super) fn unmatched_old(&self) -> Vec<usize> {
        let free = self.taken.iter().enumerate().filter(|(_, taken)| !**taken);
        free.map(|(at, _)| self.prefix + at).collect()
    }

    pub(super) fn unmatched_new(&self) -> Vec<usize> {
        let free = self.middle.iter().enumerate().filter(|(_, old)| old.is_none());
        free.map(|(at, _)| self.prefix + at).collect()
    }

    /// Matches what is left by key; of equal keys the first with the first.
    pub(super) fn by_key<'k>(&mut self, old: &[(usize, &'k str)], new: &[(usize, &'k str)]) {
        // The last entry of `old` with each key, and for each entry the one after it with the same key.
        let mut first: HashMap<&str, usize> = HashMap::with_capacity(old.len());
        let mut following = vec![usize::MAX; old.len()];
        for (at, (_, key)) in old.iter().enumerate().rev() {
            if let Some(next) = first.insert(key, at) {
                following[at] = next;
            }
        }
        for (row, key) in new {
            if let Some(at) = first.get_mut(key)
                && let Some((found, _)) = old.get(*at)
            {
                *at = following[*at];
                self.set(*row, *found);
            }
        }
    }

    /// Matches what is left by its place between rows that are matched.
    pub(super) fn by_position(&mut self) {
        let mut next = Some(self.prefix);
        let end = self.old - self.suffix;
        for row in self.window() {
            match self.middle[row - self.prefix] {
                Some(old) => next = Some(old + 1),
                None => {
                    if let Some(old) = next.filter(|old| *old < end && !self.taken[old - self.prefix]) {
                        self.set(row, old);
                        next = Some(old + 1);
                    }
                }
            }
        }
    }

    /// Whether each row is where it was, and none came or went.
    pub(super) fn is_unchanged(&self) -> bool {
        self.old == self.new && self.window().all(|row| self.old_of(row) == Some(row))
    }

    /// The new order, with the values of the new rows as `values` gives them, in order.
    pub(super) fn order(&self, mut values: impl Iterator<Item = Vec<Tree>>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        keep(&mut runs, 0, self.prefix);
        let follows = |a: &Option<usize>, b: &Option<usize>| a.is_some() && a.map(|old| old + 1) == *b;
        for stretch in self.middle.chunk_by(follows) {
            match stretch[0] {
                Some(old) => keep(&mut runs, old, stretch.len()),
                None => runs.push(Run::New(values.next().unwrap_or_default())),
            }
        }
        keep(&mut runs, self.old - self.suffix, self.suffix);
        runs
    }
}

/// Adds `count` old rows from `start` on, as part of the last run where they continue it.
fn keep(runs: &mut Vec<Run>, start: usize, count: usize) {
    if count == 0 {
        return;
    }
    let added = i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(Run::Keep {
        start: first,
        count: kept,
    }) = runs.last_mut()
    {
        let length = usize::try_from(kept.unsigned_abs()).unwrap_or(usize::MAX);
        if *kept > 0 && *first + length == start {
            *kept += added;
            return;
        }
        if count == 1 && *kept < 0 && *first == start + length {
            *kept -= 1;
            return;
        }
        if count == 1 && *kept == 1 && start + 1 == *first {
            *kept = -2;
            return;
        }
    }
    runs.push(Run::Keep { start, count: added });
}

/// The longest increasing subsequence of distinct numbers, by patience sorting: the rows that need not move.
pub(crate) fn longest_increasing(numbers: &[usize]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        let length = tails.partition_point(|&tail| numbers[tail] < *number);
        before[at] = length.checked_sub(1).map(|shorter| tails[shorter]);
        if length == tails.len() {
            tails.push(at);
        } else {
            tails[length] = at;
        }
    }
    let mut out = Vec::with_capacity(tails.len());
    let mut at = tails.last().copied();
    while let Some(index) = at {
        out.push(numbers[index]);
        at = before[index];
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_increasing_subsequence_is_found() {
        assert!(longest_increasing(&[]).is_empty());
        assert_eq!(longest_increasing(&[3, 0, 1, 2]), [0, 1, 2]);
        assert_eq!(longest_increasing(&[4, 3, 2, 1]).len(), 1);
        assert_eq!(
            longest_increasing(&[0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]).len(),
            6
        );
    }

    #[test]
    fn rows_left_over_are_matched_within_their_gap_only() {
        let (old, new) = (["a", "b", "c"], ["a", "x", "c", "y"]);
        let same = |o: usize, n: usize| old[o] == new[n];
        let id = |text: &str| u64::from(text.as_bytes()[0]);
        let mut matching = Matching::by_identity(3, 4, same, |o| id(old[o]), |n| id(new[n]));
        matching.by_position();
        let old_of: Vec<_> = (0..4).map(|row| matching.old_of(row)).collect();
        assert_eq!(old_of, [Some(0), Some(1), Some(2), None]);
    }
}
