//! Scopes: what a reload, another tab and another visit find.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::State, routing::get};
use http::Request;
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::json;
use statetemplate_axum::{
    Builder, Data, Live, Page, Payload, Rendered, Scope, StateTemplate, live,
    test::{TestBrowser, TestPage},
};

use crate::app::{KEY, Wire, data_of};

const COOKIE: &str = "__Host-session_token";

#[derive(Serialize, Deserialize)]
struct Notes {
    lines: Vec<String>,
    session: String,
}

#[derive(Serialize, Deserialize)]
struct Other {
    lines: Vec<String>,
}

const NOTES: &str = "<!doctype html><title>Notes</title><p>{{ session }}</p><ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>";

/// Counts how often the page handler had to make data.
#[derive(Clone, Default)]
struct Made(Arc<AtomicUsize>);

struct Site {
    live: StateTemplate,
    app: Router,
    made: Made,
}

impl Site {
    fn new(scope: Scope) -> Self {
        Self::with(scope, |builder| builder)
    }

    fn with(scope: Scope, settings: impl FnOnce(Builder<()>) -> Builder<()>) -> Self {
        let mut templates = Environment::new();
        templates.add_template("notes.html", NOTES).unwrap();
        templates
            .add_template("other.html", "<title>Other</title><p>{{ lines|length }}</p>")
            .unwrap();
        let notes = Page::<Notes>::new("notes.html").scope(scope).action("note", note);
        let other = Page::<Other>::new("other.html").scope(scope).action("add", add);
        let builder = StateTemplate::builder(templates).signing_key(KEY);
        let live = settings(builder).page(notes).page(other).build().unwrap();
        let made = Made::default();
        let app = Router::new()
            .route("/", get(notes_page))
            .route("/other", get(other_page))
            .route("/as/{user}", get(users_page))
            .with_state(made.clone())
            .merge(live.routes())
            .layer(live.layer());
        Site { live, app, made }
    }

    fn browser(&self) -> TestBrowser {
        TestBrowser::new(&self.app)
    }

    fn made(&self) -> usize {
        self.made.0.load(Ordering::SeqCst)
    }
}

async fn notes_page(State(made): State<Made>, live: Live<Notes>) -> Result<Rendered, live::Error> {
    let session = live.session_id().to_owned();
    live.render(|| async move {
        made.0.fetch_add(1, Ordering::SeqCst);
        Notes {
            lines: vec!["first".into()],
            session,
        }
    })
    .await
}

async fn users_page(
    axum::extract::Path(user): axum::extract::Path<String>,
    State(made): State<Made>,
    live: Live<Notes>,
) -> Result<Rendered, live::Error> {
    notes_page(State(made), live.user(user)).await
}

async fn other_page(live: Live<Other>) -> Result<Rendered, live::Error> {
    live.render(|| async { Other { lines: Vec::new() } }).await
}

async fn note(mut notes: Data<Notes>, Payload(line): Payload<String>) {
    notes.lines.push(line);
}

async fn add(mut other: Data<Other>) {
    other.lines.push(String::new());
}

async fn write(page: &mut TestPage, line: &str) {
    page.act("note", json!(line)).await.unwrap();
}

fn lines(page: &TestPage) -> Vec<String> {
    page.texts("li")
}

