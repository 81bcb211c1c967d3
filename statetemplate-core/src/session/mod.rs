//! Sessions: the truth of one page, its versions, and the one way in which it changes.

mod act;
mod action;
mod commit;
mod connection;
mod guarded;
mod live;
mod registry;
mod subscription;
#[cfg(test)]
mod tests;
mod updates;
mod upgrade;
mod version;
mod write_behind;

pub use action::{ActionError, ActionOutcome};
pub use connection::ConnectionGuard;
pub use subscription::{Change, Event, Subscription};
pub use updates::{UpdateBatch, Updates};
pub use version::{SessionEnd, Version};

pub(crate) use live::{Adopted, Live};
pub(crate) use registry::{Registry, Slot};

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::renderer::Core;
use crate::store::{Answer, ClientId, OwnerId};
use crate::{Error, ErrorKind, Patch, Plan, diff};

/// A handle on one session; clones are handles on the same one.
///
/// A session ends by [`close`](Self::close), by invalidation, when its time runs out or when it makes room for another;
/// not with its handles, its request or its connection. Between uses it lies in the store.
///
/// # Examples
///
/// ```
/// use statetemplate_core::Renderer;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut env = minijinja::Environment::new();
/// env.add_template("counter.html", "<p>{{ count }}</p>").unwrap();
/// let renderer = Renderer::builder(env).signing_key(b"a secret of thirty-two bytes....").build()?;
///
/// let token = renderer.create_session(&serde_json::json!({"count": 1})).await?;
/// let session = renderer.get_session(&token).await?;
/// session.update(|data: &mut serde_json::Value| data["count"] = 2.into()).await?;
/// assert_eq!(session.data::<serde_json::Value>()?["count"], 2);
/// # Ok::<(), statetemplate_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Session {
    slot: Arc<Slot>,
}

impl Session {
    /// The caller has loaded the slot.
    pub(crate) fn new(slot: Arc<Slot>) -> Self {
        debug_assert!(slot.live.initialized());
        Self { slot }
    }

