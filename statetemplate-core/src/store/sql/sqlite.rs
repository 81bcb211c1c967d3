//! The statements on SQLite: one writer, several readers.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Row as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::{Backend, OpenError, Updated};
use super::row::{Row, Stored, Times, bits, counted};
use super::schema::{Migration, migrate_sqlite};
use super::writer::Writer;
use crate::store::{SessionClass, SessionCount, Stamp};
use crate::{Error, ErrorKind, SessionEnd};

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        compatible: 1,
        sql: include_str!("migrations/sqlite-1.sql"),
    },
    // What an older node does is counted too: the database does it.
    Migration {
        version: 2,
        compatible: 1,
        sql: include_str!("migrations/sqlite-2.sql"),
    },
];

/// How much of the write-ahead log stays on the disk after a checkpoint.
const LOG_BYTES: &str = "67108864";
/// How long a start waits before it tries a locked database again.
const LOCKED_PAUSE: Duration = Duration::from_millis(20);

/// A database file.
pub(super) struct Sqlite {
    /// SQLite has one writer at a time. With one for all, writes of this process wait in a fair queue and not in SQLite's,
    /// which polls, and share the wait for the disk.
    writer: Writer,
    writes: SqlitePool,
    readers: SqlitePool,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Sqlite {
    /// What the URL says, checked.
    pub(super) fn parse(url: &str) -> Result<SqliteConnectOptions, Error> {
        let options = SqliteConnectOptions::from_str(url).map_err(|error| {
            let message = format!("\"{url}\" is no address of an SQLite database: {error}");
            Error::new(ErrorKind::Configuration, message)
        })?;
        let file = options.get_filename();
        if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
            let message = format!(
                "\"{url}\" would be an SQLite database that ends with the process: name a file, or use a MemoryStore"
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(options)
    }

    /// Opens the file, makes it where it is missing, and brings its tables up to date.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        survives_power_cut: bool,
        readers: u32,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        let synchronous = if survives_power_cut {
            SqliteSynchronous::Full
        } else {
            SqliteSynchronous::Normal
        };
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(timeout)
            .pragma("journal_size_limit", LOG_BYTES);
        // Turning on the write-ahead log does not wait for a lock, as everything after it does.
        let mut connection = loop {
            match SqliteConnection::connect_with(&options).await {
                Err(error) if is_locked(&error) => tokio::time::sleep(LOCKED_PAUSE).await,
                connected => break connected?,
            }
        };
        migrate_sqlite(&mut connection, MIGRATIONS).await?;
        connection.close().await?;
        let pool = |connections| {
            // A file does not go away, so that its connections need neither tests nor replacement.
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(timeout)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writes = pool(1).connect_with(options.clone()).await?;
        let (writer, run) = Writer::new(writes.clone());
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let stopped = stopping.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = run => {}
            }
        });
        tasks.close();
        Ok(Self {
            writer,
            writes,
            readers: pool(readers).connect_lazy_with(options),
            tasks,
            stopping,
        })
    }

    /// The file, for messages.
    pub(super) fn file(options: &SqliteConnectOptions) -> PathBuf {
        options.get_filename().to_owned()
    }

    async fn ids(
        pool: &SqlitePool,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<Vec<String>, sqlx::Error> {
        query
            .fetch_all(pool)
            .await?
            .iter()
            .map(|row| row.try_get(0))
            .collect()
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn create(&self, row: Row) -> Result<bool, sqlx::Error> {
        const CREATE: &str = "INSERT INTO statetemplate_sessions (id, owner, app_user, provisional, epoch, writes, \
            last_access, expires_at, absolute_expiry, connected_until, record) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO NOTHING";
        let create = bind_row!(sqlx::query(CREATE), row);
        Ok(self.writer.execute(create).await? == 1)
    }

    async fn load(&self, id: &str) -> Result<Option<Stored>, sqlx::Error> {
        const LOAD: &str = "SELECT last_access, expires_at, connected_until, record FROM statetemplate_sessions \
            WHERE id = ?1";
        let row = sqlx::query(LOAD).bind(id).fetch_optional(&self.readers).await?;
        row.map(|row| stored!(row)).transpose()
    }

    async fn update(&self, row: Row, expected: Stamp) -> Result<Updated, sqlx::Error> {
        const UPDATE: &str = "UPDATE statetemplate_sessions SET owner = ?2, app_user = ?3, provisional = ?4, \
            epoch = ?5, writes = ?6, last_access = ?7, expires_at = ?8, absolute_expiry = ?9, connected_until = ?10, \
            record = ?11 WHERE id = ?1 AND epoch = ?12 AND writes = ?13";
        let id = row.id.clone();
        let update = bind_row!(sqlx::query(UPDATE), row)
            .bind(bits(expected.epoch))
            .bind(bits(expected.writes));
        if self.writer.execute(update).await? == 1 {
            return Ok(Updated::Done);
        }
        // Nothing has changed; what is there now only says which error it is.
        let exists = sqlx::query("SELECT 1 FROM statetemplate_sessions WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(Updated::failed(exists.is_some()))
    }

    async fn delete(&self, id: &str, _reason: SessionEnd) -> Result<bool, sqlx::Error> {
        let delete = sqlx::query("DELETE FROM statetemplate_sessions WHERE id = ?1").bind(id.to_owned());
        Ok(self.writer.execute(delete).await? == 1)
    }

    async fn evict(&self, id: &str, now: i64) -> Result<bool, sqlx::Error> {
        const EVICT: &str = "DELETE FROM statetemplate_sessions WHERE id = ?1 AND idle_since <= ?2";
        let evict = sqlx::query(EVICT).bind(id.to_owned()).bind(now);
        Ok(self.writer.execute(evict).await? == 1)
    }

    async fn touch(&self, id: &str, times: Times) -> Result<bool, sqlx::Error> {
        const TOUCH: &str = "UPDATE statetemplate_sessions SET last_access = max(last_access, ?2), \
            expires_at = max(expires_at, ?3), connected_until = coalesce(?4, connected_until) WHERE id = ?1";
        let touch = sqlx::query(TOUCH)
            .bind(id.to_owned())
            .bind(times.last_access)
            .bind(times.expires_at)
            .bind(times.connected_until);
        Ok(self.writer.execute(touch).await? == 1)
    }

    async fn remove_expired(&self, now: i64, limit: i64) -> Result<Vec<String>, sqlx::Error> {
        const DUE: &str = "SELECT 1 FROM statetemplate_sessions WHERE deadline <= ?1 LIMIT 1";
        const REMOVE: &str = "DELETE FROM statetemplate_sessions WHERE id IN \
            (SELECT id FROM statetemplate_sessions WHERE deadline <= ?1 ORDER BY deadline, id LIMIT ?2) RETURNING id";
        // Mostly nothing is due, and then the writer need not be asked.
        if sqlx::query(DUE)
            .bind(now)
            .fetch_optional(&self.readers)
            .await?
            .is_none()
        {
            return Ok(Vec::new());
        }
        self.writer.ids(sqlx::query(REMOVE).bind(now).bind(limit)).await
    }

    async fn by_owner(&self, owner: &str) -> Result<Vec<String>, sqlx::Error> {
        const BY_OWNER: &str = "SELECT id FROM statetemplate_sessions WHERE owner = ?1";
        Self::ids(&self.readers, sqlx::query(BY_OWNER).bind(owner)).await
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, sqlx::Error> {
        const BY_USER: &str = "SELECT id FROM statetemplate_sessions WHERE app_user = ?1";
        Self::ids(&self.readers, sqlx::query(BY_USER).bind(user)).await
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: i64,
        limit: i64,
    ) -> Result<Vec<String>, sqlx::Error> {
        const LEAST_RECENT: &str = "SELECT id FROM statetemplate_sessions WHERE provisional = ?1 \
            AND idle_since <= ?2 ORDER BY idle_since, id LIMIT ?3";
        let query = sqlx::query(LEAST_RECENT)
            .bind(class == SessionClass::Provisional)
            .bind(now)
            .bind(limit);
        Self::ids(&self.readers, query).await
    }

    async fn count(&self) -> Result<SessionCount, sqlx::Error> {
        const COUNT: &str = "SELECT established, provisional FROM statetemplate_counts";
        let row = sqlx::query(COUNT).fetch_one(&self.readers).await?;
        Ok(counted(row.try_get(0)?, row.try_get(1)?))
    }

    async fn health(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1 FROM statetemplate_schema LIMIT 1")
            .fetch_one(&self.readers)
            .await
            .map(drop)
    }

    async fn close(&self) {
        self.readers.close().await;
        // A transaction that is under way ends as a whole or not at all.
        self.stopping.cancel();
        self.tasks.wait().await;
        self.writes.close().await;
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    // Extended codes have the primary code in their lowest byte: 5 is SQLITE_BUSY, 6 is SQLITE_LOCKED.
    error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}
