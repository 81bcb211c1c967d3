//! What is held in memory: copies of what the primary has, and what it does not have yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Mutex as AsyncMutex;

use crate::store::{
    OwnerId, SessionClass, SessionCount, SessionRecord, Stamp, Timestamp, Touch, memory::shrink,
};
use crate::{Error, ErrorKind, SessionEnd};

/// How many writes with an unknown end are remembered of a session; more than one is rare.
const ATTEMPTS: usize = 4;

/// A session in memory.
pub(super) struct Held {
    pub(super) record: SessionRecord,
    pub(super) place: Place,
    /// Writes to the primary of which it is not known whether they happened. What the primary has after one of them is
    /// no other node's doing.
    pub(super) attempts: Vec<SessionRecord>,
    /// Whoever writes the session back holds this, so that a session that is always busy gets back, too.
    pub(super) gate: Arc<AsyncMutex<()>>,
    /// When it was last used, as a count.
    tick: u64,
}

/// Where a session's truth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the primary; this is a copy. With a touch that the primary has not seen, if there was one.
    Attached(Option<Touch>),
    /// Here, until it is written back over the record with this stamp, or as a new one.
    Detached(Option<Stamp>),
}

impl Held {
    pub(super) fn is_detached(&self) -> bool {
        matches!(self.place, Place::Detached(_))
    }

    fn waits(&self) -> bool {
        self.place != Place::Attached(None)
    }
}

/// What the primary has missed: deletions first, since an id may be used again.
pub(super) struct Waiting {
    pub(super) deletions: Vec<(Arc<str>, SessionEnd)>,
    pub(super) sessions: Vec<Arc<str>>,
}

/// A bounded number of sessions, and of deletions that the primary has not seen.
pub(super) struct Memory {
    capacity: usize,
    held: HashMap<Arc<str>, Held>,
    /// The copies by their last use, which make room for others. What is detached makes no room.
    copies: BTreeMap<u64, Arc<str>>,
    tombstones: HashMap<Arc<str>, SessionEnd>,
    ticks: u64,
    /// The epoch of what is written while the circuit is open.
    pub(super) epoch: u64,
}

impl Memory {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            held: HashMap::new(),
            copies: BTreeMap::new(),
            tombstones: HashMap::new(),
            ticks: 0,
            epoch: 0,
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Held> {
        self.held.get(id)
    }

    pub(super) fn is_detached(&self, id: &str) -> bool {
        self.held.get(id).is_some_and(Held::is_detached)
    }

    /// Whether the session was deleted here, and the primary does not know yet.
    pub(super) fn is_deleted(&self, id: &str) -> bool {
        self.tombstones.contains_key(id) && !self.held.contains_key(id)
    }

    /// How many sessions and deletions the primary does not have.
    pub(super) fn unwritten(&self) -> usize {
        self.held.values().filter(|held| held.is_detached()).count() + self.tombstones.len()
    }

    /// What has to be done in the primary.
    pub(super) fn waiting(&self) -> Waiting {
        let deletions = self.tombstones.iter().map(|(id, reason)| (id.clone(), *reason));
        let sessions = self.held.iter().filter(|(_, held)| held.waits());
        Waiting {
            deletions: deletions.collect(),
            sessions: sessions.map(|(id, _)| id.clone()).collect(),
        }
    }

    /// Keeps a copy of what the primary has.
    pub(super) fn copy(&mut self, record: SessionRecord) {
        if let Some(held) = self.held.get_mut(&record.id) {
            let known = held.record.stamp();
            let is_older = known.epoch == record.epoch && known.writes > record.writes;
            // What was read before a write may arrive after it; and what is detached is nobody's copy.
            if !held.is_detached() && !is_older {
                // An attempt that was given up may still happen, until something newer is there.
                held.attempts
                    .retain(|attempt| attempt.epoch == record.epoch && attempt.writes > record.writes);
                held.record = record.clone();
            }
            self.used(&record.id);
        } else if self.make_room() {
            self.insert(record, Place::Attached(None), Vec::new());
        }
    }

    /// Notes that a write to the primary is about to be tried.
    pub(super) fn attempt(&mut self, record: &SessionRecord) {
        if let Some(held) = self.held.get_mut(&record.id) {
            if held.attempts.len() == ATTEMPTS {
                held.attempts.remove(0);
            }
            held.attempts.push(record.clone());
        }
    }

