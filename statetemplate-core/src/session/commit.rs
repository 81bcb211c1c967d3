//! The one way in which a session changes: read, compute, diff, compare-and-set, announce.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedMutexGuard;

use super::guarded::{Failure, guarded_sync};
use super::{Session, SessionEnd, Version};
use crate::store::SessionRecord;
use crate::{Error, ErrorKind, Patch, Snapshot, diff};

/// How often a change is tried again on fresh data after another node was faster.
pub(super) const RERUNS: u32 = 3;

tokio::task_local! {
    /// The session whose handler runs in this task, which may not wait for its own end.
    pub(super) static RUNNING: Arc<str>;
}

/// The right to write a session's record, for one at a time.
pub(super) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

/// Why a write did not happen.
pub(super) enum WriteError {
    /// Another node wrote first; the turn goes on.
    Conflict(Turn),
    /// It failed; nothing is announced.
    Failed(Error),
}

/// What a change of data comes to.
pub(super) struct Step {
    pub(super) snapshot: Snapshot,
    pub(super) patch: Arc<Patch>,
}

impl Session {
    /// Changes the data by a function, from anywhere: a background task, another session's handler.
    ///
    /// The function gets the newest data. It runs again, on fresh data, when another node changed the session meanwhile
    /// (at most 3 times), so it should have no effect but its change. When it changes nothing, nothing is sent. It waits
    /// for its turn behind the session's running handler, and is short; a handler changes the data that it was given.
    /// Where the template cannot show data that another build wrote, the data is [upgraded](Self::upgrade) first, and the
    /// function runs again.
    ///
    /// # Errors
    ///
    /// The data is as before when this fails: with [`ErrorKind::Data`] when it cannot be read as a `T` or written,
    /// [`ErrorKind::Template`] when the template fails with the new data, [`ErrorKind::Internal`] when the function
    /// panics or is called in the session's own handler, [`ErrorKind::Conflict`] when other nodes were faster each time,
    /// [`ErrorKind::SessionClosed`] or [`ErrorKind::SessionExpired`] when the session has ended. After
    /// [`ErrorKind::StoreUnavailable`] the change may or may not be stored.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has changed the data as a whole, or not at all.
    pub async fn update<T, R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut turn = self.turn().await?;
        let mut is_upgraded = false;
        for _ in 0..=RERUNS {
            let base = self.live().record();
            let (result, step) = {
                let mut data: T = base.snapshot.get().to()?;
                let result = guarded_sync(|| change(&mut data)).map_err(|failure| self.panicked(&failure))?;
                (result, self.step(&base, &data))
            };
            let step = match step {
                Err(error) if error.kind() == ErrorKind::Template && !is_upgraded => {
                    drop(turn);
                    is_upgraded = self.upgrade::<T>().await?;
                    if !is_upgraded {
                        return Err(error);
                    }
                    turn = self.turn().await?;
                    continue;
                }
                step => step?,
            };
            match self.write_step(turn, base, step).await {
                Ok(_) => return Ok(result),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        Err(self.conflict())
    }

    /// Replaces the data. When it is equal to the old data, nothing is sent.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has replaced the data, or not.
    pub async fn render_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<Version, Error> {
        let mut turn = self.turn().await?;
        for _ in 0..=RERUNS {
            let base = self.live().record();
            let step = self.step(&base, data)?;
            match self.write_step(turn, base, step).await {
                Ok(_) => return Ok(self.version()),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        Err(self.conflict())
    }

    /// Changes what is kept beside the data. The function says whether it changed anything.
    pub(crate) async fn rewrite(
        &self,
        mut change: impl FnMut(&mut SessionRecord) -> Result<bool, Error>,
    ) -> Result<Arc<SessionRecord>, Error> {
        let mut turn = self.turn().await?;
        for _ in 0..=RERUNS {
            let base = self.live().record();
            let mut next = SessionRecord::clone(&base);
            if !change(&mut next)? {
                return Ok(base);
            }
            match self.write(turn, base, next, None).await {
                Ok(_) => return Ok(self.live().record()),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        Err(self.conflict())
    }

    /// Waits for the right to write. The record in memory is then the newest that this node can know.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        if RUNNING.try_with(|id| *id == self.slot.id).unwrap_or(false) {
            let message = format!(
                "the handler of session \"{}\" waits for itself: it changes the data it was given, and returns it",
                self.id()
            );
            return Err(Error::new(ErrorKind::Internal, message));
        }
        let turn = Turn {
            _guard: self.live().turn.clone().lock_owned().await,
        };
        self.check_open()?;
        if self.live().is_stale() {
            self.reload().await?;
        }
        let now = self.core().clock.now();
        if self.live().record().is_expired(now) {
            // Another node may have seen it in use.
            self.reload().await?;
            if self.live().record().is_expired(now) {
                self.core().end_session(self.id(), SessionEnd::Expired).await?;
                return Err(SessionEnd::Expired.error(self.id()));
            }
        }
        Ok(turn)
    }

    /// Takes over what the store has. Whoever calls this holds the turn.
    pub(super) async fn reload(&self) -> Result<(), Error> {
        match self.core().load(self.id()).await {
            Ok(record) => {
                if self.live().is_ahead_of(&record) {
                    self.give_back(&record).await?;
                } else {
                    self.live().adopt(record);
                }
                self.live().set_stale(false);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::SessionNotFound => Err(self.gone()),
            Err(error) => Err(error),
        }
    }

    /// Waits for the right to write, and takes over what the store has, or gives back what it has lost.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let _turn = self.turn().await?;
        self.reload().await
    }

    /// The store has lost writes that it had confirmed, as a Redis does that fails over to a replica that was behind.
    /// What is known here is newer, and clients have been told of it: it goes back, under a new epoch, unless another
    /// node was faster.
    async fn give_back(&self, lost: &SessionRecord) -> Result<(), Error> {
        let known = self.live().record();
        let mut record = SessionRecord::clone(&known);
        record.epoch = known.epoch.wrapping_add(1);
        record.writes = known.writes + 1;
        match self.core().update(record.clone(), lost.stamp()).await {
            Ok(()) => {
                tracing::warn!(
                    target: "statetemplate::audit",
                    session = self.id(),
                    writes = known.writes - lost.writes,
                    "the store lost writes, which were given back"
                );
                self.live().commit(record, None);
                Ok(())
            }
            // The next attempt reads what that node wrote.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What new data comes to, computed before anything is written; `None` when it is equal to the old.
    pub(super) fn step<T: Serialize + ?Sized>(
        &self,
        base: &SessionRecord,
        data: &T,
    ) -> Result<Option<Step>, Error> {
        guarded_sync(|| {
            let old = base.snapshot.get();
            let snapshot = old.next(data)?;
            if snapshot.is_same(&old) {
                return Ok(None);
            }
            let patch = Arc::new(diff(self.plan(), &old, &snapshot)?);
            self.core().metrics.patches_computed().one();
            Ok(Some(Step { snapshot, patch }))
        })
        .unwrap_or_else(|failure| Err(self.panicked(&failure)))
    }

    async fn write_step(
        &self,
        turn: Turn,
        base: Arc<SessionRecord>,
        step: Option<Step>,
    ) -> Result<Turn, WriteError> {
        let Some(step) = step else {
            self.core().metrics.updates_without_change().one();
            return Ok(turn);
        };
        let mut next = SessionRecord::clone(&base);
        let patch = step.patch.clone();
        step.apply(&mut next);
        self.write_soon(turn, base, next, Some(patch)).await
    }

    /// Stores `next` in place of `base` and announces it.
    ///
    /// The write runs in a task of its own, which holds the turn: when the caller is dropped half-way (its socket died),
    /// the write still ends as a whole, is announced, and only then lets the next one in.
    pub(super) async fn write(
        &self,
        turn: Turn,
        base: Arc<SessionRecord>,
        mut next: SessionRecord,
        patch: Option<Arc<Patch>>,
    ) -> Result<Turn, WriteError> {
        next.writes = base.writes + 1;
        self.core().mark_used(self, &mut next);
        let session = self.clone();
        let task = self.core().tasks.spawn(async move {
            // Held over the write, since what may be expected in the store is known only while nobody else writes.
            let _storing = session.live().storing.lock().await;
            let expected = session.live().stored(&base);
            // Until the store has answered, what it holds is not known.
            session.live().set_stale(true);
            let stored = session.core().update(next.clone(), expected).await;
            session.conclude(turn, &base, next, patch, stored)
        });
        task.await.unwrap_or_else(|error| {
            let message = format!("writing the session \"{}\" panicked", self.id());
            Err(WriteError::Failed(
                Error::new(ErrorKind::Internal, message).with_source(error),
            ))
        })
    }

    fn conclude(
        &self,
        turn: Turn,
        base: &SessionRecord,
        next: SessionRecord,
        patch: Option<Arc<Patch>>,
        stored: Result<(), Error>,
    ) -> Result<Turn, WriteError> {
        match stored {
            Ok(()) => {
                if next.revision != base.revision {
                    self.core().metrics.commits().one();
                }
                let stamp = next.stamp();
                self.live().commit(next, patch);
                self.live().note_stored(stamp);
                Ok(turn)
            }
            Err(error) => match error.kind() {
                ErrorKind::Conflict => Err(WriteError::Conflict(turn)),
                ErrorKind::SessionNotFound => Err(WriteError::Failed(self.gone())),
                _ => Err(WriteError::Failed(error)),
            },
        }
    }

    /// The store has the session no more: someone else ended it.
    pub(super) fn gone(&self) -> Error {
        self.core().end_in_memory(self.id(), SessionEnd::Closed);
        self.end_reason().unwrap_or(SessionEnd::Closed).error(self.id())
    }

    pub(super) fn conflict(&self) -> Error {
        let message = format!(
            "the session \"{}\" was changed elsewhere {} times in a row",
            self.id(),
            RERUNS + 1
        );
        Error::new(ErrorKind::Conflict, message)
    }

    pub(super) fn panicked(&self, failure: &Failure) -> Error {
        let text = match failure {
            Failure::Panicked(text) => text.as_str(),
            Failure::TimedOut => "it took too long",
        };
        Error::new(
            ErrorKind::Internal,
            format!("changing the session \"{}\" panicked: {text}", self.id()),
        )
    }
}

impl Step {
    pub(super) fn apply(self, record: &mut SessionRecord) {
        record.snapshot = self.snapshot.into();
        record.revision += 1;
    }
}
