//! The store in Redis: standalone, behind sentinels, or a cluster.

mod address;
mod keys;
mod link;
mod notices;
mod options;
mod packed;
mod scripts;

pub use options::RedisStoreBuilder;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fred::bytes::Bytes;
use fred::error::Error as RedisError;
use fred::types::{Key, Value};
use futures_util::future::try_join_all;

use self::keys::{Keys, Partition};
use self::link::{Doing, Link};
use self::options::Owner;
use super::{
    OwnerId, SessionClass, SessionCount, SessionRecord, SessionStore, Stamp, StoreEventSender, StoreEvents,
    Timestamp, Touch,
};
use crate::{Error, ErrorKind, SessionEnd};

/// How many expired sessions are removed at a time, so that other commands come in between.
const AT_ONCE: usize = 32;

/// Keeps sessions in Redis, shared by all nodes of an application; clones are the same node.
///
/// The address says what kind of Redis it is:
///
/// | address | for |
/// | --- | --- |
/// | `redis://user:password@host:6379/0` | one server |
/// | `redis-sentinel://user:password@host:26379/0?sentinelServiceName=main&node=host2:26379` | a master watched by sentinels |
/// | `redis-cluster://user:password@host:6379?node=host2:6379` | a cluster (Redis 7 or newer) |
///
/// With `rediss`, `rediss-sentinel` and `rediss-cluster` the connections use TLS.
///
/// A record, what points to it (by owner, user, use and deadline), and the news for other nodes change in one script: as a
/// whole or not at all. A call whose connection breaks is sent again, and a write that had been done already is
/// recognised. Each call has a deadline. Records go from Redis by themselves an hour after their time, if no cleaning has
/// removed them.
///
/// # What Redis may lose
///
/// Redis answers a write before it is on disk and before a replica has it. After a crash of the server it has what its
/// persistence kept: with `appendfsync always` everything that was answered, with `everysec` all but about a second,
/// without persistence nothing. After a failover it has what the new master had received:
/// [`wait_for_replicas`](RedisStoreBuilder::wait_for_replicas) makes each write wait for replicas. With fewer than there are
/// one may still be lost: sentinels may choose the replica that does not have it, as when the master was away for a moment and
/// replicas differ in what they had until then. With all of them, and `appendfsync always`, none is; while one of the servers is
/// away no write is confirmed then, which a [`ResilientStore`](super::ResilientStore) bridges. Set `maxmemory-policy noeviction`: with any other, a Redis that is full drops sessions that
/// are in use.
///
/// # Examples
///
/// ```no_run
/// use statetemplate_core::store::{RedisStore, SessionStore};
///
/// # async fn run() -> Result<(), statetemplate_core::Error> {
/// let store = RedisStore::builder("redis://127.0.0.1:6379").prefix("shop").connect().await?;
/// store.health().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// What the calls and the tasks of a store share.
struct Shared {
    link: Link,
    keys: Keys,
    /// This node's name towards the others.
    origin: String,
    /// How many writes this node has made, to tell one from the other.
    written: AtomicU64,
    compress: bool,
    events: StoreEventSender,
}

impl RedisStore {
    /// Begins a store at an address.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    /// Connects to an address with the defaults.
    ///
    /// # Errors
    ///
    /// As for [`RedisStoreBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// A dropped call closes what it has opened.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Closes the connections, of all clones, and waits until they are. A store that is dropped closes them as well, a
    /// moment later.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has told the connections to close; calling again waits for them.
    pub async fn close(&self) {
        self.owner.stopping.cancel();
        self.owner.tasks.close();
        self.owner.tasks.wait().await;
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, record: SessionRecord) -> Result<(), Error> {
        match self.shared.write(&record, None).await?.as_str() {
            "written" => Ok(()),
            _ => {
                let message = format!("there is a session with the id {:?}", record.id);
                Err(Error::new(ErrorKind::SessionIdExists, message))
            }
        }
    }

