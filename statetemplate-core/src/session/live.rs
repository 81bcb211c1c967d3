//! A session in memory: what its record says, who listens, who is connected.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, broadcast, watch};

use super::connection::Connections;
use super::{Event, SessionEnd, Version};
use crate::store::{OwnerId, SessionRecord, Stamp, Touch};
use crate::{Patch, Plan};

/// How many events wait for a slow listener.
const EVENTS: usize = 32;

/// What became of a record that was read.
pub(crate) enum Adopted {
    /// What is known here is what was read.
    Done,
    /// Something newer came while it was read.
    Overtaken,
    /// It is older than what this node has stored: the store has lost a write.
    Behind,
}

/// What listeners watch. Only the newest value is kept.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) version: Version,
    pub(crate) owner: Option<OwnerId>,
    pub(crate) end: Option<SessionEnd>,
}

/// A session in memory.
pub(crate) struct Live {
    pub(super) plan: Arc<Plan>,
    /// Whoever holds this may write the record. It is an asynchronous lock held over awaits on purpose: handlers of one
    /// session run one at a time, and each runs from reading the data to its commit.
    pub(super) turn: Arc<AsyncMutex<()>>,
    /// Whoever holds this may write to the store: a change that is stored later is, beside handlers that run.
    pub(super) storing: AsyncMutex<()>,
    state: Mutex<State>,
    status: watch::Sender<Status>,
    /// Made for the first listener, because most sessions in memory at a time of many are provisional.
    events: OnceLock<broadcast::Sender<Event>>,
    pub(super) connections: Connections,
}

struct State {
    record: Arc<SessionRecord>,
    /// Whether a write may or may not have reached the store, so that the next turn has to ask it.
    stale: bool,
    /// What the store has, where the record is ahead of it.
    behind: Option<Stamp>,
    /// Whether the record's epoch is one that began here, after it was loaded.
    has_own_epoch: bool,
    /// Whether a task is on its way that will store the record.
    is_flushing: bool,
    /// The patch of the last commit, so that connections that show the version before it need not compute it again.
    last_patch: Option<CachedPatch>,
    /// What the record was when it was last asked whether the session may hibernate.
    seen_idle: Option<Stamp>,
}

/// What became of a change that is to be stored later.
pub(super) enum Ahead {
    /// It is taken, and the task that stores it is on its way.
    Done,
    /// It is taken, and somebody has to store it.
    Flush,
    /// Another change came before it.
    Conflict,
}

struct CachedPatch {
    from: Version,
    to: Version,
    patch: Arc<Patch>,
}

impl Live {
    pub(crate) fn new(record: SessionRecord, plan: Arc<Plan>) -> Self {
        let status = Status {
            version: version(&record),
            owner: record.owner.clone(),
            end: None,
        };
        Self {
            plan,
            turn: Arc::default(),
            state: Mutex::new(State {
                record: Arc::new(record),
                stale: false,
                behind: None,
                has_own_epoch: false,
                is_flushing: false,
                last_patch: None,
                seen_idle: None,
            }),
            storing: AsyncMutex::default(),
            status: watch::Sender::new(status),
            events: OnceLock::new(),
            connections: Connections::default(),
        }
    }

    pub(crate) fn record(&self) -> Arc<SessionRecord> {
        self.state().record.clone()
    }

    pub(super) fn version(&self) -> Version {
        self.status.borrow().version.clone()
    }

    pub(crate) fn end_reason(&self) -> Option<SessionEnd> {
        self.status.borrow().end
    }

    pub(super) fn is_stale(&self) -> bool {
        self.state().stale
    }

    pub(super) fn set_stale(&self, stale: bool) {
        self.state().stale = stale;
    }

    pub(super) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn events(&self) -> &broadcast::Sender<Event> {
        self.events.get_or_init(|| broadcast::Sender::new(EVENTS))
    }

    /// Hands an event to those who listen; without listeners it is nobody's.
    pub(super) fn push(&self, event: Event) {
        if let Some(events) = self.events.get() {
            // An error says that nobody listens.
            let _ = events.send(event);
        }
    }

    /// Takes over what was written to the store, and wakes the listeners when the data changed.
    pub(super) fn commit(&self, record: SessionRecord, patch: Option<Arc<Patch>>) {
        let mut state = self.state();
        let (from, to) = (version(&state.record), version(&record));
        let owner = record.owner.clone();
        state.record = Arc::new(record);
        state.stale = false;
        if let Some(patch) = patch {
            state.last_patch = Some(CachedPatch {
                from,
                to: to.clone(),
                patch,
            });
        }
        self.announce(to, owner);
    }

    /// Takes a change over that will be stored later, when the record is still `base`. Says whether it is, and whether a
    /// task has to be started that stores it.
    pub(super) fn run_ahead(&self, base: Stamp, record: SessionRecord, patch: Option<Arc<Patch>>) -> Ahead {
        let mut state = self.state();
        if state.record.stamp() != base {
            return Ahead::Conflict;
        }
        state.behind.get_or_insert(base);
        state.has_own_epoch = true;
        let is_first = !std::mem::replace(&mut state.is_flushing, true);
        drop(state);
        self.commit(record, patch);
        if is_first { Ahead::Flush } else { Ahead::Done }
    }

    /// Whether what a crash may lose is told apart already from what is stored.
    pub(super) fn has_own_epoch(&self) -> bool {
        self.state().has_own_epoch
    }

