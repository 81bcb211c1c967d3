//! What can be chosen for a store in Redis, and connecting to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use fred::clients::{Client, SubscriberClient};
use fred::error::Error as RedisError;
use fred::interfaces::ClientLike;
use fred::types::config::{
    ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, UnresponsiveConfig,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Address;
use super::keys::Keys;
use super::link::{Doing, Link, Replicas};
use super::notices::Listener;
use super::{RedisStore, Shared};
use crate::store::StoreEventSender;
use crate::token::random_id;
use crate::{Error, ErrorKind};

/// How many commands may wait for a connection.
const MAX_WAITING: usize = 10_000;
/// How soon it is looked again whether a connection is there.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How many messages may wait to be passed on before some are missed.
const MAX_MESSAGES: usize = 4096;
/// How often a command is sent at most, when its connection breaks.
const ATTEMPTS: u32 = 3;

/// Begins a [`RedisStore`]; made by [`RedisStore::builder`].
#[derive(Clone)]
#[must_use]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    timeout: Duration,
    connections: usize,
    compress: bool,
    replicas: Option<Replicas>,
    partitions: usize,
    roots: Vec<Vec<u8>>,
    heartbeat: Duration,
    lazy: bool,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "statetemplate".to_owned(),
            timeout: Duration::from_secs(5),
            connections: 4,
            compress: true,
            replicas: None,
            partitions: 16,
            roots: Vec::new(),
            heartbeat: Duration::from_secs(10),
            lazy: false,
        }
    }

    /// What all keys and channels begin with, so that several applications can share a Redis; without braces. Default
    /// `statetemplate`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call may take, connecting again included, before it fails with
    /// [`StoreUnavailable`](ErrorKind::StoreUnavailable). Default 5 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many connections there are, to each master of a cluster; a large record delays what comes behind it on the same
    /// connection only. Default 4. One more listens to other nodes.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Whether records of 512 bytes and more are compressed (LZ4). What was stored otherwise is still read. Default true.
    pub fn compress_store(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Waits after each write until so many replicas have it, and fails with
    /// [`StoreUnavailable`](ErrorKind::StoreUnavailable) when they have not within `timeout`. Default 0: a write that was
    /// answered can still be lost when the master dies before a replica has it. See [`RedisStore`] on what a number means.
    pub fn wait_for_replicas(mut self, number: u32, timeout: Duration) -> Self {
        self.replicas = (number > 0).then_some(Replicas { number, timeout });
        self
    }

    /// Into how many parts a cluster's sessions are dealt, each in one slot; more than there are masters, and the same on
    /// all nodes, always: with another number nothing is found. Default 16; without a cluster there is one.
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions;
        self
    }

    /// Trusts the certificates of a PEM file, beside those of the system, for addresses with TLS.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// How often the store tries whether it still hears from other nodes; what breaks without a sign is noticed after
    /// twice that time. Default 10 seconds.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Whether [`connect`](Self::connect) returns at once, and connects as soon as Redis can be reached: for applications
    /// that start without it. Default false.
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.lazy = lazy;
        self
    }

    /// Connects to Redis.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address or a setting that makes no sense, [`ErrorKind::StoreUnavailable`] when
    /// Redis cannot be reached or refuses.
    ///
    /// # Cancel safety
    ///
    /// A dropped call closes what it has opened.
    pub async fn connect(self) -> Result<RedisStore, Error> {
        self.check()?;
        let address = Address::parse(&self.url, &self.roots)?;
        let keys = if address.config.server.is_clustered() {
            Keys::clustered(&self.prefix, self.partitions)
        } else {
            Keys::single(&self.prefix, address.config.database.unwrap_or(0))
        };
        let mut config = address.config;
        config.fail_fast = !self.lazy;
        let performance = PerformanceConfig {
            // A command that nobody waits for any more is not sent.
            default_command_timeout: self.timeout,
            broadcast_channel_capacity: MAX_MESSAGES,
            ..PerformanceConfig::default()
        };
        let connection = self.connection();
        // Without end, because the store comes back by itself; each call has a deadline of its own.
        let reconnect = ReconnectPolicy::new_exponential(0, 20, 1000, 2);
        let clients: Vec<_> = (0..self.connections)
            .map(|_| {
                Client::new(
                    config.clone(),
                    Some(performance.clone()),
                    Some(connection.clone()),
                    Some(reconnect.clone()),
                )
            })
            .collect();
        let subscriber = SubscriberClient::new(config, Some(performance), Some(connection), Some(reconnect));
        let shared = Arc::new(Shared {
            link: Link {
                clients,
                next: AtomicUsize::new(0),
                shown: address.shown,
                timeout: self.timeout,
                replicas: self.replicas,
                available: AtomicBool::new(true),
            },
            keys,
            origin: random_id()?,
            written: AtomicU64::new(0),
            compress: self.compress,
            events: StoreEventSender::new(),
        });
        let store = RedisStore::start(shared.clone());
        let ready = store.connect_all(subscriber, self.heartbeat);
        if !self.lazy {
            // On an error the store is dropped, and closes.
            let doing = Doing::Connect;
            shared.link.call(doing, store.connected(ready)).await?;
        }
        Ok(store)
    }

    fn check(&self) -> Result<(), Error> {
        let zero = [
            ("timeout", self.timeout.is_zero()),
            ("heartbeat", self.heartbeat.is_zero()),
            ("connections", self.connections == 0),
            ("partitions", self.partitions == 0),
        ]
        .into_iter()
        .find(|(_, zero)| *zero);
        let message = match zero {
            Some((name, _)) => format!("the Redis store's setting {name} is zero"),
            None if self.prefix.contains(['{', '}']) => {
                "the Redis store's prefix has braces, which would put all sessions into one slot of a cluster"
                    .to_owned()
            }
            None if self.partitions > 1024 => "the Redis store's setting partitions is over 1024".to_owned(),
            None => match self.replicas {
                Some(replicas) if replicas.timeout >= self.timeout => {
                    "the Redis store waits for replicas as long as a call may take: set a longer timeout"
                        .to_owned()
                }
                _ => return Ok(()),
            },
        };
        Err(Error::new(ErrorKind::Configuration, message))
    }

    fn connection(&self) -> ConnectionConfig {
        let mut connection = ConnectionConfig {
            connection_timeout: self.timeout,
            internal_command_timeout: self.timeout,
            max_command_attempts: ATTEMPTS,
            max_command_buffer_len: MAX_WAITING,
            unresponsive: UnresponsiveConfig {
                max_timeout: Some(self.timeout),
                interval: (self.timeout / 4).max(Duration::from_millis(10)),
            },
            // After a failover the old master says one of these.
            reconnect_errors: vec![
                ReconnectError::ClusterDown,
                ReconnectError::Loading,
                ReconnectError::MasterDown,
                ReconnectError::ReadOnly,
            ],
            ..ConnectionConfig::default()
        };
        connection.tcp.nodelay = Some(true);
        connection
    }
}