    async fn load(&self, id: &str) -> Result<SessionRecord, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let partition = keys.of(id);
        let key = partition.session(id);
        let arguments = vec![key.as_str().into(), "m".into(), "d".into()];
        let loading = async { link.command(partition, "HMGET", arguments).await?.convert() };
        let (numbers, bytes): (Option<String>, Option<Bytes>) = link.call(Doing::Load(&key), loading).await?;
        let (Some(numbers), Some(bytes)) = (numbers, bytes) else {
            return Err(self.shared.not_found(id));
        };
        packed::unpack(&bytes, &numbers).map_err(|error| {
            let message = format!("{} (key {key:?} of Redis at {})", error.message(), link.shown);
            Error::new(error.kind(), message).with_source(error)
        })
    }

    async fn update(&self, record: SessionRecord, expected: Stamp) -> Result<(), Error> {
        let became = self.shared.write(&record, Some(expected)).await?;
        self.shared.expect_written(&became, &record.id, expected)
    }

    async fn confirm(&self, id: &str, stamp: Stamp) -> Result<(), Error> {
        let Shared { keys, link, .. } = &*self.shared;
        // Only waiting for replicas makes a write that others see already fail.
        if link.replicas.is_none() {
            return Ok(());
        }
        let partition = keys.of(id);
        let key = partition.session(id);
        let arguments = vec![packed::stamp(stamp).into()];
        let confirming = async {
            let keys = vec![key.as_str().into()];
            link.script(partition, &scripts::CONFIRM, keys, arguments)
                .await?
                .convert()
        };
        let became: String = link.call(Doing::Confirm(&key), confirming).await?;
        self.shared.expect_written(&became, id, stamp)
    }

    async fn delete(&self, id: &str, reason: SessionEnd) -> Result<bool, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let partition = keys.of(id);
        let removing = self.shared.remove(partition, id, reason, When::Always);
        link.call(Doing::Delete(&partition.session(id)), removing).await
    }

    async fn touch(&self, id: &str, touch: Touch) -> Result<(), Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let partition = keys.of(id);
        let digits = |time: Timestamp| packed::digits(time.as_millis());
        let arguments = vec![
            id.into(),
            digits(touch.last_access).into(),
            digits(touch.expires_at).into(),
            touch.connected_until.map(digits).unwrap_or_default().into(),
        ];
        let touching = link.script(partition, &scripts::TOUCH, partition.all(id), arguments);
        let answer = link.call(Doing::Touch(&partition.session(id)), touching).await?;
        match answer.as_str().as_deref() {
            Some("written") => Ok(()),
            _ => Err(self.shared.not_found(id)),
        }
    }

    async fn remove_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let mut removed = Vec::new();
        for partition in keys.partitions() {
            let room = limit - removed.len();
            if room == 0 {
                break;
            }
            let due = range_by_score(link, partition, &partition.deadlines, now, room);
            let due = link.call(Doing::RemoveExpired, due).await?;
            for some in due.chunks(AT_ONCE) {
                let removing = some.iter().filter_map(|(entry, _)| {
                    let id = keys::id_of_entry(entry)?;
                    let when = When::Due(now, entry);
                    let removing = self.shared.remove(partition, id, SessionEnd::Expired, when);
                    Some(async move { Ok(removing.await?.then_some(id)) })
                });
                let ids = link.call(Doing::RemoveExpired, try_join_all(removing)).await?;
                removed.extend(ids.into_iter().flatten().map(str::to_owned));
            }
        }
        Ok(removed)
    }

    async fn by_owner(&self, owner: &OwnerId) -> Result<Vec<String>, Error> {
        let finding = self.shared.find(|partition| &partition.owners, owner.as_str());
        self.shared.link.call(Doing::ByOwner, finding).await
    }

    async fn by_user(&self, user: &str) -> Result<Vec<String>, Error> {
        let finding = self.shared.find(|partition| &partition.users, user);
        self.shared.link.call(Doing::ByUser, finding).await
    }

    async fn least_recent(
        &self,
        class: SessionClass,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let each = keys
            .partitions()
            .iter()
            .map(|partition| range_by_score(link, partition, partition.by_use(class), now, limit));
        let mut oldest = link.call(Doing::LeastRecent, try_join_all(each)).await?.concat();
        oldest.sort_by(|(a, since_a), (b, since_b)| since_a.total_cmp(since_b).then_with(|| a.cmp(b)));
        oldest.truncate(limit);
        Ok(oldest.into_iter().map(|(id, _)| id).collect())
    }

    async fn count(&self) -> Result<SessionCount, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let number = async |class| {
            let each = keys.partitions().iter().map(async |partition| {
                let key = partition.by_use(class).clone();
                link.command(partition, "ZCARD", vec![key.into()])
                    .await?
                    .convert::<usize>()
            });
            Ok::<usize, RedisError>(try_join_all(each).await?.into_iter().sum())
        };
        let counting = async {
            let (established, provisional) = tokio::try_join!(
                number(SessionClass::Established),
                number(SessionClass::Provisional)
            )?;
            Ok(SessionCount {
                established,
                provisional,
            })
        };
        link.call(Doing::Count, counting).await
    }

    async fn evict(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        let Shared { keys, link, .. } = &*self.shared;
        let partition = keys.of(id);
        let removing = self
            .shared
            .remove(partition, id, SessionEnd::Evicted, When::Idle(now));
        link.call(Doing::Delete(&partition.session(id)), removing).await
    }

    async fn claim_cleaning(&self, _now: Timestamp, lease: Duration) -> Result<bool, Error> {
        let Shared {
            keys, link, origin, ..
        } = &*self.shared;
        let partition = &keys.partitions()[0];
        let arguments = vec![
            origin.as_str().into(),
            i64::try_from(lease.as_millis()).unwrap_or(i64::MAX).max(1).into(),
        ];
        let claiming = link.script(
            partition,
            &scripts::CLAIM,
            vec![partition.cleaner.clone()],
            arguments,
        );
        let claimed = link.call(Doing::Claim, claiming).await?;
        Ok(claimed.as_i64() == Some(1))
    }

    async fn health(&self) -> Result<(), Error> {
        let Shared {
            keys, link, origin, ..
        } = &*self.shared;
        let each = keys.partitions().iter().map(|partition| {
            let arguments = vec![
                partition.health.clone().into(),
                origin.as_str().into(),
                "PX".into(),
                10_000.into(),
            ];
            link.command(partition, "SET", arguments)
        });
        link.call(Doing::Health, try_join_all(each)).await.map(drop)
    }

    fn is_available(&self) -> bool {
        self.shared.link.available.load(Ordering::Relaxed)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn events(&self) -> Option<StoreEvents> {
        Some(self.shared.events.subscribe())
    }
}

