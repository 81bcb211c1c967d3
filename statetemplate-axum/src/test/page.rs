//! A live page as its browser client drives it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::Router;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use statetemplate_core::testing::Document;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{
    browser::{TestBrowser, TestSocket},
    form::{self, Edit, Fields, Typed},
    select::{Dom, attribute, closest, tag, text},
};
use crate::StateTemplate;

/// How long the kit waits for the server before it gives up: longer than a handler may run.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many frames a page remembers for [`TestPage::frames`].
const MAX_FRAMES: usize = 1000;

/// Each document makes an id of its own for itself.
static NEXT_CLIENT: AtomicU64 = AtomicU64::new(1);

/// Why an action failed, as the page was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionFailure {
    /// The protocol's code: `failed`, `unknown_action`, …
    pub code: String,
    /// The reason.
    pub text: String,
}

impl fmt::Display for ActionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for ActionFailure {}

/// A live page in a test: loaded, joined, and kept up to date by the reference client.
///
/// Frames are applied while a method waits: an action's until its answer has come, pushes in
/// [`wait_until`](TestPage::wait_until) and [`settle`](TestPage::settle).
///
/// All methods that find elements take a CSS selector (tags, `#id`, `.class`, `[name]`, `[name=value]`, `:first-child`,
/// `:last-child`, `:nth-child(n)`, descendants, children, alternatives) and use the first element that matches.
pub struct TestPage {
    browser: TestBrowser,
    document: Document,
    session_id: String,
    socket_path: String,
    head_revision: u64,
    client: String,
    socket: Option<TestSocket>,
    acknowledges: bool,
    next_number: u64,
    last_answer: u64,
    /// Actions without an answer, sent again after a reconnect.
    pending: BTreeMap<u64, String>,
    answers: HashMap<u64, Result<Value, ActionFailure>>,
    events: Vec<(String, Value)>,
    end: Option<String>,
    frames: VecDeque<String>,
    edits: Vec<Edit>,
}

impl TestPage {
    /// Opens the page at `path` in a browser of its own. Must be called in a Tokio runtime.
    ///
    /// # Panics
    ///
    /// When the response is not a live page, or its socket does not join.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps left a provisional session.
    pub async fn open(app: &Router, path: &str) -> TestPage {
        TestBrowser::new(app).open(path).await
    }

    pub(super) async fn load(browser: TestBrowser, path: &str) -> TestPage {
        let mut page = TestPage::load_without_joining(browser, path).await;
        page.reconnect().await;
        page
    }

    /// Loads the page at `path` without opening its socket; [`reconnect`](TestPage::reconnect) opens it.
    ///
    /// # Panics
    ///
    /// When the response is not a live page.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps left a provisional session.
    pub async fn load_without_joining(browser: TestBrowser, path: &str) -> TestPage {
        let response = browser.get(path).await;
        let status = response.status();
        let html = String::from_utf8(response.into_body().into()).expect("a page is UTF-8");
        assert!(status.is_success(), "GET {path} answered {status}: {html}");
        let script = Dom::parse(&html).select("script[data-page]").into_iter().next();
        let Some(script) = script else {
            panic!("GET {path} answered a page that is not live: {html}")
        };
        let data = |name: &str| {
            attribute(&script, name).unwrap_or_else(|| panic!("the client's element of {path} has no {name}"))
        };
        let number = NEXT_CLIENT.fetch_add(1, Ordering::Relaxed);
        TestPage {
            session_id: data("data-page"),
            socket_path: attribute(&script, "data-ws").unwrap_or_else(|| "/ws".into()),
            head_revision: data("data-revision").parse().expect("a revision is a number"),
            document: Document::parse(&html),
            browser,
            client: format!("test-kit-{number}"),
            socket: None,
            acknowledges: true,
            next_number: 1,
            last_answer: 0,
            pending: BTreeMap::new(),
            answers: HashMap::new(),
            events: Vec::new(),
            end: None,
            frames: VecDeque::new(),
            edits: Vec::new(),
        }
    }

    /// The id of the page's session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The browser that the page is open in.
    #[must_use]
    pub fn browser(&self) -> &TestBrowser {
        &self.browser
    }

    /// The page as it stands now, without the marks of the protocol.
    #[must_use]
    pub fn html(&self) -> String {
        self.document.html()
    }

