//! What all sessions of a renderer share: plans, keys, the store, and the rules for making and ending sessions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

use minijinja::Environment;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use crate::session::{Live, Registry, Session, SessionEnd, Slot};
use crate::store::{SessionClass, SessionRecord, SessionStore, Stamp, Timestamp, Touch};
use crate::{Config, Error, ErrorKind, Keyring, Metrics, Plan, PlanOptions};

pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Registry,
    pub(crate) clock: Clock,
    /// Each task of this renderer; [`Renderer::shutdown`](super::Renderer::shutdown) waits for them.
    pub(crate) tasks: TaskTracker,
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) keyring: Keyring,
    pub(super) env: Environment<'static>,
    pub(super) plan_options: PlanOptions,
    pub(super) plans: RwLock<HashMap<Arc<str>, Arc<Plan>>>,
    pub(super) default_template: Option<Arc<str>>,
    pub(crate) stopping: CancellationToken,
    pub(super) started: Once,
    /// Sessions that are being made and may not be counted by the store yet.
    pub(super) coming: [AtomicUsize; 2],
}

impl Core {
    pub(super) fn plan(&self, template: &str) -> Result<Arc<Plan>, Error> {
        // Plans are only added, each as a whole: a poisoned lock is taken as it is.
        if let Some(plan) = self
            .plans
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(template)
        {
            return Ok(plan.clone());
        }
        let plan = Arc::new(Plan::compile_with(&self.env, template, &self.plan_options)?);
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        Ok(plans.entry(template.into()).or_insert(plan).clone())
    }

    /// The session with this id, loaded when it is not in memory, brought up to date when it is.
    pub(super) async fn session(self: &Arc<Self>, id: &str) -> Result<Session, Error> {
        self.start_tasks();
        let slot = self.registry.slot(self, id);
        let mut is_fresh = false;
        let live = slot
            .live
            .get_or_try_init(|| async {
                is_fresh = true;
                self.read(id).await
            })
            .await?;
        if let Some(end) = live.end_reason() {
            return Err(end.error(id));
        }
        if !is_fresh {
            // Another node may have written meanwhile.
            match self.load(id).await {
                Ok(record) => live.adopt(record),
                Err(error) => {
                    if error.kind() == ErrorKind::SessionNotFound {
                        self.end_in_memory(id, SessionEnd::Closed);
                    }
                    return Err(error);
                }
            }
        }
        if live.record().is_expired(self.clock.now()) {
            self.end_session(id, SessionEnd::Expired).await?;
            return Err(SessionEnd::Expired.error(id));
        }
        Ok(Session::new(slot))
    }

    /// A session as it comes into memory.
    pub(super) async fn read(&self, id: &str) -> Result<Live, Error> {
        let record = self.load(id).await?;
        let plan = self.plan(&record.template)?;
        Ok(Live::new(record, plan))
    }

