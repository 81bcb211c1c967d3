//! Deflated frames: only long ones, only for pages that said they inflate, and not where it was turned off.

use futures_util::StreamExt;
use serde_json::{Value, json};
use statetemplate_core::testing::inflate;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{Counter, Test, Wire, counter, data_of};

/// Joins, lets one short and one long change be pushed, and gives both messages.
async fn pushed(test: &Test, encoding: Value) -> [Message; 2] {
    let browser = test.browser();
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let page = data_of(&html, "page");
    let mut socket = Wire::open(&browser).await;
    let join = json!([
        "j",
        page,
        data_of(&html, "plan"),
        1,
        "client",
        0,
        [],
        null,
        encoding
    ]);
    socket.send(join.to_string()).await;
    assert_eq!(socket.next().await.unwrap(), json!(["j", 1]));
    let session = test.live.session::<Counter>(&page).await.unwrap();
    session.update(|counter| counter.count = 7).await.unwrap();
    let short = socket.0.next().await.unwrap().unwrap();
    session
        .update(|counter| counter.items = vec!["milk and honey".into(); 100])
        .await
        .unwrap();
    // The statics come first, and are short.
    socket.next().await.unwrap();
    let long = socket.0.next().await.unwrap().unwrap();
    [short, long]
}

#[tokio::test(start_paused = true)]
async fn long_frames_are_deflated_for_pages_that_inflate() {
    let [short, long] = pushed(&Test::new(), json!("deflate-raw")).await;
    assert_eq!(short, Message::text(r#"[2,{"0":"7"}]"#));
    let Message::Binary(bytes) = long else {
        panic!("{long:?} is not deflated")
    };
    let frame = inflate(&bytes).unwrap();
    assert!(
        bytes.len() * 10 < frame.len(),
        "{} of {}",
        bytes.len(),
        frame.len()
    );
    assert!(frame.starts_with(r#"[3,{"3":[[["milk and honey"],"#), "{frame}");
}

#[tokio::test(start_paused = true)]
async fn pages_that_do_not_inflate_get_text() {
    for encoding in [Value::Null, json!("zstd"), json!(1), json!(["deflate-raw"])] {
        let [_, long] = pushed(&Test::new(), encoding.clone()).await;
        assert!(long.is_text(), "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn compression_can_be_turned_off_for_all_pages_or_for_one() {
    let all = Test::with_page(counter(), |builder| builder.compression(false));
    let one = Test::with_page(counter().compression(false), |builder| builder);
    for test in [all, one] {
        let [_, long] = pushed(&test, json!("deflate-raw")).await;
        assert!(long.is_text());
    }
}
