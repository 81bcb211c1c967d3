//! Counters of what sessions and updates did.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::store::{SessionStore, StoreMetrics};

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters that only grow, shared by all sessions of a renderer.
        #[derive(Default)]
        pub struct Metrics {
            $($name: AtomicU64,)*
            store: Option<Arc<dyn SessionStore>>,
        }

        /// The counters at one moment, for an exporter.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct MetricsSnapshot {
            $($(#[$doc])* pub $name: u64,)*
            /// What the store says of itself.
            pub store: StoreMetrics,
        }

        impl Metrics {
            /// Reads all counters. Each is exact; together they may be a moment apart.
            #[must_use]
            pub fn snapshot(&self) -> MetricsSnapshot {
                MetricsSnapshot {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    store: self.store.as_ref().map(|store| store.metrics()).unwrap_or_default(),
                }
            }

            $(
                $(#[$doc])*
                pub(crate) fn $name(&self) -> Counter<'_> {
                    Counter(&self.$name)
                }
            )*
        }
    };
}

metrics! {
    /// Sessions made, provisional ones included.
    sessions_created,
    /// Provisional sessions that a join bound to a browser.
    sessions_bound,
    /// Sessions that could not be made or joined, whatever the reason.
    sessions_refused,
    /// Sessions whose time ran out.
    sessions_expired,
    /// Sessions that made room for others.
    sessions_evicted,
    /// Sessions ended by the application: closed or invalidated.
    sessions_ended,
    /// Idle sessions in memory that gave up what they do not need until they are used again.
    sessions_hibernated,
    /// Changes that were lost because another node changed the session before they were stored
    /// ([`RendererBuilder::write_behind`](crate::RendererBuilder::write_behind)), or because the store did not take them at the end.
    unstored_lost,
    /// Connections opened.
    connections_opened,
    /// Connections ended.
    connections_closed,
    /// Actions that took effect.
    actions_done,
    /// Actions that failed and changed nothing.
    actions_failed,
    /// Actions that had run before and were answered from the ledger.
    actions_repeated,
    /// Handlers that ran again because another node had changed the session.
    actions_rerun,
    /// Changes of data that were committed.
    commits,
    /// Updates that changed no data.
    updates_without_change,
    /// Patches computed.
    patches_computed,
    /// Patches taken from a session's cache instead of being computed again.
    patches_reused,
    /// Patches sent that changed something on a page.
    updates_sent,
    /// Patches that turned out to change nothing on a page, so that nothing was sent.
    updates_empty,
    /// Bytes of frames sent.
    bytes_sent,
    /// Events pushed to pages.
    events_pushed,
    /// Events that a connection was too slow to receive.
    events_dropped,
}

impl Metrics {
    /// Counters that also tell what a store says of itself.
    pub(crate) fn of(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store: Some(store),
            ..Self::default()
        }
    }

    /// Counts a frame that a transport sent: its bytes, and whether it carried a change to the page.
    pub fn count_sent(&self, bytes: usize, is_update: bool) {
        self.bytes_sent().add(bytes as u64);
        self.updates_sent().add(is_update.into());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

/// One counter, about to grow.
pub(crate) struct Counter<'a>(&'a AtomicU64);

impl Counter<'_> {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }
}
