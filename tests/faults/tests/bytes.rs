//! A conversation whose socket is cut at each byte, in either direction: page and data end as if it had not been.
#![cfg(test)]

use axum::Router;
use serde_json::json;
use statetemplate_axum::{
    StateTemplate,
    test::{Direction, TestBrowser, TestPage},
};
use statetemplate_faults::{
    SIGNING_KEY,
    journal::{self, Journal},
};

/// An application that all runs share: each has a session of its own.
struct Application {
    live: StateTemplate,
    router: Router,
}

/// How a conversation ended.
#[derive(Debug, PartialEq)]
struct End {
    page: String,
    data: Journal,
    answers: Vec<String>,
}

impl Application {
    fn new() -> Application {
        let live = StateTemplate::builder(journal::templates())
            .insecure_cookies()
            .signing_key(SIGNING_KEY)
            .page(journal::page())
            .build()
            .unwrap();
        let router = journal::app(&live);
        Application { live, router }
    }

    /// Joins, acts, fails, acts several times at once, and receives a push; over a link that `breaks` has prepared.
    async fn converse(&self, breaks: impl FnOnce(&TestPage)) -> (TestPage, End) {
        let mut page = TestPage::load_without_joining(TestBrowser::new(&self.router), "/").await;
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
        let session = self.live.session::<Journal>(page.session_id()).await.unwrap();
        session
            .update(|journal| journal.marker = "pushed".into())
            .await
            .unwrap();
        page.wait_until(|page| page.text("#marker") == "pushed").await;
        answers.push(format!("{:?}", page.act("record", json!({ "entry": 6 })).await));
        let data = session.data().unwrap();
        assert_eq!(page.html(), data.page(), "the page is a fresh render");
        let end = End {
            page: page.html(),
            data,
            answers,
        };
        (page, end)
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_cut_at_any_byte_ends_as_if_it_had_not_been() {
    let application = Application::new();
    let (page, uncut) = application.converse(|_| {}).await;
    assert_eq!(uncut.data.entries, [1, 2, 3, 4, 5, 6], "all of it took effect");

    let mut cuts = 0;
    for direction in [Direction::ToServer, Direction::ToClient] {
        let bytes = page.link().carried(direction);
        for byte in 0..bytes {
            let (page, end) = application
                .converse(|page| page.link().cut_after(direction, byte))
                .await;
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
    assert!(cuts > 1000, "{cuts} cuts");
}
