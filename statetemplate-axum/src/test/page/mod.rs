//! A live page as its browser client drives it.

mod acting;
mod connection;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::Router;
use serde_json::Value;
use statetemplate_core::testing::Document;

use super::{
    browser::{TestBrowser, TestSocket},
    form::Edit,
    select::{Dom, attribute, text},
};
use crate::StateTemplate;

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

    fn dom(&self) -> Dom {
        Dom::parse(&self.html())
    }
}

impl fmt::Debug for TestPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPage")
            .field("session_id", &self.session_id)
            .field("html", &self.html())
            .finish_non_exhaustive()
    }
}
