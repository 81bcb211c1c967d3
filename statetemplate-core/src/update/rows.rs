//! From a list's new order to insertions, removals and moves.

use std::ops::Range;

use crate::fragment::longest_increasing;

/// A list that takes more steps is better sent anew.
const MOST_STEPS: usize = 500;

/// One step of bringing a list into its new order. Positions are those of the list as the steps before have left it.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Remove(usize),
    /// The new rows at these positions of the new order come in.
    Insert(Place, Range<usize>),
    Move {
        /// Its position in the list before all steps.
        row: usize,
        from: usize,
        /// The row that it goes before; the end without one.
        before: Option<usize>,
    },
}

/// Where rows come in.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    First,
    Last,
    After(usize),
    Before(usize),
}

/// The steps from a list of `before` rows to `order`, which names old rows by position and new ones as `None`; nothing
/// when they are too many.
pub(super) fn steps(order: &[Option<usize>], before: usize) -> Option<Vec<Step>> {
    let kept: Vec<usize> = order.iter().flatten().copied().collect();
    let mut stays = vec![false; before];
    longest_increasing(&kept)
        .iter()
        .for_each(|&row| stays[row] = true);
    let mut named = vec![false; before];
    kept.iter().for_each(|&row| named[row] = true);
    let moved = kept.iter().filter(|&&row| !stays[row]).count();
    let runs = order.chunk_by(|a, b| a.is_none() && b.is_none());
    let inserted = runs.filter(|run| run[0].is_none()).count();
    if before - kept.len() + moved + inserted > MOST_STEPS {
        return None;
    }

    let mut steps: Vec<Step> = (0..before)
        .rev()
        .filter(|&row| !named[row])
        .map(Step::Remove)
        .collect();
    // The list as it stands: old rows by number, new ones by nothing.
    let mut now: Vec<Option<usize>> = (0..before).filter(|&row| named[row]).map(Some).collect();
    // From the end on, each row is put before the one that follows it. What stays in place never moves, so a row's
    // follower is always where it belongs already.
    let mut follower: Option<usize> = None;
    let mut end = order.len();
    while end > 0 {
        let at = end - 1;
        let Some(row) = order[at] else {
            let start = order[..end]
                .iter()
                .rposition(Option::is_some)
                .map_or(0, |last| last + 1);
            let previous = start.checked_sub(1).and_then(|previous| order[previous]);
            let (place, to) = insertion(
                &now,
                &stays,
                previous,
                follower.map(|back| now.len() - back),
                start,
            );
            steps.push(Step::Insert(place, start..end));
            now.splice(to..to, (start..end).map(|_| None));
            follower = Some(now.len() - to);
            end = start;
            continue;
        };
        let from = now.iter().position(|known| *known == Some(row))?;
        let mut place = from;
        if !stays[row] {
            let before = follower.map(|back| now.len() - back);
            let to = before.unwrap_or(now.len());
            // A row that stands there already needs no step.
            if to != from + 1 {
                steps.push(Step::Move { row, from, before });
                now.remove(from);
                place = if to > from { to - 1 } else { to };
                now.insert(place, Some(row));
            }
        }
        follower = Some(now.len() - place);
        end = at;
    }
    Some(steps)
}

/// How to say where new rows come in, and the position that this is. A row that stays is the better target.
fn insertion(
    now: &[Option<usize>],
    stays: &[bool],
    previous: Option<usize>,
    follower: Option<usize>,
    start: usize,
) -> (Place, usize) {
    let Some(follower) = follower else {
        return (Place::Last, now.len());
    };
    if start == 0 {
        return (Place::First, 0);
    }
    let follower_stays = now[follower].is_some_and(|row| stays[row]);
    match previous.filter(|row| stays[*row] && !follower_stays) {
        Some(row) => {
            let at = now
                .iter()
                .position(|known| *known == Some(row))
                .unwrap_or(follower - 1);
            (Place::After(at), at + 1)
        }
        None => (Place::Before(follower), follower),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies steps as a receiver would; a new row is its position in the new order.
    fn apply(before: usize, steps: &[Step]) -> Vec<(bool, usize)> {
        let mut list: Vec<(bool, usize)> = (0..before).map(|row| (true, row)).collect();
        for step in steps {
            match step {
                Step::Remove(at) => {
                    list.remove(*at);
                }
                Step::Insert(place, rows) => {
                    let at = match place {
                        Place::First => 0,
                        Place::Last => list.len(),
                        Place::After(row) => row + 1,
                        Place::Before(row) => *row,
                    };
                    assert!(at <= list.len());
                    list.splice(at..at, rows.clone().map(|row| (false, row)));
                }
                Step::Move { from, before, .. } => {
                    let row = list.remove(*from);
                    let to = before.map_or(list.len(), |to| if to > *from { to - 1 } else { to });
                    list.insert(to, row);
                }
            }
        }
        list
    }

    fn wanted(order: &[Option<usize>]) -> Vec<(bool, usize)> {
        let rows = order.iter().enumerate();
        rows.map(|(at, row)| row.map_or((false, at), |row| (true, row)))
            .collect()
    }

    #[test]
    fn each_usual_change_is_one_step() {
        let five = || (0..5).map(Some);
        let move_first_last: Vec<_> = (1..5).chain([0]).map(Some).collect();
        assert_eq!(
            steps(&move_first_last, 5).unwrap(),
            [Step::Move {
                row: 0,
                from: 0,
                before: None
            }]
        );
        let move_last_first: Vec<_> = [4].into_iter().chain(0..4).map(Some).collect();
        assert_eq!(
            steps(&move_last_first, 5).unwrap(),
            [Step::Move {
                row: 4,
                from: 4,
                before: Some(0)
            }]
        );
        let append: Vec<_> = five().chain([None, None]).collect();
        assert_eq!(steps(&append, 5).unwrap(), [Step::Insert(Place::Last, 5..7)]);
        let prepend: Vec<_> = [None].into_iter().chain(five()).collect();
        assert_eq!(steps(&prepend, 5).unwrap(), [Step::Insert(Place::First, 0..1)]);
        let middle = [Some(0), None, Some(1)];
        assert_eq!(steps(&middle, 2).unwrap(), [Step::Insert(Place::Before(1), 1..2)]);
        let remove: Vec<_> = [0, 1, 3, 4].map(Some).to_vec();
        assert_eq!(steps(&remove, 5).unwrap(), [Step::Remove(2)]);
        assert_eq!(steps(&five().collect::<Vec<_>>(), 5).unwrap(), []);
    }

    #[test]
    fn too_many_steps_are_none() {
        let reverse: Vec<_> = (0..2_000).rev().map(Some).collect();
        assert_eq!(steps(&reverse, 2_000), None);
    }

    proptest! {
        #[test]
        fn steps_lead_to_the_new_order(
            before in 0usize..12,
            picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..16),
        ) {
            let mut left: Vec<usize> = (0..before).collect();
            let order: Vec<Option<usize>> = picks
                .into_iter()
                .map(|(index, new)| {
                    (!new && !left.is_empty()).then(|| left.remove(index.index(left.len())))
                })
                .collect();
            let steps = steps(&order, before).unwrap();
            prop_assert_eq!(apply(before, &steps), wanted(&order));
        }
    }
}
