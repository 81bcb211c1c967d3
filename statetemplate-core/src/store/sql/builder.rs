//! The settings of a store in a database, and how it is opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::SqlStore;
use super::backend::OpenError;
#[cfg(feature = "postgres")]
use super::postgres::Postgres;
#[cfg(feature = "sqlite")]
use super::sqlite::Sqlite;
use crate::{Error, ErrorKind};

/// The settings of a [`SqlStore`] to be.
///
/// A setting that is not made keeps its default; [`connect`](Self::connect) opens the database.
#[must_use]
pub struct SqlStoreBuilder {
    url: String,
    timeout: Duration,
    connect_timeout: Duration,
    max_connections: u32,
    survives_power_cut: bool,
}

impl SqlStoreBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
            max_connections: 10,
            survives_power_cut: true,
        }
    }

    /// How long a call may take, waiting for a connection included, before it fails with
    /// [`ErrorKind::StoreUnavailable`]. Default 5 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long [`connect`](Self::connect) may take, the changes of the tables included. Default 30 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How many connections there are at most; in SQLite those that read, beside the one that writes. On PostgreSQL one
    /// more listens. Default 10, at least 1.
    pub fn max_connections(mut self, max: u32) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Whether SQLite waits for the disk at each commit (`synchronous=FULL`), so that not even a power cut loses an
    /// acknowledged write. Without it a killed process still loses nothing, a power cut the last writes. Default true.
    /// PostgreSQL goes by its own setting, `synchronous_commit`.
    pub fn survives_power_cut(mut self, survives: bool) -> Self {
        self.survives_power_cut = survives;
        self
    }

    /// Opens the database, and makes its tables or brings them up to date.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the address is none, is of a database whose feature is not compiled in, or the
    /// tables belong to a version of this library that is too new; [`ErrorKind::StoreUnavailable`] when the database
    /// cannot be opened in time.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has brought the tables up to date as a whole, or not at all.
    pub async fn connect(self) -> Result<SqlStore, Error> {
        match self.url.split(':').next().unwrap_or_default() {
            #[cfg(feature = "sqlite")]
            "sqlite" => self.open_sqlite().await,
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => self.open_postgres().await,
            _ => {
                // What was given may hold a password wherever it has none of the forms that are known.
                let message = format!(
                    "the address of the session store has none of the forms that this application takes: {}",
                    FORMS.join(", ")
                );
                Err(Error::new(ErrorKind::Configuration, message))
            }
        }
    }

    #[cfg(feature = "sqlite")]
    async fn open_sqlite(self) -> Result<SqlStore, Error> {
        let options = Sqlite::parse(&self.url)?;
        let name = format!("the SQLite store \"{}\"", Sqlite::file(&options).display());
        let opening = Sqlite::open(
            options,
            self.survives_power_cut,
            self.max_connections,
            self.timeout,
        );
        let database = within(self.connect_timeout, &name, opening).await?;
        Ok(SqlStore::new(Arc::new(database), name, self.timeout))
    }

    #[cfg(feature = "postgres")]
    async fn open_postgres(self) -> Result<SqlStore, Error> {
        let options = Postgres::parse(&self.url)?;
        let name = format!("the PostgreSQL store {}", Postgres::name(&options));
        let opening = Postgres::open(options, self.max_connections, self.timeout);
        let database = within(self.connect_timeout, &name, opening).await?;
        Ok(SqlStore::new(Arc::new(database), name, self.timeout))
    }
}

/// The addresses that are compiled in.
const FORMS: &[&str] = &[
    #[cfg(feature = "sqlite")]
    "sqlite:FILE",
    #[cfg(feature = "postgres")]
    "postgres://USER:PASSWORD@HOST/DATABASE",
];

/// Gives the opening of a database its deadline, and its failure a name.
async fn within<B>(
    limit: Duration,
    name: &str,
    opening: impl Future<Output = Result<B, OpenError>>,
) -> Result<B, Error> {
    match tokio::time::timeout(limit, opening).await {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(OpenError::Refused(error))) => Err(error),
        Ok(Err(OpenError::Database(error))) => {
            let message = format!("{name} cannot be opened: {error}");
            Err(Error::new(ErrorKind::StoreUnavailable, message).with_source(error))
        }
        Err(_) => {
            let message = format!("{name} could not be opened within {limit:?}");
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        }
    }
}

impl fmt::Debug for SqlStoreBuilder {
    /// Leaves out the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStoreBuilder")
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_connections", &self.max_connections)
            .field("survives_power_cut", &self.survives_power_cut)
            .finish_non_exhaustive()
    }
}
