//! What other nodes did to the sessions of a shared store, told to those who listen.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Stamp;
use crate::SessionEnd;

/// Something that another node did to a session of the same store.
///
/// A *node* is one store value and its clones, usually one in a process: what is done through it is not told to its own
/// listeners, who know already.
///
/// This enum is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// The session's record was replaced.
    Changed {
        /// The session's id.
        id: Arc<str>,
        /// The stamp of the new record: who holds a record of this stamp has the change already.
        stamp: Stamp,
    },
    /// The session was removed.
    Removed {
        /// The session's id.
        id: Arc<str>,
        /// Why, where the store knows.
        reason: Option<SessionEnd>,
    },
    /// Some events were missed, of any session: the connection to the store broke, or the listener was too slow. What is
    /// held in memory may be out of date, and has to be compared with the store.
    Missed,
}

/// The events of a store from one moment on; see [`SessionStore::events`](super::SessionStore::events).
///
/// It is bounded: a listener that is too slow gets one [`StoreEvent::Missed`] in place of the oldest ones.
#[derive(Debug)]
pub struct StoreEvents(broadcast::Receiver<StoreEvent>);

impl StoreEvents {
    /// The next event; `None` when the store is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event that was not returned is returned by the next call.
    pub async fn next(&mut self) -> Option<StoreEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(_)) => Some(StoreEvent::Missed),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Tells events to all who listen, for those who write a store.
///
/// # Examples
///
/// ```
/// use statetemplate_core::store::{StoreEvent, StoreEventSender};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let sender = StoreEventSender::new();
/// let mut events = sender.subscribe();
/// sender.send(StoreEvent::Missed);
/// assert_eq!(events.next().await, Some(StoreEvent::Missed));
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct StoreEventSender(broadcast::Sender<StoreEvent>);

impl StoreEventSender {
    /// How many events wait for a slow listener before it is told that it missed some.
    pub const CAPACITY: usize = 4096;

    /// A sender that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(Self::CAPACITY))
    }

    /// Tells an event to all who listen now; it never waits.
    pub fn send(&self, event: StoreEvent) {
        // An error says that nobody listens.
        let _ = self.0.send(event);
    }

    /// The events from now on.
    #[must_use]
    pub fn subscribe(&self) -> StoreEvents {
        StoreEvents(self.0.subscribe())
    }
}

impl Default for StoreEventSender {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(id: usize) -> StoreEvent {
        StoreEvent::Removed {
            id: id.to_string().into(),
            reason: Some(SessionEnd::Invalidated),
        }
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_that_it_missed_some_and_goes_on() {
        let sender = StoreEventSender::new();
        let mut events = sender.subscribe();
        for id in 0..StoreEventSender::CAPACITY + 10 {
            sender.send(removed(id));
        }
        assert_eq!(events.next().await, Some(StoreEvent::Missed));
        assert_eq!(events.next().await, Some(removed(10)));
    }

    #[tokio::test]
    async fn the_events_end_with_the_store() {
        let sender = StoreEventSender::new();
        let mut events = sender.subscribe();
        sender.send(removed(1));
        drop(sender);
        assert_eq!(events.next().await, Some(removed(1)));
        assert_eq!(events.next().await, None);
    }
}
