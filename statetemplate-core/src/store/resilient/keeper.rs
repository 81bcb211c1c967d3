//! The task that watches the breaker: it finds out whether the primary is down, when it is back, and writes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::breaker::Phase;
use super::held::{Place, Waiting};
use super::{FallbackPolicy, Shared, is_unavailable};
use crate::store::random::{random_number, random_share};
use crate::store::{SessionRecord, Stamp, StoreEvent, StoreEvents, Touch};
use crate::{Error, ErrorKind, SessionEnd};

/// Between two probes that decide whether the primary is down, or back.
const PROBE_PAUSE: Duration = Duration::from_millis(100);
/// How many sessions are written back at the same time.
const WRITERS: usize = 8;

impl Shared {
    /// Starts the tasks at the first use inside of a runtime.
    pub(super) fn start(self: &Arc<Self>) {
        if self.started.load(Ordering::Relaxed)
            || tokio::runtime::Handle::try_current().is_err()
            || self.stopping.is_cancelled()
            || self.started.swap(true, Ordering::SeqCst)
        {
            return;
        }
        if let Some(events) = self.primary.events() {
            self.spawn(forward(self.clone(), events));
        }
        self.spawn(keep(self.clone(), self.breaker.watch()));
    }

    /// Runs a task until it ends or the store does. The store's handle is not in it: it ends when that is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Waits until the primary has everything.
    pub(super) async fn flushed(&self) {
        let mut phases = self.breaker.watch();
        while self.memory().unwritten() > 0 {
            // The circuit closes when nothing waits any more. The sender is in `self`, so it is not gone.
            let _ = phases.changed().await;
        }
    }

    /// The session is no more.
    pub(super) fn gone(&self, id: &str) {
        let mut memory = self.memory();
        if !memory.is_detached(id) {
            memory.forget(id);
        }
    }

    /// A call to the primary has failed. One that was about to recover is taken to be down at once; for one that worked
    /// so far, probes decide.
    pub(super) fn failed(&self) {
        if !self.breaker.step(Phase::Closed, Phase::Suspect) {
            self.reopen();
        }
    }

    /// Whether the primary answers, in time.
    async fn probe(&self) -> Result<(), Error> {
        let limit = self.settings.call_timeout;
        tokio::time::timeout(limit, self.primary.health())
            .await
            .unwrap_or_else(|_| {
                let message = format!("it did not answer within {limit:?}");
                Err(Error::new(ErrorKind::StoreUnavailable, message))
            })
    }

    /// A call has failed: asks until the primary answers, or has failed often enough in a row.
    async fn examine(&self) {
        let mut last = None;
        for _ in 1..self.settings.failures.max(2) {
            match self.probe().await {
                Ok(()) => {
                    self.breaker.step(Phase::Suspect, Phase::Closed);
                    return;
                }
                Err(error) => last = Some(error),
            }
            sleep(PROBE_PAUSE.mul_f64(random_share())).await;
        }
        {
            let mut memory = self.memory();
            memory.epoch = random_number();
            self.breaker.step(Phase::Suspect, Phase::Open);
        }
        let reason = last.map(|error| error.to_string()).unwrap_or_default();
        tracing::error!("the primary session store is down, its circuit is open: {reason}");
    }

    /// Asks now and then, until the primary answers several times in a row.
    async fn await_recovery(&self) {
        let (mut pause, longest) = self.settings.pauses;
        loop {
            sleep(pause.mul_f64(random_share())).await;
            pause = (pause * 2).min(longest);
            let mut answers = 0;
            while answers < self.settings.probes && self.probe().await.is_ok() {
                answers += 1;
                // Also so that the nodes that lost the same primary do not all begin at the same moment.
                sleep(PROBE_PAUSE.mul_f64(random_share())).await;
            }
            if answers == self.settings.probes {
                break;
            }
        }
        let _memory = self.memory();
        self.breaker.step(Phase::Open, Phase::HalfOpen);
    }

