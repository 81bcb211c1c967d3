//! Times several things in turns, so that what else the machine does hits them alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a batch should take.
const BATCH: Duration = Duration::from_millis(1);

/// How many runs a batch has at most: inputs made for each run should still fit into the processor's caches.
const MOST_RUNS: u32 = 4096;

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How many batches of each thing.
    pub(crate) batches: u32,
}

/// Runs something so many times, and says how long that took (without what it prepared).
pub(crate) type Batch<'a> = Box<dyn FnMut(u32) -> Duration + 'a>;

/// The nanoseconds that one run of each takes: those of its fastest batch.
pub(crate) fn in_turns(effort: Effort, batches: Vec<Batch<'_>>) -> Vec<f64> {
    let mut things: Vec<_> = batches
        .into_iter()
        .map(|mut batch| {
            let runs = runs_in_a_batch(&mut batch);
            (batch, runs, f64::INFINITY)
        })
        .collect();
    for _ in 0..effort.batches {
        for (batch, runs, best) in &mut things {
            let nanoseconds = batch(*runs).as_secs_f64() * 1e9 / f64::from(*runs);
            *best = best.min(nanoseconds);
        }
    }
    things.into_iter().map(|(_, _, best)| best).collect()
}

/// How many runs make a batch of about the right length. Finding it out warms up.
fn runs_in_a_batch(batch: &mut dyn FnMut(u32) -> Duration) -> u32 {
    let mut runs = 1;
    loop {
        let took = batch(runs);
        if took * 2 > BATCH || runs >= MOST_RUNS {
            return runs;
        }
        runs *= 2;
    }
}

/// A batch of `run`; what it returns is dropped within the time.
pub(crate) fn batch<R>(runs: u32, mut run: impl FnMut() -> R) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        black_box(run());
    }
    start.elapsed()
}

/// A batch of `run`, each run with an input of its own, which is made and dropped outside of the time.
pub(crate) fn batch_with<I, R>(runs: u32, make: impl Fn() -> I, mut run: impl FnMut(&I) -> R) -> Duration {
    let inputs: Vec<I> = (0..runs).map(|_| make()).collect();
    let start = Instant::now();
    for input in &inputs {
        black_box(run(black_box(input)));
    }
    start.elapsed()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn takes_the_fastest_batch_of_each_and_takes_turns() {
        let order = RefCell::new(String::new());
        let first = |runs: u32| {
            order.borrow_mut().push('a');
            // One batch is faster than the others, which something else has disturbed.
            let fastest = order.borrow().len() == 5;
            Duration::from_millis(if fastest { 2 } else { 5 }) * runs
        };
        let second = |runs: u32| {
            order.borrow_mut().push('b');
            Duration::from_millis(7) * runs
        };
        let best = in_turns(Effort { batches: 2 }, vec![Box::new(first), Box::new(second)]);
        assert_eq!(best, [2e6, 7e6]);
        // Once each to find out how many runs make a batch, then in turns.
        assert_eq!(*order.borrow(), "ababab");
    }

    #[test]
    fn finds_how_many_runs_make_a_batch() {
        let runs = runs_in_a_batch(&mut |runs| Duration::from_micros(20) * runs);
        assert_eq!(runs, 32);
    }
}
