//! The page's connection: joining, frames in the order of their arrival, acknowledgements.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use statetemplate_core::{
    testing::{Event, inflate},
    wire,
};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{super::browser::NoSocket, ActionFailure, TestPage};

/// How long the kit waits for the server before it gives up: longer than a handler may run.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a page waits before it connects again by itself.
const BACK_OFF: Duration = Duration::from_millis(5);
/// How many frames a page remembers for [`TestPage::frames`].
const MAX_FRAMES: usize = 1000;

impl TestPage {
    /// Applies frames until `is_so` holds.
    ///
    /// # Panics
    ///
    /// When it does not come true while frames arrive, nor within a minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what has arrived is applied.
    pub async fn wait_until(&mut self, is_so: impl Fn(&TestPage) -> bool) {
        while !is_so(self) {
            self.wait_for_frame("what the test waits for").await;
        }
    }

    /// Applies what arrives until nothing has arrived for `quiet`.
    ///
    /// # Panics
    ///
    /// When a frame cannot be applied.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what has arrived is applied.
    pub async fn settle(&mut self, quiet: Duration) {
        while self.socket.is_some() && timeout(quiet, self.next_frame()).await.is_ok_and(|open| open) {}
    }

    /// Whether the page is connected, as far as it has noticed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Cuts the connection without a word, as a dying network does. [`link`](TestPage::link) breaks it more finely.
    pub fn disconnect(&mut self) {
        self.socket = None;
    }

    /// Whether the page connects again by itself when its connection breaks while it waits for something, as the browser
    /// client does; by default it does not, and a test says when with [`reconnect`](TestPage::reconnect). It tries for a
    /// minute, with short pauses.
    pub fn reconnect_by_itself(&mut self, reconnects: bool) {
        self.reconnects = reconnects;
    }

    /// Connects again as the browser client does: says what the page shows, then sends the unanswered actions again, and
    /// waits for their answers.
    ///
    /// # Panics
    ///
    /// When the socket does not open, or does not join.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves the page disconnected or connected; call it again.
    pub async fn reconnect(&mut self) {
        let has_joined = if self.reconnects {
            self.end = None;
            timeout(PATIENCE, self.come_back()).await.unwrap_or(false)
        } else {
            let has_joined = self.try_reconnect().await;
            self.send_again().await;
            has_joined
        };
        assert!(has_joined, "the page could not join: {:?}", self.end);
        while !self.pending.is_empty() {
            self.wait_for_frame("the answers to the actions sent again").await;
        }
    }

    /// Connects again, but sends no action again; says whether the page has joined. If not, [`end`](TestPage::end) says why.
    ///
    /// # Panics
    ///
    /// When the socket does not open.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped leaves the page disconnected or connected; call it again.
    pub async fn try_reconnect(&mut self) -> bool {
        match self.join().await {
            Ok(has_joined) => has_joined,
            Err(NoSocket::Broken(error)) => panic!("the socket could not be opened: {error}"),
            Err(NoSocket::Refused(response)) => {
                let text = String::from_utf8_lossy(response.body());
                panic!("the socket was refused: {} {text}", response.status());
            }
        }
    }

    /// Opens the socket and joins; says whether the server has agreed.
    async fn join(&mut self) -> Result<bool, NoSocket> {
        self.socket = None;
        self.end = None;
        let socket = self
            .browser
            .socket_over(&self.link, &self.socket_path, http::HeaderMap::new())
            .await?;
        self.socket = Some(socket);
        let join = json!([
            "j",
            self.session_id,
            self.plan,
            self.document.revision(),
            self.client,
            self.last_answer,
            self.document.statics(),
            self.earlier,
            wire::DEFLATE,
        ]);
        self.send_frame(&join.to_string()).await;
        loop {
            let before = self.frames.len();
            if !self.next_frame().await {
                return Ok(false);
            }
            let arrived = self.frames.len().saturating_sub(before).max(1);
            if self
                .frames
                .iter()
                .rev()
                .take(arrived)
                .any(|frame| frame.starts_with("[\"j\""))
            {
                return Ok(true);
            }
        }
    }

    /// Sends the actions without an answer again, in their order.
    async fn send_again(&mut self) {
        for (_, frame) in self.pending.clone() {
            self.say(&frame).await;
        }
    }

