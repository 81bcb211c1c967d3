//! Logging in and out: the browser's identity changes, and what it had goes along or ends.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Path, routing::post};
use http::{Request, StatusCode};
use serde_json::json;
use statetemplate_axum::{Identity, Scope, StateTemplate, action::Attempt, live, test::TestBrowser};

use crate::app::{Counter, KEY, Test, Wire, counter, templates};

const COOKIE: &str = "__Host-session_token";

async fn login(Path(user): Path<String>, identity: Identity) -> Result<(), live::Error> {
    identity.login(&user).await
}

async fn logout(identity: Identity) -> Result<(), live::Error> {
    identity.logout().await
}

/// The counter's application with a login.
fn site(scope: Scope) -> Test {
    let mut test = Test::with_page(counter().scope(scope), |builder| {
        builder.tokio_clock().authorize(|attempt: Attempt| async move {
            match (attempt.action(), attempt.user()) {
                ("set", None) => Err("only for users"),
                _ => Ok(()),
            }
        })
    });
    let logins = Router::new()
        .route("/login/{user}", post(login))
        .route("/logout", post(logout))
        .layer(test.live.layer());
    test.app = test.app.merge(logins);
    test
}

async fn post_to(browser: &TestBrowser, path: &str) -> StatusCode {
    let request = Request::post(path)
        .header("sec-fetch-site", "same-origin")
        .header("origin", "http://localhost");
    browser.send(request.body(Body::empty()).unwrap()).await.status()
}

