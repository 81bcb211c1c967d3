//! The statements on PostgreSQL. Each that changes something tells the other nodes, in the same transaction.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::query::Query;
use sqlx::{Connection, Row as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::{Backend, OpenError, Updated};
use super::listen::{Channel, Listening};
use super::row::{Row, Stored, Times, bits, counted};
use super::schema::{Migration, migrate_postgres};
use crate::store::{SessionClass, SessionCount, Stamp, StoreEvents};
use crate::token::random_id;
use crate::{Error, ErrorKind, SessionEnd};

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        compatible: 1,
        sql: include_str!("migrations/postgres-1.sql"),
    },
    // What an older node does is counted too: the database does it.
    Migration {
        version: 2,
        compatible: 1,
        sql: include_str!("migrations/postgres-2.sql"),
    },
];

/// A connection that was not used for so long is asked whether it works before it is used again.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Ids are short; an index has no room for long ones.
const MAX_ID: usize = 1_000;

/// A database server.
pub(super) struct Postgres {
    pool: PgPool,
    channel: Channel,
    listening: Listening,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Postgres {
    /// What the URL says, checked. Errors do not repeat it, since it may hold a password.
    pub(super) fn parse(url: &str) -> Result<PgConnectOptions, Error> {
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            let message = format!("the address of the PostgreSQL store is none: {error}");
            Error::new(ErrorKind::Configuration, message)
        })?;
        Ok(match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("statetemplate"),
        })
    }

    /// The database without user and password, for messages.
    pub(super) fn name(options: &PgConnectOptions) -> String {
        let database = options.get_database().unwrap_or(options.get_username());
        match options.get_socket() {
            Some(folder) => format!("{} port {}/{database}", folder.display(), options.get_port()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }

    /// Connects, brings the tables up to date, and listens to the other nodes.
    pub(super) async fn open(
        options: PgConnectOptions,
        max_connections: u32,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        // Changing tables may take longer than a call may: this connection has no limit but that of the start.
        let mut connection = PgConnection::connect_with(&options).await?;
        let schema = check(&mut connection).await?;
        migrate_postgres(&mut connection, MIGRATIONS).await?;
        connection.close().await?;

        let channel = Channel::new(&schema, random_id().map_err(OpenError::Refused)?);
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let listening = Listening::start(
            options.clone(),
            channel.clone(),
            timeout,
            &tasks,
            stopping.clone(),
        )
        .await?;
        tasks.close();
        Ok(Self {
            pool: pool(options, max_connections, timeout).await?,
            channel,
            listening,
            tasks,
            stopping,
        })
    }

    /// Runs a statement, and says how many rows it answered with or changed.
    async fn execute(&self, query: Query<'_, sqlx::Postgres, PgArguments>) -> Result<u64, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let done = query.execute(&mut *connection).await;
        if done.as_ref().is_err_and(is_read_only) {
            // The server has become a replica, and another one takes writes now: connect anew.
            connection.close_on_drop();
        }
        Ok(done?.rows_affected())
    }

    async fn ids(&self, query: Query<'_, sqlx::Postgres, PgArguments>) -> Result<Vec<String>, sqlx::Error> {
        query
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(|row| row.try_get(0))
            .collect()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

#[async_trait]
impl Backend for Postgres {
    fn check_id(&self, id: &str) -> Result<(), Error> {
        if may_exist(id) {
            return Ok(());
        }
        let message = format!("PostgreSQL takes session ids of at most {MAX_ID} bytes, none of them zero");
        Err(Error::new(ErrorKind::InvalidSessionId, message))
    }

    async fn create(&self, row: Row) -> Result<bool, sqlx::Error> {
        const CREATE: &str = "INSERT INTO statetemplate_sessions (id, owner, app_user, provisional, epoch, writes, \
            last_access, expires_at, absolute_expiry, connected_until, record) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING";
        Ok(self
            .execute(bind_row!(sqlx::query(CREATE), storable(row)))
            .await?
            == 1)
    }

    async fn load(&self, id: &str) -> Result<Option<Stored>, sqlx::Error> {
        const LOAD: &str = "SELECT last_access, expires_at, connected_until, record FROM statetemplate_sessions \
            WHERE id = $1";
        if !may_exist(id) {
            return Ok(None);
        }
        let row = sqlx::query(LOAD).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| stored!(row)).transpose()
    }

    async fn update(&self, row: Row, expected: Stamp) -> Result<Updated, sqlx::Error> {
        // A statement that waited for another one's row lock looks at its condition again: exactly one wins.
        const UPDATE: &str = "WITH changed AS (UPDATE statetemplate_sessions SET owner = $2, app_user = $3, \
            provisional = $4, epoch = $5, writes = $6, last_access = $7, expires_at = $8, absolute_expiry = $9, \
            connected_until = $10, record = $11 WHERE id = $1 AND epoch = $12 AND writes = $13 RETURNING id) \
            SELECT pg_notify($14, $15) FROM changed";
        if !may_exist(&row.id) {
            return Ok(Updated::NotFound);
        }
        let id = row.id.clone();
        let message = self.channel.changed(row.stamp, &id);
        let query = bind_row!(sqlx::query(UPDATE), storable(row))
            .bind(bits(expected.epoch))
            .bind(bits(expected.writes))
            .bind(self.channel.name())
            .bind(message);
        if self.execute(query).await? == 1 {
            return Ok(Updated::Done);
        }
        // Nothing has changed; what is there now only says which error it is.
        let exists = sqlx::query("SELECT 1 FROM statetemplate_sessions WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(Updated::failed(exists.is_some()))
    }

    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, sqlx::Error> {
        const DELETE: &str = "WITH gone AS (DELETE FROM statetemplate_sessions WHERE id = $1 RETURNING id) \
            SELECT pg_notify($2, $3) FROM gone";
        if !may_exist(id) {
            return Ok(false);
        }
        let query = sqlx::query(DELETE)
            .bind(id)
            .bind(self.channel.name())
            .bind(self.channel.removed(reason, id));
        Ok(self.execute(query).await? == 1)
    }

    async fn evict(&self, id: &str, now: i64) -> Result<bool, sqlx::Error> {
        // A row that changed while this waited for it is looked at again.
        const EVICT: &str = "WITH gone AS (DELETE FROM statetemplate_sessions WHERE id = $1 AND idle_since <= $2 \
            RETURNING id) SELECT pg_notify($3, $4) FROM gone";
        if !may_exist(id) {
            return Ok(false);
        }
        let query = sqlx::query(EVICT)
            .bind(id)
            .bind(now)
            .bind(self.channel.name())
            .bind(self.channel.removed(SessionEnd::Evicted, id));
        Ok(self.execute(query).await? == 1)
    }

    async fn touch(&self, id: &str, times: Times) -> Result<bool, sqlx::Error> {
        const TOUCH: &str = "UPDATE statetemplate_sessions SET last_access = greatest(last_access, $2), \
            expires_at = greatest(expires_at, $3), connected_until = coalesce($4, connected_until) WHERE id = $1";
        if !may_exist(id) {
            return Ok(false);
        }
        let query = sqlx::query(TOUCH)
            .bind(id)
            .bind(times.last_access)
            .bind(times.expires_at)
            .bind(times.connected_until);
        Ok(self.execute(query).await? == 1)
    }

    async fn remove_expired(&self, now: i64, limit: i64) -> Result<Vec<String>, sqlx::Error> {
        // What another node is about to remove, or someone to use, is passed by: nodes that clean at once do not wait
        // for one another. A row that changed meanwhile is looked at again before it is locked.
        const REMOVE: &str = "WITH due AS (SELECT id FROM statetemplate_sessions WHERE deadline <= $1 \
            ORDER BY deadline, id LIMIT $2 FOR UPDATE SKIP LOCKED), \
            gone AS (DELETE FROM statetemplate_sessions s USING due WHERE s.id = due.id RETURNING s.id) \
            SELECT id, pg_notify($3, $4 || id) FROM gone";
        let query = sqlx::query(REMOVE)
            .bind(now)
            .bind(limit)
            .bind(self.channel.name())
            .bind(self.channel.removed(SessionEnd::Expired, ""));
        self.ids(query).await
    }

    async fn by_owner(&self, owner: &str) -> Result<Vec<String>, sqlx::Error> {
        const BY_OWNER: &str = "SELECT id FROM statetemplate_sessions WHERE owner = $1";
        self.ids(sqlx::query(BY_OWNER).bind(owner)).await
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, sqlx::Error> {
        const BY_USER: &str = "SELECT id FROM statetemplate_sessions WHERE app_user = $1";
        self.ids(sqlx::query(BY_USER).bind(text(user))).await
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: i64,
        limit: i64,
    ) -> Result<Vec<String>, sqlx::Error> {
        const LEAST_RECENT: &str = "SELECT id FROM statetemplate_sessions WHERE provisional = $1 \
            AND idle_since <= $2 ORDER BY idle_since, id LIMIT $3";
        let query = sqlx::query(LEAST_RECENT)
            .bind(class == SessionClass::Provisional)
            .bind(now)
            .bind(limit);
        self.ids(query).await
    }

    async fn count(&self) -> Result<SessionCount, sqlx::Error> {
        const COUNT: &str =
            "SELECT sum(established)::bigint, sum(provisional)::bigint FROM statetemplate_counts";
        let row = sqlx::query(COUNT).fetch_one(&self.pool).await?;
        Ok(counted(row.try_get(0)?, row.try_get(1)?))
    }

    async fn claim_cleaning(&self, now: i64, until: i64) -> Result<bool, sqlx::Error> {
        const CLAIM: &str = "INSERT INTO statetemplate_cleaning (one, until) VALUES (TRUE, $2) \
            ON CONFLICT (one) DO UPDATE SET until = excluded.until WHERE statetemplate_cleaning.until <= $1";
        Ok(self.execute(sqlx::query(CLAIM).bind(now).bind(until)).await? == 1)
    }

    async fn health(&self) -> Result<(), sqlx::Error> {
        const HEALTH: &str = "SELECT pg_is_in_recovery() FROM statetemplate_schema LIMIT 1";
        let row = sqlx::query(HEALTH).fetch_one(&self.pool).await?;
        if row.try_get(0)? {
            let message = "the server is a replica, which takes no writes";
            return Err(sqlx::Error::Protocol(message.into()));
        }
        Ok(())
    }

    async fn close(&self) {
        self.stopping.cancel();
        self.tasks.wait().await;
        self.pool.close().await;
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn events(&self) -> Option<StoreEvents> {
        Some(self.listening.events())
    }
}

/// What has to be so before there are tables; the name of the schema that they are in.
async fn check(connection: &mut PgConnection) -> Result<String, OpenError> {
    let row = sqlx::query("SELECT current_schema(), current_setting('server_encoding')")
        .fetch_one(connection)
        .await?;
    let encoding: String = row.try_get(1)?;
    if encoding != "UTF8" {
        let message = format!(
            "the PostgreSQL database is encoded in {encoding}: sessions need one that is made with ENCODING 'UTF8'"
        );
        return Err(OpenError::Refused(Error::new(ErrorKind::Configuration, message)));
    }
    let schema: Option<String> = row.try_get(0)?;
    schema.ok_or_else(|| {
        let message = "none of the schemas in the search_path exists in the PostgreSQL database";
        OpenError::Refused(Error::new(ErrorKind::Configuration, message))
    })
}

async fn pool(
    options: PgConnectOptions,
    max_connections: u32,
    timeout: Duration,
) -> Result<PgPool, sqlx::Error> {
    // The server gives up when nobody waits any more.
    let limit = timeout.as_millis().max(1).to_string();
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let limit = limit.clone();
            Box::pin(async move {
                sqlx::query("SELECT set_config('statement_timeout', $1, false)")
                    .bind(limit)
                    .execute(connection)
                    .await
                    .map(drop)
            })
        })
        .before_acquire(move |connection, meta| {
            Box::pin(async move {
                if meta.idle_for < TRUSTED_IDLE {
                    return Ok(true);
                }
                connection.ping().await.map(|()| true)
            })
        })
        // A call that was dropped half-way leaves an answer on its way, and a network that is cut leaves none: without a
        // limit such a connection would be in use until the operating system gives it up, a quarter of an hour later.
        .after_release(move |connection, _| {
            Box::pin(async move {
                match tokio::time::timeout(timeout, connection.ping()).await {
                    Ok(answered) => answered.map(|()| true),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            })
        })
        .connect_with(options)
        .await
}

/// Whether PostgreSQL could hold a session with this id. What comes from outside as an id may be anything.
fn may_exist(id: &str) -> bool {
    id.len() <= MAX_ID && !id.contains('\0')
}

fn storable(row: Row) -> Row {
    Row {
        user: row.user.map(|user| text(&user).into_owned()),
        ..row
    }
}

/// A text as PostgreSQL takes it: it knows no zero byte. Different texts stay different.
fn text(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\\']) {
        text.replace('\\', "\\\\").replace('\0', "\\0").into()
    } else {
        text.into()
    }
}

fn is_read_only(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("25006"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_stay_different_without_zero_bytes() {
        let texts = ["", "a", "\0", "\\0", "\\", "\\\\", "\\\\0", "\\\0"];
        for one in texts {
            assert!(!text(one).contains('\0'));
            for other in texts {
                assert_eq!(text(one) == text(other), one == other, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn names_the_database_and_not_its_password() {
        let options = Postgres::parse("postgres://ann:s3cret@db.example:5433/app").unwrap();
        assert_eq!(Postgres::name(&options), "db.example:5433/app");
        let error = Postgres::parse("postgres://ann:s3cret@db.example:port/app").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:#?}").contains("s3cret"), "{error:?}");
    }
}