    /// The text of an element, with runs of white space as one space.
    ///
    /// # Panics
    ///
    /// When nothing matches.
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        text(&self.dom().one(selector))
    }

    /// The texts of all elements that match.
    ///
    /// # Panics
    ///
    /// When the kit does not understand the selector.
    #[must_use]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.dom().select(selector).iter().map(text).collect()
    }

    /// An attribute of an element.
    ///
    /// # Panics
    ///
    /// When nothing matches.
    #[must_use]
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        attribute(&self.dom().one(selector), name)
    }

    /// Whether anything matches.
    ///
    /// # Panics
    ///
    /// When the kit does not understand the selector.
    #[must_use]
    pub fn has(&self, selector: &str) -> bool {
        !self.dom().select(selector).is_empty()
    }

    /// Clicks an element: carries out the `st-click` of it or of the nearest element around it, or submits its form. Waits
    /// for the answer and returns what the handler answered, `null` for nothing.
    ///
    /// # Panics
    ///
    /// When nothing matches, nothing happens on a click there, or the action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn click(&mut self, selector: &str) -> Value {
        done(selector, self.try_click(selector).await)
    }

    /// Clicks an element as [`click`](TestPage::click) does.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When nothing matches, or nothing happens on a click there.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn try_click(&mut self, selector: &str) -> Result<Value, ActionFailure> {
        let (action, payload) = {
            let dom = self.dom();
            let target = dom.one(selector);
            let fields = Fields {
                dom: &dom,
                edits: &self.edits,
            };
            if let Some(element) = closest(&target, |node| attribute(node, "st-click").is_some()) {
                (
                    attribute(&element, "st-click").unwrap_or_default(),
                    form::element(&element),
                )
            } else if let Some((form, button)) = form::submitted_by(&target)
                && let Some(action) = attribute(&form, "st-submit")
            {
                (action, fields.form(&form, Some(&button)))
            } else {
                panic!(
                    "a click on {selector:?} does nothing: no st-click on it or around it, and no form to submit"
                );
            }
        };
        self.act(&action, payload).await
    }

    /// Submits a form and waits for the answer.
    ///
    /// # Panics
    ///
    /// When nothing matches, the form has no `st-submit`, or the action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn submit(&mut self, selector: &str) -> Value {
        done(selector, self.try_submit(selector).await)
    }

    /// Submits a form as [`submit`](TestPage::submit) does.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When nothing matches, or the form has no `st-submit`.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn try_submit(&mut self, selector: &str) -> Result<Value, ActionFailure> {
        let (action, payload, resets) = {
            let dom = self.dom();
            let form = dom.one(selector);
            let Some(action) = attribute(&form, "st-submit") else {
                panic!("{selector:?} has no st-submit")
            };
            let fields = Fields {
                dom: &dom,
                edits: &self.edits,
            };
            (
                action,
                fields.form(&form, None),
                attribute(&form, "st-reset").is_some(),
            )
        };
        let answer = self.act(&action, payload).await;
        if resets && answer.is_ok() {
            self.edits.clear();
        }
        answer
    }

    /// Types `value` into a field, or chooses it, and leaves the field: carries out its `st-input` and `st-change`.
    ///
    /// # Panics
    ///
    /// When nothing matches, or an action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent an action; its answer is applied later.
    pub async fn fill(&mut self, selector: &str, value: &str) {
        self.edit(selector, Typed::Text(value.to_owned())).await;
    }

    /// Ticks a checkbox or radio button, or clears it: carries out its `st-input` and `st-change`.
    ///
    /// # Panics
    ///
    /// When nothing matches, or an action fails.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent an action; its answer is applied later.
    pub async fn check(&mut self, selector: &str, checked: bool) {
        self.edit(selector, Typed::Checked(checked)).await;
    }

    async fn edit(&mut self, selector: &str, typed: Typed) {
        self.edits.push(Edit {
            selector: selector.to_owned(),
            typed,
        });
        for event in ["st-input", "st-change"] {
            let due = {
                let dom = self.dom();
                let Some(field) = dom.select(selector).into_iter().next() else {
                    assert!(event == "st-change", "nothing on the page matches {selector:?}");
                    // The field went with the first event, as in a browser.
                    return;
                };
                assert!(
                    matches!(tag(&field), "input" | "textarea" | "select"),
                    "{selector:?} is a <{}>, not a field",
                    tag(&field)
                );
                let fields = Fields {
                    dom: &dom,
                    edits: &self.edits,
                };
                closest(&field, |node| attribute(node, event).is_some()).map(|listener| {
                    (
                        attribute(&listener, event).unwrap_or_default(),
                        fields.field(&listener, &field),
                    )
                })
            };
            if let Some((action, payload)) = due {
                done(selector, self.act(&action, payload).await);
            }
        }
    }

    /// Sends an action, whatever the page offers, and waits for its answer: what `sendUpdate` does in a script.
    ///
    /// # Errors
    ///
    /// When the action fails.
    ///
    /// # Panics
    ///
    /// When the page is not connected, or its connection ends before the answer.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action; its answer is applied later.
    pub async fn act(&mut self, action: &str, payload: Value) -> Result<Value, ActionFailure> {
        let number = self.send(action, payload).await;
        self.answer(number).await
    }

    /// Sends an action without waiting; [`answer`](TestPage::answer) waits for its answer.
    ///
    /// # Panics
    ///
    /// When the page is not connected.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the action.
    pub async fn send(&mut self, action: &str, payload: Value) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let frame = json!([number, action, payload]).to_string();
        self.pending.insert(number, frame.clone());
        self.send_frame(&frame).await;
        number
    }

    /// Waits for the answer to an action.
    ///
    /// # Errors
    ///
    /// When the action failed.
    ///
    /// # Panics
    ///
    /// When the connection ends before the answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the answer is kept.
    pub async fn answer(&mut self, number: u64) -> Result<Value, ActionFailure> {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return answer;
            }
            self.wait_for_frame(&format!("the answer to action {number}"))
                .await;
        }
    }

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

    /// Cuts the connection without a word, as a dying network does.
    pub fn disconnect(&mut self) {
        self.socket = None;
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
        assert!(
            self.try_reconnect().await,
            "the page could not join: {:?}",
            self.end
        );
        for (_, frame) in self.pending.clone() {
            self.send_frame(&frame).await;
        }
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
        self.socket = None;
        self.end = None;
        let socket = self
            .browser
            .socket(&self.socket_path, http::HeaderMap::new())
            .await;
        self.socket = Some(socket.unwrap_or_else(|response| {
            let text = String::from_utf8_lossy(response.body());
            panic!("the socket was refused: {} {text}", response.status());
        }));
        let join = json!([
            "j",
            self.session_id,
            self.document.plan(),
            self.document.revision(),
            self.client,
            self.last_answer,
            self.document.hashes(),
        ]);
        self.send_frame(&join.to_string()).await;
        loop {
            let before = self.frames.len();
            if !self.next_frame().await {
                return false;
            }
            let arrived = self.frames.len().saturating_sub(before).max(1);
            if self
                .frames
                .iter()
                .rev()
                .take(arrived)
                .any(|frame| frame.starts_with("[\"j\""))
            {
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

    /// Asserts that the page shows what a fresh render of its session's data shows: nothing was forgotten on the way.
    ///
    /// # Panics
    ///
    /// When it does not, or the session is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn assert_matches_fresh_render(&self, live: &StateTemplate) {
        let fresh = live.render_again(&self.session_id, self.head_revision).await;
        let fresh = fresh.unwrap_or_else(|error| panic!("the page cannot be rendered afresh: {error:#}"));
        assert_eq!(
            self.html(),
            Document::parse(&fresh).html(),
            "the page is not what its data says"
        );
    }

    /// Sends a frame as it is.
    ///
    /// # Panics
    ///
    /// When the page is not connected.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps sent the frame.
    pub async fn send_frame(&mut self, frame: &str) {
        let Some(socket) = &mut self.socket else {
            panic!("the page is not connected")
        };
        if socket.send(Message::text(frame)).await.is_err() {
            self.socket = None;
        }
    }

    async fn wait_for_frame(&mut self, what: &str) {
        match timeout(PATIENCE, self.next_frame()).await {
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
                Some(Ok(Message::Binary(_))) => panic!("a binary frame arrived"),
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    self.socket = None;
                    return false;
                }
            }
        }
    }

    async fn apply(&mut self, text: &str) {
        self.frames.push_back(text.to_owned());
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
        let frame: Vec<Value> = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("a frame is no JSON array ({error}): {text}"));
        let answered = match frame.first().and_then(Value::as_str) {
            Some("k") => Some((frame[1].as_u64(), Ok(frame.get(2).cloned().unwrap_or_default()))),
            Some("e") => {
                let part = |at: usize| {
                    frame
                        .get(at)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                Some((
                    frame[1].as_u64(),
                    Err(ActionFailure {
                        code: part(2),
                        text: part(3),
                    }),
                ))
            }
            Some("v") => {
                let name = frame[1].as_str().unwrap_or_default().to_owned();
                self.events
                    .push((name, frame.get(2).cloned().unwrap_or_default()));
                None
            }
            Some("x") => {
                self.end = frame[1].as_str().map(str::to_owned);
                None
            }
            Some(_) => {
                self.update(text).await;
                None
            }
            None => {
                self.update(text).await;
                frame
                    .get(2)
                    .map(|number| (number.as_u64(), Ok(frame.get(3).cloned().unwrap_or_default())))
            }
        };
        if let Some((number, answer)) = answered {
            let number = number.unwrap_or_else(|| panic!("an answer has no number: {text}"));
            self.pending.remove(&number);
            self.last_answer = self.last_answer.max(number);
            self.answers.insert(number, answer);
            let frame = json!(["k", self.last_answer]).to_string();
            self.send_frame(&frame).await;
        }
    }

    /// Brings the document up to date with a frame, and acknowledges it.
    async fn update(&mut self, text: &str) {
        let before = self.document.revision();
        self.document
            .apply(text)
            .unwrap_or_else(|error| panic!("a frame cannot be applied ({error}): {text}"));
        if self.acknowledges && self.document.revision() != before && self.socket.is_some() {
            let frame = json!(["a", self.document.revision()]).to_string();
            self.send_frame(&frame).await;
        }
    }

    fn dom(&self) -> Dom {
        Dom::parse(&self.html())
    }
}

fn done(selector: &str, answer: Result<Value, ActionFailure>) -> Value {
    answer.unwrap_or_else(|failure| panic!("the action of {selector:?} failed: {failure}"))
}

impl fmt::Debug for TestPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPage")
            .field("session_id", &self.session_id)
            .field("html", &self.html())
            .finish_non_exhaustive()
    }
}
