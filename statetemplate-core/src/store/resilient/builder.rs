//! The settings of a resilient store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ResilientStore, Settings};
use crate::store::SessionStore;

/// What happens while the primary is down.
///
/// This enum is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum FallbackPolicy {
    /// Sessions that are held go on in memory, and are written back when the primary is back.
    #[default]
    Memory,
    /// Each call fails at once. Nothing is ever lost or given up, and pages wait for the primary.
    Refuse,
}

/// The settings of a [`ResilientStore`] to be.
///
/// A setting that is not made keeps its default.
#[must_use]
pub struct ResilientStoreBuilder {
    primary: Arc<dyn SessionStore>,
    settings: Settings,
}

impl ResilientStoreBuilder {
    pub(super) fn new(primary: Arc<dyn SessionStore>) -> Self {
        let settings = Settings {
            policy: FallbackPolicy::default(),
            call_timeout: Duration::from_secs(1),
            failures: 3,
            probes: 2,
            pauses: (Duration::from_millis(250), Duration::from_secs(5)),
            capacity: 10_000,
        };
        Self { primary, settings }
    }

    /// What happens while the primary is down. Default [`FallbackPolicy::Memory`].
    pub fn policy(mut self, policy: FallbackPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// How long a call to the primary may take before it counts as failed. Default 1 second. A page that acts when the
    /// primary goes down waits for at most so many of these as there are [`failures`](Self::failures).
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.settings.call_timeout = timeout;
        self
    }

    /// How many failures in a row open the circuit: a call, and the probes that follow it at once. Default 3, at least 2.
    pub fn failures(mut self, failures: u32) -> Self {
        self.settings.failures = failures.max(2);
        self
    }

    /// How many probes in a row have to succeed before the primary is asked again. Default 2, at least 1.
    pub fn probes(mut self, probes: u32) -> Self {
        self.settings.probes = probes.max(1);
        self
    }

    /// The pauses between probes while the circuit is open: the first, and the longest that it doubles to. Each is a
    /// random share of it, a half at least. Default 250 ms and 5 seconds.
    pub fn probe_pauses(mut self, first: Duration, longest: Duration) -> Self {
        self.settings.pauses = (first, longest);
        self
    }

    /// How many sessions memory holds: copies of those used last, which share their data with the sessions that are
    /// live on this node, and while the primary is down those that it does not have. Default 10 000.
    pub fn capacity(mut self, sessions: usize) -> Self {
        self.settings.capacity = sessions;
        self
    }

    /// Makes the store. Its tasks start at its first use inside of a runtime.
    #[must_use]
    pub fn build(self) -> ResilientStore {
        ResilientStore::new_with(self.primary, self.settings)
    }
}

impl fmt::Debug for ResilientStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilientStoreBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
