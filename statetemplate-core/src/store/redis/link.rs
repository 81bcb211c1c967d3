//! The way to Redis: connections, deadlines, and what became of the last calls.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error as RedisError, ErrorKind as RedisErrorKind};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Key, Value};

use super::keys::Partition;
use super::scripts::Script;
use crate::{Error, ErrorKind};

/// A number of connections to one Redis, used in turn.
pub(super) struct Link {
    pub(super) clients: Vec<Client>,
    pub(super) next: AtomicUsize,
    pub(super) shown: String,
    pub(super) timeout: Duration,
    pub(super) replicas: Option<Replicas>,
    pub(super) available: AtomicBool,
}

/// How many replicas have to have a write before it is taken for done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replicas {
    pub(super) number: u32,
    pub(super) timeout: Duration,
}

impl Link {
    /// Runs one call of the store: gives it a deadline, notes whether Redis answered, and says in the error what failed.
    pub(super) async fn call<T>(
        &self,
        doing: Doing<'_>,
        call: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Error> {
        let result = match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let kind = match doing {
                    // Redis is up to its limit of memory.
                    Doing::Create(_) if error.details().starts_with("OOM") => ErrorKind::MaxSessionsReached,
                    _ => ErrorKind::StoreUnavailable,
                };
                let message = format!("{} at {} failed", doing, self.shown);
                Err(Error::new(kind, message).with_source(error))
            }
            Err(_) => {
                let message = format!(
                    "{doing} at {} was not answered within {:?}",
                    self.shown, self.timeout
                );
                Err(Error::new(ErrorKind::StoreUnavailable, message))
            }
        };
        self.available.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    /// Sends a command that reads.
    pub(super) async fn command(
        &self,
        partition: &Partition,
        name: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Value, RedisError> {
        self.client().custom(command(partition, name), arguments).await
    }

    /// Runs a script, and waits for the replicas that its changes have to reach. It is repeated when the connection
    /// breaks: scripts are written so that this does no harm.
    pub(super) async fn script(
        &self,
        partition: &Partition,
        script: &Script,
        keys: Vec<Key>,
        arguments: Vec<Value>,
    ) -> Result<Value, RedisError> {
        let mut all = vec![Value::from(script.hash.clone()), Value::from(keys.len() as i64)];
        all.extend(keys.into_iter().map(Value::from));
        all.extend(arguments);
        match self.run(partition, "EVALSHA", all.clone()).await {
            // A Redis that was restarted, or whose scripts were flushed; with its text it learns it anew.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                all[0] = script.text.clone().into();
                self.run(partition, "EVAL", all).await
            }
            result => result,
        }
    }

    async fn run(
        &self,
        partition: &Partition,
        name: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Value, RedisError> {
        let client = self.client();
        let Some(replicas) = self.replicas else {
            return client.custom(command(partition, name), arguments).await;
        };
        // All on one connection: Redis waits for the writes of the connection that asks. A call that finds its work done, by
        // itself before its connection broke, writes nothing; so there is one more write, which comes after that work.
        let pipeline = client.pipeline();
        let () = pipeline.custom(command(partition, name), arguments).await?;
        let barrier = vec![
            Value::from(partition.barrier.clone()),
            1.into(),
            "PX".into(),
            10_000.into(),
        ];
        let () = pipeline.custom(command(partition, "SET"), barrier).await?;
        let millis = i64::try_from(replicas.timeout.as_millis()).unwrap_or(i64::MAX);
        let wait = vec![i64::from(replicas.number), millis];
        let () = pipeline.custom(command(partition, "WAIT"), wait).await?;
        let mut results = pipeline.try_all::<Value>().await.into_iter();
        let missing = || RedisError::new(RedisErrorKind::Protocol, "the answer is incomplete");
        let result = results.next().unwrap_or_else(|| Err(missing()))?;
        results.next().unwrap_or_else(|| Err(missing()))?;
        let reached = results
            .next()
            .unwrap_or_else(|| Err(missing()))?
            .as_i64()
            .unwrap_or(0);
        if reached < i64::from(replicas.number) {
            let message = format!(
                "{reached} of {} replicas have the write after {:?}",
                replicas.number, replicas.timeout
            );
            return Err(RedisError::new(RedisErrorKind::Timeout, message));
        }
        Ok(result)
    }

    /// The next connection in turn, passing over those that are broken.
    fn client(&self) -> &Client {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let number = self.clients.len();
        (0..number)
            .map(|offset| &self.clients[first.wrapping_add(offset) % number])
            .find(|client| client.is_connected())
            .unwrap_or(&self.clients[first % number])
    }
}

fn command(partition: &Partition, name: &'static str) -> CustomCommand {
    let place = partition.slot.map_or(ClusterHash::FirstKey, ClusterHash::Custom);
    CustomCommand::new_static(name, place, false)
}

/// What a call does, for its error.
#[derive(Clone, Copy)]
pub(super) enum Doing<'a> {
    Create(&'a str),
    Load(&'a str),
    Update(&'a str),
    Confirm(&'a str),
    Delete(&'a str),
    Touch(&'a str),
    RemoveExpired,
    ByOwner,
    ByUser,
    LeastRecent,
    Count,
    Claim,
    Health,
    Connect,
}

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, key) = match self {
            Self::Create(key) => ("creating", key),
            Self::Load(key) => ("loading", key),
            Self::Update(key) => ("updating", key),
            Self::Confirm(key) => ("confirming", key),
            Self::Delete(key) => ("deleting", key),
            Self::Touch(key) => ("touching", key),
            Self::RemoveExpired => return f.write_str("removing expired sessions"),
            Self::ByOwner => return f.write_str("finding a browser's sessions"),
            Self::ByUser => return f.write_str("finding a user's sessions"),
            Self::LeastRecent => return f.write_str("finding the least recently used sessions"),
            Self::Count => return f.write_str("counting the sessions"),
            Self::Claim => return f.write_str("claiming the right to clean"),
            Self::Health => return f.write_str("writing to see whether it works"),
            Self::Connect => return f.write_str("connecting"),
        };
        write!(f, "{what} the session with the key {key:?}")
    }
}
