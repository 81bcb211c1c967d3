//! The actions of one page: carried out one after the other, whatever becomes of the socket.

use std::{collections::VecDeque, sync::Arc};

use statetemplate_core::{ActionError, ActionOutcome, Error, ErrorKind, Session, store::ClientId};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::mounted::{Call, MountedPage};

/// How many actions wait before the socket is read no further: the client's own buffers are the rest of the queue.
const MAX_WAITING: usize = 16;

/// The actions that a page has sent and that are not answered yet.
pub(super) struct Actions {
    page: Arc<dyn MountedPage>,
    tasks: TaskTracker,
    waiting: VecDeque<Asked>,
    running: Option<(u64, JoinHandle<Result<ActionOutcome, Error>>)>,
}

/// What a page has asked for under the next number.
enum Asked {
    Act(Call),
    /// An action that was not even read. It takes its turn like the others, for numbers only grow.
    Refuse {
        session: Session,
        client: ClientId,
        number: u64,
        error: ActionError,
    },
}

impl Actions {
    pub(super) fn new(page: Arc<dyn MountedPage>, tasks: TaskTracker) -> Self {
        Actions {
            page,
            tasks,
            waiting: VecDeque::new(),
            running: None,
        }
    }

    /// Whether another action may be taken in.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    /// Takes an action in; it runs when those before it are answered.
    pub(super) fn push(&mut self, call: Call) {
        self.waiting.push_back(Asked::Act(call));
        self.start_next();
    }

    /// Notes an action that is refused; it is answered when those before it are.
    pub(super) fn refuse(&mut self, session: Session, client: ClientId, number: u64, error: ActionError) {
        self.waiting.push_back(Asked::Refuse {
            session,
            client,
            number,
            error,
        });
        self.start_next();
    }

    fn start_next(&mut self) {
        if self.running.is_none()
            && let Some(asked) = self.waiting.pop_front()
        {
            // A task of its own: when the socket dies, the handler still ends and commits, and the client, which asks
            // again under the same number, is answered from the ledger.
            self.running = Some(match asked {
                Asked::Act(call) => (call.number, self.tasks.spawn(self.page.act(call))),
                Asked::Refuse {
                    session,
                    client,
                    number,
                    error,
                } => {
                    let refusal = async move { session.refuse(&client, number, error).await };
                    (number, self.tasks.spawn(refusal))
                }
            });
        }
    }

    /// Forgets the actions that wait, and waits for the one that runs, if any.
    pub(super) async fn last(&mut self) -> Option<(u64, Result<ActionOutcome, Error>)> {
        self.waiting.clear();
        match self.running {
            Some(_) => Some(self.ended().await),
            None => None,
        }
    }

    /// Waits for the running action to end, and starts the next one. Without a running action it waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an action that ended meanwhile is returned by the next call.
    pub(super) async fn ended(&mut self) -> (u64, Result<ActionOutcome, Error>) {
        let Some((number, task)) = &mut self.running else {
            return std::future::pending().await;
        };
        let number = *number;
        let outcome = task.await.unwrap_or_else(|error| {
            Err(Error::new(
                ErrorKind::Internal,
                format!("the task of an action ended: {error}"),
            ))
        });
        self.running = None;
        self.start_next();
        (number, outcome)
    }
}
