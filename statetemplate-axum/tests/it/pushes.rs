//! Pushes: changes from elsewhere arrive gathered, merged and never queued.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use statetemplate_axum::Session;

use crate::app::{Counter, Test, counter};

#[tokio::test(start_paused = true)]
async fn a_change_from_anywhere_reaches_the_page() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    let seen = session
        .update(|counter| {
            counter.count = 3;
            counter.count
        })
        .await
        .unwrap();
    assert_eq!(seen, 3);
    page.wait_until(|page| page.text("#count") == "3").await;
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn changes_in_quick_succession_are_one_patch() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.clear_frames();
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    for count in 1..=50 {
        session.update(|counter| counter.count = count).await.unwrap();
    }
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.frames().len(), 1);
    assert_eq!(page.text("#count"), "50");
}

#[tokio::test(start_paused = true)]
async fn pushes_gather_for_ten_milliseconds_and_answers_do_not_wait() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    // The clock stands still while anything can run, so what passes is what was waited for.
    let start = tokio::time::Instant::now();
    session.update(|counter| counter.count = 1).await.unwrap();
    page.wait_until(|page| page.text("#count") == "1").await;
    let waited = start.elapsed().as_millis();
    assert!((10..=11).contains(&waited), "{waited} ms");
    let start = tokio::time::Instant::now();
    page.act("add", json!(1)).await.unwrap();
    assert_eq!(page.text("#count"), "2");
    assert_eq!(start.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_back_is_not_sent() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.clear_frames();
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    session.update(|counter| counter.count = 1).await.unwrap();
    session.update(|counter| counter.count = 0).await.unwrap();
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.frames(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_acknowledges_nothing_gets_eight_pushes_and_then_what_is_true() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    page.acknowledge(false);
    page.clear_frames();
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    for count in 1..=100 {
        session.update(|counter| counter.count = count).await.unwrap();
        page.settle(Duration::from_millis(50)).await;
    }
    assert_eq!(page.frames().len(), 8);
    assert_eq!(page.text("#count"), "8");
    // The answer to its own action is sent at once nevertheless, with all that has changed.
    page.act("add", json!(0)).await.unwrap();
    assert_eq!(page.text("#count"), "100");
    session.update(|counter| counter.count = 101).await.unwrap();
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.text("#count"), "100");
    page.acknowledge(true);
    let revision = test
        .live
        .session::<Counter>(page.session_id())
        .await
        .unwrap()
        .inner()
        .version()
        .revision;
    page.send_frame(&json!(["a", revision]).to_string()).await;
    page.wait_until(|page| page.text("#count") == "101").await;
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn events_reach_the_pages_scripts() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    session.push_event("toast", &json!({"text": "saved"})).unwrap();
    page.wait_until(|page| !page.events().is_empty()).await;
    assert_eq!(page.events(), [("toast".to_owned(), json!({"text": "saved"}))]);
}

#[tokio::test(start_paused = true)]
async fn the_background_task_runs_once_a_session_while_a_page_is_connected() {
    struct Running(Arc<AtomicUsize>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let running = Arc::new(AtomicUsize::new(0));
    let counted = running.clone();
    let page = counter().on_connect(move |session: Session<Counter>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let guard = Running(counted.clone());
        async move {
            let _guard = guard;
            let mut tick = tokio::time::interval(Duration::from_secs(1));
            loop {
                tick.tick().await;
                session.update(|counter| counter.count += 1).await.unwrap();
            }
        }
    });
    let test = Test::with_page(page, |builder| builder);
    let browser = test.browser();
    let mut page = browser.open("/").await;
    page.wait_until(|page| page.text("#count") == "3").await;
    assert_eq!(running.load(Ordering::SeqCst), 1);
    page.disconnect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(running.load(Ordering::SeqCst), 0, "the last connection has ended");
    let stopped_at = test.data(page.session_id()).await.count;
    page.reconnect().await;
    assert_eq!(running.load(Ordering::SeqCst), 1);
    page.wait_until(|page| page.text("#count") == (stopped_at + 2).to_string())
        .await;
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_push_passes_a_handler_that_takes_its_time() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    let session = test.live.session::<Counter>(page.session_id()).await.unwrap();
    let number = page.send("wait", Value::Null).await;
    test.wait_for_runs(1).await;
    session.push_event("still", &json!("here")).unwrap();
    page.wait_until(|page| !page.events().is_empty()).await;
    test.shared.gate.add_permits(1);
    page.answer(number).await.unwrap();
    assert_eq!(page.text("#count"), "1");
}
