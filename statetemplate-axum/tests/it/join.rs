//! The join: which session a page gets, and what it is told when there is none.

use std::time::Duration;

use serde_json::json;
use statetemplate_core::store::ClientId;

use crate::app::{Test, Wire, data_of};

async fn html(browser: &statetemplate_axum::test::TestBrowser) -> String {
    String::from_utf8(browser.get("/").await.into_body().into()).unwrap()
}

#[tokio::test]
async fn a_join_is_answered_with_the_revision_and_nothing_else() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    let mut socket = Wire::open(&browser).await;
    socket.join(&page, "client").await;
    assert_eq!(socket.next().await.unwrap(), json!(["j", 1]));
    socket.send(r#"[1,"who",null]"#).await;
    assert_eq!(socket.next().await.unwrap()[0], "k");
}

#[tokio::test]
async fn a_page_id_is_bound_once() {
    let test = Test::new();
    let (first, second) = (test.browser(), test.browser());
    let page = html(&first).await;
    let mut joined = Wire::open(&second).await;
    joined.join(&page, "second").await;
    assert_eq!(joined.next().await.unwrap()[0], "j", "whoever joins first");
    let mut late = Wire::open(&first).await;
    late.join(&page, "first").await;
    assert_eq!(late.next().await.unwrap(), json!(["x", "session_expired", 0]));
}

