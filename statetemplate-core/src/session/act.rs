//! Actions: a handler runs once, its change and its answer are one write, repeats are answered from the ledger.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::commit::{RERUNS, RUNNING, Step, Turn, WriteError};
use super::guarded::{Failure, guarded};
use super::{ActionError, ActionOutcome, Session};
use crate::store::{Answer, ClientId, LedgerState, SessionRecord};
use crate::{Error, ErrorKind};

/// How often a failure that could not be written beside other nodes' changes is tried again.
const ANSWER_RERUNS: u32 = 16;

impl Session {
    /// Runs action `number` of `client`, exactly once.
    ///
    /// `run` gets the data and returns it changed, with an answer for the client. It runs alone in its session, within
    /// the handler's time limit, and again on fresh data when another node changed the session meanwhile (at most 3
    /// times). The new data is diffed before it is stored, then data and answer are stored in one write, then
    /// listeners are woken. A repeated number does not run: its first answer is given again.
    ///
    /// An error, a panic or a timeout of `run`, or a template that fails with the new data, is an `Ok` outcome whose
    /// [`answer`](ActionOutcome::answer) is [`Answer::Failed`]: the data is as before, and the failure is in the ledger.
    ///
    /// # Errors
    ///
    /// An error says that there is no answer, and nothing in the ledger: the connection should end, and the client sends
    /// the action again on its next one. [`ErrorKind::Protocol`] when numbers are missing before this one, when it was
    /// acknowledged already, or when the client has more unacknowledged answers than the ledger keeps;
    /// [`ErrorKind::StoreUnavailable`] when it is not known whether the action took effect, which the next attempt finds
    /// out; [`ErrorKind::SessionClosed`] or [`ErrorKind::SessionExpired`] when the session has ended;
    /// [`ErrorKind::SessionOutdated`] when the data cannot be read as a `T`, and the session has ended for it;
    /// [`ErrorKind::Conflict`] when other nodes kept changing the session.
    ///
    /// # Cancel safety
    ///
    /// A dropped call has not run the handler to its end and changed nothing, or has stored data and answer as a whole.
    pub async fn act<T, F, Fut>(
        &self,
        client: &ClientId,
        number: u64,
        mut run: F,
    ) -> Result<ActionOutcome, Error>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(T) -> Fut,
        Fut: Future<Output = Result<(T, Option<Box<RawValue>>), ActionError>>,
    {
        let mut turn = self.turn().await?;
        for attempt in 0..=RERUNS {
            let base = self.live().record();
            if let Some(repeated) = self.known(&base, client, number)? {
                self.confirm(&base).await?;
                return Ok(repeated);
            }
            if attempt > 0 {
                self.core().metrics.actions_rerun().one();
            }
            let data: T = match base.snapshot.get().to() {
                Ok(data) => data,
                // No action could ever take effect.
                Err(error) => return Err(self.end_outdated(&error).await),
            };
            let (step, answer) = match self.run_handler(&base, data, &mut run).await {
                Ok((step, answer)) => (step, Answer::Done(answer.map(Arc::from))),
                Err(error) => {
                    if matches!(error.code(), "refused" | "bad_payload") {
                        self.note_refused(number, &error);
                    }
                    (None, error.into())
                }
            };
            match self.write_answer(turn, base, client, number, step, answer).await {
                Ok(outcome) => return Ok(outcome),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        let error = ActionError::new("conflict", "the session kept changing elsewhere");
        self.fail(turn, client, number, error).await
    }

    /// Answers action `number` of `client` with an error without running a handler: for unknown actions, malformed
    /// payloads, actions that are not allowed. It takes the number's place in the ledger like any other failure, so that
    /// the client's next number is the next one here too.
    ///
    /// # Errors
    ///
    /// As for [`act`](Self::act).
    ///
    /// # Cancel safety
    ///
    /// A dropped call has stored the answer, or not.
    pub async fn refuse(
        &self,
        client: &ClientId,
        number: u64,
        error: ActionError,
    ) -> Result<ActionOutcome, Error> {
        self.note_refused(number, &error);
        let turn = self.turn().await?;
        self.fail(turn, client, number, error).await
    }

    /// Only the code is told: the text may quote the payload.
    fn note_refused(&self, number: u64, error: &ActionError) {
        tracing::info!(
            target: "statetemplate::audit",
            session = self.id(), number, code = error.code(), "action refused"
        );
    }

    /// Writes a failure to the ledger.
    async fn fail(
        &self,
        mut turn: Turn,
        client: &ClientId,
        number: u64,
        error: ActionError,
    ) -> Result<ActionOutcome, Error> {
        let answer = Answer::from(error);
        for _ in 0..=ANSWER_RERUNS {
            let base = self.live().record();
            if let Some(repeated) = self.known(&base, client, number)? {
                self.confirm(&base).await?;
                return Ok(repeated);
            }
            match self
                .write_answer(turn, base, client, number, None, answer.clone())
                .await
            {
                Ok(outcome) => return Ok(outcome),
                Err(WriteError::Conflict(same)) => turn = same,
                Err(WriteError::Failed(error)) => return Err(error),
            }
            self.reload().await?;
        }
        let message = format!(
            "the answer to action {number} of session \"{}\" could not be stored",
            self.id()
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Waits until what the ledger of a record says may be told: the write that brought it there may have failed.
    async fn confirm(&self, record: &SessionRecord) -> Result<(), Error> {
        // What is stored later by choice is told before.
        if self.live().unstored().is_some() {
            return Ok(());
        }
        let confirmed = self.core().confirm(self.id(), record.stamp()).await;
        if confirmed.is_err() {
            // The next attempt reads what has become of it.
            self.live().set_stale(true);
        }
        confirmed
    }

    /// The outcome of an action that has run before; `None` when it is this one's turn to run.
    fn known(
        &self,
        record: &SessionRecord,
        client: &ClientId,
        number: u64,
    ) -> Result<Option<ActionOutcome>, Error> {
        let problem = match record.ledger.state(client, number) {
            LedgerState::Next => return Ok(None),
            LedgerState::Answered(answer) => {
                self.core().metrics.actions_repeated().one();
                return Ok(Some(ActionOutcome {
                    revision_before: record.revision,
                    revision_after: record.revision,
                    answer,
                    repeated: true,
                }));
            }
            LedgerState::Forgotten => "was answered, and its answer acknowledged, before".to_owned(),
            LedgerState::Gap { expected } => format!("came where action {expected} was expected"),
            LedgerState::Full => "came with too many answers unacknowledged".to_owned(),
        };
        Err(Error::new(
            ErrorKind::Protocol,
            format!("action {number} of client \"{client}\" {problem}"),
        ))
    }

    async fn run_handler<T, F, Fut>(
        &self,
        base: &SessionRecord,
        data: T,
        run: &mut F,
    ) -> Result<(Option<Step>, Option<Box<RawValue>>), ActionError>
    where
        T: Serialize + DeserializeOwned,
        F: FnMut(T) -> Fut,
        Fut: Future<Output = Result<(T, Option<Box<RawValue>>), ActionError>>,
    {
        // The call of `run` is inside of the guarded future: it is the application's code too.
        let handler = RUNNING.scope(self.slot.id.clone(), async { run(data).await });
        let (data, answer) = match guarded(self.core().config.handler_timeout, handler).await {
            Ok(result) => result?,
            Err(Failure::TimedOut) => {
                tracing::error!(session = self.id(), "an action handler took too long");
                return Err(ActionError::new("timeout", "the action took too long"));
            }
            Err(Failure::Panicked(panic)) => {
                tracing::error!(session = self.id(), panic, "an action handler panicked");
                return Err(ActionError::new("panicked", "the action failed"));
            }
        };
        let step = self.step(base, &data).map_err(|error| self.log_failure(&error))?;
        Ok((step, answer))
    }

    /// The log gets the whole error; the browser learns only of what sort it is.
    fn log_failure(&self, error: &Error) -> ActionError {
        tracing::error!(session = self.id(), "an action failed: {error:#}");
        match error.kind() {
            ErrorKind::Template => ActionError::new("template", "the page cannot show the result"),
            ErrorKind::Internal => ActionError::new("panicked", "the action failed"),
            _ => ActionError::failed("the action failed"),
        }
    }

    async fn write_answer(
        &self,
        turn: Turn,
        base: Arc<SessionRecord>,
        client: &ClientId,
        number: u64,
        step: Option<Step>,
        answer: Answer,
    ) -> Result<ActionOutcome, WriteError> {
        let mut next = SessionRecord::clone(&base);
        let patch = step.as_ref().map(|step| step.patch.clone());
        if let Some(step) = step {
            step.apply(&mut next);
        }
        next.ledger.record(client, number, answer.clone());
        let outcome = ActionOutcome {
            revision_before: base.revision,
            revision_after: next.revision,
            answer,
            repeated: false,
        };
        self.write_soon(turn, base, next, patch).await?;
        let metrics = &self.core().metrics;
        if outcome.answer.is_done() {
            metrics.actions_done().one();
        } else {
            metrics.actions_failed().one();
        }
        Ok(outcome)
    }
}
