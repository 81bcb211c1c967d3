//! Provisional sessions: pages that are loaded and never joined cost nothing once their time is over.

use std::time::Duration;

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use statetemplate_axum::Builder;
use tower::ServiceExt;

use crate::app::Test;

/// The memory of this process that is in RAM, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("this test runs on Linux");
    let pages: usize = status
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok())
        .unwrap();
    pages * 4096
}

async fn load(app: &Router, times: usize) {
    for _ in 0..times {
        let response = app
            .clone()
            .oneshot(Request::get("/").body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_pages_that_nobody_joins_leave_nothing_behind() {
    let test = Test::with(Builder::tokio_clock);
    let mut tab = test.browser().open("/").await;
    // Once round, so that what is made once is made.
    load(&test.app, 10_500).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let before = resident();
    load(&test.app, 100_000).await;
    let count = test.live.renderer().session_count().await.unwrap();
    assert!(count.provisional <= 10_000, "{count:?}");
    assert_eq!(count.established, 1);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let count = test.live.renderer().session_count().await.unwrap();
    assert_eq!((count.established, count.provisional), (1, 0));
    // The tab has answered no ping for twenty minutes, so that its socket is gone, too.
    assert_eq!(test.live.renderer().sessions_in_memory(), 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes more than before");
    tab.reconnect().await;
    tab.click("#more").await;
    assert_eq!(tab.text("#count"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_joins_too_late_is_told() {
    let test = Test::with(Builder::tokio_clock);
    let mut page = statetemplate_axum::test::TestPage::load_without_joining(test.browser(), "/").await;
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(!page.try_reconnect().await);
    assert_eq!(page.end(), Some("session_expired"));
}
