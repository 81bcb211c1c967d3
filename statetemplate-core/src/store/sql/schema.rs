//! The tables' versions: which there are, and how a store brings a database to the newest.

#[cfg(feature = "postgres")]
use sqlx::Postgres;
#[cfg(feature = "sqlite")]
use sqlx::Sqlite;
use sqlx::{Connection, Row};

use super::backend::OpenError;
use crate::{Error, ErrorKind};

/// One step from a version of the tables to the next.
///
/// Several nodes share the tables, and during a rolling deploy some are older than others. So a step adds, and what an
/// older node does not know of must not break it; where that cannot be, `compatible` says so.
pub(super) struct Migration {
    /// The version that this step leads to.
    pub(super) version: i64,
    /// The oldest version whose nodes can still work with the tables.
    pub(super) compatible: i64,
    /// Statements, run in one transaction with the other steps'.
    pub(super) sql: &'static str,
}

const CREATE: &str = "CREATE TABLE IF NOT EXISTS statetemplate_schema \
    (version BIGINT NOT NULL PRIMARY KEY, compatible BIGINT NOT NULL)";
const READ: &str = "SELECT coalesce(max(version), 0), coalesce(max(compatible), 0) FROM statetemplate_schema";
const NOTE: &str = "INSERT INTO statetemplate_schema (version, compatible) VALUES ($1, $2)";

