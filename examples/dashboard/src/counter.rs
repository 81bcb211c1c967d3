//! The counter: between zero and its maximum, with a short history.

use jiff::Timestamp;

use crate::data::{CounterAction, CounterChange, Dashboard};

/// How many changes the history keeps.
const HISTORY: usize = 5;

impl Dashboard {
    /// Changes the counter and notes it in the history. A counter that stands at its limit stays there, unnoted: the page
    /// disables the button, but a click may already have been on its way.
    pub(crate) fn count(&mut self, action: CounterAction, now: Timestamp) {
        let value = match action {
            CounterAction::Increment => self.counter.saturating_add(1).min(self.max_counter),
            CounterAction::Decrement => self.counter.saturating_sub(1).max(0),
            CounterAction::Reset => 0,
        };
        if value == self.counter {
            return;
        }
        self.counter = value;
        let number = self.counter_history.first().map_or(1, |last| last.number + 1);
        self.counter_history.insert(
            0,
            CounterChange {
                number,
                action,
                value,
                timestamp: now,
            },
        );
        self.counter_history.truncate(HISTORY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn counted(actions: &[CounterAction]) -> Dashboard {
        let now = Timestamp::UNIX_EPOCH;
        let mut page = Dashboard {
            counter: 0,
            counter_history: Vec::new(),
            ..sample::dashboard(now)
        };
        for action in actions {
            page.count(*action, now);
        }
        page
    }

    #[test]
    fn counts_up_and_down_and_notes_it() {
        let page = counted(&[
            CounterAction::Increment,
            CounterAction::Increment,
            CounterAction::Decrement,
        ]);
        assert_eq!(page.counter, 1);
        let history: Vec<_> = page
            .counter_history
            .iter()
            .map(|c| (c.number, c.action, c.value))
            .collect();
        assert_eq!(
            history,
            [
                (3, CounterAction::Decrement, 1),
                (2, CounterAction::Increment, 2),
                (1, CounterAction::Increment, 1)
            ]
        );
    }

    #[test]
    fn stops_at_its_limits() {
        let page = counted(&[CounterAction::Decrement]);
        assert_eq!((page.counter, page.counter_history.len()), (0, 0));
        let page = counted(&[CounterAction::Increment; 12]);
        assert_eq!(page.counter, page.max_counter);
        assert_eq!(page.counter_history[0].number, 10);
    }

    #[test]
    fn keeps_the_newest_changes() {
        let page = counted(&[CounterAction::Increment; 8]);
        let numbers: Vec<_> = page.counter_history.iter().map(|c| c.number).collect();
        assert_eq!(numbers, [8, 7, 6, 5, 4]);
    }

    #[test]
    fn a_reset_goes_to_zero_once() {
        let page = counted(&[
            CounterAction::Increment,
            CounterAction::Reset,
            CounterAction::Reset,
        ]);
        assert_eq!(page.counter, 0);
        assert_eq!(page.counter_history.len(), 2);
    }
}
