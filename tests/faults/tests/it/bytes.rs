//! A conversation whose socket is cut at each byte, in either direction: page and data end as if it had not been.

use std::sync::Arc;

use axum::Router;
use serde_json::json;
use statetemplate_axum::{
    StateTemplate,
    test::{Direction, TestPage, TestServer},
};
use statetemplate_core::store::{MemoryStore, SessionStore};
use statetemplate_faults::journal::{self, Journal};

use crate::nodes::reader_of;

/// How a conversation ended.
#[derive(Debug, PartialEq)]
struct End {
    page: String,
    data: Journal,
    answers: Vec<String>,
}

/// A node on a store, as a restart makes it.
fn node(store: &Arc<dyn SessionStore>) -> (StateTemplate, Router) {
    let live = reader_of(store.clone());
    let router = journal::app(&live);
    (live, router)
}

/// Joins, acts, fails, acts several times at once, receives a push, and finds another node in place of the first, which does
/// not know what the page shows; all over a link that `breaks` has prepared.
async fn converse(breaks: impl FnOnce(&TestPage)) -> (TestPage, End) {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let (live, router) = node(&store);
    let server = TestServer::start(router);
    let mut page = TestPage::load_without_joining(server.browser(), "/").await;
    page.reconnect_by_itself(true);
    breaks(&page);
    page.reconnect().await;
    let mut answers = Vec::new();
    for number in 1..=2 {
        answers.push(format!(
            "{:?}",
            page.act("record", json!({ "entry": number })).await
        ));
    }
    answers.push(format!("{:?}", page.act("unheard_of", json!({})).await));
    let mut sent = Vec::new();
    for number in 3..=5 {
        sent.push(page.send("record", json!({ "entry": number })).await);
    }
    for number in sent {
        answers.push(format!("{:?}", page.answer(number).await));
    }
    let session = live.session::<Journal>(page.session_id()).await.unwrap();
    session
        .update(|journal| journal.marker = "pushed".into())
        .await
        .unwrap();
    page.wait_until(|page| page.text("#marker") == "pushed").await;

    server.stop();
    let (live, router) = node(&store);
    let session = live.session::<Journal>(page.session_id()).await.unwrap();
    session
        .update(|journal| journal.marker = "while away".into())
        .await
        .unwrap();
    server.restart(router);
    answers.push(format!("{:?}", page.act("record", json!({ "entry": 6 })).await));
    page.wait_until(|page| page.text("#marker") == "while away").await;
    answers.push(format!("{:?}", page.act("record", json!({ "entry": 7 })).await));
    let data = session.data().unwrap();
    assert_eq!(page.html(), data.page(), "the page is a fresh render");
    let end = End {
        page: page.html(),
        data,
        answers,
    };
    (page, end)
}

#[tokio::test(start_paused = true)]
async fn a_conversation_cut_at_any_byte_ends_as_if_it_had_not_been() {
    let (page, uncut) = converse(|_| {}).await;
    assert_eq!(uncut.data.entries, [1, 2, 3, 4, 5, 6, 7], "all of it took effect");
    let mut cuts = 0;
    for direction in [Direction::ToServer, Direction::ToClient] {
        let bytes = page.link().carried(direction);
        for byte in 0..bytes {
            let (page, end) = converse(|page| page.link().cut_after(direction, byte)).await;
            assert_eq!(end, uncut, "cut {byte} bytes {direction:?}");
            // The last bytes of the conversation are acknowledgements that nobody waits for: a run may end before them.
            cuts += page.link().cuts();
            assert!(
                byte > bytes - 50 || page.link().cuts() == 1,
                "not cut {byte} bytes {direction:?}"
            );
        }
        println!("bytes: cut at each of {bytes} bytes {direction:?}");
    }
    assert!(cuts > 2000, "{cuts} cuts");
}
