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
use statetemplate_core::testing::{Document, Element};

use super::{
    browser::{TestBrowser, TestSocket},
    link::Link,
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
/// All methods that find elements take a CSS selector (tags, `#id`, `.class`, `[name]`, `[name=value]`, and spaces for
/// descendants) and use the first element that matches.
pub struct TestPage {
    browser: TestBrowser,
    document: Document,
    path: String,
    session_id: String,
    /// The session that the tab had before on this page, until the server has taken note.
    earlier: Option<String>,
    /// Whether the page's session outlives it.
    scoped: bool,
    socket_path: String,
    /// The plan of what the page shows; a refresh may bring another.
    plan: String,
    client: String,
    link: Link,
    socket: Option<TestSocket>,
    reconnects: bool,
    acknowledges: bool,
    next_number: u64,
    last_answer: u64,
    /// Actions without an answer, sent again after a reconnect.
    pending: BTreeMap<u64, String>,
    answers: HashMap<u64, Result<Value, ActionFailure>>,
    events: Vec<(String, Value)>,
    end: Option<String>,
    frames: VecDeque<String>,
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
        // What a page without scripts needs is none of this page's, and would differ from a fresh render.
        let html = crate::forms::strip(&html);
        assert!(status.is_success(), "GET {path} answered {status}: {html}");
        let document = Document::parse(&html)
            .unwrap_or_else(|error| panic!("GET {path} answered a page whose marks do not fit: {error:#}"));
        let client = document.client().clone();
        let (Some(session_id), Some(plan)) = (client.page, client.plan) else {
            panic!("GET {path} answered a page that is not live: {html}");
        };
        let number = NEXT_CLIENT.fetch_add(1, Ordering::Relaxed);
        TestPage {
            path: path.to_owned(),
            session_id,
            earlier: None,
            scoped: client.scope.is_some(),
            plan,
            socket_path: client.socket.unwrap_or_else(|| "/ws".into()),
            document,
            browser,
            client: format!("test-kit-{number}"),
            link: Link::new(),
            socket: None,
            reconnects: false,
            acknowledges: true,
            next_number: 1,
            last_answer: 0,
            pending: BTreeMap::new(),
            answers: HashMap::new(),
            events: Vec::new(),
            end: None,
            frames: VecDeque::new(),
        }
    }

    /// Reloads the page in its tab, as a person does: what the tab keeps in the scopes `Tab` and `Browser`, unanswered actions
    /// among it, goes over to the new document.
    ///
    /// # Panics
    ///
    /// When the response is not a live page, or its socket does not join.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has perhaps left a provisional session.
    pub async fn reload(self) -> TestPage {
        let TestPage {
            browser,
            path,
            scoped,
            ..
        } = &self;
        if *scoped {
            browser.set_cookie("statetemplate_tab", Some(&self.session_id));
        }
        let mut page = TestPage::load_without_joining(browser.clone(), path).await;
        if *scoped && page.scoped {
            page.earlier = (page.session_id != self.session_id).then_some(self.session_id);
            page.client = self.client;
            page.next_number = self.next_number;
            page.last_answer = self.last_answer;
            page.pending = self.pending;
        }
        page.reconnect().await;
        page
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

    /// The network between the page's socket and the server, to be broken.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The page as it stands now, as normalised HTML: without the marks of the protocol and the client's element, attributes
    /// sorted.
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
        squeeze(self.one(selector).text())
    }

    /// The texts of all elements that match.
    ///
    /// # Panics
    ///
    /// When the kit does not understand the selector.
    #[must_use]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.document
            .elements(selector)
            .iter()
            .map(|element| squeeze(element.text()))
            .collect()
    }

    /// An attribute of an element.
    ///
    /// # Panics
    ///
    /// When nothing matches.
    #[must_use]
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.one(selector).attribute(name).map(str::to_owned)
    }

    /// Whether anything matches.
    ///
    /// # Panics
    ///
    /// When the kit does not understand the selector.
    #[must_use]
    pub fn has(&self, selector: &str) -> bool {
        !self.document.elements(selector).is_empty()
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
        let fresh = live.render_again(&self.session_id).await;
        let fresh = fresh.unwrap_or_else(|error| panic!("the page cannot be rendered afresh: {error:#}"));
        assert_eq!(
            self.html(),
            Document::normalise(&fresh),
            "the page is not what its data says"
        );
    }

    /// The first element that matches.
    fn one(&self, selector: &str) -> Element {
        match self.document.elements(selector).into_iter().next() {
            Some(element) => element,
            None => panic!("nothing on the page matches {selector:?}: {}", self.html()),
        }
    }
}

/// Text as people read it: runs of white space are one space.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for TestPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPage")
            .field("session_id", &self.session_id)
            .field("html", &self.html())
            .finish_non_exhaustive()
    }
}