    /// Connects again as often as it takes; false when the server does not want this page any more.
    async fn come_back(&mut self) -> bool {
        loop {
            if self.end.as_deref().is_some_and(|reason| reason != "try_again") {
                return false;
            }
            sleep(BACK_OFF).await;
            if self.join().await.is_ok_and(|has_joined| has_joined) {
                self.send_again().await;
                return true;
            }
        }
    }

    /// Why the connection ended, if the server said so: `session_expired`, `session_closed`, `try_again`.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    /// The events that were pushed to the page's scripts, by name.
    #[must_use]
    pub fn events(&self) -> &[(String, Value)] {
        &self.events
    }

    /// The last frames that arrived, as they came; tests of what is sent compare them.
    #[must_use]
    pub fn frames(&self) -> Vec<&str> {
        self.frames.iter().map(String::as_str).collect()
    }

    /// Forgets the frames that arrived so far.
    pub fn clear_frames(&mut self) {
        self.frames.clear();
    }

    /// Whether the page acknowledges what it has applied; by default it does. A page that does not looks stalled to the
    /// server.
    pub fn acknowledge(&mut self, acknowledges: bool) {
        self.acknowledges = acknowledges;
    }

    /// Sends a frame as it is.
    ///
    /// # Panics
    ///
    /// When the page is not connected, unless it [connects again by itself](TestPage::reconnect_by_itself): then a frame is
    /// lost that is no action.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the frame.
    pub async fn send_frame(&mut self, frame: &str) {
        assert!(
            self.socket.is_some() || self.reconnects,
            "the page is not connected"
        );
        self.say(frame).await;
    }

    /// Sends a frame if the page is connected. What must arrive is sent again after a reconnect.
    async fn say(&mut self, frame: &str) {
        if let Some(socket) = &mut self.socket
            && socket.send(Message::text(frame)).await.is_err()
        {
            self.socket = None;
        }
    }

    pub(super) async fn wait_for_frame(&mut self, what: &str) {
        // What comes with the join counts, too.
        let arriving = async { self.next_frame().await || (self.reconnects && self.come_back().await) };
        match timeout(PATIENCE, arriving).await {
            Ok(true) => {}
            Ok(false) => panic!("the connection ended before {what}: {:?}", self.end),
            Err(_) => panic!(
                "{what} did not come within {PATIENCE:?}; the page is {}",
                self.html()
            ),
        }
    }

    /// Waits for a frame and applies it, with all that have arrived; false when the connection has ended.
    async fn next_frame(&mut self) -> bool {
        let mut has_applied = false;
        loop {
            let Some(socket) = &mut self.socket else {
                return false;
            };
            // The reader has its fill in one go, as a browser's event loop has.
            let message = if has_applied {
                match socket.next().now_or_never() {
                    Some(message) => message,
                    None => return true,
                }
            } else {
                socket.next().await
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.apply(&text).await;
                    has_applied = true;
                }
                // Reading answers pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(bytes))) => {
                    let text = inflate(&bytes).unwrap_or_else(|error| panic!("{error:#}"));
                    self.apply(&text).await;
                    has_applied = true;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    self.socket = None;
                    return has_applied;
                }
            }
        }
    }

    async fn apply(&mut self, text: &str) {
        self.frames.push_back(text.to_owned());
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
        let before = self.document.revision();
        let events = self
            .document
            .apply(text)
            .unwrap_or_else(|error| panic!("a frame cannot be applied: {error:#}"));
        for event in events {
            match event {
                Event::Answer { number, value } => self.answered(number, Ok(value.unwrap_or_default())).await,
                Event::Failed { number, code, text } => {
                    self.answered(number, Err(ActionFailure { code, text })).await;
                }
                Event::Pushed { name, data } => self.events.push((name, data)),
                Event::Refreshed { plan, .. } => self.plan = plan,
                Event::Moved(session) => {
                    self.session_id = session;
                    self.earlier = None;
                }
                Event::Ended { reason, .. } => self.end = Some(reason),
                _ => {}
            }
        }
        if self.acknowledges && self.document.revision() != before && self.socket.is_some() {
            let frame = json!(["a", self.document.revision()]).to_string();
            self.say(&frame).await;
        }
    }

    async fn answered(&mut self, number: u64, answer: Result<Value, ActionFailure>) {
        self.pending.remove(&number);
        self.last_answer = self.last_answer.max(number);
        self.answers.insert(number, answer);
        let frame = json!(["k", self.last_answer]).to_string();
        self.say(&frame).await;
    }
}