#[tokio::test]
async fn unknown_and_foreign_pages_get_the_same_answer() {
    let test = Test::new();
    let (mine, theirs) = (test.browser(), test.browser());
    let foreign = html(&theirs).await;
    let mut owner = Wire::open(&theirs).await;
    owner.join(&foreign, "owner").await;
    owner.next().await.unwrap();

    let mut answers = Vec::new();
    for page in [
        data_of(&foreign, "page"),
        "A".repeat(27),
        "not an id/".into(),
        String::new(),
    ] {
        let mut socket = Wire::open(&mine).await;
        socket
            .send(json!(["j", page, "plan", 1, "client", 0, []]).to_string())
            .await;
        answers.push((socket.next().await, socket.next().await));
    }
    assert_eq!(answers[0].0, Ok(json!(["x", "session_expired", 0])));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_join_without_the_cookie_of_a_bound_page_is_refused() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    let mut socket = Wire::open(&browser).await;
    socket.join(&page, "client").await;
    socket.next().await.unwrap();
    browser.set_cookie("__Host-session_token", None);
    let mut again = Wire::open(&browser).await;
    again.join(&page, "client").await;
    assert_eq!(again.next().await.unwrap()[1], "session_expired");
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection_with_a_reason() {
    let test = Test::new();
    let browser = test.browser();
    for garbage in [
        "",
        "{}",
        "[]",
        "[1",
        "null",
        r#"["j"]"#,
        r#"["z",1]"#,
        r#"[-1,"add"]"#,
        r#"[1,2,3]"#,
    ] {
        let mut socket = Wire::open(&browser).await;
        let page = html(&browser).await;
        socket.join(&page, "client").await;
        socket.next().await.unwrap();
        socket.send(garbage).await;
        let (code, reason) = socket.next().await.unwrap_err();
        assert_eq!(code, 1008, "{garbage}");
        assert!(!reason.is_empty(), "{garbage}");
    }
}

#[tokio::test]
async fn the_join_comes_first_and_once() {
    let test = Test::new();
    let browser = test.browser();
    let mut early = Wire::open(&browser).await;
    early.send(r#"[1,"add",1]"#).await;
    assert_eq!(
        early.next().await.unwrap_err(),
        (1008, "the first frame must be the join".into())
    );

    let page = html(&browser).await;
    let mut twice = Wire::open(&browser).await;
    twice.join(&page, "client").await;
    twice.next().await.unwrap();
    twice.join(&page, "client").await;
    assert_eq!(
        twice.next().await.unwrap_err(),
        (1008, "the page has joined already".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_does_not_join_is_closed_after_ten_seconds() {
    let test = Test::new();
    let mut socket = Wire::open(&test.browser()).await;
    let opened = tokio::time::Instant::now();
    let (code, reason) = socket.next().await.unwrap_err();
    assert_eq!(
        (code, reason.as_str()),
        (1008, "the page did not join within 10 seconds")
    );
    assert_eq!(opened.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_page_of_another_plan_is_refreshed_and_so_is_one_that_gives_up_on_patches() {
    let test = Test::new();
    let browser = test.browser();
    for (plan, revision) in [("old-plan", 1), ("", 0), ("", 1)] {
        let page = html(&browser).await;
        let mut socket = Wire::open(&browser).await;
        let join = json!(["j", data_of(&page, "page"), plan, revision, "client", 0, ["hash"]]);
        socket.send(join.to_string()).await;
        assert_eq!(socket.next().await.unwrap(), json!(["j", revision]));
        let refresh = socket.next().await.unwrap();
        assert_eq!(
            (&refresh[0], &refresh[1], &refresh[2]),
            (&json!("f"), &json!(1), &json!(data_of(&page, "plan")))
        );
        let html = refresh[3].as_str().unwrap();
        assert!(html.contains("Counter") && html.contains("data-page="), "{html}");
        // From here on patches fit again.
        socket.send(r#"["a",1]"#).await;
        socket.send(r#"[1,"add",{"by":"2"}]"#).await;
        let patch = socket.next().await.unwrap();
        assert_eq!(
            (&patch[0], &patch[2], &patch[3]),
            (&json!(2), &json!(1), &json!(2))
        );
    }
}

#[tokio::test]
async fn a_page_that_lost_its_statics_is_shown_anew_and_gets_them_again() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    let mut socket = Wire::open(&browser).await;
    socket.join(&page, "client").await;
    socket.next().await.unwrap();
    socket.send(r#"[1,"append",{"item":"a"}]"#).await;
    let statics = socket.next().await.unwrap();
    assert_eq!(statics[0], "s");
    let hash = statics[1].as_object().unwrap().values().next().unwrap()[0].clone();
    socket.answer(1).await;

    // It says that it holds what it does not hold, as one with a damaged cache does.
    let mut again = Wire::open(&browser).await;
    let join = json!([
        "j",
        data_of(&page, "page"),
        data_of(&page, "plan"),
        2,
        "other",
        0,
        [hash]
    ]);
    again.send(join.to_string()).await;
    assert_eq!(again.next().await.unwrap(), json!(["j", 2]));
    again.send(r#"[1,"append",{"item":"b"}]"#).await;
    let named = again.next().await.unwrap();
    assert_eq!(named[1].as_object().unwrap().values().next(), Some(&hash));
    again.answer(1).await;
    let fragment = named[1].as_object().unwrap().keys().next().unwrap();
    again.send(format!("[\"c\",{fragment}]")).await;
    let refresh = again.next().await.unwrap();
    assert_eq!((&refresh[0], &refresh[1]), (&json!("f"), &json!(3)));
    again.send(r#"[2,"append",{"item":"c"}]"#).await;
    assert_eq!(again.next().await.unwrap(), statics);
    assert_eq!(again.answer(2).await[0], 4);
}

#[tokio::test]
async fn the_ledger_forgets_what_a_page_has_received() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    let mut socket = Wire::open(&browser).await;
    socket.join(&page, "client").await;
    socket.next().await.unwrap();
    for number in 1..=2 {
        socket.send(json!([number, "add", 1]).to_string()).await;
        socket.answer(number).await;
    }
    let session = test
        .live
        .session::<crate::app::Counter>(&data_of(&page, "page"))
        .await
        .unwrap();
    let client = ClientId::parse("client").unwrap();
    let kept = || -> Vec<u64> {
        let answers = session.inner().unacknowledged(&client, 0);
        answers.into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(kept(), [1, 2]);
    socket.send(r#"["k",1]"#).await;
    // Frames are read in order: once this is answered, the one before it was read.
    socket.send(r#"[3,"add",1]"#).await;
    socket.answer(3).await;
    assert_eq!(kept(), [2, 3]);
    let mut again = Wire::open(&browser).await;
    let join = json!([
        "j",
        data_of(&page, "page"),
        data_of(&page, "plan"),
        4,
        "client",
        3,
        []
    ]);
    again.send(join.to_string()).await;
    again.next().await.unwrap();
    assert_eq!(kept(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_told() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    test.live
        .session::<crate::app::Counter>(page.session_id())
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    page.settle(Duration::from_secs(1)).await;
    assert_eq!((page.end(), page.is_connected()), (Some("session_closed"), false));
    assert!(!page.try_reconnect().await);
    assert_eq!(page.end(), Some("session_expired"));
}
