//! The sessions in memory: one place for each id, held by those who use it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::live::Live;
use crate::renderer::Core;
use crate::store::shrink;

/// The place of one session in memory. It is made before the session is loaded, so that two who ask for the same session
/// wait for the same load and a record read too early never replaces a newer one.
pub(crate) struct Slot {
    pub(crate) id: Arc<str>,
    pub(crate) core: Arc<Core>,
    pub(crate) live: OnceCell<Live>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.core.registry.forget(&self.id);
    }
}

type Slots = HashMap<Arc<str>, Weak<Slot>>;

/// All slots that someone holds. An idle session without a handle is in the store only.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Mutex<Slots>]>,
    hasher: RandomState,
}

impl Registry {
    const SHARDS: usize = 16;

    pub(crate) fn new() -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The slot for an id, made when nobody holds one.
    pub(crate) fn slot(&self, core: &Arc<Core>, id: &str) -> Arc<Slot> {
        let mut shard = self.shard(id);
        if let Some(slot) = shard.get(id).and_then(Weak::upgrade) {
            return slot;
        }
        let slot = Arc::new(Slot {
            id: id.into(),
            core: core.clone(),
            live: OnceCell::new(),
        });
        shard.insert(slot.id.clone(), Arc::downgrade(&slot));
        slot
    }

    /// The slot for an id, if someone holds it.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Slot>> {
        // The upgraded slot leaves this function before the lock could be needed for dropping it.
        self.shard(id).get(id).and_then(Weak::upgrade)
    }

    /// All slots of sessions with a connection.
    pub(crate) fn connected(&self) -> Vec<Arc<Slot>> {
        let mut connected = Vec::new();
        for shard in &self.shards {
            let slots: Vec<_> = lock(shard).values().filter_map(Weak::upgrade).collect();
            // Dropping the others may drop a slot, which locks its shard: not while it is locked here.
            connected.extend(
                slots
                    .into_iter()
                    .filter(|slot| slot.live.get().is_some_and(Live::is_connected)),
            );
        }
        connected
    }

    /// The ids of all sessions in memory.
    pub(crate) fn ids(&self) -> Vec<Arc<str>> {
        let mut ids = Vec::new();
        for shard in &self.shards {
            ids.extend(lock(shard).keys().cloned());
        }
        ids
    }

    /// How many sessions are in memory.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Takes a slot out, so that its id leads to a new one.
    pub(crate) fn release(&self, slot: &Arc<Slot>) {
        let mut shard = self.shard(&slot.id);
        if shard
            .get(&slot.id)
            .is_some_and(|held| std::ptr::eq(held.as_ptr(), Arc::as_ptr(slot)))
        {
            shard.remove(&slot.id);
            shrink(&mut shard);
        }
    }

    fn forget(&self, id: &str) {
        let mut shard = self.shard(id);
        // Another slot may have taken the place since this one's last holder left.
        if shard.get(id).is_some_and(|slot| slot.strong_count() == 0) {
            shard.remove(id);
            shrink(&mut shard);
        }
    }

    fn shard(&self, id: &str) -> MutexGuard<'_, Slots> {
        let index = self.hasher.hash_one(id) as usize % self.shards.len();
        lock(&self.shards[index])
    }
}

/// The tables are whole at every moment of holding their lock, so a poisoned lock is taken as it is.
fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
