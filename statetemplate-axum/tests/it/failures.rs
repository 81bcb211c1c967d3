//! Failures of handlers: the action is answered with an error, the data is untouched, other sessions do not notice.

use serde_json::{Value, json};

use crate::app::{Test, Wire};

/// Carries out an action that fails, and checks that nothing else has happened.
async fn fails(action: &str, payload: Value) -> (String, String) {
    let test = Test::new();
    let browser = test.browser();
    let mut page = browser.open("/").await;
    let mut other = browser.open("/").await;
    page.act("add", json!(7)).await.unwrap();
    let before = page.html();
    let failure = page.act(action, payload).await.unwrap_err();
    assert_eq!(page.html(), before);
    assert_eq!(test.data(page.session_id()).await.count, 7);
    assert_eq!(test.data(page.session_id()).await.divisor, 1);
    other.click("#more").await;
    assert_eq!(other.text("#count"), "1");
    // The session goes on.
    page.act("add", json!(1)).await.unwrap();
    assert_eq!(page.text("#count"), "8");
    page.assert_matches_fresh_render(&test.live).await;
    (failure.code, failure.text)
}

#[tokio::test]
async fn an_error_is_told_in_its_own_words() {
    assert_eq!(
        fails("append", json!({"item": ""})).await,
        ("failed".into(), "an item has a text".into())
    );
}

#[tokio::test]
async fn a_panic_is_an_error_without_details() {
    let (code, text) = fails("explode", Value::Null).await;
    assert_eq!(code, "panicked");
    assert!(!text.contains("bug"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_end_is_timed_out() {
    assert_eq!(fails("forever", Value::Null).await.0, "timeout");
}

#[tokio::test]
async fn data_that_the_template_cannot_show_is_not_kept() {
    assert_eq!(fails("divide", json!(0)).await.0, "template");
}

#[tokio::test]
async fn data_that_is_not_given_back_is_an_error() {
    assert_eq!(fails("keep", Value::Null).await.0, "failed");
}

#[tokio::test]
async fn an_unknown_action_is_refused() {
    let (code, text) = fails("launch", Value::Null).await;
    assert_eq!(code, "unknown_action");
    assert!(text.contains("\"launch\""), "{text}");
}

#[tokio::test]
async fn a_payload_of_another_shape_is_refused_with_the_place() {
    let (code, text) = fails("append", json!({"item": {"deep": [1]}, "twice": true})).await;
    assert_eq!(code, "bad_payload");
    assert!(text.starts_with("item: invalid type"), "{text}");
}

#[tokio::test]
async fn a_failure_is_answered_again_and_not_tried_again() {
    let test = Test::new();
    let browser = test.browser();
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let mut socket = Wire::open(&browser).await;
    socket.join(&html, "client").await;
    socket.next().await.unwrap();
    socket.send(r#"[1,"explode",null]"#).await;
    let first = socket.next().await.unwrap();
    assert_eq!(
        (&first[0], &first[1], &first[2]),
        (&json!("e"), &json!(1), &json!("panicked"))
    );
    socket.send(r#"[1,"add",5]"#).await;
    assert_eq!(socket.next().await.unwrap(), first);
    assert_eq!(test.runs(), 0);
}
