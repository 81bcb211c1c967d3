//! The store in memory: sharded, in least-recently-used order, keeping snapshots as they are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, Timestamp, Touch};
use crate::{Error, ErrorKind, SessionEnd};

/// After so long without a use a session's data is kept as bytes. Pages join within seconds of being rendered.
const UNUSED: Duration = Duration::from_secs(60);

/// Keeps sessions in this process; the default, with nothing to start.
///
/// It is bounded: a full store makes room by dropping its least recently used provisional session, and refuses with
/// [`ErrorKind::MaxSessionsReached`] when it has none. What it drops, expires or deletes gives its memory back.
///
/// # Examples
///
/// ```
/// use statetemplate_core::store::{MemoryStore, SessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::with_capacity(1_000);
/// assert_eq!(store.count().await?.established, 0);
/// # Ok::<(), statetemplate_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    capacity: usize,
    established: AtomicUsize,
    provisional: AtomicUsize,
}

impl MemoryStore {
    /// How many sessions a store holds unless told otherwise.
    pub const DEFAULT_CAPACITY: usize = 100_000;
    const SHARDS: usize = 16;

    /// A store for 100 000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// A store for `capacity` sessions, provisional ones included.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            capacity,
            established: AtomicUsize::new(0),
            provisional: AtomicUsize::new(0),
        }
    }

    fn shard(&self, id: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(id) as usize % self.shards.len();
        lock(&self.shards[index])
    }

    fn counter(&self, class: SessionClass) -> &AtomicUsize {
        match class {
            SessionClass::Provisional => &self.provisional,
            SessionClass::Established => &self.established,
        }
    }

    fn total(&self) -> usize {
        self.established.load(Ordering::Relaxed) + self.provisional.load(Ordering::Relaxed)
    }

    fn remove(&self, id: &str) -> bool {
        let removed = self.shard(id).remove(id);
        if let Some(record) = &removed {
            self.counter(record.class()).fetch_sub(1, Ordering::Relaxed);
        }
        removed.is_some()
    }

    fn least_recent_ids(&self, class: SessionClass, now: Timestamp, limit: usize) -> Vec<Arc<str>> {
        let mut oldest: Vec<(Timestamp, Arc<str>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let idle = shard.by_use(class).iter().take_while(|(since, _)| *since <= now);
            oldest.extend(idle.take(limit).cloned());
        }
        oldest.sort_unstable();
        oldest.truncate(limit);
        oldest.into_iter().map(|(_, id)| id).collect()
    }

    /// Keeps the data of those sessions as bytes that nobody has used for a while.
    fn compact_unused(&self, now: Timestamp) {
        for shard in &self.shards {
            let shard = lock(shard);
            for class in [SessionClass::Provisional, SessionClass::Established] {
                let unused = shard
                    .by_use(class)
                    .iter()
                    .take_while(|(since, _)| *since + UNUSED <= now);
                for (_, id) in unused {
                    if let Some(record) = shard.records.get(id) {
                        record.snapshot.compact();
                    }
                }
            }
        }
    }

    fn ids(&self, of_shard: impl Fn(&Shard) -> Option<&HashSet<Arc<str>>>) -> Vec<String> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            ids.extend(
                of_shard(&lock(shard))
                    .into_iter()
                    .flatten()
                    .map(|id| id.as_ref().to_owned()),
            );
        }
        ids
    }

    /// How many entries the tables have room for, to prove that they shrink.
    #[cfg(test)]
    pub(crate) fn table_capacity(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).records.capacity())
            .sum()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        while self.total() >= self.capacity {
            let oldest = self.least_recent_ids(SessionClass::Provisional, Timestamp::MAX, 1);
            let Some(id) = oldest.first() else {
                let message = format!("the store in memory holds its {} sessions", self.capacity);
                return Err(Error::new(ErrorKind::MaxSessionsReached, message));
            };
            self.remove(id);
        }
        let class = record.class();
        let mut shard = self.shard(&record.id);
        if shard.records.contains_key(&record.id) {
            let message = format!("there is a session with the id \"{}\"", record.id);
            return Err(Error::new(ErrorKind::SessionIdExists, message));
        }
        shard.insert(record);
        self.counter(class).fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        self.shard(id).records.get(id).cloned().ok_or_else(not_found)
    }

    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        let mut shard = self.shard(&record.id);
        let stored = shard.records.get(&record.id).ok_or_else(not_found)?;
        if stored.stamp() != expected {
            let message = format!(
                "the session is at write {}, not {}",
                stored.writes, expected.writes
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let (before, after) = (stored.class(), record.class());
        shard.remove(&record.id);
        shard.insert(record);
        if before != after {
            self.counter(after).fetch_add(1, Ordering::Relaxed);
            self.counter(before).fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn delete(&self, id: &str, _reason: SessionEnd) -> Result<bool, Error> {
        Ok(self.remove(id))
    }

    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        let mut shard = self.shard(id);
        let mut record = shard.remove(id).ok_or_else(not_found)?;
        record.touch(touch);
        shard.insert(record);
        Ok(())
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        let mut removed = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            while removed.len() < limit {
                let Some((deadline, id)) = shard.by_deadline.first().cloned() else {
                    break;
                };
                if deadline > now {
                    break;
                }
                if let Some(record) = shard.remove(&id) {
                    self.counter(record.class()).fetch_sub(1, Ordering::Relaxed);
                }
                removed.push(id.as_ref().to_owned());
            }
        }
        // Once a cleaning, which goes on as long as batches are full.
        if removed.len() < limit {
            self.compact_unused(now);
        }
        Ok(removed)
    }

    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        Ok(self.ids(|shard| shard.by_owner.get(owner)))
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        Ok(self.ids(|shard| shard.by_user.get(user)))
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        Ok(self
            .least_recent_ids(class, now, limit)
            .iter()
            .map(|id| id.as_ref().to_owned())
            .collect())
    }

    async fn count(&self) -> Result<SessionCount, Error> {
        Ok(SessionCount {
            established: self.established.load(Ordering::Relaxed),
            provisional: self.provisional.load(Ordering::Relaxed),
        })
    }

    async fn health(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// One part of the sessions, under one lock, with an index for each question that is asked.
#[derive(Debug, Default)]
struct Shard {
    records: HashMap<Arc<str>, SessionRecord>,
    established_by_use: BTreeSet<(Timestamp, Arc<str>)>,
    provisional_by_use: BTreeSet<(Timestamp, Arc<str>)>,
    by_deadline: BTreeSet<(Timestamp, Arc<str>)>,
    by_owner: HashMap<OwnerId, HashSet<Arc<str>>>,
    by_user: BTreeMap<Arc<str>, HashSet<Arc<str>>>,
}

impl Shard {
    fn by_use(&self, class: SessionClass) -> &BTreeSet<(Timestamp, Arc<str>)> {
        match class {
            SessionClass::Provisional => &self.provisional_by_use,
            SessionClass::Established => &self.established_by_use,
        }
    }

    fn by_use_mut(&mut self, class: SessionClass) -> &mut BTreeSet<(Timestamp, Arc<str>)> {
        match class {
            SessionClass::Provisional => &mut self.provisional_by_use,
            SessionClass::Established => &mut self.established_by_use,
        }
    }

    fn insert(&mut self, record: SessionRecord) {
        let id = record.id.clone();
        self.by_use_mut(record.class())
            .insert((record.idle_since(), id.clone()));
        self.by_deadline.insert((record.deadline(), id.clone()));
        if let Some(owner) = &record.owner {
            self.by_owner.entry(owner.clone()).or_default().insert(id.clone());
        }
        if let Some(user) = &record.user {
            self.by_user.entry(user.clone()).or_default().insert(id.clone());
        }
        self.records.insert(id, record);
    }

    fn remove(&mut self, id: &str) -> Option<SessionRecord> {
        let record = self.records.remove(id)?;
        self.by_use_mut(record.class())
            .remove(&(record.idle_since(), record.id.clone()));
        self.by_deadline.remove(&(record.deadline(), record.id.clone()));
        if let Some(owner) = &record.owner
            && let Some(ids) = self.by_owner.get_mut(owner)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.by_owner.remove(owner);
                shrink(&mut self.by_owner);
            }
        }
        if let Some(user) = &record.user
            && let Some(ids) = self.by_user.get_mut(user)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.by_user.remove(user);
            }
        }
        shrink(&mut self.records);
        Some(record)
    }
}

/// Gives back the room of a table that a flood has left nearly empty. B-trees do so by themselves.
pub(crate) fn shrink<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > 64 && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2);
    }
}

fn not_found() -> Error {
    Error::new(
        ErrorKind::SessionNotFound,
        "the store in memory has no such session",
    )
}

/// No code panics while it holds a shard's lock half-changed, so a poisoned lock is taken as it is.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
