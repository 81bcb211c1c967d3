//! Hears what happens to a session.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::live::Status;
use super::{Session, SessionEnd, Version};
use crate::store::OwnerId;

/// An event for the scripts of a session's pages.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// Its name.
    pub name: Arc<str>,
    /// Its data, as JSON.
    pub data: Arc<RawValue>,
}

/// Something that happened to a session.
///
/// This enum is complete.
#[derive(Debug, Clone)]
pub enum Change {
    /// The data changed; this is the newest state, and states before it may have been skipped.
    Version(Version),
    /// An event was pushed.
    Event(Event),
    /// The session belongs to another identity of its browser: who was let in under the one before has to show itself
    /// again. Told once; versions and events go on.
    Rebound,
    /// The session ended; nothing follows.
    End(SessionEnd),
}

/// Hears of each new version, each event and the end of a session.
///
/// Versions never queue: a slow listener finds the newest one. Of the events, the last 32 wait for a slow listener;
/// older ones are dropped for it, and counted. A subscription keeps its session in memory.
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    status: watch::Receiver<Status>,
    events: broadcast::Receiver<Event>,
    owner: Option<OwnerId>,
    end: Option<SessionEnd>,
    told: bool,
}

impl Subscription {
    pub(super) fn new(
        session: Session,
        status: watch::Receiver<Status>,
        events: broadcast::Receiver<Event>,
    ) -> Self {
        // A session that has ended already is an end to be told.
        let (end, owner) = {
            let status = status.borrow();
            (status.end, status.owner.clone())
        };
        Self {
            session,
            status,
            events,
            owner,
            end,
            told: false,
        }
    }

    /// Waits for the next thing to happen; `None` after the end has been told.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what a dropped call would have returned, the next one returns.
    pub async fn next(&mut self) -> Option<Change> {
        while !self.told {
            if let Some(end) = self.end {
                // Events from before the end are told first.
                match self.events.try_recv() {
                    Ok(event) => return Some(Change::Event(event)),
                    Err(TryRecvError::Lagged(number)) => self.dropped(number),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => {
                        self.told = true;
                        return Some(Change::End(end));
                    }
                }
                continue;
            }
            tokio::select! {
                // The sender lives in the session that this subscription holds, so it is never gone.
                _ = self.status.changed() => {
                    let status = self.status.borrow_and_update();
                    if let Some(end) = status.end {
                        self.end = Some(end);
                    } else if status.owner != self.owner {
                        let was_bound = self.owner.is_some();
                        self.owner.clone_from(&status.owner);
                        if was_bound {
                            return Some(Change::Rebound);
                        }
                    } else {
                        return Some(Change::Version(status.version.clone()));
                    }
                }
                event = self.events.recv() => match event {
                    Ok(event) => return Some(Change::Event(event)),
                    Err(RecvError::Lagged(number)) => self.dropped(number),
                    Err(RecvError::Closed) => {}
                },
            }
        }
        None
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    fn dropped(&self, number: u64) {
        self.session.core().metrics.events_dropped().add(number);
        tracing::warn!(
            session = self.session.id(),
            number,
            "events dropped: a connection is too slow for them"
        );
    }
}
