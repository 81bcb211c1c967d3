//! `write_behind`: pages are answered from memory, and what a crash finds unstored is lost without anybody being misled.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use statetemplate_axum::test::TestPage;
use statetemplate_core::store::{MemoryStore, SessionStore};

use crate::app::{Counter, Test};

/// Longer than any test: nothing is stored but on purpose.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn node(store: &Arc<dyn SessionStore>, delay: Duration) -> Test {
    let store = store.clone();
    Test::with(move |builder| builder.shared_store(store).build_id("1").write_behind(delay))
}

async fn stored(store: &Arc<dyn SessionStore>, page: &TestPage) -> i64 {
    let record = store.load(page.session_id()).await.unwrap();
    record.snapshot.get().to::<Counter>().unwrap().count
}

/// A page that its node has answered three times, of which the store knows nothing.
async fn ahead(store: &Arc<dyn SessionStore>) -> (Test, TestPage) {
    let test = node(store, NEVER);
    let mut page = test.browser().open("/").await;
    for count in 1..=3 {
        assert_eq!(page.act("add", json!(1)).await.unwrap(), json!(count));
    }
    assert_eq!((page.text("#count"), stored(store, &page).await), ("3".into(), 0));
    (test, page)
}

/// The page's next connection is to this node.
async fn go_on(page: &mut TestPage, test: &Test) {
    page.browser().server().restart(test.app.clone());
    page.clear_frames();
    page.reconnect().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_shows_what_a_crash_lost_is_shown_what_is_stored_and_goes_on() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let (crashed, mut page) = ahead(&store).await;
    page.browser().server().stop();
    let next = node(&store, NEVER);
    // Another page's node gives the same revisions to other data, before the first one is back.
    let session = next.live.session::<Counter>(page.session_id()).await.unwrap();
    for _ in 0..3 {
        session.update(|counter| counter.count += 100).await.unwrap();
    }
    go_on(&mut page, &next).await;
    page.wait_until(|page| page.text("#count") == "300").await;
    page.assert_matches_fresh_render(&next.live).await;
    assert_eq!(
        page.act("add", json!(1)).await.unwrap(),
        json!(301),
        "its numbers go on"
    );
    page.assert_matches_fresh_render(&next.live).await;
    drop(crashed);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_lost_with_its_change_or_neither_is() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let test = node(&store, NEVER);
    let mut page = test.browser().open("/").await;
    page.reconnect_by_itself(true);
    // The action takes effect in memory; the answer is cut off, and then the node dies.
    page.link().stall(true);
    let number = page.send("add", json!(1)).await;
    page.browser().server().stop();
    page.link().stall(false);
    let next = node(&store, NEVER);
    page.browser().server().restart(next.app.clone());
    assert_eq!(
        page.answer(number).await.unwrap(),
        json!(1),
        "sent again, it takes effect once"
    );
    page.assert_matches_fresh_render(&next.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_stores_everything_and_the_page_goes_on() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let (stopped, mut page) = ahead(&store).await;
    stopped.live.shutdown().await;
    assert_eq!(stored(&store, &page).await, 3);
    let next = node(&store, NEVER);
    go_on(&mut page, &next).await;
    assert_eq!(page.act("add", json!(1)).await.unwrap(), json!(4));
    page.assert_matches_fresh_render(&next.live).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_delay_survives_a_crash() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let delay = Duration::from_millis(500);
    let test = node(&store, delay);
    let mut page = test.browser().open("/").await;
    for _ in 0..3 {
        page.act("add", json!(1)).await.unwrap();
    }
    tokio::time::sleep(delay * 2).await;
    page.browser().server().stop();
    let next = node(&store, delay);
    go_on(&mut page, &next).await;
    assert_eq!(page.act("add", json!(1)).await.unwrap(), json!(4));
    page.assert_matches_fresh_render(&next.live).await;
}
