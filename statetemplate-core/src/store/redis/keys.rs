//! Where things are in Redis: the names of keys and channels, and which slot of a cluster holds them.

use fred::bytes_utils::Str;
use fred::types::Key;
use fred::util::redis_keyslot;

use crate::store::SessionClass;

/// The slots of a cluster, a number that Redis fixes.
const SLOTS: usize = 16_384;

/// All names that a store uses.
///
/// In a cluster a script may only touch keys of one slot. So that a record, the indexes that point to it and the channel
/// that tells of it change in one script, sessions are dealt to a number of partitions, and each has its own indexes and
/// its own channel in the slot of its sessions. Questions that concern all sessions are asked of each partition.
pub(super) struct Keys {
    partitions: Vec<Partition>,
}

/// Some of the sessions and all that belongs to them, in one slot of a cluster.
pub(super) struct Partition {
    /// The slot, in a cluster.
    pub(super) slot: Option<u16>,
    base: String,
    /// The sessions of a class by [`idle_since`](crate::store::SessionRecord::idle_since).
    established: Key,
    provisional: Key,
    /// All sessions by their deadline.
    pub(super) deadlines: Key,
    pub(super) owners: Key,
    pub(super) users: Key,
    /// Who cleans.
    pub(super) cleaner: Key,
    /// Written to see whether writing works.
    pub(super) health: Key,
    /// Written with each call whose effect replicas have to have.
    pub(super) barrier: Key,
    /// Where changes are told.
    pub(super) channel: Str,
}

impl Keys {
    /// The names in a Redis without slots; `database` is part of the channel, since channels are not.
    pub(super) fn single(prefix: &str, database: u8) -> Self {
        let channel = format!("{prefix}:events:{database}");
        Self {
            partitions: vec![Partition::new(None, format!("{prefix}:"), channel)],
        }
    }

    /// The names in a cluster: partitions in slots as far from each other as can be, so that each master, which holds a
    /// range of slots, has as many as the others.
    pub(super) fn clustered(prefix: &str, partitions: usize) -> Self {
        let partitions = (0..partitions)
            .map(|number| {
                let slots = number * SLOTS / partitions..(number + 1) * SLOTS / partitions;
                let base = (0_u32..)
                    .map(|tag| format!("{prefix}:{{{tag}}}:"))
                    .find(|base| slots.contains(&usize::from(redis_keyslot(base.as_bytes()))))
                    .expect("among all numbers there is one for each range of slots");
                let slot = redis_keyslot(base.as_bytes());
                let channel = format!("{base}events");
                Partition::new(Some(slot), base, channel)
            })
            .collect();
        Self { partitions }
    }

    pub(super) fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The partition of a session.
    pub(super) fn of(&self, id: &str) -> &Partition {
        // The checksum that clusters deal keys by: the same on each node and in each version.
        let number = usize::from(redis_keyslot(id.as_bytes())) % self.partitions.len();
        &self.partitions[number]
    }
}

impl Partition {
    fn new(slot: Option<u16>, base: String, channel: String) -> Self {
        let key = |name: &str| Key::from(format!("{base}{name}"));
        Self {
            slot,
            established: key("established"),
            provisional: key("provisional"),
            deadlines: key("deadlines"),
            owners: key("owners"),
            users: key("users"),
            cleaner: key("cleaner"),
            health: key("health"),
            barrier: key("barrier"),
            channel: channel.into(),
            base,
        }
    }

    /// The key of a session's record.
    pub(super) fn session(&self, id: &str) -> String {
        format!("{}session:{id}", self.base)
    }

    /// The sessions of a class by idle time.
    pub(super) fn by_use(&self, class: SessionClass) -> &Key {
        match class {
            SessionClass::Established => &self.established,
            SessionClass::Provisional => &self.provisional,
        }
    }

    /// A session's keys in the order in which scripts take them.
    pub(super) fn all(&self, id: &str) -> Vec<Key> {
        let mut keys = vec![Key::from(self.session(id))];
        for key in [
            &self.established,
            &self.provisional,
            &self.deadlines,
            &self.owners,
            &self.users,
        ] {
            keys.push(key.clone());
        }
        keys
    }
}

/// Where an index of owners or users has the sessions of `name`: all entries that begin so.
pub(super) fn indexed(name: &str) -> String {
    format!("{}:{name}", name.len())
}

/// The session's id in an entry of the index of deadlines.
pub(super) fn id_of_entry(entry: &str) -> Option<&str> {
    let (length, rest) = entry.split_once(':')?;
    let (_, rest) = rest.split_once(':')?;
    rest.get(..length.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_session_share_a_slot_and_each_third_of_the_slots_has_as_many_partitions() {
        let keys = Keys::clustered("app", 12);
        let mut thirds = [0; 3];
        for partition in keys.partitions() {
            let slot = partition.slot.unwrap();
            thirds[usize::from(slot) * 3 / SLOTS] += 1;
            for key in partition.all("an {odd} id") {
                assert_eq!(redis_keyslot(key.as_bytes()), slot);
            }
            assert_eq!(redis_keyslot(partition.channel.as_bytes()), slot);
        }
        assert_eq!(thirds, [4; 3]);
    }

    #[test]
    fn reads_the_id_of_an_entry_whatever_is_in_it() {
        assert_eq!(id_of_entry("5:3:a:b=c=zo=ann"), Some("a:b=c"));
        for odd in ["", "5", "5:3:a", "x:1:a", "1:1:ä"] {
            assert_eq!(id_of_entry(odd), None, "{odd}");
        }
    }
}
