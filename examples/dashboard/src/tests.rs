//! The page as a whole, driven by the test kit: what people do and what they then see.

use std::{sync::Arc, time::Duration};

use axum::Router;
use serde_json::json;
use statetemplate_axum::{
    StateTemplate,
    test::{Direction, TestPage, TestServer},
};
use statetemplate_core::store::{MemoryStore, SessionStore};

use crate::app;

const KEY: &str = "a test may keep its secret of 32 bytes here";

fn dashboard() -> (StateTemplate, Router) {
    let live = app::live(Some(KEY), None).unwrap();
    let app = app::app(&live);
    (live, app)
}

#[tokio::test(start_paused = true)]
async fn every_action_leaves_the_page_as_a_fresh_render_would_show_it() {
    let (live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    for (action, payload) in [
        ("increment_counter", json!({})),
        ("decrement_counter", json!({})),
        ("reset_counter", json!({})),
        (
            "add_task",
            json!({"title": "One <more> & \"last\"", "priority": "high", "due_date": "2020-01-01"}),
        ),
        ("add_task", json!({"title": ""})),
        ("edit_task", json!({"task": "3"})),
        ("save_task", json!({"task": 3, "title": "x".repeat(100)})),
        ("edit_task", json!({"task": 5})),
        (
            "save_task",
            json!({"task": 5, "title": "Better", "description": "and why", "priority": "low"}),
        ),
        ("toggle_task", json!({"task": 1, "value": true})),
        ("toggle_show_completed", json!({})),
        ("edit_task", json!({"task": 2})),
        ("cancel_edit", json!({})),
        ("delete_task", json!({"task": 2})),
        ("toggle_show_completed", json!({})),
        ("dismiss_notification", json!({"notification": 2})),
        ("refresh", json!({})),
    ] {
        page.act(action, payload)
            .await
            .unwrap_or_else(|failure| panic!("{action}: {failure:?}"));
        page.assert_matches_fresh_render(&live).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_counter_is_counted_by_its_buttons() {
    let (_live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    for _ in 0..7 {
        page.click("#increment").await;
    }
    assert_eq!(page.text("#counter-display"), "10");
    assert_eq!(page.text("#increment"), "Increment (Max Reached)");
    assert!(page.attribute("#increment", "disabled").is_some());
    page.click("#reset").await;
    assert_eq!(page.text("#decrement"), "Decrement (Min Reached)");
    assert!(page.attribute("#increment", "disabled").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_no_task_comes_back_with_the_reason() {
    let (_live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    page.fill("#new-description", "no title").await;
    page.submit("#new-task").await;
    assert_eq!(page.text("#new-error"), "A task needs a title.");
    assert_eq!(
        page.attribute("#new-description", "value").as_deref(),
        Some("no title")
    );
    page.fill("#new-title", "Has one").await;
    page.submit("#new-task").await;
    assert!(!page.has("#new-error"));
    assert_eq!(page.text("#task-7 label"), "Has one");
    assert_eq!(page.attribute("#new-title", "value").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn an_action_on_a_task_that_is_gone_fails_and_changes_nothing() {
    let (live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    let failure = page.act("toggle_task", json!({"task": 99})).await.unwrap_err();
    assert!(
        format!("{failure:?}").contains("there is no task 99"),
        "{failure:?}"
    );
    let failure = page
        .act("toggle_task", json!({"task": "first"}))
        .await
        .unwrap_err();
    assert!(format!("{failure:?}").contains("bad_payload"), "{failure:?}");
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_covers_the_page_until_the_numbers_have_come() {
    let (_live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    assert!(page.attribute("#loading-overlay", "hidden").is_some());
    page.click("#refresh").await;
    assert!(page.attribute("#loading-overlay", "hidden").is_none());
    let failure = page.act("refresh", json!({})).await.unwrap_err();
    assert!(format!("{failure:?}").contains("fetched already"), "{failure:?}");
    page.wait_until(|page| page.attribute("#loading-overlay", "hidden").is_some())
        .await;
    assert_eq!(page.texts(".notification strong")[0], "Data refreshed");
}

#[tokio::test(start_paused = true)]
async fn the_statistics_move_while_the_page_is_connected() {
    let (live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    let session = live
        .session::<crate::data::Dashboard>(page.session_id())
        .await
        .unwrap();
    let earlier = page.texts(".stat .value");
    page.wait_until(|page| page.texts(".stat .value") != earlier)
        .await;

    page.disconnect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let left = session.data().unwrap().statistics;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        session.data().unwrap().statistics,
        left,
        "nobody looks, so nothing moves"
    );
}

#[tokio::test(start_paused = true)]
async fn every_response_carries_the_security_headers() {
    let (_live, app) = dashboard();
    let browser = statetemplate_axum::test::TestBrowser::new(&app);
    for path in ["/", "/static/dashboard.css", "/static/icon.svg", "/nowhere"] {
        let response = browser.get(path).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    let html = String::from_utf8(browser.get("/").await.into_body().to_vec()).unwrap();
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick="));
}

#[tokio::test(start_paused = true)]
async fn a_broken_network_neither_loses_a_task_nor_adds_it_twice() {
    let (live, app) = dashboard();
    let mut page = TestPage::open(&app, "/").await;
    page.reconnect_by_itself(true);
    let before = page.texts("#task-list .task").len();
    for (number, direction) in [Direction::ToServer, Direction::ToClient].into_iter().enumerate() {
        // In the middle of the action, and in the middle of its answer.
        page.link().cut_after(direction, 20);
        page.fill("#new-title", &format!("Task {number}")).await;
        page.submit("#new-task").await;
    }
    assert_eq!(page.link().cuts(), 2);
    assert_eq!(page.texts("#task-list .task").len(), before + 2);
    page.assert_matches_fresh_render(&live).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_when_its_server_was_replaced() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let node = || {
        let live = app::live(Some(KEY), Some(store.clone())).unwrap();
        let router = app::app(&live);
        (live, router)
    };
    let (_, router) = node();
    let server = TestServer::start(router);
    let mut page = server.browser().open("/").await;
    page.click("#increment").await;
    server.stop();
    let (live, router) = node();
    server.restart(router);
    page.reconnect().await;
    page.click("#increment").await;
    assert_eq!(page.text("#counter-display"), "5");
    page.assert_matches_fresh_render(&live).await;
}