    /// The record that the store has to get, and the stamp of what it has now.
    pub(super) fn unstored(&self) -> Option<(Arc<SessionRecord>, Stamp)> {
        let state = self.state();
        state.behind.map(|behind| (state.record.clone(), behind))
    }

    /// What a compare-and-set has to expect in the store when the record is `base`.
    pub(super) fn stored(&self, base: &SessionRecord) -> Stamp {
        self.state().behind.unwrap_or(base.stamp())
    }

    /// Notes that the store has the record of this stamp.
    pub(super) fn note_stored(&self, stored: Stamp) {
        let mut state = self.state();
        if state.behind.is_some() {
            state.behind = (state.record.stamp() != stored).then_some(stored);
        }
    }

    /// Notes that the task which stores the record ends, unless there is more to store.
    pub(super) fn end_flushing(&self) -> bool {
        let mut state = self.state();
        state.is_flushing = state.behind.is_some();
        !state.is_flushing
    }

    /// Gives up what is not stored, for what another node has stored.
    pub(super) fn give_up(&self, record: Option<SessionRecord>) {
        let mut state = self.state();
        state.behind = None;
        state.has_own_epoch = false;
        state.is_flushing = false;
        drop(state);
        if let Some(record) = record {
            self.adopt(record);
        }
    }

    /// Takes over a record that was read from the store, when it is newer than what is known here.
    pub(crate) fn adopt(&self, record: SessionRecord) {
        let mut state = self.state();
        let (known, read) = (state.record.stamp(), record.stamp());
        // Whether another node has changed what is not stored here yet, storing it finds out.
        if state.behind.is_some() || (known.epoch == read.epoch && known.writes >= read.writes) {
            return;
        }
        state.has_own_epoch = false;
        state.last_patch = None;
        let (version, owner) = (version(&record), record.owner.clone());
        state.record = Arc::new(record);
        self.announce(version, owner);
    }

    /// Takes over what was read from the store after `seen` was known here.
    pub(crate) fn adopt_after(&self, seen: &SessionRecord, record: SessionRecord) -> Adopted {
        let mut state = self.state();
        let (known, read) = (state.record.stamp(), record.stamp());
        if known != seen.stamp() {
            return Adopted::Overtaken;
        }
        if known.epoch == read.epoch && known.writes > read.writes {
            return Adopted::Behind;
        }
        // With an equal stamp the data differs when a write of this node was lost and another one is in its place.
        if known != read || record.snapshot.encode() != state.record.snapshot.encode() {
            state.last_patch = None;
            let (version, owner) = (version(&record), record.owner.clone());
            state.record = Arc::new(record);
            self.announce(version, owner);
        }
        Adopted::Done
    }

    /// Whether the store has an older state than this node has stored.
    pub(super) fn is_ahead_of(&self, record: &SessionRecord) -> bool {
        let known = self.state().record.stamp();
        known.epoch == record.epoch && known.writes > record.writes
    }

    /// Called with the state locked, so that versions are announced in the order of their commits.
    fn announce(&self, version: Version, owner: Option<OwnerId>) {
        self.status.send_if_modified(|status| {
            let changed = !status.version.is_same(&version) || status.owner != owner;
            status.version = version;
            status.owner = owner;
            changed
        });
    }

    /// Notes that the session was used.
    pub(crate) fn touch(&self, touch: Touch) {
        Arc::make_mut(&mut self.state().record).touch(touch);
    }

    /// Changes what is known of the ledger, without writing it: the next write carries it.
    pub(super) fn acknowledge(&self, client: &crate::store::ClientId, number: u64) {
        let mut state = self.state();
        if state.record.ledger.learns_from(client, number) {
            Arc::make_mut(&mut state.record)
                .ledger
                .acknowledge(client, number);
        }
    }

    /// The patch between two versions, if it is the one that is kept.
    pub(super) fn cached_patch(&self, from: &Version, to: &Version) -> Option<Arc<Patch>> {
        let state = self.state();
        let cached = state.last_patch.as_ref()?;
        (cached.from.is_same(from) && cached.to.is_same(to)).then(|| cached.patch.clone())
    }

    /// Keeps a patch for the next connection that asks for the same.
    pub(super) fn cache_patch(&self, from: Version, to: Version, patch: Arc<Patch>) {
        self.state().last_patch = Some(CachedPatch { from, to, patch });
    }

    /// Keeps the data as bytes until it is used again, if the record is what it was at the last call. Says whether it did.
    pub(crate) fn hibernate(&self) -> bool {
        let mut state = self.state();
        let stamp = state.record.stamp();
        if state.seen_idle.replace(stamp) != Some(stamp) {
            return false;
        }
        // It holds parts of the data, and of what the data was before.
        state.last_patch = None;
        let record = state.record.clone();
        drop(state);
        !record.snapshot.is_compact() && record.snapshot.compact()
    }

    /// Ends the session for all who listen. Says whether it was alive; the first reason stays.
    pub(crate) fn end(&self, reason: SessionEnd) -> bool {
        let ended = self.status.send_if_modified(|status| {
            let was_alive = status.end.is_none();
            status.end.get_or_insert(reason);
            was_alive
        });
        self.connections.end_tasks();
        ended
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connections.any()
    }

    /// No code panics while it holds this lock half-changed, so a poisoned lock is taken as it is.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(record: &SessionRecord) -> Version {
    Version {
        snapshot: record.snapshot.clone(),
        revision: record.revision,
        epoch: record.epoch,
    }
}