    /// Gives the primary what it has missed, until it has everything or fails again.
    async fn write_back(self: &Arc<Self>) {
        while self.breaker.phase() == Phase::HalfOpen {
            let Waiting { deletions, sessions } = self.memory().waiting();
            if deletions.is_empty() && sessions.is_empty() {
                let memory = self.memory();
                // Nothing can have been added: only calls while the circuit is open add, and deletions of the detached.
                if memory.unwritten() == 0 && self.breaker.step(Phase::HalfOpen, Phase::Closed) {
                    tracing::info!(
                        "the primary session store is back and has everything, its circuit is closed"
                    );
                }
                continue;
            }
            for (id, reason) in deletions {
                if self.bury(&id, reason).await.is_err() {
                    return;
                }
            }
            let mut writers = JoinSet::new();
            for id in sessions {
                if writers.len() == WRITERS {
                    // A writer that panicked has left its session for the next round.
                    let _ = writers.join_next().await;
                }
                if self.breaker.phase() != Phase::HalfOpen {
                    break;
                }
                let shared = self.clone();
                writers.spawn(async move { shared.write_back_one(&id).await });
            }
            while writers.join_next().await.is_some() {}
            // What was not written, for whatever reason, is not tried again in a hurry.
            if self.memory().unwritten() > 0 {
                sleep(PROBE_PAUSE.mul_f64(random_share())).await;
            }
        }
    }

    async fn bury(&self, id: &str, reason: SessionEnd) -> Result<(), Error> {
        let deleted = self.ask_now(self.primary.delete(id, reason)).await;
        match deleted {
            Err(error) if error.kind() == ErrorKind::StoreUnavailable => Err(error),
            _ => {
                self.memory().bury(id);
                Ok(())
            }
        }
    }

    /// Writes one session back, or gives it up where another node has moved it on.
    async fn write_back_one(&self, id: &str) {
        // Over the awaits below: whoever changes the session meanwhile waits until it is a copy.
        let _gate = self.gate(id).await;
        let Some((record, place, attempts)) = ({
            let memory = self.memory();
            memory
                .get(id)
                .map(|held| (held.record.clone(), held.place, held.attempts.clone()))
        }) else {
            return;
        };
        match place {
            Place::Attached(None) => {}
            Place::Attached(Some(touch)) => self.write_touch(id, touch).await,
            Place::Detached(base) => self.write_record(record, base, &attempts).await,
        }
    }

    async fn write_touch(&self, id: &str, touch: Touch) {
        match self.ask_now(self.primary.touch(id, touch)).await {
            Ok(()) => self.memory().attach(id),
            Err(error) if error.kind() == ErrorKind::SessionNotFound => self.ended_elsewhere(id),
            Err(error) if error.kind() == ErrorKind::StoreUnavailable => {}
            Err(_) => self.memory().attach(id),
        }
    }