    /// Notes that a write to the primary has not happened.
    pub(super) fn refused(&mut self, record: &SessionRecord) {
        if let Some(held) = self.held.get_mut(&record.id) {
            held.attempts.retain(|attempt| attempt.stamp() != record.stamp());
        }
    }

    /// Keeps a session that the primary does not have; `attempted` says that it may have it all the same.
    pub(super) fn create(&mut self, record: SessionRecord, attempted: bool) -> Result<(), Error> {
        if self.held.contains_key(&record.id) {
            let message = format!("there is a session with the id \"{}\"", record.id);
            return Err(Error::new(ErrorKind::SessionIdExists, message));
        }
        if !self.make_room() {
            let message = format!(
                "the primary store is down, and memory holds its {} sessions",
                self.capacity
            );
            return Err(Error::new(ErrorKind::MaxSessionsReached, message));
        }
        let attempts = if attempted {
            vec![record.clone()]
        } else {
            Vec::new()
        };
        self.insert(record, Place::Detached(None), attempts);
        Ok(())
    }

    /// Writes a session here. The first write of one that the primary has moves it to this outage's epoch, and so fails
    /// as a conflict: whoever writes has to know that what it shows from now on may be lost.
    pub(super) fn update(&mut self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        let epoch = self.epoch;
        let id = record.id.clone();
        let Some(held) = self.held.get_mut(&id) else {
            return Err(self.missing(&id));
        };
        let stamp = held.record.stamp();
        if stamp == expected {
            if held.is_detached() {
                held.record = record;
                return Ok(());
            }
            held.record.epoch = epoch;
            held.place = Place::Detached(Some(stamp));
            let tick = held.tick;
            self.copies.remove(&tick);
        }
        let message = format!(
            "the session \"{id}\" is at write {} of epoch {} in memory",
            stamp.writes, epoch
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Notes a use; one that the primary has to be told of when `is_open`.
    pub(super) fn touch(&mut self, id: &str, touch: Touch, is_open: bool) -> Result<(), Error> {
        let Some(held) = self.held.get_mut(id) else {
            return Err(self.missing(id));
        };
        held.record.touch(touch);
        if is_open && let Place::Attached(missed) = &mut held.place {
            let earlier = missed.and_then(|missed| missed.connected_until);
            *missed = Some(Touch {
                last_access: held.record.last_access,
                expires_at: held.record.expires_at,
                connected_until: touch.connected_until.or(earlier),
            });
        }
        self.used(id);
        Ok(())
    }

    /// Deletes a session here, for the primary to learn of later.
    pub(super) fn delete(&mut self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        let held = self.held.get(id);
        if held.is_none() && self.tombstones.contains_key(id) {
            return Ok(false);
        }
        let is_unknown = held.is_none();
        let may_be_there =
            held.is_none_or(|held| held.place != Place::Detached(None) || !held.attempts.is_empty());
        if may_be_there {
            if self.tombstones.len() >= self.capacity {
                let message = format!(
                    "the primary store is down, and memory holds {} deletions for it",
                    self.capacity
                );
                return Err(Error::new(ErrorKind::StoreUnavailable, message));
            }
            self.tombstones.insert(id.into(), reason);
        }
        self.forget(id);
        if is_unknown {
            let message = format!(
                "the primary store is down, and memory does not hold the session \"{id}\": it will be deleted when \
                 the primary is back"
            );
            return Err(Error::new(ErrorKind::StoreUnavailable, message));
        }
        Ok(true)
    }

    /// Forgets a session, and leaves what the primary has.
    pub(super) fn forget(&mut self, id: &str) {
        if let Some(held) = self.held.remove(id) {
            self.copies.remove(&held.tick);
            shrink(&mut self.held);
        }
    }

    /// The primary has what is here: from now on it is a copy.
    pub(super) fn attach(&mut self, id: &str) {
        if let Some(held) = self.held.get_mut(id) {
            held.place = Place::Attached(None);
            held.attempts.clear();
        }
        self.used(id);
    }

    /// The record to write over in the primary has turned out to be another one.
    pub(super) fn rebase(&mut self, id: &str, base: Stamp) {
        if let Some(held) = self.held.get_mut(id) {
            held.place = Place::Detached(Some(base));
        }
    }

    pub(super) fn bury(&mut self, id: &str) {
        self.tombstones.remove(id);
        shrink(&mut self.tombstones);
    }

    /// Forgets sessions that have expired, at most `limit`. The primary, where other nodes may have used them, expires
    /// them by itself.
    pub(super) fn remove_expired(&mut self, now: Timestamp, limit: usize, copies_only: bool) -> Vec<String> {
        let due = self
            .held
            .values()
            .filter(|held| held.record.is_expired(now) && !(copies_only && held.waits()));
        let ids: Vec<Arc<str>> = due.take(limit).map(|held| held.record.id.clone()).collect();
        for id in &ids {
            self.forget(id);
        }
        ids.iter().map(|id| id.as_ref().to_owned()).collect()
    }

    pub(super) fn least_recent(&self, class: SessionClass, now: Timestamp, limit: usize) -> Vec<String> {
        let idle = self.held.values().map(|held| &held.record);
        let idle = idle.filter(|record| record.class() == class && record.idle_since() <= now);
        let mut idle: Vec<_> = idle.map(|record| (record.idle_since(), &record.id)).collect();
        idle.sort_unstable();
        idle.truncate(limit);
        idle.into_iter().map(|(_, id)| id.as_ref().to_owned()).collect()
    }

    /// All that is held.
    pub(super) fn count(&self) -> SessionCount {
        count(self.held.values())
    }

    /// What the primary does not count: new sessions.
    pub(super) fn count_new(&self) -> SessionCount {
        count(
            self.held
                .values()
                .filter(|held| held.place == Place::Detached(None)),
        )
    }

    /// Puts right what the primary says of who owns what, as far as memory knows better.
    pub(super) fn correct(
        &self,
        mut ids: Vec<String>,
        is_meant: impl Fn(&SessionRecord) -> bool,
    ) -> Vec<String> {
        ids.retain(|id| !self.is_deleted(id) && !self.is_detached(id));
        let here = self
            .held
            .values()
            .filter(|held| held.is_detached() && is_meant(&held.record));
        ids.extend(here.map(|held| held.record.id.as_ref().to_owned()));
        ids
    }

    /// The error for a session that is not held while the primary is down.
    pub(super) fn missing(&self, id: &str) -> Error {
        if self.is_deleted(id) {
            return Error::new(
                ErrorKind::SessionNotFound,
                format!("the session \"{id}\" was deleted"),
            );
        }
        let message = format!("the primary store is down, and memory does not hold the session \"{id}\"");
        Error::new(ErrorKind::StoreUnavailable, message)
    }

    fn insert(&mut self, record: SessionRecord, place: Place, attempts: Vec<SessionRecord>) {
        let id = record.id.clone();
        self.ticks += 1;
        let held = Held {
            record,
            place,
            attempts,
            gate: Arc::default(),
            tick: self.ticks,
        };
        if !held.is_detached() {
            self.copies.insert(held.tick, id.clone());
        }
        self.held.insert(id, held);
    }

    fn used(&mut self, id: &str) {
        self.ticks += 1;
        if let Some(held) = self.held.get_mut(id) {
            self.copies.remove(&held.tick);
            held.tick = self.ticks;
            if !held.is_detached() {
                self.copies.insert(held.tick, held.record.id.clone());
            }
        }
    }

    /// Whether there is room for one more, if need be in place of the copy that was not used for longest.
    fn make_room(&mut self) -> bool {
        while self.held.len() >= self.capacity {
            let Some((_, id)) = self.copies.pop_first() else {
                return false;
            };
            self.forget(&id);
        }
        true
    }
}

fn count<'a>(held: impl Iterator<Item = &'a Held>) -> SessionCount {
    let mut count = SessionCount::default();
    for held in held {
        match held.record.class() {
            SessionClass::Provisional => count.provisional += 1,
            SessionClass::Established => count.established += 1,
        }
    }
    count
}

/// Whether a record belongs to a browser.
pub(super) fn is_of(record: &SessionRecord, owner: &OwnerId) -> bool {
    record.owner.as_ref() == Some(owner)
}