#[tokio::test(start_paused = true)]
async fn a_login_carries_the_open_pages_over_to_the_user() {
    for scope in [Scope::Page, Scope::Tab, Scope::Browser] {
        let test = site(scope);
        let browser = test.browser();
        let mut page = browser.open("/").await;
        page.click("#more").await;
        assert_eq!(page.act("set", json!(7)).await.unwrap_err().code, "refused");
        let before = browser.cookie(COOKIE).unwrap();
        assert_eq!(post_to(&browser, "/login/ann").await, StatusCode::OK);
        assert_ne!(browser.cookie(COOKIE).unwrap(), before);

        // The socket was opened under the identity before.
        page.settle(Duration::from_secs(1)).await;
        assert_eq!((page.end(), page.is_connected()), (Some("try_again"), false));
        page.reconnect().await;
        page.act("set", json!(7)).await.unwrap();
        assert_eq!(page.text("#count"), "7");
        let session = test.live.renderer().session(page.session_id()).await.unwrap();
        assert_eq!(session.user().as_deref(), Some("ann"));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_had_the_cookie_before_a_login_reaches_nothing_after_it() {
    for scope in [Scope::Page, Scope::Browser] {
        let test = site(scope);
        let browser = test.browser();
        // An attacker who planted the cookie has it too, and a socket on the same session.
        let mut page = browser.open("/").await;
        let attacker = test.browser();
        attacker.set_cookie(COOKIE, browser.cookie(COOKIE).as_deref());
        let html = String::from_utf8(attacker.get("/").await.into_body().into()).unwrap();
        let mut open = Wire::open(&attacker).await;
        open.join(&html, "attacker").await;
        assert_eq!(open.next().await.unwrap()[0], "j");

        post_to(&browser, "/login/ann").await;
        let end = open.next().await.unwrap();
        assert_eq!(end[1], "try_again", "the open socket ends: {end}");
        let mut rejoin = Wire::open(&attacker).await;
        rejoin.join(&html, "attacker").await;
        assert_eq!(
            rejoin.next().await.unwrap()[1],
            "try_again",
            "and is not let in again"
        );
        page.settle(Duration::from_secs(1)).await;
        page.reconnect().await;
        page.act("set", json!(41)).await.unwrap();

        tokio::time::sleep(Duration::from_secs(11)).await;
        let mut late = Wire::open(&attacker).await;
        late.join(&html, "attacker").await;
        assert_eq!(late.next().await.unwrap()[1], "session_expired");
        // A page of the attacker's own starts with nothing of ann's.
        let mut own = attacker.open("/").await;
        assert_eq!(own.text("#count"), "0");
        assert_eq!(own.act("set", json!(1)).await.unwrap_err().code, "refused");
        assert_ne!(own.session_id(), page.session_id());
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_the_browsers_sessions_and_no_others() {
    let test = site(Scope::Page);
    let browser = test.browser();
    let mut one = browser.open("/").await;
    let mut two = browser.open("/").await;
    let mut other = test.browser().open("/").await;
    let before = browser.cookie(COOKIE).unwrap();
    assert_eq!(post_to(&browser, "/logout").await, StatusCode::OK);
    assert_ne!(browser.cookie(COOKIE).unwrap(), before);
    for page in [&mut one, &mut two] {
        page.settle(Duration::from_secs(1)).await;
        assert_eq!((page.end(), page.is_connected()), (Some("session_closed"), false));
    }
    other.click("#more").await;
}

#[tokio::test(start_paused = true)]
async fn a_user_is_logged_out_of_all_browsers() {
    let test = site(Scope::Page);
    let mut pages = Vec::new();
    for user in ["ann", "ann", "bob"] {
        let browser = test.browser();
        let mut page = browser.open("/").await;
        post_to(&browser, &format!("/login/{user}")).await;
        page.settle(Duration::from_secs(1)).await;
        page.reconnect().await;
        pages.push(page);
    }
    assert_eq!(test.live.renderer().invalidate_user("ann").await.unwrap(), 2);
    for (index, page) in pages.iter_mut().enumerate() {
        page.settle(Duration::from_secs(1)).await;
        let expected = (index < 2).then_some("session_closed");
        assert_eq!(page.end(), expected);
    }
    pages[2].click("#more").await;
}

#[tokio::test(start_paused = true)]
async fn another_site_can_log_nobody_in() {
    let test = site(Scope::Page);
    let browser = test.browser();
    browser.get("/").await;
    let identity = browser.cookie(COOKIE);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let request = Request::post("/login/eve").header(name, value);
        let response = browser.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert_eq!(browser.cookie(COOKIE), identity);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_changed_under_pages_that_are_connected() {
    const NEXT: &str = "the key that comes after the first one";
    let store: Arc<dyn statetemplate_core::store::SessionStore> =
        Arc::new(statetemplate_core::store::MemoryStore::new());
    let node = |key: &str, previous: Option<&str>| {
        let mut builder = StateTemplate::builder(templates())
            .signing_key(key)
            .shared_store(store.clone())
            .page(counter());
        if let Some(previous) = previous {
            builder = builder.previous_signing_key(previous);
        }
        let test = Test::new();
        let live = builder.with_state(test.shared.clone()).build().unwrap();
        let app = Test::app_of(&live);
        (live, app)
    };
    // As the nodes are restarted one by one: first all learn the next key, then all seal with it, then the old one goes.
    let stages = [
        node(KEY, None),
        node(KEY, Some(NEXT)),
        node(NEXT, Some(KEY)),
        node(NEXT, None),
    ];
    let browser = TestBrowser::new(&stages[0].1);
    let mut page = browser.open("/").await;
    page.click("#more").await;
    let first = browser.cookie(COOKIE).unwrap();
    for (live, app) in &stages[1..3] {
        browser.server().restart(app.clone());
        page.reconnect().await;
        page.click("#more").await;
        page.assert_matches_fresh_render(live).await;
        // Another browser's page, sealed by this stage, is good at the stages beside it.
        let mut new = TestBrowser::new(app).open("/").await;
        new.click("#more").await;
    }
    assert_eq!(
        browser.cookie(COOKIE).unwrap(),
        first,
        "a cookie is good until half of its life"
    );
    let (_, last) = &stages[3];
    browser.server().restart(last.clone());
    assert!(
        !page.try_reconnect().await,
        "its key has gone before its cookie was renewed"
    );
    assert_eq!(page.end(), Some("session_expired"));
    let data: Counter = stages[3]
        .0
        .session(page.session_id())
        .await
        .unwrap()
        .data()
        .unwrap();
    assert_eq!(data.count, 3);
}
