//! Resuming: a connection may die at any moment, and the page goes on as if it had not.

use std::time::Duration;

use serde_json::{Value, json};
use statetemplate_axum::test::TestPage;

use crate::app::{Counter, Test};

#[tokio::test(start_paused = true)]
async fn a_page_that_returns_receives_what_it_missed_as_a_patch() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.click("#more").await;
    page.disconnect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    session.update(|counter| counter.count = 77).await.unwrap();
    page.clear_frames();
    page.reconnect().await;
    page.wait_until(|page| page.text("#count") == "77").await;
    assert!(
        page.frames().iter().all(|frame| !frame.starts_with("[\"f\"")),
        "{:?}",
        page.frames()
    );
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_the_first_render_and_the_join_is_not_missed() {
    let test = Test::new();
    let mut page = TestPage::load_without_joining(test.browser(), "/").await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    for count in 1..=9 {
        session.update(|counter| counter.count = count).await.unwrap();
    }
    assert_eq!(page.text("#count"), "0", "the page was rendered before");
    page.reconnect().await;
    page.wait_until(|page| page.text("#count") == "9").await;
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_returns_after_long_is_refreshed() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.disconnect();
    tokio::time::sleep(Duration::from_secs(130)).await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    session.update(|counter| counter.count = 5).await.unwrap();
    page.clear_frames();
    page.reconnect().await;
    page.wait_until(|page| page.text("#count") == "5").await;
    assert!(
        page.frames().iter().any(|frame| frame.starts_with("[\"f\"")),
        "{:?}",
        page.frames()
    );
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_page_that_missed_nothing() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.click("#more").await;
    page.clear_frames();
    page.reconnect().await;
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.frames().len(), 1, "{:?}", page.frames());
}

#[tokio::test(start_paused = true)]
async fn an_action_whose_answer_was_lost_has_taken_effect_once() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.send("add", json!(5)).await;
    test.wait_for_runs(1).await;
    page.disconnect();
    page.reconnect().await;
    assert_eq!(page.answer(1).await, Ok(json!(5)));
    assert_eq!(page.text("#count"), "5");
    assert_eq!(test.runs(), 1);
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_outlives_the_socket_that_asked_for_it() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let number = page.send("wait", Value::Null).await;
    test.wait_for_runs(1).await;
    page.disconnect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    test.shared.gate.add_permits(1);
    page.reconnect().await;
    page.answer(number).await.unwrap();
    assert_eq!((page.text("#count").as_str(), test.runs()), ("1", 1));
}

#[tokio::test(start_paused = true)]
async fn an_action_that_never_arrived_is_carried_out_after_the_resume() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.click("#more").await;
    let mut second = page.browser().open("/").await;
    second.disconnect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    page.reconnect().await;
    page.click("#more").await;
    assert_eq!(page.text("#count"), "2");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_handlers_and_tells_the_pages_to_come_back() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let number = page.send("wait", Value::Null).await;
    test.wait_for_runs(1).await;
    let live = test.live.clone();
    let stopping = tokio::spawn(async move { live.shutdown().await });
    page.settle(Duration::from_secs(1)).await;
    assert!(!stopping.is_finished(), "a handler still runs");
    test.shared.gate.add_permits(1);
    assert_eq!(page.answer(number).await, Ok(Value::Null));
    page.settle(Duration::from_secs(1)).await;
    assert_eq!((page.end(), page.is_connected()), (Some("try_again"), false));
    tokio::time::timeout(Duration::from_secs(5), stopping)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        test.data(page.session_id()).await.count,
        1,
        "what it did is committed"
    );
}
