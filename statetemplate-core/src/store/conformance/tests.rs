//! The store in memory passes the suite; a store with a fault does not, whatever the fault.

use async_trait::async_trait;

use super::check;
use crate::store::{
    MemoryStore, OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, Timestamp, Touch,
};
use crate::{Error, ErrorKind, SessionEnd};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_passes() {
    check(async || MemoryStore::new()).await.unwrap();
}

/// One way of being wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    CreateOverwrites,
    UpdateIgnoresTheStamp,
    UpdateIgnoresTheEpoch,
    UpdateCreates,
    UpdateForgetsTheLedger,
    UpdateChecksThenWrites,
    DeleteDoesNothing,
    DeleteFailsTwice,
    TouchMovesBack,
    TouchDoesNothing,
    NothingExpires,
    EverythingExpires,
    RemovesWithoutLimit,
    OwnersAreLost,
    UsersAreMixed,
    CountsTogether,
    NewestFirst,
    ListsConnected,
    EvictsConnected,
    ConfirmsNothing,
    IsIll,
}

/// A store in memory with one fault.
struct Broken(MemoryStore, Fault);

#[async_trait]
impl SessionStore for Broken {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        if matches!(self.1, Fault::CreateOverwrites) {
            self.0.delete(&record.id, SessionEnd::Closed).await?;
        }
        self.0.create(record).await
    }

    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        self.0.load(id).await
    }

    async fn update(&self, mut record: SessionRecord, mut expected: Stamp) -> Result<(), Error> {
        match (self.1, self.0.load(&record.id).await) {
            (Fault::UpdateCreates, Err(_)) => return self.0.create(record).await,
            (Fault::UpdateIgnoresTheStamp, Ok(stored)) => expected = stored.stamp(),
            (Fault::UpdateIgnoresTheEpoch, Ok(stored)) => expected.epoch = stored.epoch,
            (Fault::UpdateForgetsTheLedger, Ok(stored)) => record.ledger = stored.ledger,
            (Fault::UpdateChecksThenWrites, Ok(stored)) if stored.stamp() == expected => {
                tokio::task::yield_now().await;
                expected = self.0.load(&record.id).await?.stamp();
            }
            _ => {}
        }
        self.0.update(record, expected).await
    }

    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        match self.1 {
            Fault::DeleteDoesNothing => Ok(true),
            Fault::DeleteFailsTwice => match self.0.delete(id, reason).await? {
                true => Ok(true),
                false => Err(ErrorKind::SessionNotFound.into()),
            },
            _ => self.0.delete(id, reason).await,
        }
    }

    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        match self.1 {
            Fault::TouchDoesNothing => Ok(()),
            Fault::TouchMovesBack => {
                let mut record = self.0.load(id).await?;
                let stamp = record.stamp();
                (record.last_access, record.expires_at) = (touch.last_access, touch.expires_at);
                self.0.update(record, stamp).await
            }
            _ => self.0.touch(id, touch).await,
        }
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        match self.1 {
            Fault::NothingExpires => Ok(Vec::new()),
            Fault::EverythingExpires => self.0.remove_expired(Timestamp::MAX, limit).await,
            Fault::RemovesWithoutLimit => self.0.remove_expired(now, usize::MAX).await,
            _ => self.0.remove_expired(now, limit).await,
        }
    }

    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        match self.1 {
            Fault::OwnersAreLost => Ok(Vec::new()),
            _ => self.0.by_owner(owner).await,
        }
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        match self.1 {
            Fault::UsersAreMixed => self.0.by_user("bob").await,
            _ => self.0.by_user(user).await,
        }
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let now = match self.1 {
            Fault::ListsConnected => Timestamp::MAX,
            _ => now,
        };
        let mut ids = self.0.least_recent(class, now, limit).await?;
        if matches!(self.1, Fault::NewestFirst) {
            ids.reverse();
        }
        Ok(ids)
    }

    async fn count(&self) -> Result<SessionCount, Error> {
        let mut count = self.0.count().await?;
        if matches!(self.1, Fault::CountsTogether) {
            count.established += std::mem::take(&mut count.provisional);
        }
        Ok(count)
    }

    async fn evict(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        match self.1 {
            Fault::EvictsConnected => self.0.delete(id, SessionEnd::Evicted).await,
            _ => self.0.evict(id, now).await,
        }
    }

    async fn confirm(&self, id: &str, stamp: Stamp) -> Result<(), Error> {
        match self.1 {
            Fault::ConfirmsNothing => Err(ErrorKind::Conflict.into()),
            _ => self.0.confirm(id, stamp).await,
        }
    }

    async fn health(&self) -> Result<(), Error> {
        match self.1 {
            Fault::IsIll => Err(ErrorKind::StoreUnavailable.into()),
            _ => self.0.health().await,
        }
    }
}

#[tokio::test]
async fn a_store_with_any_fault_fails_at_the_promise_it_breaks() {
    let faults = [
        (
            Fault::CreateOverwrites,
            "refuses_a_second_record_with_the_same_id",
        ),
        (
            Fault::UpdateIgnoresTheStamp,
            "refuses_an_update_with_a_stale_stamp_and_changes_nothing",
        ),
        (Fault::UpdateIgnoresTheEpoch, "refuses_an_update_of_another_epoch"),
        (Fault::UpdateCreates, "does_not_create_by_update"),
        (
            Fault::UpdateForgetsTheLedger,
            "replaces_the_whole_record_on_update",
        ),
        (
            Fault::UpdateChecksThenWrites,
            "lets_exactly_one_of_concurrent_updates_win",
        ),
        (
            Fault::DeleteDoesNothing,
            "deletes_once_and_forgives_a_second_time",
        ),
        (Fault::DeleteFailsTwice, "deletes_once_and_forgives_a_second_time"),
        (
            Fault::TouchMovesBack,
            "moves_times_forward_on_touch_and_leaves_the_stamp",
        ),
        (Fault::TouchDoesNothing, "keeps_what_is_touched_in_time"),
        (Fault::NothingExpires, "removes_exactly_what_has_expired"),
        (Fault::EverythingExpires, "removes_exactly_what_has_expired"),
        (
            Fault::RemovesWithoutLimit,
            "removes_no_more_than_the_limit_at_once",
        ),
        (Fault::OwnersAreLost, "finds_sessions_by_owner"),
        (Fault::UsersAreMixed, "finds_sessions_by_user"),
        (Fault::CountsTogether, "counts_provisional_sessions_apart"),
        (Fault::NewestFirst, "lists_least_recently_used_first"),
        (Fault::ListsConnected, "lists_no_session_that_is_connected"),
        (Fault::EvictsConnected, "evicts_no_session_that_is_connected"),
        (Fault::ConfirmsNothing, "confirms_what_it_has_written"),
        (Fault::IsIll, "is_healthy_and_available"),
    ];
    for (fault, promise) in faults {
        let violations = check(async || Broken(MemoryStore::new(), fault))
            .await
            .unwrap_err();
        assert!(
            violations.iter().any(|seen| seen.promise == promise),
            "{fault:?}: {violations}"
        );
    }
}
