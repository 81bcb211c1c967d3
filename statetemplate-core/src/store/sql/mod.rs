//! Sessions in a database: SQLite or PostgreSQL.

#[macro_use]
mod backend;
mod builder;
#[cfg(feature = "postgres")]
mod listen;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod writer;

pub use builder::SqlStoreBuilder;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use self::backend::{Backend, Updated};
use self::row::{Row, limit, time};
use super::{
    OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, StoreEvents, Timestamp, Touch,
};
use crate::{Error, ErrorKind, SessionEnd};

#[doc = include_str!("docs.md")]
pub struct SqlStore {
    backend: Arc<dyn Backend>,
    /// The database without its password, for messages.
    name: Arc<str>,
    timeout: Duration,
    is_available: AtomicBool,
}

impl SqlStore {
    /// Opens the database at `url` with the default settings: see [`SqlStoreBuilder::connect`].
    ///
    /// # Errors
    ///
    /// As for [`SqlStoreBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// As for [`SqlStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Settings for a store in the database at `url`.
    pub fn builder(url: impl Into<String>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(url.into())
    }

    /// Ends the connections to the database, after the calls that are under way. Calls after it fail. A store that is
    /// dropped ends them too, but nobody waits for that.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has begun to end them; calling again waits for the rest.
    pub async fn close(&self) {
        self.backend.close().await;
    }

    fn new(backend: Arc<dyn Backend>, name: String, timeout: Duration) -> Self {
        Self {
            backend,
            name: name.into(),
            timeout,
            is_available: AtomicBool::new(true),
        }
    }

    /// Gives a call its deadline, and its failure a name.
    async fn call<R>(
        &self,
        what: &str,
        call: impl Future<Output = Result<R, sqlx::Error>> + Send,
    ) -> Result<R, Error> {
        let result = match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failed(&self.name, what, error)),
            Err(_) => {
                let message = format!("{} did not {what} within {:?}", self.name, self.timeout);
                Err(Error::new(ErrorKind::StoreUnavailable, message))
            }
        };
        let unavailable = result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::StoreUnavailable);
        self.is_available.store(!unavailable, Ordering::Relaxed);
        result
    }

    fn not_found(&self, id: &str) -> Error {
        let message = format!("{} has no session \"{id}\"", self.name);
        Error::new(ErrorKind::SessionNotFound, message)
    }
}

#[async_trait]
impl SessionStore for SqlStore {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        self.backend.check_id(&record.id)?;
        let row = Row::of(&record);
        if self.call("keep a new session", self.backend.create(row)).await? {
            return Ok(());
        }
        let message = format!("{} has a session with the id \"{}\"", self.name, record.id);
        Err(Error::new(ErrorKind::SessionIdExists, message))
    }

    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        let stored = self.call("load a session", self.backend.load(id)).await?;
        stored.ok_or_else(|| self.not_found(id))?.into_record()
    }

    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        let updated = self.backend.update(Row::of(&record), expected);
        match self.call("write a session", updated).await? {
            Updated::Done => Ok(()),
            Updated::NotFound => Err(self.not_found(&record.id)),
            Updated::Conflict => {
                let message = format!(
                    "the session \"{}\" in {} is not at write {} of epoch {}",
                    record.id, self.name, expected.writes, expected.epoch
                );
                Err(Error::new(ErrorKind::Conflict, message))
            }
        }
    }

    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        self.call("delete a session", self.backend.delete(id, reason))
            .await
    }

    async fn evict(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        let evicted = self.backend.evict(id, time(now));
        self.call("make room", evicted).await
    }

    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        let touched = self.backend.touch(id, touch.into());
        if self.call("note that a session is in use", touched).await? {
            Ok(())
        } else {
            Err(self.not_found(id))
        }
    }

    async fn remove_expired(&self, now: Timestamp, number: usize) -> Result<Vec<String>, Error> {
        let removed = self.backend.remove_expired(time(now), limit(number));
        self.call("remove expired sessions", removed).await
    }

    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        let found = self.backend.by_owner(owner.as_str());
        self.call("find a browser's sessions", found).await
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        self.call("find a user's sessions", self.backend.by_user(user))
            .await
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        number: usize,
    ) -> Result<Vec<String>, Error> {
        let found = self.backend.least_recent(class, time(now), limit(number));
        self.call("list unused sessions", found).await
    }

    async fn claim_cleaning(&self, now: Timestamp, lease: Duration) -> Result<bool, Error> {
        let claimed = self.backend.claim_cleaning(time(now), time(now + lease));
        self.call("ask who cleans", claimed).await
    }

    async fn count(&self) -> Result<SessionCount, Error> {
        self.call("count its sessions", self.backend.count()).await
    }

    async fn health(&self) -> Result<(), Error> {
        self.call("answer", self.backend.health()).await
    }

    fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Relaxed)
    }

    fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    fn events(&self) -> Option<StoreEvents> {
        self.backend.events()
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("database", &self.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What the database answered, in the words of a store. No error of sqlx holds the password.
fn failed(name: &str, what: &str, error: sqlx::Error) -> Error {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        let message = format!(
            "{name} did not {what}: there was no connection in time, because it is down or all connections are busy"
        );
        return Error::new(ErrorKind::StoreUnavailable, message);
    }
    let kind = match &error {
        // The database works; this record is more than it takes.
        sqlx::Error::Database(error) if is_too_big(error.code().as_deref()) => ErrorKind::Data,
        _ => ErrorKind::StoreUnavailable,
    };
    Error::new(kind, format!("{name} did not {what}: {error}")).with_source(error)
}

/// SQLITE_TOOBIG, and PostgreSQL's class "program limit exceeded".
fn is_too_big(code: Option<&str>) -> bool {
    matches!(code, Some("18" | "54000" | "54001" | "54011" | "54023"))
}