    /// The session's id: the page's public name for it, worthless without the browser's cookie.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.slot.id
    }

    /// The compiled template of the session's page.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.live().plan
    }

    /// The application's user that the session was made for.
    #[must_use]
    pub fn user(&self) -> Option<Arc<str>> {
        self.live().record().user.clone()
    }

    /// The browser that the session is bound to.
    #[must_use]
    pub fn owner(&self) -> Option<OwnerId> {
        self.live().record().owner.clone()
    }

    /// The newest committed state of the data.
    #[must_use]
    pub fn version(&self) -> Version {
        self.live().version()
    }

    /// Why the session ended, if it has.
    #[must_use]
    pub fn end_reason(&self) -> Option<SessionEnd> {
        self.live().end_reason()
    }

    /// The data as the application's type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when the data cannot be read as a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.version().snapshot.get().to()
    }

    /// Renders the whole page, annotated, with `head` put at the end of its `<head>`; says which version it shows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`] when the template fails with this data.
    pub fn render(&self, head: &str) -> Result<(Version, String), Error> {
        let version = self.version();
        let html = self.plan().render(&version.snapshot.get(), head)?;
        Ok((version, html))
    }

    /// The smallest patch from what a page shows to the newest version, and that version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Template`] when the template fails with one of the two.
    pub fn patch_from(&self, shown: &Version) -> Result<(Version, Arc<Patch>), Error> {
        let current = self.version();
        if shown.snapshot.is_same(&current.snapshot) {
            // Nor is a session that hibernates woken for it.
            return Ok((current, Arc::default()));
        }
        let metrics = &self.core().metrics;
        if let Some(patch) = self.live().cached_patch(shown, &current) {
            metrics.patches_reused().one();
            return Ok((current, patch));
        }
        let patch = Arc::new(diff(self.plan(), &shown.snapshot.get(), &current.snapshot.get())?);
        metrics.patches_computed().one();
        if patch.is_empty() {
            metrics.updates_empty().one();
        }
        if !shown.is_same(&current) {
            self.live()
                .cache_patch(shown.clone(), current.clone(), patch.clone());
        }
        Ok((current, patch))
    }

    /// The answers to actions of `client` above `after` that it has not acknowledged, by growing number: what a page
    /// that resumes may have missed.
    #[must_use]
    pub fn unacknowledged(&self, client: &ClientId, after: u64) -> Vec<(u64, Answer)> {
        let record = self.live().record();
        record
            .ledger
            .unacknowledged(client, after)
            .map(|(n, answer)| (n, answer.clone()))
            .collect()
    }

    /// Notes that `client` has the answers to its actions up to `number`; the ledger forgets them.
    pub fn acknowledge(&self, client: &ClientId, number: u64) {
        self.live().acknowledge(client, number);
    }

    /// Like [`acknowledge`](Self::acknowledge), but stored at once: for a client that may send nothing more, and whose
    /// session nobody else may keep in memory until the next write.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has stored it, or not.
    pub async fn acknowledge_now(&self, client: &ClientId, number: u64) -> Result<(), Error> {
        let stored = self.rewrite(|record| {
            let learns = record.ledger.learns_from(client, number);
            if learns {
                record.ledger.acknowledge(client, number);
            }
            Ok(learns)
        });
        stored.await.map(drop)
    }

    /// Pushes an event to the scripts of all pages that are connected now.
    ///
    /// It is not stored: a page that is not connected misses it. What a page must not miss belongs in the data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when `data` cannot be written as JSON; [`ErrorKind::SessionClosed`] or
    /// [`ErrorKind::SessionExpired`] when the session has ended.
    pub fn push_event<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<(), Error> {
        self.check_open()?;
        let json = serde_json::to_string(data)
            .and_then(RawValue::from_string)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Data,
                    format!("the data of event \"{name}\" cannot be written as JSON"),
                )
                .with_source(error)
            })?;
        self.live().push(Event {
            name: name.into(),
            data: json.into(),
        });
        self.core().metrics.events_pushed().one();
        Ok(())
    }

    /// Listens to what happens to the session from now on. Take it before reading [`version`](Self::version), and nothing
    /// is missed.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let live = self.live();
        Subscription::new(self.clone(), live.watch(), live.events().subscribe())
    }

    /// What changes on the session's page from now on, for those who bring their own transport. See [`Updates`].
    ///
    /// A page that was [rendered](Self::render) before takes [`updates_from`](Self::updates_from), with the version that
    /// it shows.
    #[must_use]
    pub fn updates(&self) -> Updates {
        self.updates_from(self.version())
    }

    /// What changes on a page that shows `shown`.
    ///
    /// # Examples
    ///
    /// ```
    /// use statetemplate_core::Renderer;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let mut env = minijinja::Environment::new();
    /// env.add_template("counter.html", "<p>{{ count }}</p>").unwrap();
    /// let renderer = Renderer::builder(env).signing_key(b"a secret of thirty-two bytes....").build()?;
    /// let token = renderer.create_session(&serde_json::json!({"count": 1})).await?;
    /// let session = renderer.get_session(&token).await?;
    ///
    /// let (shown, _html) = session.render("")?;
    /// let mut updates = session.updates_from(shown);
    /// session.update(|data: &mut serde_json::Value| data["count"] = 2.into()).await?;
    ///
    /// let batch = updates.next().await.expect("the session goes on")?;
    /// assert_eq!(batch.updates[0].content.text_nodes["0"], "2");
    ///
    /// session.close().await?;
    /// assert!(updates.next().await.is_none());
    /// # Ok::<(), statetemplate_core::Error>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn updates_from(&self, shown: Version) -> Updates {
        Updates::new(self.subscribe(), shown)
    }

    /// Notes that a page is connected, until the guard is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionClosed`] or [`ErrorKind::SessionExpired`] when the session has ended.
    pub fn connect(&self) -> Result<ConnectionGuard, Error> {
        let guard = ConnectionGuard::new(self.clone());
        // After counting the connection: an end from now on finds its tasks.
        self.check_open()?;
        Ok(guard)
    }

    /// Ends the session for everyone and forgets its data. Closing twice is no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreUnavailable`] when the store does not answer; the session goes on.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has closed the session or not; calling again closes it.
    pub async fn close(&self) -> Result<(), Error> {
        self.core()
            .end_session(self.id(), SessionEnd::Closed)
            .await
            .map(drop)
    }

    pub(crate) fn live(&self) -> &Live {
        self.slot
            .live
            .get()
            .expect("a session is made only for a slot that is loaded")
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.slot.core
    }

    /// Fails when the session has ended.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.end_reason().map_or(Ok(()), |end| Err(end.error(self.id())))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("version", &self.version())
            .field("end", &self.end_reason())
            .finish_non_exhaustive()
    }
}
