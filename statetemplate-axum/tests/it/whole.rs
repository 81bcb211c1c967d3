//! Pages that no patch brings up to date: they are sent whole, and nothing else about them differs.

use std::time::Duration;

use axum::{Router, routing::get};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statetemplate_axum::{
    Answer, Data, Live, Page, Payload, Rendered, StateTemplate, live,
    test::{TestBrowser, TestPage},
};

use crate::app::{KEY, Wire};

/// Its loop changes a variable beyond itself, so that no part of it means anything alone.
const SUM: &str = "<!doctype html><title>Sum</title>{% set ns = namespace(n=0) %}{% set other = ns %}\
    {% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}<p>{{ ns.n }}</p>";

#[derive(Serialize, Deserialize)]
struct Sum {
    xs: Vec<i64>,
}

async fn page(live: Live<Sum>) -> Result<Rendered, live::Error> {
    live.render(|| async { Sum { xs: vec![1, 2] } }).await
}

async fn push(mut sum: Data<Sum>, Payload(x): Payload<i64>) -> Answer<usize> {
    sum.xs.push(x);
    Answer(sum.xs.len())
}

fn sum() -> (StateTemplate, Router) {
    let mut templates = Environment::new();
    templates.add_template("sum.html", SUM).unwrap();
    let live = StateTemplate::builder(templates)
        .signing_key(KEY)
        .page(Page::<Sum>::new("sum.html").action("push", push))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(page))
        .merge(live.routes())
        .layer(live.layer());
    (live, app)
}

#[tokio::test]
async fn an_action_is_answered_after_the_page_that_shows_it() {
    let (live, app) = sum();
    let mut page = TestPage::open(&app, "/").await;
    assert_eq!(page.text("p"), "3");
    page.clear_frames();
    assert_eq!(page.act("push", json!(4)).await, Ok(json!(3)));
    assert_eq!(page.text("p"), "7");
    let frames: Vec<Value> = page
        .frames()
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .collect();
    assert_eq!((&frames[0][0], &frames[0][1]), (&json!("f"), &json!(2)));
    assert_eq!(frames[1], json!(["k", 1, 3]));
    assert_eq!(frames.len(), 2);
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test(start_paused = true)]
async fn a_push_sends_the_page_and_what_looks_the_same_sends_nothing() {
    let (live, app) = sum();
    let mut page = TestPage::open(&app, "/").await;
    let session = live.session::<Sum>(page.session_id()).await.unwrap();
    page.clear_frames();
    session.update(|sum| sum.xs.reverse()).await.unwrap();
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.frames(), [""; 0]);
    session.update(|sum| sum.xs.push(10)).await.unwrap();
    page.wait_until(|page| page.text("p") == "13").await;
    assert_eq!(page.frames().len(), 1);
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_returns_is_refreshed_and_goes_on() {
    let (live, app) = sum();
    let mut page = TestPage::open(&app, "/").await;
    page.disconnect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let session = live.session::<Sum>(page.session_id()).await.unwrap();
    session.update(|sum| sum.xs.clear()).await.unwrap();
    page.reconnect().await;
    page.wait_until(|page| page.text("p") == "0").await;
    page.act("push", json!(5)).await.unwrap();
    assert_eq!(page.text("p"), "5");
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test]
async fn the_page_that_is_sent_names_itself_as_the_first_did() {
    let (_live, app) = sum();
    let browser = TestBrowser::new(&app);
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "client").await;
    socket.next().await.unwrap();
    socket.send(r#"[1,"push",{"x":"1"}]"#).await;
    let refresh = socket.next().await.unwrap();
    let expected = html
        .replace("<p>3</p>", "<p>4</p>")
        .replace("data-revision=\"1\"", "data-revision=\"2\"");
    assert_ne!(expected, html);
    assert_eq!(refresh[3], expected);
}
