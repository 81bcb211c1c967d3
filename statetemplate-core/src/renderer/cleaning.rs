//! The task that removes expired sessions and keeps connected ones alive.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::core::Core;
use super::hibernation::hibernate;
use super::listening::listen;
use crate::session::{Session, SessionEnd};
use crate::{Error, ErrorKind};

/// How many sessions are removed in one call to the store.
const BATCH: usize = 500;

impl Core {
    /// Starts the renderer's tasks at the first use inside of a runtime, because it may be built outside of one. Sessions
    /// are loaded afterwards, so that no news of them is missed.
    pub(super) fn start_tasks(self: &Arc<Self>) {
        if self.started.is_completed() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        self.started.call_once(|| {
            if self.stopping.is_cancelled() {
                return;
            }
            // The tasks do not keep the renderer: they end with it.
            let (core, stopping) = (Arc::downgrade(self), self.stopping.clone());
            if let Some(events) = self.store.events() {
                self.tasks.spawn(listen(core.clone(), events, stopping.clone()));
            }
            let delay = self.config.hibernation_delay.max(Duration::from_millis(10));
            self.tasks.spawn(hibernate(core.clone(), stopping.clone(), delay));
            self.tasks.spawn(run(core, stopping, self.cleaning_period()));
        });
    }

    /// A third of the shortest expiry at most, so that connected sessions are always touched in time.
    fn cleaning_period(&self) -> Duration {
        let config = &self.config;
        let period = config
            .cleanup_interval
            .min(config.provisional_expiration)
            .min(config.expiration / 3);
        period.max(Duration::from_millis(100))
    }

    /// How long a connection is taken to last after it was noted: two cleanings, so that one that fails does no harm.
    pub(super) fn connection_lease(&self) -> Duration {
        2 * self.cleaning_period()
    }

    pub(super) async fn clean(self: &Arc<Self>) -> Result<(), Error> {
        for slot in self.registry.connected() {
            match self.touch(&Session::new(slot.clone())).await {
                // Ended on another node.
                Err(error) if error.kind() == ErrorKind::SessionNotFound => {
                    self.end_in_memory(&slot.id, SessionEnd::Closed);
                }
                touched => touched?,
            }
        }
        // Less than the shortest time between two rounds: whoever has cleaned may clean again in its next one.
        let lease = self.cleaning_period() * 2 / 3;
        if !self.within(self.store.claim_cleaning(self.now(), lease)).await? {
            return Ok(());
        }
        loop {
            let removed = self.within(self.store.remove_expired(self.now(), BATCH)).await?;
            for id in &removed {
                self.end_in_memory(id, SessionEnd::Expired);
                self.note_end(id, SessionEnd::Expired);
            }
            if removed.len() < BATCH {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Between three quarters and the whole of a period, so that nodes that were started together part.
fn jittered(period: Duration) -> Duration {
    // Without random numbers they only clean at the same time.
    let random = getrandom::u32().unwrap_or(0);
    period.mul_f64(1.0 - 0.25 * f64::from(random) / f64::from(u32::MAX))
}

async fn run(core: Weak<Core>, stopping: tokio_util::sync::CancellationToken, period: Duration) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(jittered(period)) => {}
        }
        let Some(core) = core.upgrade() else { return };
        tokio::select! {
            // Each step of the cleaning is whole, so it may stop between any two.
            () = stopping.cancelled() => return,
            cleaned = core.clean() => if let Err(error) = cleaned {
                tracing::warn!("removing expired sessions failed, the next round tries again: {error:#}");
            }
        }
    }
}