/// Brings a database to the newest of `migrations`. All steps are one transaction under a lock, so that several nodes may
/// start at once, and one that is killed meanwhile has changed nothing.
macro_rules! migrate {
    ($name:ident, $database:ty, $feature:literal, $begin:literal, $lock:expr) => {
        #[cfg(feature = $feature)]
        pub(super) async fn $name(
            connection: &mut <$database as sqlx::Database>::Connection,
            migrations: &[Migration],
        ) -> Result<(), OpenError> {
            let mut transaction = connection.begin_with($begin).await?;
            let lock: Option<&'static str> = $lock;
            if let Some(lock) = lock {
                sqlx::query(lock).execute(&mut *transaction).await?;
            }
            sqlx::query(CREATE).execute(&mut *transaction).await?;
            let row = sqlx::query(READ).fetch_one(&mut *transaction).await?;
            for migration in
                steps(migrations, row.try_get(0)?, row.try_get(1)?).map_err(OpenError::Refused)?
            {
                sqlx::raw_sql(migration.sql)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query(NOTE)
                    .bind(migration.version)
                    .bind(migration.compatible)
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        }
    };
}

migrate!(migrate_sqlite, Sqlite, "sqlite", "BEGIN IMMEDIATE", None);
// The number is this library's own: "statetem" in ASCII.
migrate!(
    migrate_postgres,
    Postgres,
    "postgres",
    "BEGIN",
    Some("SELECT pg_advisory_xact_lock(8319381564206376301)")
);

/// The steps that lead from `version` to the newest; none when it is the newest, or newer but `compatible`.
fn steps(migrations: &[Migration], version: i64, compatible: i64) -> Result<&[Migration], Error> {
    let newest = migrations.last().map_or(0, |migration| migration.version);
    if compatible > newest {
        let message = format!(
            "the session tables are of version {version}, which this application (version {newest} at most) cannot \
             use: a newer version of StateTemplate made them"
        );
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let done = migrations.partition_point(|migration| migration.version <= version);
    Ok(&migrations[done..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Migration] = &[
        Migration {
            version: 1,
            compatible: 1,
            sql: "",
        },
        Migration {
            version: 2,
            compatible: 1,
            sql: "",
        },
    ];

    fn versions(version: i64, compatible: i64) -> Vec<i64> {
        let steps = steps(STEPS, version, compatible).unwrap();
        steps.iter().map(|step| step.version).collect()
    }

    #[test]
    fn takes_the_steps_that_are_missing_and_no_other() {
        assert_eq!(versions(0, 0), [1, 2]);
        assert_eq!(versions(1, 1), [2]);
        assert_eq!(versions(2, 1), [0; 0]);
    }

    #[test]
    fn works_with_newer_tables_that_are_compatible_and_refuses_others() {
        assert_eq!(versions(3, 2), [0; 0]);
        let error = steps(STEPS, 4, 3).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("version 4"), "{error}");
    }

    #[cfg(feature = "sqlite")]
    mod sqlite {
        use sqlx::SqliteConnection;
        use sqlx::sqlite::SqliteConnectOptions;

        use super::*;

        const FIRST: Migration = Migration {
            version: 1,
            compatible: 1,
            sql: "CREATE TABLE kept (id TEXT); INSERT INTO kept VALUES ('a'); INSERT INTO kept VALUES ('b');",
        };
        const SECOND: Migration = Migration {
            version: 2,
            compatible: 1,
            sql: "ALTER TABLE kept ADD COLUMN length INTEGER NOT NULL DEFAULT 0; UPDATE kept SET length = length(id);",
        };
        const BROKEN: Migration = Migration {
            version: 3,
            compatible: 3,
            sql: "DELETE FROM kept; ALTER TABLE missing ADD COLUMN x INTEGER;",
        };

        async fn connect(folder: &tempfile::TempDir) -> SqliteConnection {
            let options = SqliteConnectOptions::new()
                .filename(folder.path().join("a.db"))
                .create_if_missing(true);
            SqliteConnection::connect_with(&options).await.unwrap()
        }

        async fn number(connection: &mut SqliteConnection, query: &'static str) -> i64 {
            let row = sqlx::query(query).fetch_one(connection).await.unwrap();
            row.try_get(0).unwrap()
        }

        async fn migrate(connection: &mut SqliteConnection, migrations: &[Migration]) -> Result<(), String> {
            match migrate_sqlite(connection, migrations).await {
                Ok(()) => Ok(()),
                Err(OpenError::Database(error)) => Err(error.to_string()),
                Err(OpenError::Refused(error)) => Err(error.to_string()),
            }
        }

        #[tokio::test]
        async fn rows_survive_the_step_from_an_older_version() {
            let folder = tempfile::tempdir().unwrap();
            let mut connection = connect(&folder).await;
            migrate(&mut connection, &[FIRST]).await.unwrap();
            for _ in 0..2 {
                migrate(&mut connection, &[FIRST, SECOND]).await.unwrap();
                let rows = number(&mut connection, "SELECT count(*) FROM kept WHERE length = 1").await;
                assert_eq!(rows, 2);
            }
            // An application of the version before goes on with it, one that cannot is refused.
            migrate(&mut connection, &[FIRST]).await.unwrap();
            sqlx::query("UPDATE statetemplate_schema SET compatible = 2 WHERE version = 2")
                .execute(&mut connection)
                .await
                .unwrap();
            let error = migrate(&mut connection, &[FIRST]).await.unwrap_err();
            assert!(error.contains("version 2"), "{error}");
        }

        #[tokio::test]
        async fn a_step_that_fails_leaves_everything_as_it_was() {
            let folder = tempfile::tempdir().unwrap();
            let mut connection = connect(&folder).await;
            migrate(&mut connection, &[FIRST]).await.unwrap();
            let error = migrate(&mut connection, &[FIRST, SECOND, BROKEN])
                .await
                .unwrap_err();
            assert!(error.contains("missing"), "{error}");
            let version = number(&mut connection, "SELECT max(version) FROM statetemplate_schema").await;
            let rows = number(&mut connection, "SELECT count(*) FROM kept").await;
            assert_eq!((version, rows), (1, 2));
            migrate(&mut connection, &[FIRST, SECOND]).await.unwrap();
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn each_step_is_taken_once_however_many_start_at_once() {
            let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
            let mut starting = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let folder = folder.clone();
                starting.spawn(async move {
                    let mut connection = connect(&folder).await;
                    migrate(&mut connection, &[FIRST, SECOND]).await.unwrap();
                });
            }
            starting.join_all().await;
            let mut connection = connect(&folder).await;
            assert_eq!(number(&mut connection, "SELECT count(*) FROM kept").await, 2);
        }
    }
}
