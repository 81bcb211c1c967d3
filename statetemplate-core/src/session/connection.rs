//! Which pages are connected to a session.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Session;

/// The connections of one session.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    number: usize,
    tasks: CancellationToken,
}

impl Connections {
    pub(super) fn any(&self) -> bool {
        self.counted().number > 0
    }

    /// Ends the tasks of the connections, for good.
    pub(super) fn end_tasks(&self) {
        self.counted().tasks.cancel();
    }

    fn enter(&self) -> (bool, CancellationToken) {
        let mut counted = self.counted();
        counted.number += 1;
        let is_first = counted.number == 1;
        if is_first {
            counted.tasks = CancellationToken::new();
        }
        (is_first, counted.tasks.clone())
    }

    /// Says whether it was the last one.
    fn leave(&self) -> bool {
        let mut counted = self.counted();
        counted.number -= 1;
        let is_last = counted.number == 0;
        if is_last {
            counted.tasks.cancel();
        }
        is_last
    }

    /// The count is right at every moment of holding the lock, so a poisoned lock is taken as it is.
    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connected page. While there is one, its session is not evicted and does not run out for want of use.
///
/// Dropping the guard says that the connection has ended.
pub struct ConnectionGuard {
    session: Session,
    is_first: bool,
    tasks: CancellationToken,
}

impl ConnectionGuard {
    pub(super) fn new(session: Session) -> Self {
        let (is_first, tasks) = session.live().connections.enter();
        session.core().metrics.connections_opened().one();
        if is_first {
            session.core().note_connection(&session);
        }
        Self {
            session,
            is_first,
            tasks,
        }
    }

    /// Whether no other page was connected when this one came: the moment to start the session's background tasks.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Is cancelled when the last connection has ended, or the session has.
    #[must_use]
    pub fn tasks(&self) -> &CancellationToken {
        &self.tasks
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let is_last = self.session.live().connections.leave();
        self.session.core().metrics.connections_closed().one();
        if is_last {
            self.session.core().note_connection(&self.session);
        }
    }
}

impl fmt::Debug for ConnectionGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionGuard")
            .field("session", &self.session)
            .field("is_first", &self.is_first)
            .finish_non_exhaustive()
    }
}
