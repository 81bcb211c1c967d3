//! One connection: one task that reads the page's frames, runs its actions and keeps it up to date.

use std::{sync::Arc, time::Duration};

use ::http::request::Parts;
use axum::extract::ws::Utf8Bytes;
use statetemplate_core::{
    ActionError, ActionOutcome, BrowserIdentity, Change, ConnectionGuard, Error, Joining, Session,
    Subscription, Version,
    store::{Answer, ClientId},
    wire::{self, ClientFrame, Statics},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::{
    actions::Actions,
    end::{End, REBOUND_MILLIS, RETRY_MILLIS},
    link::Link,
    oversized::action_number,
    view::View,
};
use crate::{context::Context, mounted::Call};

/// How long a socket may be open before its page joins.
pub(super) const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// How long a frame may wait for a page that takes nothing in.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// How long the last words may take.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A connection whose page has not joined yet.
pub(super) struct Connection {
    context: Arc<Context>,
    link: Link,
    request: Arc<Parts>,
    identity: BrowserIdentity,
}

impl Connection {
    pub(super) fn new(
        context: Arc<Context>,
        link: Link,
        request: Arc<Parts>,
        identity: BrowserIdentity,
    ) -> Self {
        Connection {
            context,
            link,
            request,
            identity,
        }
    }

    /// Serves the page until it leaves, its session ends, or the server stops. `join` is its first frame, if that has
    /// come already.
    pub(super) async fn run(mut self, join: Option<Utf8Bytes>) {
        let end = match self.join(join).await {
            Ok(mut joined) => {
                let end = joined.serve(&mut self).await;
                joined.leave(&self.context, &end);
                end
            }
            Err(end) => end,
        };
        self.finish(&end).await;
    }

    async fn join(&mut self, first: Option<Utf8Bytes>) -> Result<Joined, End> {
        let stop = self.context.stop.clone();
        let text = tokio::select! {
            () = stop.cancelled() => return Err(End::TryAgain(self.context.come_back())),
            first = timeout(JOIN_WITHIN, self.first_text(first)) => match first {
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
            earlier,
            deflate,
        } = parse(&text)?
        else {
            return Err(End::protocol("the first frame must be the join"));
        };
        let client = ClientId::parse(&client)?;
        let joining = Joining {
            page_id: &page,
            earlier: earlier.as_deref(),
            identity: &self.identity,
        };
        let scope = |template: &str| self.context.scope_of(template);
        let session = self.context.renderer.join(joining, scope).await?;
        let moved = (session.id() != page).then(|| session.id().to_owned());
        let Some(mounted) = self.context.pages.get(session.plan().name()).cloned() else {
            tracing::error!(
                template = session.plan().name(),
                "a session belongs to a template without a page"
            );
            return Err(End::TryAgain(RETRY_MILLIS));
        };
        if moved.is_some() || plan.split('.').next() != Some(session.plan().hash()) {
            // A page of another build, whose data may have another form.
            mounted.upgrade(session.clone()).await?;
        }
        if deflate && self.context.options.compression && mounted.compression() {
            self.link.deflate();
        }
        let updates = session.subscribe();
        let guard = session.connect()?;
        if session.owner().as_ref() != Some(self.identity.owner()) {
            // Its browser's identity has changed since it was found; from here on the subscription would tell.
            return Err(End::TryAgain(RETRY_MILLIS));
        }
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
        let known = match moved {
            None => self.shown_by(&plan, revision, &session, &client, &current),
            Some(_) => None,
        };
        let statics = Statics::new(session.plan(), &statics);
        let is_known = known.is_some();
        let mut view = View::new(
            self.context.clone(),
            session.clone(),
            statics,
            known.unwrap_or(current),
        );
        // What the page said, also before a refresh: were it told the newest revision and cut off before the refresh, it would
        // go on to call by that revision what it shows. A page that moved shows none of the session's.
        let mut frames = vec![match &moved {
            None => wire::joined(revision, None),
            Some(id) => wire::joined(0, Some(id)),
        }];
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

    /// The version that a page shows which says so, if it can be patched from there.
    fn shown_by(
        &self,
        plan: &str,
        revision: u64,
        session: &Session,
        client: &ClientId,
        current: &Version,
    ) -> Option<Version> {
        // A page that cannot be patched says the empty plan, which is no plan's hash.
        if plan.split('.').next() != Some(session.plan().hash()) {
            return None;
        }
        // What this node has sent to the page says more than the epoch in which it was rendered.
        let recent = self.context.recent.take(session.id(), client, revision, current);
        recent.or_else(|| {
            let is_current = revision == current.revision && plan == current.page_plan(session.plan());
            is_current.then(|| current.clone())
        })
    }

    /// The first frame that is no ping: a page may ask, before it joins, whether anything comes through.
    async fn first_text(&mut self, mut first: Option<Utf8Bytes>) -> Result<Utf8Bytes, End> {
        loop {
            let text = match first.take() {
                Some(text) => Some(text),
                None => self.link.recv().await?,
            };
            match text {
                Some(text) if text.len() > self.context.options.max_message_size => {
                    return Err(End::too_long());
                }
                Some(text) if matches!(parse(&text)?, ClientFrame::Ping) => {
                    self.send(vec![wire::pong()]).await?;
                }
                Some(text) => return Ok(text),
                None => {}
            }
        }
    }

    /// Sends frames; a page that takes nothing in for 30 seconds is given up.
    async fn send(&mut self, frames: Vec<String>) -> Result<(), End> {
        for frame in frames {
            within(self.link.send(frame)).await?;
        }
        Ok(())
    }

    async fn finish(self, end: &End) {
        if let End::Protocol { reason, .. } = end {
            tracing::warn!(target: "statetemplate::audit", %reason, "a connection broke the protocol");
        }
        let _ = timeout(END_WITHIN, self.link.finish(end)).await;
    }
}

/// Gives the page its time to take something in.
async fn within(sent: impl Future<Output = Result<(), End>>) -> Result<(), End> {
    timeout(SEND_WITHIN, sent).await.unwrap_or(Err(End::Silent))
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
                () = context.stop.cancelled() => return Err(self.stop(connection).await),
                text = connection.link.recv(), if has_room => {
                    alive = true;
                    if let Some(text) = text? {
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
                    // The page shows itself again, by the cookie that it has by then; others cannot.
                    Some(Change::Rebound) => return Err(End::TryAgain(REBOUND_MILLIS)),
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
                    within(connection.link.probe()).await?;
                }
            }
        }
    }

    /// Ends the connection because the server stops. The action that runs is answered; those that wait are the client's
    /// to send again, elsewhere.
    async fn stop(&mut self, connection: &mut Connection) -> End {
        if let Some((number, outcome)) = self.actions.last().await
            && let Err(end) = self.answer(number, outcome, connection).await
        {
            return end;
        }
        End::TryAgain(connection.context.come_back())
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
            ClientFrame::Ping => connection.send(vec![wire::pong()]).await?,
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

fn parse(text: &str) -> Result<ClientFrame, End> {
    wire::parse(text).map_err(End::from)
}