/// On which condition a session is removed.
#[derive(Clone, Copy)]
enum When<'a> {
    Always,
    /// When nobody uses it at this time.
    Idle(Timestamp),
    /// When its time is over, by an entry of the index.
    Due(Timestamp, &'a str),
}

impl Shared {
    /// Writes a record, in the place of one with the stamp that is expected or of none; says what became of it.
    async fn write(&self, record: &SessionRecord, expected: Option<Stamp>) -> Result<String, Error> {
        let partition = self.keys.of(&record.id);
        let key = partition.session(&record.id);
        let name = |name: Option<&str>| name.map(|name| format!("={name}")).unwrap_or_default();
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let arguments: Vec<Value> = vec![
            record.id.as_ref().into(),
            packed::numbers(record).into(),
            packed::pack(record, self.compress).into(),
            format!("{} {number}", self.origin).into(),
            name(record.owner.as_ref().map(OwnerId::as_str)).into(),
            name(record.user.as_deref()).into(),
            expected.map(packed::stamp).unwrap_or_default().into(),
            notices::publishes(partition.slot).into(),
            partition.channel.clone().into(),
            notices::changed(&self.origin, &record.id, record.stamp()).into(),
        ];
        let doing = match expected {
            Some(_) => Doing::Update(&key),
            None => Doing::Create(&key),
        };
        let writing = async {
            let keys = partition.all(&record.id);
            self.link
                .script(partition, &scripts::WRITE, keys, arguments)
                .await?
                .convert()
        };
        self.link.call(doing, writing).await
    }

    /// What a script answered about a record that was to have a stamp.
    fn expect_written(&self, became: &str, id: &str, stamp: Stamp) -> Result<(), Error> {
        match became {
            "written" => Ok(()),
            "conflict" => {
                let message = format!("the session is not at write {} any more", stamp.writes);
                Err(Error::new(ErrorKind::Conflict, message))
            }
            _ => Err(self.not_found(id)),
        }
    }

    async fn remove(
        &self,
        partition: &Partition,
        id: &str,
        reason: SessionEnd,
        when: When<'_>,
    ) -> Result<bool, RedisError> {
        let (when, now, entry) = match when {
            When::Always => ("always", Timestamp::default(), ""),
            When::Idle(now) => ("idle", now, ""),
            When::Due(now, entry) => ("due", now, entry),
        };
        let arguments = vec![
            id.into(),
            notices::publishes(partition.slot).into(),
            partition.channel.clone().into(),
            notices::removed(&self.origin, id, reason).into(),
            when.into(),
            packed::digits(now.as_millis()).into(),
            entry.into(),
        ];
        let removed = self
            .link
            .script(partition, &scripts::REMOVE, partition.all(id), arguments)
            .await?;
        Ok(removed.as_i64() == Some(1))
    }

    /// The sessions of an owner or a user in all partitions.
    async fn find(&self, index: impl Fn(&Partition) -> &Key, name: &str) -> Result<Vec<String>, RedisError> {
        let prefix = keys::indexed(name);
        let from = [b"[", prefix.as_bytes()].concat();
        // No text has this byte, so it comes after all that begins so.
        let to = [b"(", prefix.as_bytes(), &[0xff]].concat();
        let each = self.keys.partitions().iter().map(|partition| {
            let arguments = vec![
                index(partition).clone().into(),
                Bytes::from(from.clone()).into(),
                Bytes::from(to.clone()).into(),
            ];
            self.link.command(partition, "ZRANGEBYLEX", arguments)
        });
        let mut ids = Vec::new();
        for members in try_join_all(each).await? {
            let members: Vec<String> = members.convert()?;
            ids.extend(
                members
                    .iter()
                    .filter_map(|member| member.strip_prefix(&prefix))
                    .map(str::to_owned),
            );
        }
        Ok(ids)
    }

    fn not_found(&self, id: &str) -> Error {
        let message = format!("Redis at {} has no session {id:?}", self.link.shown);
        Error::new(ErrorKind::SessionNotFound, message)
    }
}

/// The first members of an index up to a time, each with its own.
async fn range_by_score(
    link: &Link,
    partition: &Partition,
    key: &Key,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<(String, f64)>, RedisError> {
    let arguments = vec![
        key.clone().into(),
        "-inf".into(),
        until.as_millis().to_string().into(),
        "WITHSCORES".into(),
        "LIMIT".into(),
        0.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    link.command(partition, "ZRANGEBYSCORE", arguments)
        .await?
        .convert()
}

impl fmt::Debug for RedisStore {
    /// Names the servers, and no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("servers", &self.shared.link.shown)
            .field("available", &self.is_available())
            .finish_non_exhaustive()
    }
}
