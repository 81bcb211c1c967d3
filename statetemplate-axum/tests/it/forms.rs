//! Without JavaScript: forms by POST, redirect and GET, on the same page and session.

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live, test::TestBrowser};
use statetemplate_core::testing::Document;

use crate::app::{KEY, Test, data_of};

const COOKIE: &str = "__Host-session_token";
const RETURN: &str = "__Host-session_token_return";
const FORM: &str = "application/x-www-form-urlencoded";

fn text_of(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// Sends a form as a browser does.
async fn post(browser: &TestBrowser, address: &str, body: &str) -> Response<Bytes> {
    post_with(browser, address, body, &[("sec-fetch-site", "same-origin")]).await
}

async fn post_with(
    browser: &TestBrowser,
    address: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let mut request = Request::post(address).header(header::CONTENT_TYPE, FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

/// Follows the redirect of a form's response.
async fn follow(browser: &TestBrowser, response: Response<Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", text_of(&response));
    let location = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let page = browser.get(&location).await;
    assert_eq!(page.status(), StatusCode::OK);
    text_of(&page)
}

fn attribute(html: &str, selector: &str, name: &str) -> String {
    let document = Document::parse(html).unwrap();
    document
        .attribute(selector, name)
        .unwrap_or_else(|| panic!("{selector} has {name}: {html}"))
}

fn text(html: &str, selector: &str) -> String {
    Document::parse(html)
        .unwrap()
        .text(selector)
        .unwrap_or_else(|| panic!("{selector} is there: {html}"))
}

async fn page(browser: &TestBrowser) -> String {
    text_of(&browser.get("/").await)
}

fn form(html: &str) -> String {
    assert_eq!(attribute(html, "#form", "method"), "post");
    attribute(html, "#form", "action")
}

#[tokio::test]
async fn a_form_changes_the_page_that_it_was_sent_from() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    let second = follow(
        &browser,
        post(&browser, &form(&first), "item=Milk&twice=on").await,
    )
    .await;
    assert_eq!(
        data_of(&second, "page"),
        data_of(&first, "page"),
        "the same session"
    );
    assert_eq!(text(&second, "ul"), "MilkMilk");
    let third = follow(&browser, post(&browser, &form(&second), "item=Tea").await).await;
    assert_eq!(text(&third, "ul"), "MilkMilkTea");
    // A reload starts afresh, as it does with scripts: the way back is good for one use.
    let fresh = page(&browser).await;
    assert_ne!(data_of(&fresh, "page"), data_of(&first, "page"));
    assert_eq!(text(&fresh, "ul"), "");
}

#[tokio::test]
async fn the_page_goes_on_with_scripts_where_it_was_without() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    let response = post(&browser, &form(&first), "item=Milk").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let mut live = browser.open("/").await;
    assert_eq!(live.session_id(), data_of(&first, "page"));
    live.click("#more").await;
    assert_eq!(
        (live.text("#count"), live.text("ul")),
        ("1".into(), "Milk".into())
    );
    live.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test]
async fn a_form_sent_twice_from_one_view_takes_effect_once() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    let address = form(&first);
    // A double click: the browser gives up the first response.
    let (one, two) = tokio::join!(
        post(&browser, &address, "item=Milk"),
        post(&browser, &address, "item=Milk")
    );
    assert_eq!(
        (one.status(), two.status()),
        (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER)
    );
    let second = page(&browser).await;
    assert_eq!(text(&second, "ul"), "Milk");
    // Something else from the same view, and the same from another, are meant.
    let other = follow(&browser, post(&browser, &address, "item=Tea").await).await;
    assert_eq!(text(&other, "ul"), "MilkTea");
    let more = follow(&browser, post(&browser, &form(&other), "item=Tea").await).await;
    assert_eq!(text(&more, "ul"), "MilkTeaTea");
    // So is the same from the same view, once its answer was shown: the person went back to it.
    let again = follow(&browser, post(&browser, &address, "item=Milk").await).await;
    assert_eq!(text(&again, "ul"), "MilkTeaTeaMilk");
}

