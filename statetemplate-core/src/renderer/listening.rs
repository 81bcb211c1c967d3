//! The task that acts on what other nodes do to the sessions that this node holds.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use crate::session::{Adopted, Live, Session, SessionEnd};
use crate::store::{StoreEvent, StoreEvents};
use crate::{Error, ErrorKind};

/// How many sessions are compared with the store at a time.
const AT_ONCE: usize = 32;
/// How long to wait before a session is tried again that could not be compared.
const PAUSE: Duration = Duration::from_secs(1);

type Id = Arc<str>;

/// Runs until the renderer stops or is gone, or the store is.
pub(super) async fn listen(core: Weak<Core>, mut events: StoreEvents, stopping: CancellationToken) {
    let mut doubts = Doubts::default();
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            event = events.next() => match (event, core.upgrade()) {
                (Some(event), Some(core)) => doubts.note(&core, event),
                _ => break,
            },
            Some(compared) = doubts.running.join_next() => match compared {
                Ok(compared) => doubts.conclude(compared),
                Err(error) => {
                    tracing::error!("comparing a session with the store panicked: {error}");
                    // Which one it was is not known; comparing one twice at a time does no harm.
                    doubts.compared.clear();
                }
            },
            () = tokio::time::sleep(PAUSE), if !doubts.failed.is_empty() => {
                let failed = std::mem::take(&mut doubts.failed);
                doubts.waiting.extend(failed);
            }
        }
        if let Some(core) = core.upgrade() {
            doubts.compare_some(&core);
        }
    }
    // Reading is harmless to stop, and the writes are tasks of the renderer.
    doubts.running.shutdown().await;
}

/// The sessions in memory that may be out of date, each once, with the reason for its end when it is said to have ended.
/// So there are never more of them than sessions in memory, however many events come.
#[derive(Default)]
struct Doubts {
    waiting: IndexMap<Id, Option<SessionEnd>>,
    failed: IndexMap<Id, Option<SessionEnd>>,
    compared: HashSet<Id>,
    running: JoinSet<Compared>,
}

/// What became of comparing a session with the store.
struct Compared {
    id: Id,
    end: Option<SessionEnd>,
    result: Result<(), Error>,
}

impl Doubts {
    fn note(&mut self, core: &Core, event: StoreEvent) {
        match event {
            StoreEvent::Changed { id, stamp } => {
                let Some(slot) = core.registry.get(&id) else {
                    return;
                };
                let known = slot.live.get().map(|live| live.record().stamp());
                // An equal stamp is compared: this node's own write may have been lost, and the other one be in its place.
                if known.is_none_or(|known| known.epoch != stamp.epoch || known.writes <= stamp.writes) {
                    self.waiting.entry(id).or_default();
                }
            }
            StoreEvent::Removed { id, reason } => {
                if core.registry.get(&id).is_some() {
                    self.waiting
                        .insert(id, Some(reason.unwrap_or(SessionEnd::Closed)));
                }
            }
            StoreEvent::Missed => {
                for id in core.registry.ids() {
                    self.waiting.entry(id).or_default();
                }
            }
        }
    }

    fn compare_some(&mut self, core: &Arc<Core>) {
        while self.running.len() < AT_ONCE {
            // One that is compared just now may have been read before the event: it waits for its turn.
            let next = self.waiting.keys().position(|id| !self.compared.contains(id));
            let Some((id, end)) = next.and_then(|index| self.waiting.swap_remove_index(index)) else {
                return;
            };
            self.compared.insert(id.clone());
            let core = core.clone();
            self.running.spawn(async move {
                let result = core.compare(&id, end).await;
                Compared { id, end, result }
            });
        }
    }

    fn conclude(&mut self, compared: Compared) {
        let Compared { id, end, result } = compared;
        self.compared.remove(&id);
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StoreUnavailable => {
                self.failed.insert(id, end);
            }
            Err(error) => tracing::warn!(
                session = &*id,
                "a session cannot be brought up to date: {error:#}"
            ),
        }
    }
}

impl Core {
    /// Brings a session that this node holds up to date: takes over a newer record and wakes the session's connections,
    /// or ends it when the store has it no more.
    async fn compare(self: &Arc<Self>, id: &str, end: Option<SessionEnd>) -> Result<(), Error> {
        let Some(slot) = self.registry.get(id) else {
            return Ok(());
        };
        // Whoever loads it now may have read it before the event.
        let live = slot.live.get_or_try_init(|| self.read(id)).await;
        let live: &Live = match live {
            Ok(live) => live,
            Err(error) if error.kind() == ErrorKind::SessionNotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut seen = live.record();
        loop {
            match self.load(id).await {
                // The id has been used again since, by a session of its own.
                Ok(record) if record.created != seen.created => break,
                Ok(record) => match live.adopt_after(&seen, record) {
                    Adopted::Done => return Ok(()),
                    Adopted::Overtaken => seen = live.record(),
                    Adopted::Behind => return Session::new(slot.clone()).settle().await,
                },
                Err(error) if error.kind() == ErrorKind::SessionNotFound => break,
                Err(error) => return Err(error),
            }
        }
        self.end_slot(&slot, end.unwrap_or(SessionEnd::Closed));
        Ok(())
    }
}
