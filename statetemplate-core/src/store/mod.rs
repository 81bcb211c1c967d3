//! Where sessions are kept: the trait of stores, what they keep, and the store in memory.
//!
//! A store keeps one [`SessionRecord`] for each session and changes it by compare-and-set, so that several nodes may
//! work on the same session. [`conformance`] is the published suite that each store passes, yours too.

mod bytes;
pub mod conformance;
mod connect;
mod event;
mod ids;
mod ledger;
mod memory;
mod metrics;
mod random;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod resilient;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
mod timestamp;

pub use connect::connect;
pub use event::{StoreEvent, StoreEventSender, StoreEvents};
pub(crate) use ids::is_id;
pub use ids::{ClientId, OwnerId};
pub use ledger::{Answer, Ledger, LedgerState};
pub use memory::MemoryStore;
pub(crate) use memory::shrink;
pub use metrics::StoreMetrics;
pub use record::{SessionRecord, Stamp};
#[cfg(feature = "redis")]
pub use redis::{RedisStore, RedisStoreBuilder};
pub use resilient::{CircuitState, FallbackPolicy, ResilientStore, ResilientStoreBuilder};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::{SqlStore, SqlStoreBuilder};
pub use timestamp::Timestamp;

use std::time::Duration;

use async_trait::async_trait;

use crate::{Error, ErrorKind, SessionEnd};

/// Which sessions are meant: the two are counted and evicted apart.
///
/// This enum is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionClass {
    /// Made by a page that has not joined yet.
    Provisional,
    /// Bound to a browser by a join, or made for a token.
    Established,
}

/// How many sessions a store holds, expired ones that are not yet removed included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCount {
    /// Sessions of pages that have joined, and of tokens.
    pub established: usize,
    /// Sessions of pages that have not joined yet.
    pub provisional: usize,
}

impl SessionCount {
    /// The number for one class.
    #[must_use]
    pub fn of(self, class: SessionClass) -> usize {
        match class {
            SessionClass::Provisional => self.provisional,
            SessionClass::Established => self.established,
        }
    }
}

/// That a session is in use, as [`SessionStore::touch`] notes it.
///
/// This struct is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// When the session was last used; moves forward only.
    pub last_access: Timestamp,
    /// When it ends if it is not used; moves forward only.
    pub expires_at: Timestamp,
    /// Until when a page is taken to be connected, on whichever node: see [`SessionRecord::connected_until`]. Moves back
    /// too, when a connection has ended; `None` leaves it as it is.
    pub connected_until: Option<Timestamp>,
}

/// A place for sessions' records.
///
/// Every method is atomic: it takes effect as a whole or not at all, also when its future is dropped half-way, and
/// concurrent calls behave as if they ran one after the other. A store that talks over a network gives each call a
/// deadline of its own and answers [`ErrorKind::StoreUnavailable`] when it passes.
///
/// Time comes from the caller: a store compares the times it is given and asks no clock.
///
/// # Cancel safety
///
/// A dropped call has either happened or not; the caller finds out by [`load`](Self::load).
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Keeps a new record.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionIdExists`] when there is a record with this id, which stays as it is;
    /// [`ErrorKind::MaxSessionsReached`] when the store itself is full.
    async fn create(&self, record: SessionRecord) -> Result<(), Error>;

    /// The record of the session `id`, expired or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionNotFound`] when there is none.
    async fn load(&self, id: &str) -> Result<SessionRecord, Error>;

    /// Replaces a record when the stored one still has the stamp `expected`: data, ledger and all the rest in one step.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the stored record has another stamp, [`ErrorKind::SessionNotFound`] when there is
    /// none. In both cases nothing has changed.
    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error>;

    /// Waits until the record with this stamp, which [`load`](Self::load) has shown, is as safe as one whose
    /// [`update`](Self::update) has succeeded: an action that is found in its ledger is answered then. The default says that
    /// it is, for stores that show nothing before it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the record has another stamp by now, [`ErrorKind::SessionNotFound`] when there is none,
    /// [`ErrorKind::StoreUnavailable`] when it does not get safe in time.
    async fn confirm(&self, id: &str, stamp: Stamp) -> Result<(), Error> {
        let _ = (id, stamp);
        Ok(())
    }

    /// Forgets the session `id`. Says whether there was one; deleting twice is no error. Other nodes are told the
    /// `reason`, with [`StoreEvent::Removed`].
    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error>;

    /// Notes that a session is in use. The stamp stays, and other nodes are told nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionNotFound`] when there is no such session.
    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error>;

    /// Removes at most `limit` sessions whose [`deadline`](SessionRecord::deadline) is at or before `now`; returns the
    /// ids of those that this call removed.
    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error>;

    /// The ids of the sessions that belong to a browser, in any order.
    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error>;

    /// The ids of the sessions of one of the application's users, in any order.
    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error>;

    /// The ids of at most `limit` sessions of a class that no page is connected to at `now`, on any node, least recently
    /// used first: those with [`idle_since`](SessionRecord::idle_since) at or before `now`, in its order.
    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error>;

    /// How many sessions the store holds.
    async fn count(&self) -> Result<SessionCount, Error>;

    /// Removes a session to make room, unless a page is connected to it at `now`, on any node: when its
    /// [`idle_since`](SessionRecord::idle_since) is later it stays. Says whether it was removed.
    ///
    /// A store that is shared makes this one step, so that no page connects in between; the default looks first.
    async fn evict(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        match self.load(id).await {
            Ok(record) if record.idle_since() > now => Ok(false),
            Err(error) if error.kind() != ErrorKind::SessionNotFound => Err(error),
            // Also where there is no record: what still points to it has to go.
            _ => self.delete(id, SessionEnd::Evicted).await,
        }
    }

    /// Whether this node is to remove expired sessions now, and for how long no other one is. A store that is shared lets
    /// one node at a time; after a crash of that node the lease runs out. The default says yes.
    async fn claim_cleaning(&self, now: Timestamp, lease: Duration) -> Result<bool, Error> {
        let _ = (now, lease);
        Ok(true)
    }

    /// Asks the store whether it works, over the network where there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`] with the reason.
    async fn health(&self) -> Result<(), Error>;

    /// Whether the last calls succeeded, as far as known without asking.
    fn is_available(&self) -> bool {
        true
    }

    /// Whether other nodes, in other processes, may work on the same records. A store that says so keeps
    /// [`connected_until`](SessionRecord::connected_until) for them, and tells what they do in [`events`](Self::events).
    fn is_shared(&self) -> bool {
        false
    }

    /// What other nodes do to the sessions of this store, from now on; `None`, the default, for a store that is not
    /// shared or cannot tell.
    ///
    /// Each replaced record and each removed one is told at least once, in any order across sessions, soon after it has
    /// happened, or [`StoreEvent::Missed`] is told in its place. A new session is no event: nobody holds it yet.
    fn events(&self) -> Option<StoreEvents> {
        None
    }

    /// Waits until everything that was acknowledged is where it outlives this process, for a store that may be behind.
    /// [`Renderer::shutdown`](crate::Renderer::shutdown) calls it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`] when it cannot get there.
    async fn flush(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Numbers for an exporter; all zero for a store that has nothing to tell.
    fn metrics(&self) -> StoreMetrics {
        StoreMetrics::default()
    }
}