#[tokio::test]
async fn a_failed_action_is_told_on_the_page_and_changes_nothing() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    let second = follow(&browser, post(&browser, &form(&first), "item=").await).await;
    assert_eq!(text(&second, ".st-notice"), "an item has a text");
    assert_eq!(attribute(&second, ".st-notice", "role"), "alert");
    assert_eq!(text(&second, "#count"), "0");
    let third = follow(&browser, post(&browser, &form(&second), "item=x").await).await;
    assert!(!third.contains("st-notice"));
    let unknown = form(&third).replace("submit=append", "submit=unknown");
    let fourth = follow(&browser, post(&browser, &unknown, "").await).await;
    assert!(text(&fourth, ".st-notice").contains("no action \"unknown\""));
}

#[tokio::test]
async fn the_authorisation_hook_sees_forms_too() {
    let test = Test::with(|builder| {
        builder.authorize(|attempt: statetemplate_axum::action::Attempt| async move {
            let kind = attempt.request().headers.get("content-type").cloned();
            if kind.is_some() {
                Err(format!("no {} by form", attempt.action()))
            } else {
                Ok(())
            }
        })
    });
    let browser = test.browser();
    let first = page(&browser).await;
    let second = follow(&browser, post(&browser, &form(&first), "item=x").await).await;
    assert_eq!(text(&second, ".st-notice"), "no append by form");
}

#[tokio::test]
async fn another_browser_cannot_send_a_form_of_a_page_nor_see_it() {
    let test = Test::new();
    let (mine, theirs) = (test.browser(), test.browser());
    let first = page(&mine).await;
    let done = follow(&mine, post(&mine, &form(&first), "item=Mine").await).await;
    page(&theirs).await;
    let foreign = post(&theirs, &form(&done), "item=Theirs").await;
    let unknown = form(&done).replace(&data_of(&first, "page"), "AAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let unknown = post(&theirs, &unknown, "item=Theirs").await;
    assert_eq!(
        (foreign.status(), unknown.status()),
        (StatusCode::GONE, StatusCode::GONE)
    );
    assert_eq!(
        foreign.body(),
        unknown.body(),
        "there is no telling the two apart"
    );
    assert!(text_of(&foreign).contains("href=\"/\""));
    // Nor does the cookie of the way back open anything.
    theirs.set_cookie(RETURN, Some(&format!("{}.form-x", data_of(&first, "page"))));
    assert_ne!(data_of(&page(&theirs).await, "page"), data_of(&first, "page"));
    assert_eq!(test.data(&data_of(&first, "page")).await.items, ["Mine"]);
}

#[tokio::test]
async fn other_origins_are_refused() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "http://localhost")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ] {
        let response = post_with(&browser, &form(&first), "item=x", headers).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    for headers in [
        &[("origin", "http://localhost")][..],
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
    ] {
        let response = post_with(&browser, &form(&first), "item=x", headers).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{headers:?}");
    }
    assert_eq!(test.data(&data_of(&first, "page")).await.items, ["x"]);
}

