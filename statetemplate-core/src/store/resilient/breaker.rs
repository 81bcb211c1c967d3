//! The circuit breaker's state, and who may change it to what.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::watch;

/// Whether the primary of a [`ResilientStore`](super::ResilientStore) is asked.
///
/// This enum is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// The primary works, as far as known, and is asked.
    #[default]
    Closed,
    /// The primary has failed and is not asked, but for a probe now and then.
    Open,
    /// The primary answers again: it is asked, and gets what it has missed.
    HalfOpen,
}

/// The state, and one more that those outside need not tell from closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    /// A call has failed; probes are finding out whether the primary has. Calls wait for the verdict.
    Suspect,
    Open,
    HalfOpen,
}

pub(super) struct Breaker {
    phase: watch::Sender<Phase>,
    opened: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Closed),
            opened: AtomicU64::new(0),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase() == Phase::Open
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.phase() {
            Phase::Closed | Phase::Suspect => CircuitState::Closed,
            Phase::Open => CircuitState::Open,
            Phase::HalfOpen => CircuitState::HalfOpen,
        }
    }

    /// How often the circuit has opened.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The phase, once it is known.
    pub(super) async fn settled(&self) -> Phase {
        let mut phases = self.phase.subscribe();
        let settled = phases.wait_for(|phase| *phase != Phase::Suspect).await;
        // The sender is in `self`, so it is not gone.
        settled.map_or(Phase::Open, |phase| *phase)
    }

    /// Whether this took the circuit from one phase to the next; false when it was in another one meanwhile.
    pub(super) fn step(&self, from: Phase, to: Phase) -> bool {
        let stepped = self.phase.send_if_modified(|phase| {
            let is_from = *phase == from;
            if is_from {
                *phase = to;
            }
            is_from
        });
        if stepped && to == Phase::Open {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        stepped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_only_from_the_phase_that_it_is_in_and_counts_openings() {
        let breaker = Breaker::new();
        assert!(breaker.step(Phase::Closed, Phase::Suspect));
        assert!(!breaker.step(Phase::Closed, Phase::Suspect));
        assert_eq!(breaker.state(), CircuitState::Closed);
        assert!(breaker.step(Phase::Suspect, Phase::Open));
        assert!(!breaker.step(Phase::Suspect, Phase::Closed));
        assert!(breaker.is_open());
        assert!(breaker.step(Phase::Open, Phase::HalfOpen));
        assert!(breaker.step(Phase::HalfOpen, Phase::Open));
        assert_eq!(breaker.opened(), 2);
    }

    #[tokio::test]
    async fn whoever_asks_while_it_is_suspected_waits_for_the_verdict() {
        let breaker = Breaker::new();
        breaker.step(Phase::Closed, Phase::Suspect);
        let (phase, _) = tokio::join!(breaker.settled(), async {
            breaker.step(Phase::Suspect, Phase::Open)
        });
        assert_eq!(phase, Phase::Open);
    }
}