    async fn write_record(&self, record: SessionRecord, base: Option<Stamp>, attempts: &[SessionRecord]) {
        let id = record.id.clone();
        let mut base = base;
        // Each round writes over what the round before has found to be this node's own.
        for _ in 0..=attempts.len() + 1 {
            self.memory().attempt(&record);
            let written = match base {
                Some(stamp) => self.ask_now(self.primary.update(record.clone(), stamp)).await,
                None => self.ask_now(self.primary.create(record.clone())).await,
            };
            let error = match written {
                Ok(()) => {
                    self.memory().attach(&id);
                    self.counters.written_back.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::SessionNotFound => return self.lost(&id, None),
                ErrorKind::Conflict | ErrorKind::SessionIdExists => {}
                ErrorKind::StoreUnavailable => return,
                _ => {
                    tracing::error!(session = &*id, "a session could not be written back: {error:#}");
                    return self.lost(&id, None);
                }
            }
            match self.ask_now(self.primary.load(&id)).await {
                Ok(stored) if is_same_write(&stored, &record) => {
                    self.memory().attach(&id);
                    self.counters.written_back.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Ok(stored) if attempts.iter().any(|attempt| is_same_write(&stored, attempt)) => {
                    base = Some(stored.stamp());
                    self.memory().rebase(&id, stored.stamp());
                }
                Ok(stored) => return self.lost(&id, Some(stored)),
                Err(error) if error.kind() == ErrorKind::StoreUnavailable => return,
                Err(_) => return self.lost(&id, None),
            }
        }
        self.lost(&id, None);
    }

    /// Another node has moved the session on, or ended it: what was done here since is given up, and the pages learn of it.
    fn lost(&self, id: &str, winner: Option<SessionRecord>) {
        self.counters.conflicts.fetch_add(1, Ordering::Relaxed);
        let reason = match winner {
            Some(_) => "another node has changed it meanwhile",
            None => "it was ended meanwhile, or the store does not take it",
        };
        tracing::warn!(
            target: "statetemplate::audit",
            session = id, reason, "changes made while the store was down are given up"
        );
        match winner {
            Some(record) => {
                let stamp = record.stamp();
                {
                    let mut memory = self.memory();
                    memory.forget(id);
                    memory.copy(record);
                }
                self.events.send(StoreEvent::Changed { id: id.into(), stamp });
            }
            None => self.ended_elsewhere(id),
        }
    }

    fn ended_elsewhere(&self, id: &str) {
        self.memory().forget(id);
        self.events.send(StoreEvent::Removed {
            id: id.into(),
            reason: None,
        });
    }

    /// Asks the primary within the time that a call has, without waiting for a verdict: one failure ends the recovery.
    async fn ask_now<R>(&self, call: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        let limit = self.settings.call_timeout;
        let answer = tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!("the primary store did not answer within {limit:?}");
            Err(Error::new(ErrorKind::StoreUnavailable, message))
        });
        if is_unavailable(&answer) {
            self.reopen();
        }
        answer
    }

    /// Opens the circuit again when the primary failed while it got what it had missed. What is written from now on has
    /// an epoch of its own.
    fn reopen(&self) {
        let mut memory = self.memory();
        if self.breaker.step(Phase::HalfOpen, Phase::Open) {
            memory.epoch = random_number();
            tracing::error!("the primary session store is down again, its circuit is open");
        }
    }
}

/// Whether the stored record is what this write left; a touch may have moved its times since.
fn is_same_write(stored: &SessionRecord, written: &SessionRecord) -> bool {
    let mut written = written.clone();
    written.last_access = stored.last_access;
    written.expires_at = stored.expires_at;
    written.connected_until = stored.connected_until;
    written == *stored
}

async fn keep(shared: Arc<Shared>, mut phases: watch::Receiver<Phase>) {
    loop {
        let phase = *phases.borrow_and_update();
        match phase {
            Phase::Closed => {
                if phases.changed().await.is_err() {
                    return;
                }
            }
            Phase::Suspect => shared.examine().await,
            Phase::Open => shared.await_recovery().await,
            Phase::HalfOpen if shared.settings.policy == FallbackPolicy::Refuse => {
                shared.breaker.step(Phase::HalfOpen, Phase::Closed);
            }
            Phase::HalfOpen => shared.write_back().await,
        }
    }
}

/// Hands on what other nodes did, and keeps no copy of what they changed.
async fn forward(shared: Arc<Shared>, mut events: StoreEvents) {
    while let Some(event) = events.next().await {
        {
            let mut memory = shared.memory();
            match &event {
                // A write-back finds out; until then what is here goes on.
                StoreEvent::Changed { id, .. } if memory.is_detached(id) => continue,
                StoreEvent::Changed { id, stamp } => {
                    if memory.get(id).is_some_and(|held| held.record.stamp() != *stamp) {
                        memory.forget(id);
                    }
                }
                // Ended is ended, whatever was done here since.
                StoreEvent::Removed { id, .. } => memory.forget(id),
                StoreEvent::Missed => {}
            }
        }
        shared.events.send(event);
    }
}
