//! A store that goes on when its primary fails: a circuit breaker, with memory behind it.

mod breaker;
mod builder;
mod held;
mod keeper;
#[cfg(test)]
mod tests;

pub use breaker::CircuitState;
pub use builder::{FallbackPolicy, ResilientStoreBuilder};

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::breaker::{Breaker, Phase};
use self::held::{Memory, is_of};
use super::{
    OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, StoreEventSender, StoreEvents,
    StoreMetrics, Timestamp, Touch,
};
use crate::{Error, ErrorKind, SessionEnd};

#[doc = include_str!("docs.md")]
pub struct ResilientStore {
    shared: Arc<Shared>,
}

/// What calls and tasks share.
struct Shared {
    primary: Arc<dyn SessionStore>,
    settings: Settings,
    breaker: Breaker,
    /// Held for moments only, never over an await.
    memory: Mutex<Memory>,
    events: StoreEventSender,
    counters: Counters,
    tasks: TaskTracker,
    stopping: CancellationToken,
    started: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    policy: FallbackPolicy,
    call_timeout: Duration,
    failures: u32,
    probes: u32,
    pauses: (Duration, Duration),
    capacity: usize,
}

#[derive(Debug, Default)]
struct Counters {
    served: AtomicU64,
    refused: AtomicU64,
    written_back: AtomicU64,
    conflicts: AtomicU64,
}

impl ResilientStore {
    /// A store round `primary`, with the default settings.
    #[must_use]
    pub fn new(primary: impl SessionStore) -> Self {
        Self::builder(primary).build()
    }

    /// Settings for a store round `primary`.
    pub fn builder(primary: impl SessionStore) -> ResilientStoreBuilder {
        ResilientStoreBuilder::new(Arc::new(primary))
    }

    /// Settings for a store round a primary that others use too.
    pub fn shared_builder(primary: Arc<dyn SessionStore>) -> ResilientStoreBuilder {
        ResilientStoreBuilder::new(primary)
    }

    /// Whether the primary is asked.
    #[must_use]
    pub fn circuit(&self) -> CircuitState {
        self.shared.breaker.state()
    }

    /// Ends the store's tasks, and waits for them. What is not written back is lost: [`flush`](SessionStore::flush) first.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has told the tasks to end; calling again waits for them.
    pub async fn close(&self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn new_with(primary: Arc<dyn SessionStore>, settings: Settings) -> Self {
        let capacity = match settings.policy {
            FallbackPolicy::Memory => settings.capacity,
            FallbackPolicy::Refuse => 0,
        };
        Self {
            shared: Arc::new(Shared {
                primary,
                settings,
                breaker: Breaker::new(),
                memory: Mutex::new(Memory::new(capacity)),
                events: StoreEventSender::new(),
                counters: Counters::default(),
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
                started: AtomicBool::new(false),
            }),
        }
    }

    /// Where a call is answered: by the primary (`None`), or in memory.
    ///
    /// Starts the tasks at the first call, because a store may be made outside of a runtime.
    async fn phase(&self) -> Result<Phase, Error> {
        let shared = &self.shared;
        shared.start();
        let phase = match shared.settings.policy {
            FallbackPolicy::Memory => shared.breaker.settled().await,
            FallbackPolicy::Refuse => shared.breaker.phase(),
        };
        if phase == Phase::Open && shared.settings.policy == FallbackPolicy::Refuse {
            shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            return Err(shared.down());
        }
        Ok(phase)
    }

    /// Answers a call on one session from memory when its truth is there; otherwise `None`, and `prepare` has run.
    ///
    /// The memory is looked at and changed in one go, so that no other call and no write-back comes between.
    async fn in_memory<R>(
        &self,
        id: &str,
        answer: impl FnOnce(&mut Memory, bool) -> Result<R, Error>,
        prepare: impl FnOnce(&mut Memory),
    ) -> Result<Option<R>, Error> {
        self.phase().await?;
        // Taken before the memory's lock and held over it: a session that is just being written back is a copy after it.
        let _gate = self.shared.gate(id).await;
        let mut memory = self.shared.memory();
        let is_open = self.shared.breaker.is_open();
        if is_open || memory.is_detached(id) || memory.is_deleted(id) {
            self.shared.counters.served.fetch_add(1, Ordering::Relaxed);
            return answer(&mut memory, is_open).map(Some);
        }
        prepare(&mut memory);
        Ok(None)
    }

    /// Asks the primary something that changes nothing, a second time if it was only suspected to be down; `None` when
    /// it is down.
    async fn read<R, F>(&self, ask: impl Fn() -> F) -> Result<Option<R>, Error>
    where
        F: Future<Output = Result<R, Error>>,
    {
        let mut failed = None;
        for _ in 0..2 {
            if self.phase().await? == Phase::Open {
                return Ok(None);
            }
            match self.shared.ask(ask()).await {
                Err(error) if error.kind() == ErrorKind::StoreUnavailable => failed = Some(error),
                answer => return answer.map(Some),
            }
        }
        if self.phase().await? == Phase::Open {
            return Ok(None);
        }
        Err(failed.unwrap_or_else(|| self.shared.down()))
    }
}

impl Shared {
    /// Asks the primary within the time that a call has. A failure is the breaker's to judge, and its judgement is
    /// waited for.
    async fn ask<R>(&self, call: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        let limit = self.settings.call_timeout;
        let answer = tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!("the primary store did not answer within {limit:?}");
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        });
        if is_unavailable(&answer) {
            self.failed();
            if self.settings.policy == FallbackPolicy::Memory {
                self.breaker.settled().await;
            }
        }
        answer
    }

    /// The right to change a detached session; nothing for others.
    async fn gate(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        let gate = {
            let memory = self.memory();
            let held = memory.get(id).filter(|held| held.is_detached())?;
            held.gate.clone()
        };
        // Held over awaits on purpose, by the write-back: see `Held::gate`.
        Some(gate.lock_owned().await)
    }

    /// No code panics while it holds this lock half-changed, so a poisoned lock is taken as it is.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn down(&self) -> Error {
        let waiting = self.memory().unwritten();
        let message = match self.settings.policy {
            FallbackPolicy::Memory => {
                format!("the primary store is down, {waiting} sessions wait in memory until it is back")
            }
            FallbackPolicy::Refuse => {
                "the primary store is down, and is not asked until it is back".to_owned()
            }
        };
        Error::new(ErrorKind::StoreUnavailable, message)
    }
}

