//! What nodes tell each other over Redis' channels: which sessions they changed and removed.

use std::collections::HashSet;
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::error::Error as RedisError;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::{Message, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::SessionEnd;
use crate::store::{Stamp, StoreEvent};

/// How long to wait after a subscription failed, at most.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A message about a changed record.
pub(super) fn changed(origin: &str, id: &str, stamp: Stamp) -> String {
    format!("{origin} changed {} {} {id}", stamp.epoch, stamp.writes)
}

/// A message about a removed session.
pub(super) fn removed(origin: &str, id: &str, reason: SessionEnd) -> String {
    format!("{origin} removed {} {id}", reason.as_str())
}

/// A message to oneself, to see whether messages arrive.
fn beat(origin: &str, number: u64) -> String {
    format!("{origin} beat {number}")
}

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
enum Notice {
    /// Another node did something.
    Told(StoreEvent),
    /// This node's own beat of this number.
    Beat(u64),
    /// Another node's beat, or what this node did itself.
    Nothing,
}

fn read(message: &str, origin: &str) -> Option<Notice> {
    let (from, rest) = message.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    let is_own = from == origin;
    match kind {
        "beat" if is_own => rest.parse().ok().map(Notice::Beat),
        _ if is_own => Some(Notice::Nothing),
        "beat" => Some(Notice::Nothing),
        "changed" => {
            let mut parts = rest.splitn(3, ' ');
            let mut number = || parts.next()?.parse().ok();
            let stamp = Stamp {
                epoch: number()?,
                writes: number()?,
            };
            let id = parts.next()?.into();
            Some(Notice::Told(StoreEvent::Changed { id, stamp }))
        }
        "removed" => {
            let (reason, id) = rest.split_once(' ')?;
            Some(Notice::Told(StoreEvent::Removed {
                id: id.into(),
                reason: SessionEnd::parse(reason),
            }))
        }
        _ => None,
    }
}

/// Listens to the channels until it is stopped, and passes on what other nodes tell.
///
/// After each break of the subscription it says that some events were missed. A break that the connection does not show
/// (a link that swallows everything, a cluster that moved the channel) is found by sending oneself a beat through each
/// channel: what does not arrive is subscribed to anew.
pub(super) struct Listener {
    pub(super) subscriber: SubscriberClient,
    pub(super) period: Duration,
    /// Whether the first subscription stands.
    pub(super) ready: watch::Sender<bool>,
}

/// Why a subscription has to be made again.
enum Broken {
    Stopped,
    /// The library reconnected.
    Connection,
    /// Beats did not arrive.
    Silent,
}

impl Listener {
    pub(super) async fn run(self, shared: &Shared, stopping: &CancellationToken) {
        let mut messages = self.subscriber.message_rx();
        let mut reconnects = self.subscriber.reconnect_rx();
        let mut pause = Duration::from_millis(50);
        loop {
            let subscribed = tokio::select! {
                () = stopping.cancelled() => return,
                subscribed = tokio::time::timeout(shared.link.timeout, self.subscribe(shared)) => subscribed,
            };
            if let Ok(Ok(())) = subscribed {
                pause = Duration::from_millis(50);
                if self.ready.send_replace(true) {
                    shared.events.send(StoreEvent::Missed);
                }
                match self
                    .pass_on(shared, stopping, &mut messages, &mut reconnects)
                    .await
                {
                    Broken::Stopped => return,
                    Broken::Connection => continue,
                    Broken::Silent => {}
                }
            } else if let Ok(Err(error)) = subscribed {
                tracing::debug!("subscribing to Redis at {} failed: {error}", shared.link.shown);
            }
            // Not left to the library: it may take the connection for a good one.
            let renewed = async {
                tokio::time::sleep(pause).await;
                tokio::time::timeout(shared.link.timeout, self.subscriber.force_reconnection()).await
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = renewed => {}
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn subscribe(&self, shared: &Shared) -> Result<(), RedisError> {
        for partition in shared.keys.partitions() {
            let channel = partition.channel.clone();
            match partition.slot {
                Some(_) => self.subscriber.ssubscribe(channel).await?,
                None => self.subscriber.subscribe(channel).await?,
            }
        }
        Ok(())
    }

    async fn pass_on(
        &self,
        shared: &Shared,
        stopping: &CancellationToken,
        messages: &mut tokio::sync::broadcast::Receiver<Message>,
        reconnects: &mut tokio::sync::broadcast::Receiver<fred::types::config::Server>,
    ) -> Broken {
        // Reconnections from before this subscription are no news.
        *reconnects = reconnects.resubscribe();
        let mut number = 0;
        let mut silent: HashSet<_> = HashSet::new();
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Broken::Stopped,
                message = messages.recv() => match message {
                    Ok(message) => match notice(&message, &shared.origin) {
                        Some(Notice::Told(event)) => shared.events.send(event),
                        Some(Notice::Beat(seen)) => if seen == number {
                            silent.remove(&message.channel);
                        },
                        Some(Notice::Nothing) => {}
                        None => tracing::warn!(
                            channel = &*message.channel,
                            "a message from Redis is none of this version's; is the prefix shared with something else?"
                        ),
                    },
                    Err(RecvError::Lagged(_)) => shared.events.send(StoreEvent::Missed),
                    Err(RecvError::Closed) => return Broken::Silent,
                },
                reconnected = reconnects.recv() => match reconnected {
                    Ok(_) | Err(RecvError::Lagged(_)) => return Broken::Connection,
                    Err(RecvError::Closed) => return Broken::Silent,
                },
                _ = ticks.tick() => {
                    if !silent.is_empty() {
                        return Broken::Silent;
                    }
                    number += 1;
                    silent = self.send_beats(shared, number).await;
                }
            }
        }
    }

    /// Sends a beat through each channel; says which have to arrive.
    async fn send_beats(&self, shared: &Shared, number: u64) -> HashSet<fred::bytes_utils::Str> {
        let mut sent = HashSet::new();
        for partition in shared.keys.partitions() {
            let arguments = vec![
                Value::from(partition.channel.clone()),
                Value::from(beat(&shared.origin, number)),
            ];
            let sending = shared
                .link
                .command(partition, publishes(partition.slot), arguments);
            // Where even sending fails the whole connection is broken, and that is noticed anyway.
            if let Ok(Ok(_)) = tokio::time::timeout(self.period, sending).await {
                sent.insert(partition.channel.clone());
            }
        }
        sent
    }
}

/// The command that sends a message: in a cluster, to the nodes of the channel's slot only.
pub(super) fn publishes(slot: Option<u16>) -> &'static str {
    match slot {
        Some(_) => "SPUBLISH",
        None => "PUBLISH",
    }
}

fn notice(message: &Message, origin: &str) -> Option<Notice> {
    read(&message.value.as_str()?, origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_other_nodes_write_whatever_the_id() {
        let stamp = Stamp {
            epoch: 3,
            writes: u64::MAX,
        };
        for id in ["a", "an odd id", "{x}:\n ä"] {
            let told = StoreEvent::Changed { id: id.into(), stamp };
            assert_eq!(read(&changed("b", id, stamp), "a"), Some(Notice::Told(told)));
            let told = StoreEvent::Removed {
                id: id.into(),
                reason: Some(SessionEnd::Invalidated),
            };
            let message = removed("b", id, SessionEnd::Invalidated);
            assert_eq!(read(&message, "a"), Some(Notice::Told(told)));
        }
    }

    #[test]
    fn what_a_node_did_itself_is_no_news_to_it() {
        let message = removed("a", "id", SessionEnd::Closed);
        assert_eq!(read(&message, "a"), Some(Notice::Nothing));
        assert_eq!(read(&beat("b", 7), "a"), Some(Notice::Nothing));
        assert_eq!(read(&beat("a", 7), "a"), Some(Notice::Beat(7)));
    }

    #[test]
    fn foreign_messages_are_none_and_new_reasons_are_unknown() {
        for odd in [
            "",
            "b",
            "b changed",
            "b changed 1 x",
            "b changed 1 2",
            "b other 1",
        ] {
            assert_eq!(read(odd, "a"), None, "{odd:?}");
        }
        let told = StoreEvent::Removed {
            id: "id".into(),
            reason: None,
        };
        assert_eq!(read("b removed because id", "a"), Some(Notice::Told(told)));
    }
}
