//! The task that removes expired sessions and keeps connected ones alive.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::core::Core;
use crate::session::{Session, SessionEnd};
use crate::{Error, ErrorKind};

/// How many sessions are removed in one call to the store.
const BATCH: usize = 500;

impl Core {
    /// Starts the task at the first use inside of a runtime, because a renderer may be built outside of one.
    pub(super) fn start_cleaning(self: &Arc<Self>) {
        if self.cleaning.load(Ordering::Relaxed) || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        if !self.cleaning.swap(true, Ordering::SeqCst) && !self.stopping.is_cancelled() {
            // The task does not keep the renderer: it ends with it.
            self.tasks.spawn(run(
                Arc::downgrade(self),
                self.stopping.clone(),
                self.cleaning_period(),
            ));
        }
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

async fn run(core: Weak<Core>, stopping: tokio_util::sync::CancellationToken, period: Duration) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(period) => {}
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