impl RedisStore {
    fn start(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            owner: Arc::new(Owner {
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
            }),
        }
    }

    /// Starts the tasks of all connections.
    fn connect_all(&self, subscriber: SubscriberClient, heartbeat: Duration) -> watch::Receiver<bool> {
        let (ready, is_ready) = watch::channel(false);
        let owner = &self.owner;
        for client in self.shared.link.clients.clone() {
            owner.tasks.spawn(keep_connected(client, owner.stopping.clone()));
        }
        owner
            .tasks
            .spawn(keep_connected(subscriber.clone(), owner.stopping.clone()));
        let listener = Listener {
            subscriber,
            period: heartbeat,
            ready,
        };
        let (shared, stopping) = (self.shared.clone(), owner.stopping.clone());
        owner
            .tasks
            .spawn(async move { listener.run(&shared, &stopping).await });
        is_ready
    }

    /// Waits for all connections, and for hearing other nodes.
    async fn connected(&self, mut ready: watch::Receiver<bool>) -> Result<(), RedisError> {
        for client in &self.shared.link.clients {
            // The library looks whether it is connected and only then begins to listen for it, so that what happens in
            // between is not heard.
            while !client.is_connected() {
                if let Ok(connected) = timeout(LOOK_AGAIN, client.wait_for_connect()).await {
                    connected?;
                }
            }
        }
        // An error says that the listener has ended, with the store.
        let _ = ready.wait_for(|ready| *ready).await;
        Ok(())
    }
}

/// The tasks of a store; they end when it is dropped.
pub(super) struct Owner {
    pub(super) tasks: TaskTracker,
    pub(super) stopping: CancellationToken,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// Drives a connection until it is stopped. The library reconnects by itself, but gives up on some errors.
async fn keep_connected<C: ClientLike>(client: C, stopping: CancellationToken) {
    loop {
        let mut connection = client.connect();
        let ended = tokio::select! {
            () = stopping.cancelled() => None,
            ended = &mut connection => Some(ended),
        };
        match ended {
            None => {
                // It fails when there is no connection, and then there is nothing to quit.
                let _ = client.quit().await;
                connection.abort();
                return;
            }
            Some(ended) => tracing::warn!("a connection to Redis ended and is made again: {ended:?}"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves the address out, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("connections", &self.connections)
            .field("compress", &self.compress)
            .field("replicas", &self.replicas)
            .field("partitions", &self.partitions)
            .field("heartbeat", &self.heartbeat)
            .field("lazy", &self.lazy)
            .finish_non_exhaustive()
    }
}
