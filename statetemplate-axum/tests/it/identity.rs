//! Cookies and origins: who a browser is, and whose pages may speak for it.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};

use statetemplate_axum::Builder;

use crate::app::{Test, Wire, data_of};

const COOKIE: &str = "__Host-session_token";

fn set_cookie<B>(response: &Response<B>) -> Option<String> {
    response
        .headers()
        .get(header::SET_COOKIE)
        .map(|value| value.to_str().unwrap().to_owned())
}

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    headers
}

#[tokio::test]
async fn a_page_gives_the_browser_its_cookie_once() {
    let test = Test::new();
    let browser = test.browser();
    let response = browser.get("/").await;
    let cookie = set_cookie(&response).unwrap();
    assert!(cookie.starts_with("__Host-session_token="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=2592000"),
        "{cookie}"
    );
    assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-cache");
    let html = String::from_utf8_lossy(response.body()).into_owned();
    assert!(
        !html.contains(&browser.cookie(COOKIE).unwrap()),
        "no credential stands in the page"
    );
    assert_eq!(set_cookie(&browser.get("/").await), None);
}

#[tokio::test]
async fn responses_without_a_live_page_set_no_cookie() {
    let test = Test::new();
    assert_eq!(set_cookie(&test.browser().get("/nowhere").await), None);
    let head = Request::head("/").body(Body::empty()).unwrap();
    assert_eq!(set_cookie(&test.browser().send(head).await), None);
}

#[tokio::test]
async fn a_cookie_that_is_not_genuine_is_replaced() {
    let test = Test::new();
    let browser = test.browser();
    browser.set_cookie(COOKIE, Some("forged"));
    assert!(set_cookie(&browser.get("/").await).is_some());
    browser.open("/").await.click("#more").await;
}

#[tokio::test]
async fn two_cookies_of_the_name_are_refused() {
    let test = Test::new();
    let browser = test.browser();
    browser.get("/").await;
    let second = Request::get("/")
        .header(header::COOKIE, "__Host-session_token=planted")
        .body(Body::empty())
        .unwrap();
    let response = browser.send(second).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(
        String::from_utf8_lossy(response.body()).contains("more than one cookie named __Host-session_token")
    );

    let planted = headers("cookie", "__Host-session_token=planted");
    let refused = browser.socket("/ws", planted).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_cross_site_navigation_leaves_open_tabs_alone() {
    let test = Test::new();
    let browser = test.browser();
    let mut tab = browser.open("/").await;
    let identity = browser.cookie(COOKIE).unwrap();

    // The browser withholds its Strict cookie from a navigation that another site began.
    browser.set_cookie(COOKIE, None);
    let navigation = Request::get("/")
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty())
        .unwrap();
    let response = browser.send(navigation).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        set_cookie(&response),
        None,
        "it would replace the identity of the open tab"
    );
    browser.set_cookie(COOKIE, Some(&identity));

    // The page that came of it joins with the cookie, and the tab goes on.
    let html = String::from_utf8_lossy(response.body()).into_owned();
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "second").await;
    assert_eq!(socket.next().await.unwrap()[0], "j");
    assert_eq!(browser.cookie(COOKIE).unwrap(), identity);
    tab.click("#more").await;
    tab.reconnect().await;
    tab.click("#more").await;
    assert_eq!(tab.text("#count"), "2");
}

#[tokio::test]
async fn the_join_mints_the_cookie_that_the_navigation_did_not() {
    let test = Test::new();
    let browser = test.browser();
    let navigation = Request::get("/")
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty())
        .unwrap();
    let html = String::from_utf8(browser.send(navigation).await.into_body().into()).unwrap();
    assert_eq!(browser.cookie(COOKIE), None);
    let mut socket = Wire::open(&browser).await;
    assert!(browser.cookie(COOKIE).is_some(), "the upgrade's response sets it");
    socket.join(&html, "client").await;
    assert_eq!(socket.next().await.unwrap()[0], "j");
    // The identity is the one that the session was bound to.
    let mut again = Wire::open(&browser).await;
    again.join(&html, "client").await;
    assert_eq!(again.next().await.unwrap()[0], "j");
}

#[tokio::test(start_paused = true)]
async fn the_cookie_is_renewed_at_half_its_life_by_the_sites_own_requests() {
    let test = Test::with(|builder| builder.browser_expiration(Duration::from_secs(100)).tokio_clock());
    let browser = test.browser();
    let mut tab = browser.open("/").await;
    let first = browser.cookie(COOKIE).unwrap();
    tokio::time::advance(Duration::from_secs(40)).await;
    browser.get("/").await;
    assert_eq!(browser.cookie(COOKIE).unwrap(), first);
    tokio::time::advance(Duration::from_secs(20)).await;
    let foreign = Request::get("/")
        .header("sec-fetch-site", "same-site")
        .body(Body::empty())
        .unwrap();
    assert_eq!(set_cookie(&browser.send(foreign).await), None);
    assert!(set_cookie(&browser.get("/").await).is_some());
    let second = browser.cookie(COOKIE).unwrap();
    assert_ne!(first, second);
    // The same identity: the tab's session is still its own.
    tab.reconnect().await;
    tab.click("#more").await;
}

#[tokio::test]
async fn plain_http_has_a_cookie_of_its_own() {
    let test = Test::with(Builder::insecure_cookies);
    let cookie = set_cookie(&test.browser().get("/").await).unwrap();
    assert!(cookie.starts_with("session_token="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"),
        "{cookie}"
    );
    let named = Test::with(|builder| builder.insecure_cookies().cookie_name("dev"));
    assert!(
        set_cookie(&named.browser().get("/").await)
            .unwrap()
            .starts_with("dev=")
    );
}

#[tokio::test]
async fn a_foreign_origin_is_refused() {
    let test = Test::new();
    let browser = test.browser();
    for origin in [
        "http://evil.example",
        "https://localhost.evil.example",
        "http://localhost:81",
        "null",
    ] {
        let response = browser.socket("/ws", headers("origin", origin)).await;
        // The kit's own Origin is the other one here; two are refused as well, so it is replaced below.
        let response = response.unwrap_err();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin}");
        let text = String::from_utf8_lossy(response.body()).into_owned();
        assert!(text.contains("is not that of the host"), "{text}");
        assert_eq!(response.headers().get(header::SET_COOKIE), None);
    }
}

#[tokio::test]
async fn an_allowed_origin_is_admitted() {
    let test = Test::with(|builder| builder.allow_origin("https://app.example.com"));
    let browser = test.browser();
    browser
        .socket("/ws", headers("origin", "https://app.example.com"))
        .await
        .unwrap();
    browser
        .socket("/ws", headers("origin", "https://app.example.org"))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn the_subprotocol_is_required() {
    let test = Test::new();
    let refused = test
        .browser()
        .socket("/ws", headers("sec-websocket-protocol", "chat"))
        .await
        .unwrap_err();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(refused.body()).contains("statetemplate.v1"));
}

#[tokio::test]
async fn the_page_is_not_a_credential() {
    let test = Test::new();
    let browser = test.browser();
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    assert_eq!(data_of(&html, "page").len(), 27);
    let mut owner = Wire::open(&browser).await;
    owner.join(&html, "mine").await;
    assert_eq!(owner.next().await.unwrap()[0], "j");
    // Someone who has seen the page, but not the cookie.
    let mut thief = Wire::open(&test.browser()).await;
    thief.join(&html, "mine").await;
    assert_eq!(thief.next().await.unwrap()[1], "session_expired");
}