#[async_trait]
impl SessionStore for ResilientStore {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        let shared = &self.shared;
        let in_memory = self.in_memory(
            &record.id,
            |memory, is_open| {
                if is_open || memory.get(&record.id).is_some() {
                    return memory.create(record.clone(), false).map(|()| true);
                }
                // Deleted here a moment ago, which the primary is about to learn.
                Ok(false)
            },
            |_| {},
        );
        match in_memory.await? {
            Some(true) => return Ok(()),
            Some(false) => {
                let message = format!("the session \"{}\" is being deleted", record.id);
                return Err(Error::new(ErrorKind::SessionIdExists, message));
            }
            None => {}
        }
        let created = shared.ask(shared.primary.create(record.clone())).await;
        if created.is_ok() {
            shared.memory().copy(record);
        } else if is_unavailable(&created) && shared.settings.policy == FallbackPolicy::Memory {
            let mut memory = shared.memory();
            // While the circuit is closed nobody writes back.
            if matches!(shared.breaker.phase(), Phase::Open | Phase::HalfOpen) {
                return memory.create(record, true);
            }
        }
        created
    }

    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        loop {
            let held = |memory: &mut Memory, _| match memory.get(id) {
                Some(held) => Ok(held.record.clone()),
                None => Err(memory.missing(id)),
            };
            if let Some(record) = self.in_memory(id, held, |_| {}).await? {
                return Ok(record);
            }
            let shared = &self.shared;
            match self.read(|| shared.primary.load(id)).await {
                Ok(Some(record)) => {
                    shared.memory().copy(record.clone());
                    return Ok(record);
                }
                // Down since a moment ago.
                Ok(None) => {}
                Err(error) => {
                    if error.kind() == ErrorKind::SessionNotFound {
                        shared.gone(id);
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        loop {
            let write = |memory: &mut Memory, _| memory.update(record.clone(), expected);
            let prepare = |memory: &mut Memory| memory.attempt(&record);
            if self.in_memory(&record.id, write, prepare).await?.is_some() {
                return Ok(());
            }
            let shared = &self.shared;
            let updated = shared.ask(shared.primary.update(record.clone(), expected)).await;
            match &updated {
                Ok(()) => shared.memory().copy(record),
                // It may have happened; that is remembered, and the session goes on in memory.
                Err(error) if error.kind() == ErrorKind::StoreUnavailable => {
                    if shared.breaker.is_open() {
                        continue;
                    }
                }
                Err(error) => {
                    shared.memory().refused(&record);
                    if error.kind() == ErrorKind::SessionNotFound {
                        shared.gone(&record.id);
                    }
                }
            }
            return updated;
        }
    }

    async fn confirm(&self, id: &str, stamp: Stamp) -> Result<(), Error> {
        loop {
            // What goes on in memory is as safe as what is written there.
            if self.in_memory(id, |_, _| Ok(()), |_| {}).await?.is_some() {
                return Ok(());
            }
            let primary = &self.shared.primary;
            if self.read(|| primary.confirm(id, stamp)).await?.is_some() {
                return Ok(());
            }
        }
    }

    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        loop {
            let delete = |memory: &mut Memory, is_open: bool| match memory.get(id) {
                None if !is_open => Ok(false),
                _ => memory.delete(id, reason),
            };
            if let Some(existed) = self.in_memory(id, delete, |_| {}).await? {
                return Ok(existed);
            }
            let shared = &self.shared;
            let deleted = shared.ask(shared.primary.delete(id, reason)).await;
            if deleted.is_ok() {
                shared.gone(id);
            } else if is_unavailable(&deleted) && shared.breaker.is_open() {
                continue;
            }
            return deleted;
        }
    }

    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        loop {
            let note = |memory: &mut Memory, is_open| memory.touch(id, touch, is_open);
            if self.in_memory(id, note, |_| {}).await?.is_some() {
                return Ok(());
            }
            let shared = &self.shared;
            let touched = shared.ask(shared.primary.touch(id, touch)).await;
            match &touched {
                Ok(()) => {
                    // Whether a copy is held makes no difference to the primary's answer.
                    let _ = shared.memory().touch(id, touch, false);
                }
                Err(error) if error.kind() == ErrorKind::SessionNotFound => shared.gone(id),
                Err(_) if shared.breaker.is_open() => continue,
                Err(_) => {}
            }
            return touched;
        }
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        let shared = &self.shared;
        if self.phase().await? == Phase::Open {
            return Ok(shared.memory().remove_expired(now, limit, false));
        }
        let removed = shared.ask(shared.primary.remove_expired(now, limit)).await;
        let mut memory = shared.memory();
        if let Ok(ids) = &removed {
            for id in ids
                .iter()
                .filter(|id| !memory.is_detached(id))
                .cloned()
                .collect::<Vec<_>>()
            {
                memory.forget(&id);
            }
            // What other nodes have removed.
            memory.remove_expired(now, usize::MAX, true);
        }
        removed
    }

    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        let shared = &self.shared;
        let ids = self.read(|| shared.primary.by_owner(owner)).await?;
        let ids = ids.ok_or_else(|| shared.down())?;
        Ok(shared.memory().correct(ids, |record| is_of(record, owner)))
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        let shared = &self.shared;
        let ids = self.read(|| shared.primary.by_user(user)).await?;
        let ids = ids.ok_or_else(|| shared.down())?;
        Ok(shared
            .memory()
            .correct(ids, |record| record.user.as_deref() == Some(user)))
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let shared = &self.shared;
        match self
            .read(|| shared.primary.least_recent(class, now, limit))
            .await?
        {
            Some(mut ids) => {
                let memory = shared.memory();
                ids.retain(|id| !memory.is_deleted(id));
                Ok(ids)
            }
            None => Ok(shared.memory().least_recent(class, now, limit)),
        }
    }

    async fn count(&self) -> Result<SessionCount, Error> {
        let shared = &self.shared;
        let Some(mut count) = self.read(|| shared.primary.count()).await? else {
            return Ok(shared.memory().count());
        };
        let new = shared.memory().count_new();
        count.established += new.established;
        count.provisional += new.provisional;
        Ok(count)
    }

    async fn evict(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        let shared = &self.shared;
        if self.phase().await? == Phase::Closed {
            let evicted = shared.ask(shared.primary.evict(id, now)).await;
            if matches!(evicted, Ok(true)) {
                shared.gone(id);
            }
            return evicted;
        }
        // Nobody else works on what is in memory.
        match self.load(id).await {
            Ok(record) if record.idle_since() > now => Ok(false),
            Err(error) if error.kind() != ErrorKind::SessionNotFound => Err(error),
            _ => self.delete(id, SessionEnd::Evicted).await,
        }
    }

    async fn claim_cleaning(&self, now: Timestamp, lease: Duration) -> Result<bool, Error> {
        let primary = &self.shared.primary;
        let claimed = self.read(|| primary.claim_cleaning(now, lease)).await?;
        // What is in memory is for this node to clean.
        Ok(claimed.unwrap_or(true))
    }

    async fn health(&self) -> Result<(), Error> {
        let shared = &self.shared;
        self.read(|| shared.primary.health())
            .await?
            .ok_or_else(|| shared.down())
    }

    async fn flush(&self) -> Result<(), Error> {
        self.shared.start();
        self.shared.flushed().await;
        self.shared.primary.flush().await
    }

    /// Whether the primary is up: while it is down, calls may succeed all the same.
    fn is_available(&self) -> bool {
        self.shared.breaker.phase() == Phase::Closed && self.shared.primary.is_available()
    }

    fn is_shared(&self) -> bool {
        self.shared.primary.is_shared()
    }

    fn events(&self) -> Option<StoreEvents> {
        self.shared.start();
        Some(self.shared.events.subscribe())
    }

    fn metrics(&self) -> StoreMetrics {
        let counters = &self.shared.counters;
        StoreMetrics {
            circuit: self.circuit(),
            circuit_opened: self.shared.breaker.opened(),
            sessions_unwritten: self.shared.memory().unwritten() as u64,
            calls_from_memory: counters.served.load(Ordering::Relaxed),
            calls_refused: counters.refused.load(Ordering::Relaxed),
            sessions_written_back: counters.written_back.load(Ordering::Relaxed),
            write_back_conflicts: counters.conflicts.load(Ordering::Relaxed),
        }
    }
}

impl Drop for ResilientStore {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

impl fmt::Debug for ResilientStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilientStore")
            .field("circuit", &self.circuit())
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

fn is_unavailable<R>(answer: &Result<R, Error>) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::StoreUnavailable)
}