async fn load_html(browser: &TestBrowser, path: &str) -> String {
    String::from_utf8(browser.get(path).await.into_body().into()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_reload_starts_afresh_in_the_scope_of_a_page() {
    let site = Site::new(Scope::Page);
    let mut page = site.browser().open("/").await;
    write(&mut page, "second").await;
    let page = page.reload().await;
    assert_eq!(lines(&page), ["first"]);
    assert_eq!(site.made(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reload_goes_on_with_the_session_of_its_tab() {
    let site = Site::new(Scope::Tab);
    let mut page = site.browser().open("/").await;
    write(&mut page, "second").await;
    let session = page.session_id().to_owned();
    let mut page = page.reload().await;
    assert_eq!((page.session_id(), site.made()), (&*session, 1));
    assert_eq!(
        lines(&page),
        ["first", "second"],
        "nothing of the first data is seen"
    );
    assert!(
        page.frames().iter().all(|frame| !frame.starts_with("[\"f\"")),
        "the page came as it should be"
    );
    write(&mut page, "third").await;
    assert_eq!(lines(&page.reload().await), ["first", "second", "third"]);
    assert_eq!(site.live.renderer().session_count().await.unwrap().provisional, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tab_that_left_no_word_gets_its_session_when_its_page_joins() {
    let site = Site::new(Scope::Tab);
    let browser = site.browser();
    let mut page = browser.open("/").await;
    write(&mut page, "second").await;
    // The cookie with its word is too old, or another page has used it.
    let html = load_html(&browser, "/").await;
    assert_ne!(data_of(&html, "page"), page.session_id());
    let mut socket = Wire::open(&browser).await;
    let join = json!([
        "j",
        data_of(&html, "page"),
        data_of(&html, "plan"),
        1,
        "client",
        0,
        [],
        page.session_id()
    ]);
    for _ in 0..2 {
        // The second time as if the first answer had been lost.
        socket.send(join.to_string()).await;
        assert_eq!(socket.next().await.unwrap(), json!(["j", 0, page.session_id()]));
        let refresh = socket.next().await.unwrap();
        assert!(refresh[3].as_str().unwrap().contains("second"), "{refresh}");
        socket = Wire::open(&browser).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tabs_have_sessions_of_their_own_in_the_scope_of_a_tab() {
    let site = Site::new(Scope::Tab);
    let browser = site.browser();
    let mut one = browser.open("/").await;
    let two = browser.open("/").await;
    write(&mut one, "second").await;
    assert_ne!(one.session_id(), two.session_id());
    let two = two.reload().await;
    assert_eq!(lines(&two), ["first"]);
    assert_eq!(lines(&one.reload().await), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_the_session_of_anothers_tab() {
    let site = Site::new(Scope::Tab);
    let mut page = site.browser().open("/").await;
    write(&mut page, "secret").await;
    let thief = site.browser();
    // By the word of a tab, and by the join.
    thief.get("/").await;
    thief.set_cookie("statetemplate_tab", Some(page.session_id()));
    let html = load_html(&thief, "/").await;
    assert!(!html.contains("secret"));
    let mut socket = Wire::open(&thief).await;
    let join = json!([
        "j",
        data_of(&html, "page"),
        data_of(&html, "plan"),
        1,
        "client",
        0,
        [],
        page.session_id()
    ]);
    socket.send(join.to_string()).await;
    assert_eq!(socket.next().await.unwrap(), json!(["j", 1]), "it keeps its own");
}

#[tokio::test(start_paused = true)]
async fn a_tab_has_a_session_for_each_page() {
    let site = Site::new(Scope::Tab);
    let browser = site.browser();
    let mut notes = browser.open("/").await;
    write(&mut notes, "second").await;
    browser.set_cookie("statetemplate_tab", Some(notes.session_id()));
    let mut other = browser.open("/other").await;
    assert_ne!(other.session_id(), notes.session_id());
    other.act("add", json!({})).await.unwrap();
    assert_eq!(other.text("p"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_made_again() {
    for scope in [Scope::Tab, Scope::Browser] {
        let site = Site::with(scope, |builder| {
            builder.expiration(Duration::from_secs(60)).tokio_clock()
        });
        let mut page = site.browser().open("/").await;
        write(&mut page, "second").await;
        page.disconnect();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(lines(&page.reload().await), ["first"], "{scope:?}");
        assert_eq!(site.made(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn actions_that_wait_survive_a_reload_and_happen_once() {
    for scope in [Scope::Tab, Scope::Browser] {
        let site = Site::new(scope);
        let mut page = site.browser().open("/").await;
        write(&mut page, "second").await;
        // It reaches the server, and the answer does not come back.
        page.send("note", json!("third")).await;
        let session = site.live.session::<Notes>(page.session_id()).await.unwrap();
        while session.data().unwrap().lines.len() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        page.disconnect();
        page.send("note", json!("fourth")).await;
        let mut page = page.reload().await;
        assert_eq!(lines(&page), ["first", "second", "third", "fourth"], "{scope:?}");
        write(&mut page, "fifth").await;
        assert_eq!(lines(&page).len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn all_tabs_of_a_browser_share_one_session_and_see_each_others_changes() {
    let site = Site::new(Scope::Browser);
    let browser = site.browser();
    let mut one = browser.open("/").await;
    let mut two = browser.open("/").await;
    assert_eq!((one.session_id(), site.made()), (two.session_id(), 1));
    assert_eq!(one.text("p"), one.session_id(), "the data knows its session");
    write(&mut one, "second").await;
    two.wait_until(|page| lines(page).len() == 2).await;
    write(&mut two, "third").await;
    one.wait_until(|page| lines(page).len() == 3).await;
    one.assert_matches_fresh_render(&site.live).await;
    let three = browser.open("/").await;
    assert_eq!(lines(&three), ["first", "second", "third"]);
    assert_eq!(site.live.renderer().session_count().await.unwrap().established, 1);

    let stranger = site.browser().open("/").await;
    assert_eq!(lines(&stranger), ["first"]);
    let other = browser.open("/other").await;
    assert_ne!(other.session_id(), one.session_id());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_another_site_led_to_joins_the_browsers_session() {
    let site = Site::new(Scope::Browser);
    let browser = site.browser();
    let navigation = |browser: &TestBrowser| {
        let request = Request::get("/").header("sec-fetch-site", "cross-site");
        let cookie = browser.cookie(COOKIE);
        // The browser withholds its Strict cookie, and keeps it.
        browser.set_cookie(COOKIE, None);
        let browser = browser.clone();
        async move {
            let response = browser.send(request.body(Body::empty()).unwrap()).await;
            browser.set_cookie(COOKIE, cookie.as_deref());
            response
        }
    };
    // For the first time: what the page showed becomes the browser's session.
    let html = String::from_utf8(navigation(&browser).await.into_body().into()).unwrap();
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "client").await;
    let joined = socket.next().await.unwrap();
    let shared = joined[2].as_str().expect("it is another session").to_owned();
    assert_ne!(shared, data_of(&html, "page"));
    let mut page = browser.open("/").await;
    assert_eq!(page.session_id(), shared);
    write(&mut page, "second").await;

    // And again: the page shows first data, and then what the browser's session has.
    let html = String::from_utf8(navigation(&browser).await.into_body().into()).unwrap();
    assert!(!html.contains("second"));
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "other").await;
    assert_eq!(socket.next().await.unwrap(), json!(["j", 0, shared]));
    let refresh = socket.next().await.unwrap();
    assert!(refresh[3].as_str().unwrap().contains("second"), "{refresh}");
}

#[tokio::test(start_paused = true)]
async fn a_page_for_another_user_begins_anew() {
    for scope in [Scope::Tab, Scope::Browser] {
        let site = Site::new(scope);
        let browser = site.browser();
        let mut anns = browser.open("/as/ann").await;
        write(&mut anns, "of ann").await;
        browser.set_cookie("statetemplate_tab", Some(anns.session_id()));
        let bobs = browser.open("/as/bob").await;
        assert_eq!(lines(&bobs), ["first"], "{scope:?}");
        let user = site
            .live
            .renderer()
            .session(bobs.session_id())
            .await
            .unwrap()
            .user();
        assert_eq!(user.as_deref(), Some("bob"));
    }
}

#[tokio::test(start_paused = true)]
async fn more_tabs_than_a_ledger_knows_clients_take_turns() {
    let site = Site::new(Scope::Browser);
    let browser = site.browser();
    let mut pages = Vec::new();
    for _ in 0..20 {
        pages.push(browser.open("/").await);
    }
    for round in 0..3 {
        for page in &mut pages {
            page.settle(Duration::from_millis(50)).await;
            if !page.is_connected() {
                page.reconnect().await;
            }
            page.send("note", json!(format!("round {round}"))).await;
            page.settle(Duration::from_millis(50)).await;
            page.reconnect().await;
        }
    }
    let session = site.live.session::<Notes>(pages[0].session_id()).await.unwrap();
    assert_eq!(session.data().unwrap().lines.len(), 1 + 20 * 3);
}