    /// Reads a record, and refuses one that a newer version of the application wrote: a session in memory goes no further
    /// on this node then.
    pub(crate) async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        let record = self.within(self.store.load(id)).await?;
        if record.data_version > self.config.data_version {
            self.end_in_memory(id, SessionEnd::TakenOver);
            let message = format!(
                "the session \"{id}\" has data of version {}, this application reads up to {}",
                record.data_version, self.config.data_version
            );
            return Err(Error::new(ErrorKind::Data, message));
        }
        Ok(record)
    }

    pub(crate) async fn update(&self, mut record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        record.data_version = self.config.data_version;
        self.within(self.store.update(record, expected)).await
    }

    /// Waits until a record that was read is as safe as one that was written.
    pub(crate) async fn confirm(&self, id: &str, stamp: Stamp) -> Result<(), Error> {
        self.within(self.store.confirm(id, stamp)).await
    }

    /// Moves a record's times on, because the session is used now.
    pub(crate) fn mark_used(&self, session: &Session, record: &mut SessionRecord) {
        let now = self.clock.now();
        record.last_access = record.last_access.max(now);
        if !record.provisional {
            record.expires_at = record
                .expires_at
                .max(now + Duration::from_millis(record.sliding_millis));
        }
        // What this node holds may be older than what another one noted; a write must not make a connection run out.
        if let Some(until) = self.connected_until(session) {
            record.connected_until = record.connected_until.max(until);
        }
    }

    /// Until when a session's pages on this node are taken to be connected, if there are any and others have to know: in
    /// a store that nobody shares, what is known in memory is enough.
    fn connected_until(&self, session: &Session) -> Option<Timestamp> {
        (self.store.is_shared() && session.live().is_connected())
            .then(|| self.now() + self.connection_lease())
    }

    /// Notes in memory and in the store that a session is used now, and whether pages are connected to it here.
    pub(super) async fn touch(&self, session: &Session) -> Result<(), Error> {
        self.touch_until(session, self.connected_until(session)).await
    }

    async fn touch_until(&self, session: &Session, connected_until: Option<Timestamp>) -> Result<(), Error> {
        let mut record = SessionRecord::clone(&session.live().record());
        self.mark_used(session, &mut record);
        let touch = Touch {
            last_access: record.last_access,
            expires_at: record.expires_at,
            connected_until,
        };
        self.within(self.store.touch(&record.id, touch)).await?;
        session.live().touch(touch);
        Ok(())
    }

    /// Tells the other nodes of a shared store whether pages are connected to a session here, so that they do not evict
    /// it, in a task of its own. Cleaning repeats it, and puts right what went wrong.
    pub(crate) fn note_connection(self: &Arc<Self>, session: &Session) {
        if !self.store.is_shared() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let session = session.clone();
        self.tasks.spawn(async move {
            let core = session.core();
            let until = core.connected_until(&session).unwrap_or_else(|| core.now());
            if session.end_reason().is_none()
                && let Err(error) = core.touch_until(&session, Some(until)).await
            {
                tracing::debug!(session = session.id(), "noting a connection failed: {error:#}");
            }
        });
    }

    /// Ends a session in the store and for all who listen. Says whether there was one.
    pub(crate) async fn end_session(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        let existed = self.within(self.store.delete(id, reason)).await?;
        self.end_in_memory(id, reason);
        if existed {
            self.note_end(id, reason);
        }
        Ok(existed)
    }

    /// Tells those who listen on this node that a session has ended.
    pub(crate) fn end_in_memory(&self, id: &str, reason: SessionEnd) {
        if let Some(slot) = self.registry.get(id) {
            self.end_slot(&slot, reason);
        }
    }

    pub(super) fn end_slot(&self, slot: &Arc<Slot>, reason: SessionEnd) {
        if let Some(live) = slot.live.get() {
            live.end(reason);
            // The id may be used again, by a session of its own.
            self.registry.release(slot);
        }
    }

    pub(super) fn note_end(&self, id: &str, reason: SessionEnd) {
        let metrics = &self.metrics;
        match reason {
            SessionEnd::Expired => metrics.sessions_expired().one(),
            SessionEnd::Evicted => metrics.sessions_evicted().one(),
            SessionEnd::Closed | SessionEnd::Invalidated | SessionEnd::Lost | SessionEnd::Outdated => {
                metrics.sessions_ended().one();
            }
            // It goes on elsewhere, and is counted where it ends.
            SessionEnd::TakenOver => {}
        }
        tracing::info!(target: "statetemplate::audit", session = id, reason = reason.as_str(), "session ended");
    }

    /// Makes room for one more session of a class; the room is held until the returned value is dropped.
    ///
    /// The least recently used session without a connection goes. Connections of this node are known in memory, those
    /// of others from the store: see [`SessionRecord::connected_until`].
    pub(super) async fn make_room(&self, class: SessionClass) -> Result<Coming<'_>, Error> {
        let max = match class {
            SessionClass::Provisional => self.config.max_provisional_sessions,
            SessionClass::Established => self.config.max_sessions,
        };
        let coming = Coming::new(&self.coming[class as usize]);
        loop {
            let count = self.within(self.store.count()).await?.of(class);
            if count + coming.number() <= max {
                return Ok(coming);
            }
            let Some(id) = self.dispensable(class).await? else {
                let message =
                    format!("there are {count} sessions, the limit is {max}, and all are connected");
                return Err(Error::new(ErrorKind::MaxSessionsReached, message));
            };
            // It stays when a page has connected meanwhile, and is not proposed again then.
            if self.within(self.store.evict(&id, self.now())).await? {
                self.end_in_memory(&id, SessionEnd::Evicted);
                self.note_end(&id, SessionEnd::Evicted);
            }
        }
    }

    /// The least recently used session of a class that no page is connected to.
    async fn dispensable(&self, class: SessionClass) -> Result<Option<String>, Error> {
        let mut limit = 16;
        loop {
            let ids = self
                .within(self.store.least_recent(class, self.now(), limit))
                .await?;
            let is_all = ids.len() < limit;
            if let Some(id) = ids.into_iter().find(|id| !self.is_connected(id)) {
                return Ok(Some(id));
            }
            if is_all {
                return Ok(None);
            }
            limit *= 4;
        }
    }

    fn is_connected(&self, id: &str) -> bool {
        let slot = self.registry.get(id);
        slot.is_some_and(|slot| slot.live.get().is_some_and(Live::is_connected))
    }

    /// Gives a call to the store its deadline.
    pub(super) async fn within<R>(&self, call: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        let limit = self.config.store_timeout;
        tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!("the store did not answer within {limit:?}");
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// A session on its way into the store.
pub(super) struct Coming<'a>(&'a AtomicUsize);

impl<'a> Coming<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }

    fn number(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
