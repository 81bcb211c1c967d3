//! One connection: one task that reads the page's frames, runs its actions and keeps it up to date.

use std::{sync::Arc, time::Duration};

use ::http::request::Parts;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use statetemplate_core::{
    ActionError, ActionOutcome, Change, ConnectionGuard, Error, Session, Subscription,
    store::{Answer, ClientId, OwnerId},
    wire::{self, ClientFrame, Statics},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::{
    actions::Actions,
    end::{End, RETRY_MILLIS},
    oversized::action_number,
    view::View,
};
use crate::{context::Context, mounted::Call};

/// How long a socket may be open before its page joins.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// How long a frame may wait for a page that takes nothing in.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// How long the last words may take.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A socket whose page has not joined yet.
pub(super) struct Connection {
    context: Arc<Context>,
    socket: WebSocket,
    request: Arc<Parts>,
    owner: OwnerId,
}

impl Connection {
    pub(super) fn new(context: Arc<Context>, socket: WebSocket, request: Arc<Parts>, owner: OwnerId) -> Self {
        Connection {
            context,
            socket,
            request,
            owner,
        }
    }

    /// Serves the page until it leaves, its session ends, or the server stops.
    pub(super) async fn run(mut self) {
        let end = match self.join().await {
            Ok(mut joined) => {
                let end = joined.serve(&mut self).await;
                joined.leave(&self.context, &end);
                end
            }
            Err(end) => end,
        };
        self.finish(&end).await;
    }

    async fn join(&mut self) -> Result<Joined, End> {
        let stop = self.context.stop.clone();
        let text = tokio::select! {
            () = stop.cancelled() => return Err(End::TryAgain(RETRY_MILLIS)),
            first = timeout(JOIN_WITHIN, self.first_text()) => match first {
                Ok(text) => text?,
                Err(_) => return Err(End::protocol("the page did not join within 10 seconds")),
            },
        };
        let ClientFrame::Join {
            page,
            plan,
            revision,
            client,
            last_answer,
            statics,
        } = parse(&text)?
        else {
            return Err(End::protocol("the first frame must be the join"));
        };
        let client = ClientId::parse(&client)?;
        let session = self.context.renderer.bind(&page, &self.owner).await?;
        let Some(mounted) = self.context.pages.get(session.plan().name()).cloned() else {
            tracing::error!(
                template = session.plan().name(),
                "a session belongs to a template without a page"
            );
            return Err(End::TryAgain(RETRY_MILLIS));
        };
        let updates = session.subscribe();
        let guard = session.connect()?;
        if guard.is_first()
            && let Some(task) = mounted.on_connect(session.clone())
        {
            let cancelled = guard.tasks().clone();
            self.context.tasks.spawn(async move {
                // Dropped, not asked to end: a background task has nothing that must be finished.
                let _ = cancelled.run_until_cancelled_owned(task).await;
            });
        }
        session.acknowledge(&client, last_answer);
        let current = session.version();
        // A page that cannot be patched says the empty plan, which is no plan's hash.
        let known = if plan != session.plan().hash() {
            None
        } else if revision == current.revision {
            Some(current.clone())
        } else {
            self.context
                .recent
                .take(session.id(), &client, revision, &current)
        };
        let statics = Statics::new(session.plan(), &statics);
        let is_known = known.is_some();
        let mut view = View::new(
            self.context.clone(),
            session.clone(),
            statics,
            known.unwrap_or(current),
        );
        let mut frames = vec![wire::joined(view.shown().revision)];
        if is_known {
            frames.extend(view.catch_up(None)?);
        } else {
            frames.push(view.refresh()?);
        }
        self.send(frames).await?;
        let actions = Actions::new(mounted, self.context.tasks.clone());
        Ok(Joined {
            session,
            client,
            updates,
            _guard: guard,
            view,
            actions,
            push_at: None,
        })
    }

    async fn first_text(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            match read(self.socket.recv().await)? {
                Some(text) if text.len() > self.context.options.max_message_size => {
                    return Err(End::too_long());
                }
                Some(text) => return Ok(text),
                None => {}
            }
        }
    }

    /// Sends frames; a page that takes nothing in for 30 seconds is given up.
    async fn send(&mut self, frames: Vec<String>) -> Result<(), End> {
        for frame in frames {
            self.send_message(Message::Text(frame.into())).await?;
        }
        Ok(())
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Silent),
        }
    }

    async fn finish(mut self, end: &End) {
        if let End::Protocol { reason, .. } = end {
            tracing::warn!(target: "statetemplate::audit", %reason, "a connection broke the protocol");
        }
        let last_words = async {
            if let Some(frame) = end.frame() {
                let _ = self.socket.send(Message::Text(frame.into())).await;
            }
            if let Some(close) = end.close() {
                let _ = self.socket.send(Message::Close(Some(close))).await;
                // The other side's close completes ours; without it the kernel may discard what was just sent.
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(END_WITHIN, last_words).await;
    }
}

/// A connection whose page has joined.
struct Joined {
    session: Session,
    client: ClientId,
    updates: Subscription,
    /// Counts this connection while it lives.
    _guard: ConnectionGuard,
    view: View,
    actions: Actions,
    /// When the gathered pushes are due.
    push_at: Option<Instant>,
}

impl Joined {
    async fn serve(&mut self, connection: &mut Connection) -> End {
        match self.serve_until_end(connection).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn serve_until_end(
        &mut self,
        connection: &mut Connection,
    ) -> Result<std::convert::Infallible, End> {
        let context = connection.context.clone();
        let period = context.options.ping_interval;
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whether the page has said anything since the last ping.
        let mut alive = true;
        loop {
            let has_room = self.actions.has_room();
            let due = self.push_at.filter(|_| self.view.is_ready());
            tokio::select! {
                () = context.stop.cancelled() => return Err(End::TryAgain(RETRY_MILLIS)),
                message = connection.socket.recv(), if has_room => {
                    alive = true;
                    if let Some(text) = read(message)? {
                        self.take(&text, connection).await?;
                    }
                }
                (number, outcome) = self.actions.ended() => self.answer(number, outcome, connection).await?,
                change = self.updates.next() => match change {
                    Some(Change::Version(_)) => {
                        self.push_at.get_or_insert_with(|| Instant::now() + context.renderer.config().batching_delay);
                    }
                    Some(Change::Event(event)) => {
                        connection.send(vec![wire::event(&event.name, &event.data)]).await?;
                    }
                    Some(Change::End(end)) => return Err(end.into()),
                    None => return Err(End::Closed),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.push_at = None;
                    self.push(connection).await?;
                }
                _ = ping.tick() => {
                    // While the queue of actions is full nothing is read, so that a pong could not be seen.
                    if !alive && has_room {
                        return Err(End::Silent);
                    }
                    alive = !has_room;
                    connection.send_message(Message::Ping(Bytes::new())).await?;
                }
            }
        }
    }

    async fn take(&mut self, text: &str, connection: &mut Connection) -> Result<(), End> {
        let longest = connection.context.options.max_message_size;
        if text.len() > longest {
            let number = action_number(text).ok_or_else(End::too_long)?;
            let error = ActionError::new(
                "bad_payload",
                format!("the action is longer than {longest} bytes"),
            );
            self.actions
                .refuse(self.session.clone(), self.client.clone(), number, error);
            return Ok(());
        }
        match parse(text)? {
            ClientFrame::Action {
                number,
                name,
                payload,
            } => {
                self.actions.push(Call {
                    session: self.session.clone(),
                    client: self.client.clone(),
                    number,
                    action: name.into(),
                    payload: payload.into(),
                    request: connection.request.clone(),
                    authorize: connection.context.authorize.clone(),
                });
            }
            ClientFrame::Applied { revision } => self.view.acknowledge(revision),
            ClientFrame::Answered { number } => self.session.acknowledge(&self.client, number),
            ClientFrame::MissingStatics { .. } => {
                // The patch that needed them was not applied, so the page is brought up to date as a whole; the statics
                // go before the next patch that needs them.
                self.view.forget_statics();
                let frame = self.view.refresh()?;
                connection.send(vec![frame]).await?;
            }
            ClientFrame::Join { .. } => return Err(End::protocol("the page has joined already")),
            _ => {
                return Err(End::protocol(
                    "the frame is of a kind that this server does not know",
                ));
            }
        }
        Ok(())
    }

    /// Sends the answer to an action, with the change that it made, at once.
    async fn answer(
        &mut self,
        number: u64,
        outcome: Result<ActionOutcome, Error>,
        connection: &mut Connection,
    ) -> Result<(), End> {
        let frames = match outcome?.answer {
            Answer::Done(value) => {
                // Whatever else was pushed meanwhile goes along, so that nothing is left to gather.
                self.push_at = None;
                match self.view.catch_up(Some((number, value.as_deref()))) {
                    Ok(frames) => frames,
                    Err(error) => {
                        self.complain(&error);
                        vec![wire::answer(number, value.as_deref())]
                    }
                }
            }
            Answer::Failed { code, text } => vec![wire::error(number, &code, &text)],
        };
        connection.send(frames).await
    }

    /// Sends what the page does not show yet.
    async fn push(&mut self, connection: &mut Connection) -> Result<(), End> {
        match self.view.catch_up(None) {
            Ok(frames) => connection.send(frames).await,
            Err(error) => {
                self.complain(&error);
                Ok(())
            }
        }
    }

    /// A template that fails on one state of the data leaves the page as it was; the next change may well be shown.
    fn complain(&self, error: &Error) {
        tracing::error!(
            session = self.session.id(),
            "a page cannot show its data: {error:#}"
        );
    }

    /// Keeps what the page shows for when it comes back.
    fn leave(self, context: &Context, end: &End) {
        if matches!(end, End::Gone | End::Silent | End::TryAgain(_)) {
            context
                .recent
                .keep(self.session.id(), self.client, self.view.into_sent());
        }
    }
}

/// The text of a message, if it has one.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<Utf8Bytes>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(End::Protocol {
            code: close_code::UNSUPPORTED,
            reason: "messages are text".into(),
        }),
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Err(error)) => {
            let reason = error.to_string();
            // The library's own type is out of reach here; the words are those of its capacity error.
            if reason.contains("too long") || reason.contains("too big") {
                Err(End::too_long())
            } else {
                Err(End::Gone)
            }
        }
    }
}

fn parse(text: &str) -> Result<ClientFrame, End> {
    wire::parse(text).map_err(End::from)
}