#[tokio::test]
async fn what_is_no_form_of_ours_is_refused_with_a_page_that_leads_back() {
    let test = Test::new();
    let browser = test.browser();
    let address = form(&page(&browser).await);
    let bare = address.split_once("&submit").unwrap().0.to_owned();
    let long = format!("item={}", "x".repeat(70_000));
    for (address, body, status) in [
        (&bare, "item=x", StatusCode::BAD_REQUEST),
        (&bare, "st=", StatusCode::BAD_REQUEST),
        (&address, long.as_str(), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let response = post(&browser, address, body).await;
        assert_eq!(response.status(), status);
        assert!(text_of(&response).contains("role=\"alert\""));
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
    let json = Request::post(&address)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(
        browser.send(json).await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn a_browser_that_came_from_another_site_gets_its_cookie_with_its_first_form() {
    let test = Test::new();
    let browser = test.browser();
    let request = Request::get("/")
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty())
        .unwrap();
    let first = text_of(&browser.send(request).await);
    assert_eq!(browser.cookie(COOKIE), None);
    let second = follow(&browser, post(&browser, &form(&first), "item=x").await).await;
    assert!(browser.cookie(COOKIE).is_some());
    assert_eq!(
        (data_of(&second, "page"), text(&second, "ul")),
        (data_of(&first, "page"), "x".into())
    );
}

#[derive(Serialize, Deserialize, Default)]
struct Tasks {
    log: Vec<String>,
}

const TASKS: &str = r#"<!doctype html><html><head><title>Tasks</title></head><body>
<form id="rows">{% for task in ["a b", "c&d"] %}<button class="row" st-click="edit" st-value-task="{{ task }}">x</button>{% endfor %}
<input name="beside" value="1"><input id="named" type="submit" name="n" st-click="delete" st-value-task="7"></form>
<form id="save" st-submit="save" st-value-id="5"><input name="title"><button id="draft" name="mode" value="fast" st-value-draft="true">d</button></form>
<pre>{% for line in log %}{{ line }};{% endfor %}</pre></body></html>"#;

/// Notes what it gets.
async fn log(mut tasks: Data<Tasks>, Payload(payload): Payload<serde_json::Value>) {
    tasks.log.push(payload.to_string());
}

async fn tasks(live: Live<Tasks>) -> Result<Rendered, live::Error> {
    live.render(|| async { Tasks::default() }).await
}

#[tokio::test]
async fn buttons_send_what_they_send_with_scripts() {
    let mut templates = Environment::new();
    templates.add_template("tasks.html", TASKS).unwrap();
    let page = Page::<Tasks>::new("tasks.html")
        .action("edit", log)
        .action("delete", log)
        .action("save", log);
    let live = StateTemplate::builder(templates)
        .signing_key(KEY)
        .base_path("/app")
        .page(page)
        .build()
        .unwrap();
    let app = Router::new().nest(
        "/app",
        Router::new()
            .route("/tasks", get(tasks))
            .merge(live.routes())
            .layer(live.layer()),
    );
    let browser = TestBrowser::new(&app);
    let first = text_of(&browser.get("/app/tasks?q=1").await);
    let rows = attribute(&first, "#rows", "action");
    assert!(rows.starts_with("/app/_statetemplate/act/"), "{rows}");

    let button = attribute(&first, "button.row", "value");
    assert_eq!(
        (attribute(&first, "button.row", "name"), button.as_str()),
        ("st".into(), "edit?task=a+b")
    );
    let response = post(&browser, &rows, "beside=1&st=edit%3Ftask%3Da%2Bb").await;
    assert_eq!(response.headers()[header::LOCATION], "/app/tasks?q=1");
    assert_eq!(
        text(&follow(&browser, response).await, "pre"),
        r#"{"task":"a b"};"#
    );
    let response = post(
        &browser,
        &attribute(&first, "#named", "formaction"),
        "beside=1&n=x",
    )
    .await;
    assert_eq!(
        text(&follow(&browser, response).await, "pre"),
        r#"{"task":"a b"};{"task":"7"};"#
    );
    let response = post(
        &browser,
        &attribute(&first, "#draft", "formaction"),
        "title=t&mode=fast",
    )
    .await;
    let expected = r#"{"task":"a b"};{"task":"7"};{"draft":"true","id":"5","mode":"fast","title":"t"};"#;
    assert_eq!(text(&follow(&browser, response).await, "pre"), expected);
}

#[tokio::test]
async fn a_socket_of_the_page_sees_what_its_form_did() {
    let test = Test::new();
    let browser = test.browser();
    let first = page(&browser).await;
    let mut socket = crate::app::Wire(browser.socket("/ws", HeaderMap::new()).await.unwrap());
    socket.join(&first, "client").await;
    socket.next().await.unwrap();
    post(&browser, &form(&first), "item=x").await;
    assert_eq!(socket.next().await.unwrap()[0], "s");
    assert_eq!(socket.next().await.unwrap()[0], 2);
}
