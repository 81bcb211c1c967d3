//! Which old row each new row is, and the order in which they then stand.

use std::collections::{HashMap, VecDeque};

use super::Run;
use super::values::Tree;

/// The old rows that are not matched yet.
pub(super) struct Matching {
    /// For each new row the old one that it is.
    pub(super) old_of: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Matching {
    /// Matches rows that are equal in place: at the start, at the end, and then wherever they went.
    pub(super) fn by_identity(
        old: usize,
        new: usize,
        same: impl Fn(usize, usize) -> bool,
        old_identity: impl Fn(usize) -> u64,
        new_identity: impl Fn(usize) -> u64,
    ) -> Self {
        let mut matching = Matching {
            old_of: vec![None; new],
            taken: vec![false; old],
        };
        let shorter = old.min(new);
        let prefix = (0..shorter).take_while(|&row| same(row, row)).count();
        (0..prefix).for_each(|row| matching.set(row, row));
        let suffix = (0..shorter - prefix)
            .take_while(|&row| same(old - 1 - row, new - 1 - row))
            .count();
        (0..suffix).for_each(|row| matching.set(new - 1 - row, old - 1 - row));
        if prefix + suffix < old && prefix + suffix < new {
            let mut places: HashMap<u64, VecDeque<usize>> = HashMap::new();
            for row in prefix..old - suffix {
                places.entry(old_identity(row)).or_default().push_back(row);
            }
            for row in prefix..new - suffix {
                let Some(candidates) = places.get_mut(&new_identity(row)) else {
                    continue;
                };
                if let Some(at) = candidates.iter().position(|&candidate| same(candidate, row))
                    && let Some(found) = candidates.remove(at)
                {
                    matching.set(row, found);
                }
            }
        }
        matching
    }

    fn set(&mut self, new: usize, old: usize) {
        self.old_of[new] = Some(old);
        self.taken[old] = true;
    }

    pub(super) fn unmatched_old(&self) -> Vec<usize> {
        (0..self.taken.len()).filter(|&row| !self.taken[row]).collect()
    }

    pub(super) fn unmatched_new(&self) -> Vec<usize> {
        (0..self.old_of.len())
            .filter(|&row| self.old_of[row].is_none())
            .collect()
    }

    /// Matches what is left by key; of equal keys the first with the first.
    pub(super) fn by_key(&mut self, old: Vec<(usize, String)>, new: Vec<(usize, String)>) {
        let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (row, key) in old {
            places.entry(key).or_default().push_back(row);
        }
        for (row, key) in new {
            if let Some(found) = places.get_mut(&key).and_then(VecDeque::pop_front) {
                self.set(row, found);
            }
        }
    }

    /// Matches what is left by its place between rows that are matched.
    pub(super) fn by_position(&mut self) {
        let mut next = Some(0);
        for row in 0..self.old_of.len() {
            match self.old_of[row] {
                Some(old) => next = Some(old + 1),
                None => {
                    if let Some(old) = next.filter(|&old| self.taken.get(old) == Some(&false)) {
                        self.set(row, old);
                        next = Some(old + 1);
                    }
                }
            }
        }
    }

    /// Whether each row is where it was, and none came or went.
    pub(super) fn is_unchanged(&self) -> bool {
        self.old_of.len() == self.taken.len()
            && self.old_of.iter().enumerate().all(|(row, old)| *old == Some(row))
    }

    /// The new order, with the values of the new rows as `values` gives them, in order.
    pub(super) fn order(&self, mut values: impl Iterator<Item = Vec<Tree>>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for old in &self.old_of {
            let Some(old) = *old else {
                runs.push(Run::New(values.next().unwrap_or_default()));
                continue;
            };
            if let Some(Run::Keep { start, count }) = runs.last_mut() {
                let length = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                if *count > 0 && *start + length == old {
                    *count += 1;
                    continue;
                }
                if *count < 0 && *start == old + length {
                    *count -= 1;
                    continue;
                }
                if *count == 1 && old + 1 == *start {
                    *count = -2;
                    continue;
                }
            }
            runs.push(Run::Keep { start: old, count: 1 });
        }
        runs
    }
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
        assert_eq!(matching.old_of, [Some(0), Some(1), Some(2), None]);
    }
}
