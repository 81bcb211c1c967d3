//! Limits: what a client can make grow, and what happens when it tries.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{Test, Wire};

async fn joined(test: &Test) -> Wire {
    let browser = test.browser();
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "client").await;
    socket.next().await.unwrap();
    socket
}

#[tokio::test]
async fn an_action_that_is_too_long_is_refused_in_its_turn() {
    let test = Test::new();
    let mut socket = joined(&test).await;
    let append =
        |number: u64, length: usize| json!([number, "append", {"item": "x".repeat(length)}]).to_string();
    socket.send(r#"[1,"wait",{}]"#).await;
    test.wait_for_runs(1).await;
    socket.send(append(2, 60_000)).await;
    socket.send(append(3, 70_000)).await;
    socket.send(append(4, 1)).await;
    test.shared.gate.add_permits(1);
    assert!(socket.answer(1).await[0].is_u64());
    assert!(socket.answer(2).await[0].is_u64(), "64 KiB are allowed");
    let refusal = json!(["e", 3, "bad_payload", "the action is longer than 65536 bytes"]);
    assert_eq!(socket.answer(3).await, refusal);
    assert!(socket.answer(4).await[0].is_u64());
    // Asked again, as after a reconnect, it is answered again.
    socket.send(append(3, 70_000)).await;
    assert_eq!(socket.answer(3).await, refusal);
}

#[tokio::test]
async fn a_message_that_is_far_too_long_ends_its_connection_alone() {
    let test = Test::new();
    let mut other = test.browser().open("/").await;
    let too_long = (1009, "the message is longer than allowed".to_owned());
    for message in [
        json!([1, "append", {"item": "x".repeat(270_000)}]),
        json!(["a", 1, "x".repeat(70_000)]),
    ] {
        let mut socket = joined(&test).await;
        socket.send(message.to_string()).await;
        assert_eq!(socket.next().await.unwrap_err(), too_long);
    }
    let mut early = Wire::open(&test.browser()).await;
    early.send(json!(["j", "x".repeat(70_000)]).to_string()).await;
    assert_eq!(early.next().await.unwrap_err(), too_long);
    other.click("#more").await;
    assert_eq!(other.text("#count"), "1");
}

#[tokio::test]
async fn the_longest_message_can_be_set() {
    let test = Test::with(|builder| builder.max_message_size(200));
    let mut socket = joined(&test).await;
    socket
        .send(json!([1, "append", {"item": "x".repeat(300)}]).to_string())
        .await;
    assert_eq!(socket.answer(1).await[3], "the action is longer than 200 bytes");
    socket
        .send(json!([2, "append", {"item": "x".repeat(900)}]).to_string())
        .await;
    assert_eq!(socket.next().await.unwrap_err().0, 1009);
}

#[tokio::test]
async fn binary_messages_are_not_understood() {
    use futures_util::SinkExt;
    let test = Test::new();
    let mut socket = joined(&test).await;
    socket.0.send(Message::binary(vec![0; 10])).await.unwrap();
    assert_eq!(socket.next().await.unwrap_err().0, 1003);
}

#[tokio::test]
async fn the_number_of_connections_has_a_limit() {
    let test = Test::with(|builder| builder.max_connections(2));
    let browser = test.browser();
    let _one = browser.open("/").await;
    let two = browser.open("/").await;
    let refused = browser.socket("/ws", HeaderMap::new()).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    drop(two);
    tokio::time::timeout(Duration::from_secs(10), async {
        while browser.socket("/ws", HeaderMap::new()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_a_missed_pong() {
    let test = Test::with(|builder| builder.ping_interval(Duration::from_secs(30)));
    let browser = test.browser();
    let mut page = browser.open("/").await;
    // Whoever reads answers pings.
    page.settle(Duration::from_secs(120)).await;
    assert!(page.is_connected());
    let session = test
        .live
        .session::<crate::app::Counter>(page.session_id())
        .await
        .unwrap();
    // Whoever does not is gone after the second ping; the server notices within two intervals.
    tokio::time::sleep(Duration::from_secs(100)).await;
    session.update(|counter| counter.count = 9).await.unwrap();
    page.settle(Duration::from_secs(1)).await;
    assert!(!page.is_connected());
    page.reconnect().await;
    assert_eq!(page.text("#count"), "9");
}

#[tokio::test]
async fn many_actions_at_once_are_carried_out_one_by_one() {
    let test = Test::new();
    let mut page = test.browser().open("/").await;
    for _ in 0..60 {
        page.send("add", json!(1)).await;
    }
    for number in 1..=60 {
        assert_eq!(page.answer(number).await, Ok(json!(number)));
    }
    assert_eq!(page.text("#count"), "60");
    page.assert_matches_fresh_render(&test.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_waits_for_a_handler_is_not_read_on_without_end() {
    let test = Test::new();
    let mut socket = joined(&test).await;
    socket.send(r#"[1,"wait",null]"#).await;
    test.wait_for_runs(1).await;
    // The queue of the server, then the buffers of the pipe, then nothing more is taken.
    let flood = async {
        for number in 2..100_000_u64 {
            socket
                .send(json!([number, "append", {"item": "x".repeat(1000)}]).to_string())
                .await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), flood).await.is_err());
    assert_eq!(test.runs(), 1);
}

#[tokio::test]
async fn a_socket_is_no_page() {
    let test = Test::new();
    let response = test
        .browser()
        .send(Request::get("/ws").body(Body::empty()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let mut socket = joined(&test).await;
    drop(test);
    socket.send(r#"[1,"add",1]"#).await;
    assert!(socket.0.next().await.is_some());
}
