//! Changes that are answered from memory and stored a little later, where the application has chosen that.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use super::commit::{Turn, WriteError};
use super::live::Ahead;
use crate::store::SessionRecord;
use crate::token::random_number;
use crate::{Error, ErrorKind, Patch};

/// How long a store that fails is left alone at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a store is asked to take what is left when the renderer stops.
const LAST_TRIES: u32 = 3;

impl Session {
    /// Stores what is in memory alone, now. Without [`write_behind`](crate::RendererBuilder::write_behind) there is nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`], after which it is tried again by itself; [`ErrorKind::Conflict`] when another node
    /// changed the session first, and its data is what counts now; [`ErrorKind::SessionClosed`] or
    /// [`ErrorKind::SessionExpired`] when the session has ended.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has stored the changes, or not.
    pub async fn flush(&self) -> Result<(), Error> {
        // Held over the write: one at a time writes to the store.
        let _storing = self.live().storing.lock().await;
        let Some((record, stored)) = self.live().unstored() else {
            return Ok(());
        };
        if let Some(end) = self.end_reason() {
            self.live().give_up(None);
            return Err(end.error(self.id()));
        }
        match self.core().update(SessionRecord::clone(&record), stored).await {
            Ok(()) => {
                self.live().note_stored(record.stamp());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                match self.core().load(self.id()).await {
                    Ok(theirs) => self.live().give_up(Some(theirs)),
                    // A newer build has it now: there is nothing here to go on with.
                    Err(_) if self.end_reason().is_some() => self.live().give_up(None),
                    Err(error) => return Err(error),
                }
                self.core().metrics.unstored_lost().one();
                tracing::warn!(
                    target: "statetemplate::audit",
                    session = self.id(),
                    "changes lost: another node changed the session before they were stored"
                );
                Err(error)
            }
            Err(error) if error.kind() == ErrorKind::SessionNotFound => {
                self.live().give_up(None);
                Err(self.gone())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a change of the data over, to be stored before it is announced, or soon after.
    pub(super) async fn write_soon(
        &self,
        turn: Turn,
        base: Arc<SessionRecord>,
        mut next: SessionRecord,
        patch: Option<Arc<Patch>>,
    ) -> Result<Turn, WriteError> {
        let core = self.core();
        let delay = match core.config.write_behind {
            Some(delay) if !core.stopping.is_cancelled() => delay,
            _ => return self.write(turn, base, next, patch).await,
        };
        next.writes = base.writes + 1;
        core.mark_used(self, &mut next);
        if !self.live().has_own_epoch() {
            // What comes from here on may be lost, and then its revisions are given once more to other data.
            next.epoch = random_number().map_err(WriteError::Failed)?;
        }
        let is_change = next.revision != base.revision;
        match self.live().run_ahead(base.stamp(), next, patch) {
            Ahead::Conflict => return Err(WriteError::Conflict(turn)),
            Ahead::Flush => {
                core.tasks.spawn(self.clone().flush_within(delay));
            }
            Ahead::Done => {}
        }
        if is_change {
            core.metrics.commits().one();
        }
        Ok(turn)
    }

    /// Stores what is in memory after `delay`, again as long as more comes, and until the store takes it.
    async fn flush_within(self, delay: Duration) {
        let core = self.core();
        let mut pause = delay;
        let mut last_tries = LAST_TRIES;
        loop {
            if core.stopping.is_cancelled() {
                last_tries -= 1;
            } else {
                tokio::select! {
                    () = core.stopping.cancelled() => last_tries -= 1,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            match self.flush().await {
                Ok(()) => pause = delay,
                // There is nothing to store any more.
                Err(_) if self.live().unstored().is_none() => {}
                Err(error) if last_tries > 0 => {
                    tracing::warn!(session = self.id(), "changes wait to be stored: {error:#}");
                    pause = (pause * 2).clamp(Duration::from_millis(100), LONGEST_PAUSE);
                }
                Err(error) => {
                    core.metrics.unstored_lost().one();
                    tracing::error!(
                        session = self.id(),
                        "changes lost, the store does not take them: {error:#}"
                    );
                    return;
                }
            }
            if self.live().end_flushing() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use minijinja::Environment;
    use serde_json::{Value, json};

    use crate::store::{ClientId, MemoryStore, OwnerId, SessionStore};
    use crate::{Change, ErrorKind, Renderer, Session, SessionEnd, SessionOptions};

    const DELAY: Duration = Duration::from_secs(1);

    fn node(store: &Arc<dyn SessionStore>) -> Renderer {
        let mut env = Environment::new();
        env.add_template("counter.html", "<p>{{ count }}</p>").unwrap();
        Renderer::builder(env)
            .signing_key(b"a secret for tests, of 32 bytes.")
            .tokio_clock()
            .shared_store(store.clone())
            .write_behind(DELAY)
            .build()
            .unwrap()
    }

    fn store() -> Arc<dyn SessionStore> {
        Arc::new(MemoryStore::new())
    }

    async fn session(renderer: &Renderer) -> Session {
        let options = SessionOptions::new().id("s");
        renderer
            .create_session_with(options, &json!({"count": 0}))
            .await
            .unwrap();
        renderer.session("s").await.unwrap()
    }

    async fn add(session: &Session) {
        session
            .update(|data: &mut Value| data["count"] = (data["count"].as_i64().unwrap() + 1).into())
            .await
            .unwrap();
    }

    fn count(session: &Session) -> i64 {
        session.data::<Value>().unwrap()["count"].as_i64().unwrap()
    }

    async fn stored(store: &Arc<dyn SessionStore>) -> (u64, i64) {
        let record = store.load("s").await.unwrap();
        let data: Value = record.snapshot.get().to().unwrap();
        (record.revision, data["count"].as_i64().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_answered_from_memory_and_stored_together_in_time() {
        let store = store();
        let renderer = node(&store);
        let session = session(&renderer).await;
        for _ in 0..5 {
            add(&session).await;
        }
        // Finding it again does not bring back what is stored.
        assert_eq!(count(&renderer.session("s").await.unwrap()), 5);
        assert_eq!(stored(&store).await, (1, 0));
        drop(session);
        tokio::time::sleep(DELAY + Duration::from_millis(1)).await;
        assert_eq!(stored(&store).await, (6, 5));
        assert_eq!(renderer.sessions_in_memory(), 0, "nothing holds it any more");
        add(&renderer.session("s").await.unwrap()).await;
        renderer.shutdown().await;
        assert_eq!(stored(&store).await, (7, 6), "a shutdown waits for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn an_action_is_answered_once_and_its_repeat_from_the_ledger_in_memory() {
        let store = store();
        let session = session(&node(&store)).await;
        let client = ClientId::parse("c").unwrap();
        for repeated in [false, true] {
            let outcome = session
                .act(&client, 1, |mut data: Value| async move {
                    data["count"] = 7.into();
                    Ok((data, None))
                })
                .await
                .unwrap();
            assert_eq!(outcome.repeated, repeated);
        }
        assert_eq!((count(&session), stored(&store).await), (7, (1, 0)));
        session.flush().await.unwrap();
        assert_eq!(store.load("s").await.unwrap().ledger.highest(&client), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_crash_loses_is_told_by_the_epoch() {
        let store = store();
        let crashed = session(&node(&store)).await;
        add(&crashed).await;
        let shown = crashed.version();
        // Another process finds what was stored, and gives the same revision to other data.
        let next = node(&store).session("s").await.unwrap();
        assert_eq!(count(&next), 0);
        next.update(|data: &mut Value| data["count"] = 100.into())
            .await
            .unwrap();
        let current = next.version();
        assert_eq!(current.revision, shown.revision);
        assert_ne!(current.epoch, shown.epoch);
        assert_ne!(current.page_plan(next.plan()), shown.page_plan(next.plan()));
        // One that stored all of it goes on where it was, in the next process too.
        next.flush().await.unwrap();
        let last = node(&store).session("s").await.unwrap();
        assert_eq!(last.version().epoch, current.epoch);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_node_stored_first_wins_and_the_loss_is_counted() {
        let store = store();
        let one = node(&store);
        let (ours, theirs) = (session(&one).await, node(&store).session("s").await.unwrap());
        add(&ours).await;
        theirs
            .update(|data: &mut Value| data["count"] = 50.into())
            .await
            .unwrap();
        theirs.flush().await.unwrap();
        assert_eq!(ours.flush().await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(count(&ours), 50);
        assert_eq!(one.metrics().snapshot().unstored_lost, 1);
        add(&ours).await;
        ours.flush().await.unwrap();
        assert_eq!(stored(&store).await.1, 51);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_newer_build_stored_first_is_left_to_it_and_nothing_is_tried_again() {
        let store = store();
        let older = node(&store);
        let ours = session(&older).await;
        let mut subscription = ours.subscribe();
        add(&ours).await;
        let mut theirs = store.load("s").await.unwrap();
        let known = theirs.stamp();
        (theirs.data_version, theirs.writes) = (1, known.writes + 1);
        store.update(theirs.clone(), known).await.unwrap();
        tokio::time::sleep(DELAY * 2).await;
        assert_eq!(older.metrics().snapshot().unstored_lost, 1);
        assert_eq!(ours.end_reason(), Some(SessionEnd::TakenOver));
        while let Some(change) = subscription.next().await {
            if let Change::End(end) = change {
                assert_eq!(end, SessionEnd::TakenOver);
            }
        }
        drop((ours, subscription));
        assert_eq!(older.sessions_in_memory(), 0, "no task is left that holds it");
        assert_eq!(store.load("s").await.unwrap(), theirs);
        assert_eq!(older.session("s").await.unwrap_err().kind(), ErrorKind::Data);
    }

    #[tokio::test(start_paused = true)]
    async fn whose_a_session_is_is_stored_at_once_with_all_before_it() {
        let store = store();
        let renderer = node(&store);
        let options = SessionOptions::new().id("s");
        let page = renderer
            .create_provisional(options, &json!({"count": 0}))
            .await
            .unwrap();
        let session = renderer.session(&page.page_id).await.unwrap();
        add(&session).await;
        let owner = OwnerId::random().unwrap();
        renderer.bind(&page.page_id, &owner).await.unwrap();
        assert_eq!(stored(&store).await, (2, 1));
        assert_eq!(store.load("s").await.unwrap().owner, Some(owner));
        tokio::time::sleep(DELAY * 2).await;
        add(&session).await;
        session.close().await.unwrap();
        tokio::time::sleep(DELAY * 2).await;
        assert!(
            store.load("s").await.is_err(),
            "a session that ended does not come back"
        );
    }
}
