//! What other nodes tell through PostgreSQL, by `LISTEN` and `NOTIFY`.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::SessionEnd;
use crate::store::random::random_share;
use crate::store::{Stamp, StoreEvent, StoreEventSender, StoreEvents};

/// A connection that nothing came over for so long is asked whether it works.
const SILENCE: Duration = Duration::from_secs(10);
/// The pauses between attempts to connect again: the first, and the longest. Each is a random share of it.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where the nodes that share tables meet, and what they say there.
#[derive(Clone)]
pub(super) struct Channel {
    name: String,
    /// This node: it passes by what it said itself.
    node: String,
}

impl Channel {
    /// The channel of the tables in a schema: channels belong to the whole database.
    pub(super) fn new(schema: &str, node: String) -> Self {
        use std::fmt::Write as _;

        let mut name = "statetemplate_".to_owned();
        // A schema's name may be as long as a channel's may be.
        for byte in &Sha256::digest(schema)[..8] {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self { name, node }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says that a record was replaced.
    pub(super) fn changed(&self, stamp: Stamp, id: &str) -> String {
        format!("{} changed {} {} {id}", self.node, stamp.epoch, stamp.writes)
    }

    /// Says that a record was removed.
    pub(super) fn removed(&self, reason: SessionEnd, id: &str) -> String {
        format!("{} removed {} {id}", self.node, reason.as_str())
    }

    /// What another node said. What does not parse comes from a newer version, and anything may have happened.
    fn read(&self, message: &str) -> Option<StoreEvent> {
        let (node, said) = message.split_once(' ').unwrap_or_default();
        if node == self.node {
            return None;
        }
        Some(event(said).unwrap_or(StoreEvent::Missed))
    }
}

fn event(said: &str) -> Option<StoreEvent> {
    if let Some(changed) = said.strip_prefix("changed ") {
        let (epoch, rest) = changed.split_once(' ')?;
        let (writes, id) = rest.split_once(' ')?;
        return Some(StoreEvent::Changed {
            id: id.into(),
            stamp: Stamp {
                epoch: epoch.parse().ok()?,
                writes: writes.parse().ok()?,
            },
        });
    }
    let (reason, id) = said.strip_prefix("removed ")?.split_once(' ')?;
    Some(StoreEvent::Removed {
        id: id.into(),
        reason: SessionEnd::parse(reason),
    })
}

/// The task that listens, and those who listen to it.
pub(super) struct Listening {
    sender: StoreEventSender,
}

impl Listening {
    /// Listens from now on, until `stopping`.
    pub(super) async fn start(
        options: PgConnectOptions,
        channel: Channel,
        timeout: Duration,
        tasks: &TaskTracker,
        stopping: CancellationToken,
    ) -> Result<Self, sqlx::Error> {
        let sender = StoreEventSender::new();
        let listener = subscribe(&options, &channel, timeout).await?;
        let run = run(listener, options, channel, timeout, sender.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = run => {}
            }
        });
        Ok(Self { sender })
    }

    pub(super) fn events(&self) -> StoreEvents {
        self.sender.subscribe()
    }
}

/// Hands on what is said; after each loss of the connection it says that something may have been missed.
async fn run(
    mut listener: PgListener,
    options: PgConnectOptions,
    channel: Channel,
    timeout: Duration,
    sender: StoreEventSender,
) {
    loop {
        let error = hear(&mut listener, &channel, timeout, &sender).await;
        tracing::warn!("the connection that listens to other nodes broke, and is made again: {error}");
        drop(listener);
        let mut pause = PAUSES.0;
        listener = loop {
            match subscribe(&options, &channel, timeout).await {
                Ok(listener) => break listener,
                Err(error) => tracing::debug!("listening to other nodes failed again: {error}"),
            }
            tokio::time::sleep(pause.mul_f64(random_share())).await;
            pause = (pause * 2).min(PAUSES.1);
        };
        // Only now, when no further event can be lost.
        sender.send(StoreEvent::Missed);
    }
}

/// Hears until the connection breaks.
async fn hear(
    listener: &mut PgListener,
    channel: &Channel,
    timeout: Duration,
    sender: &StoreEventSender,
) -> sqlx::Error {
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(event) = channel.read(notification.payload()) {
                    sender.send(event);
                }
            }
            Ok(Ok(None)) => return sqlx::Error::WorkerCrashed,
            Ok(Err(error)) => return error,
            // A network that is cut says nothing, and neither does a database where nothing happens.
            Err(_) => match tokio::time::timeout(timeout, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error,
                Err(_) => return sqlx::Error::PoolTimedOut,
            },
        }
    }
}

async fn subscribe(
    options: &PgConnectOptions,
    channel: &Channel,
    timeout: Duration,
) -> Result<PgListener, sqlx::Error> {
    let subscribing = async {
        // sqlx's listener wants a pool; this one has the listener's connection only.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(channel.name()).await?;
        Ok(listener)
    };
    tokio::time::timeout(timeout, subscribing)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_another_node_wrote_and_passes_by_its_own() {
        let (here, there) = (
            Channel::new("public", "here".into()),
            Channel::new("public", "there".into()),
        );
        assert_eq!(here.name(), there.name());
        assert_ne!(here.name(), Channel::new("other", "here".into()).name());
        let stamp = Stamp {
            epoch: u64::MAX,
            writes: 7,
        };
        for id in ["a", "with spaces", ""] {
            let changed = StoreEvent::Changed { id: id.into(), stamp };
            assert_eq!(here.read(&there.changed(stamp, id)), Some(changed));
            let removed = StoreEvent::Removed {
                id: id.into(),
                reason: Some(SessionEnd::Evicted),
            };
            assert_eq!(here.read(&there.removed(SessionEnd::Evicted, id)), Some(removed));
            assert_eq!(here.read(&here.changed(stamp, id)), None);
        }
    }

    #[test]
    fn what_it_does_not_understand_may_have_been_anything() {
        let channel = Channel::new("public", "here".into());
        for said in [
            "",
            "there",
            "there renamed a b",
            "there changed x 1 a",
            "there removed closed",
        ] {
            assert_eq!(channel.read(said), Some(StoreEvent::Missed), "{said}");
        }
        let unknown = channel.read("there removed frozen a");
        assert_eq!(
            unknown,
            Some(StoreEvent::Removed {
                id: "a".into(),
                reason: None
            })
        );
    }
}
