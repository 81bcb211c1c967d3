//! What the two databases have to do, deadlines, errors and words apart.

use async_trait::async_trait;

use super::row::{Row, Stored, Times};
use crate::store::{SessionClass, SessionCount, Stamp, StoreEvents};
use crate::{Error, SessionEnd};

/// Binds a row's columns, in the order of all statements that write one.
macro_rules! bind_row {
    ($query:expr, $row:expr) => {{
        let row = $row;
        $query
            .bind(row.id)
            .bind(row.owner)
            .bind(row.user)
            .bind(row.provisional)
            .bind(crate::store::sql::row::bits(row.stamp.epoch))
            .bind(crate::store::sql::row::bits(row.stamp.writes))
            .bind(row.last_access)
            .bind(row.expires_at)
            .bind(row.absolute_expiry)
            .bind(row.connected_until)
            .bind(row.record)
    }};
}

/// Reads the columns of the statements that load a record.
macro_rules! stored {
    ($row:expr) => {{
        let row = $row;
        Ok::<_, sqlx::Error>(crate::store::sql::row::Stored {
            last_access: row.try_get(0)?,
            expires_at: row.try_get(1)?,
            connected_until: row.try_get(2)?,
            record: row.try_get(3)?,
        })
    }};
}

/// Why a database was not opened.
pub(super) enum OpenError {
    /// It failed.
    Database(sqlx::Error),
    /// It is none that sessions can be kept in.
    Refused(Error),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// What became of a compare-and-set.
pub(super) enum Updated {
    Done,
    /// The stored record has another stamp.
    Conflict,
    NotFound,
}

impl Updated {
    /// For an update that changed no row.
    pub(super) fn failed(exists: bool) -> Self {
        if exists { Self::Conflict } else { Self::NotFound }
    }
}

/// A database. Each method is one statement that writes, so that it happens or not, whenever its future is dropped.
#[async_trait]
pub(super) trait Backend: Send + Sync + 'static {
    /// Whether the database can hold a session with this id.
    fn check_id(&self, _id: &str) -> Result<(), Error> {
        Ok(())
    }
    /// Says whether the id was free.
    async fn create(&self, row: Row) -> Result<bool, sqlx::Error>;
    async fn load(&self, id: &str) -> Result<Option<Stored>, sqlx::Error>;
    async fn update(&self, row: Row, expected: Stamp) -> Result<Updated, sqlx::Error>;
    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, sqlx::Error>;
    /// Deletes a session unless a page is connected to it.
    async fn evict(&self, id: &str, now: i64) -> Result<bool, sqlx::Error>;
    async fn touch(&self, id: &str, times: Times) -> Result<bool, sqlx::Error>;
    async fn remove_expired(&self, now: i64, limit: i64) -> Result<Vec<String>, sqlx::Error>;
    async fn by_owner(&self, owner: &str) -> Result<Vec<String>, sqlx::Error>;
    async fn by_user(&self, user: &str) -> Result<Vec<String>, sqlx::Error>;
    async fn least_recent(
        &self,
        class: SessionClass,
        now: i64,
        limit: i64,
    ) -> Result<Vec<String>, sqlx::Error>;
    async fn count(&self) -> Result<SessionCount, sqlx::Error>;
    /// Whether this node is to clean until the time `until`; other nodes are not. A database of one process always says yes.
    async fn claim_cleaning(&self, _now: i64, _until: i64) -> Result<bool, sqlx::Error> {
        Ok(true)
    }
    async fn health(&self) -> Result<(), sqlx::Error>;
    /// Ends the connections, and the tasks if there are any.
    async fn close(&self);
    /// Whether other nodes are told what this one does.
    fn is_shared(&self) -> bool {
        false
    }
    /// What other nodes do.
    fn events(&self) -> Option<StoreEvents> {
        None
    }
}
