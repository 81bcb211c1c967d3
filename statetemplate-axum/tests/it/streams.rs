//! Where sockets do not work: frames by a stream of events and requests, with all that a socket promises.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use statetemplate_axum::test::TestBrowser;
use tower::ServiceExt;

use crate::app::{Counter, Test, data_of};

const COOKIE: &str = "__Host-session_token";
const STREAM: &str = "statetemplate-stream";

async fn html(browser: &TestBrowser) -> String {
    String::from_utf8(browser.get("/").await.into_body().into()).unwrap()
}

fn request(browser: &TestBrowser) -> http::request::Builder {
    let request = Request::post("/_statetemplate/stream")
        .header(header::HOST, "localhost")
        .header(header::ORIGIN, "http://localhost");
    match browser.cookie(COOKIE) {
        Some(cookie) => request.header(header::COOKIE, format!("{COOKIE}={cookie}")),
        None => request,
    }
}

fn join_of(html: &str, client: &str, revision: u64) -> Value {
    json!([
        "j",
        data_of(html, "page"),
        data_of(html, "plan"),
        revision,
        client,
        0,
        []
    ])
}

/// A page's end of a stream.
struct Stream<'a> {
    test: &'a Test,
    browser: TestBrowser,
    id: String,
    events: BodyDataStream,
    text: String,
}

impl<'a> Stream<'a> {
    async fn open(test: &'a Test, browser: &TestBrowser, join: &Value) -> Result<Self, Response<Body>> {
        let request = request(browser).body(Body::from(join.to_string())).unwrap();
        let response = test.app.clone().oneshot(request).await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(response);
        }
        let id = response.headers()[STREAM].to_str().unwrap().to_owned();
        Ok(Stream {
            test,
            browser: browser.clone(),
            id,
            events: response.into_body().into_data_stream(),
            text: String::new(),
        })
    }

    /// The page of a GET, joined.
    async fn join(test: &'a Test, browser: &TestBrowser) -> (Self, String) {
        let html = html(browser).await;
        let mut stream = Stream::open(test, browser, &join_of(&html, "client", 1))
            .await
            .unwrap();
        assert_eq!(stream.next().await, Some(json!(["j", 1])));
        (stream, html)
    }

    /// The next frame; nothing when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let frame = event
                    .strip_prefix("data: ")
                    .expect("an event has data")
                    .to_owned();
                self.text = rest.to_owned();
                return Some(serde_json::from_str(&frame).unwrap());
            }
            let bytes = tokio::time::timeout(Duration::from_secs(120), self.events.next()).await;
            let bytes = bytes.expect("something arrives within two minutes")?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn post(&self, frames: impl Into<String>) -> StatusCode {
        post(self.test, &self.browser, &self.id, frames).await
    }
}

async fn post(test: &Test, browser: &TestBrowser, id: &str, frames: impl Into<String>) -> StatusCode {
    let request = request(browser)
        .header(STREAM, id)
        .body(Body::from(frames.into()))
        .unwrap();
    test.app.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_stream_carries_what_a_socket_carries() {
    let test = Test::new();
    let browser = test.browser();
    let (mut stream, html) = Stream::join(&test, &browser).await;
    assert_eq!(
        stream.post(r#"[1,"add",{"by":"2"}]"#).await,
        StatusCode::NO_CONTENT
    );
    let patch = stream.next().await.unwrap();
    assert_eq!(
        (&patch[0], &patch[2], &patch[3]),
        (&json!(2), &json!(1), &json!(2))
    );
    // Several frames in one request, in their order.
    let frames = "[\"a\",2]\n[\"k\",1]\n[2,\"append\",{\"item\":\"x\"}]\n[3,\"nothing\"]\n[\"p\"]";
    assert_eq!(stream.post(frames).await, StatusCode::NO_CONTENT);
    let mut kinds = Vec::new();
    while kinds.len() < 4 {
        let frame = stream.next().await.unwrap();
        kinds.push(
            frame[0]
                .as_str()
                .map_or_else(|| "patch".to_owned(), str::to_owned),
        );
    }
    kinds.sort();
    assert_eq!(kinds, ["e", "p", "patch", "s"]);
    // A push, which the page has not asked for.
    let session = test
        .live
        .session::<Counter>(&data_of(&html, "page"))
        .await
        .unwrap();
    session.update(|counter| counter.count = 9).await.unwrap();
    assert_eq!(stream.next().await.unwrap()[0], 4);
    assert_eq!(test.data(&data_of(&html, "page")).await.items, ["x"]);
}

#[tokio::test]
async fn a_response_says_that_nobody_may_keep_or_hold_it_back() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    let request = request(&browser)
        .body(Body::from(join_of(&page, "client", 1).to_string()))
        .unwrap();
    let response = test.app.clone().oneshot(request).await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-store, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
}

#[tokio::test]
async fn an_action_sent_again_over_another_stream_takes_effect_once() {
    let test = Test::new();
    let browser = test.browser();
    let (stream, html) = Stream::join(&test, &browser).await;
    assert_eq!(stream.post(r#"[1,"add",1]"#).await, StatusCode::NO_CONTENT);
    test.wait_for_runs(1).await;
    drop(stream);
    let mut again = Stream::open(&test, &browser, &join_of(&html, "client", 1))
        .await
        .unwrap();
    assert_eq!(again.next().await.unwrap(), json!(["j", 1]));
    again.post(r#"[1,"add",1]"#).await;
    // The patch to what is true, from what the page shows; before, with or after the answer.
    let mut answered = false;
    let mut patched = false;
    while !(answered && patched) {
        let frame = again.next().await.unwrap();
        patched |= frame[0] == 2;
        answered |= frame[0] == "k" || frame[2] == 1;
    }
    assert_eq!(
        (test.runs(), test.data(&data_of(&html, "page")).await.count),
        (1, 1)
    );
}

#[tokio::test]
async fn a_page_goes_from_socket_to_stream_and_back() {
    let test = Test::new();
    let browser = test.browser();
    let mut page = browser.open("/").await;
    page.click("#more").await;
    page.disconnect();
    let plan = test.live.renderer().plan("counter.html").unwrap();
    let join = json!(["j", page.session_id(), plan.hash(), 2, "another", 0, []]);
    let mut stream = Stream::open(&test, &browser, &join).await.unwrap();
    assert_eq!(stream.next().await.unwrap(), json!(["j", 2]));
    stream.post(r#"[1,"add",5]"#).await;
    assert_eq!(stream.next().await.unwrap()[3], 6);
    drop(stream);
    page.reconnect().await;
    page.click("#more").await;
    assert_eq!(page.text("#count"), "7");
}

#[tokio::test]
async fn nobody_else_posts_into_a_stream_or_joins_its_page() {
    let test = Test::new();
    let (mine, theirs, nobody) = (test.browser(), test.browser(), test.browser());
    let (mut stream, page) = Stream::join(&test, &mine).await;
    html(&theirs).await;
    for browser in [&theirs, &nobody] {
        let status = post(&test, browser, &stream.id, r#"[1,"add",1]"#).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let mut foreign = Stream::open(&test, browser, &join_of(&page, "x", 1))
            .await
            .unwrap();
        assert_eq!(foreign.next().await, Some(json!(["x", "session_expired", 0])));
        assert_eq!(foreign.next().await, None);
    }
    for id in ["", "unknown", "AAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(
            post(&test, &mine, id, r#"[1,"add",1]"#).await,
            StatusCode::NOT_FOUND
        );
    }
    stream.post(r#"[1,"add",1]"#).await;
    assert_eq!(stream.next().await.unwrap()[3], 1);
    assert_eq!(test.runs(), 1);
}

#[tokio::test]
async fn other_origins_are_refused() {
    let test = Test::new();
    let browser = test.browser();
    let (stream, page) = Stream::join(&test, &browser).await;
    for origin in [Some("https://evil.example"), Some("null"), None] {
        for id in [None, Some(stream.id.as_str())] {
            let mut request = request(&browser)
                .body(Body::from(join_of(&page, "x", 1).to_string()))
                .unwrap();
            request.headers_mut().remove(header::ORIGIN);
            if let Some(origin) = origin {
                request
                    .headers_mut()
                    .insert(header::ORIGIN, origin.parse().unwrap());
            }
            if let Some(id) = id {
                request.headers_mut().insert(STREAM, id.parse().unwrap());
            }
            let response = test.app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin:?} {id:?}");
        }
    }
}

#[tokio::test]
async fn a_browser_without_a_cookie_gets_one_with_its_stream() {
    let test = Test::new();
    let browser = test.browser();
    let page = html(&browser).await;
    browser.set_cookie(COOKIE, None);
    let request = request(&browser)
        .body(Body::from(join_of(&page, "client", 1).to_string()))
        .unwrap();
    let response = test.app.clone().oneshot(request).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with(COOKIE) && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
}

#[tokio::test]
async fn streams_count_as_connections_and_give_their_place_back() {
    let test = Test::with(|builder| builder.max_connections(1));
    let browser = test.browser();
    let (stream, page) = Stream::join(&test, &browser).await;
    let refused = Stream::open(&test, &browser, &join_of(&page, "other", 1)).await;
    let refused = refused.err().expect("one is the limit");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    let id = stream.id.clone();
    drop(stream);
    tokio::time::timeout(Duration::from_secs(10), async {
        while post(&test, &browser, &id, "").await != StatusCode::NOT_FOUND {
            tokio::task::yield_now().await;
        }
        while Stream::open(&test, &browser, &join_of(&page, "other", 1))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a page that left makes room");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_server() {
    let test = Test::new();
    let browser = test.browser();
    let (mut first, page) = Stream::join(&test, &browser).await;
    let (mut second, _) = Stream::join(&test, &browser).await;
    let session = test
        .live
        .session::<Counter>(&data_of(&page, "page"))
        .await
        .unwrap();
    session.close().await.unwrap();
    assert_eq!(first.next().await, Some(json!(["x", "session_closed", 0])));
    assert_eq!(first.next().await, None);
    assert_eq!(first.post("").await, StatusCode::NOT_FOUND);
    let (_, end) = tokio::join!(test.live.shutdown(), second.next());
    let end = end.unwrap();
    assert_eq!((&end[0], &end[1]), (&json!("x"), &json!("try_again")));
    assert!(end[2].as_u64().unwrap() <= 2000, "{end}");
    assert_eq!(second.next().await, None);
}

#[tokio::test]
async fn what_is_no_frame_ends_the_stream() {
    let test = Test::new();
    let browser = test.browser();
    for garbage in [
        "{}",
        "[]",
        r#"["z",1]"#,
        r#"[-1,"add"]"#,
        r#"["j"]"#,
        "[\"a\",1]\n\nx",
    ] {
        let (mut stream, _) = Stream::join(&test, &browser).await;
        stream.post(garbage).await;
        assert_eq!(stream.next().await, None, "{garbage}");
    }
    let mut early = Stream::open(&test, &browser, &json!([1, "add", 1]))
        .await
        .unwrap();
    assert_eq!(early.next().await, None);
}

#[tokio::test]
async fn a_request_has_a_longest_body_and_an_action_a_longest_payload() {
    let test = Test::new();
    let browser = test.browser();
    let (mut stream, _) = Stream::join(&test, &browser).await;
    let append =
        |number: u64, length: usize| json!([number, "append", {"item": "x".repeat(length)}]).to_string();
    assert_eq!(
        stream.post(append(1, 270_000)).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(stream.post(append(1, 70_000)).await, StatusCode::NO_CONTENT);
    let refusal = json!(["e", 1, "bad_payload", "the action is longer than 65536 bytes"]);
    assert_eq!(stream.next().await, Some(refusal));
    let long = Stream::open(&test, &browser, &json!(["j", "x".repeat(300_000)])).await;
    assert_eq!(long.err().unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn requests_of_a_stream_are_taken_in_one_after_the_other() {
    let test = Test::new();
    let browser = test.browser();
    let (mut stream, _) = Stream::join(&test, &browser).await;
    stream.post(r#"[1,"wait",null]"#).await;
    test.wait_for_runs(1).await;
    // More than the server takes in before the first is answered.
    let frames: Vec<_> = (2..=40).map(|number| format!("[{number},\"add\",1]")).collect();
    let (id, frames) = (stream.id.clone(), frames.join("\n"));
    let many = post(&test, &browser, &id, frames);
    tokio::pin!(many);
    assert!(futures_util::poll!(&mut many).is_pending());
    tokio::task::yield_now().await;
    assert!(
        futures_util::poll!(&mut many).is_pending(),
        "it waits for the handler"
    );
    assert_eq!(stream.post(r#"[41,"add",1]"#).await, StatusCode::CONFLICT);
    test.shared.gate.add_permits(1);
    let read = async {
        while test.runs() < 40 {
            stream.next().await.unwrap();
        }
    };
    let (status, ()) = tokio::join!(many, read);
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_gives_no_sign_of_life_is_gone_after_two_probes() {
    let test = Test::with(|builder| builder.ping_interval(Duration::from_secs(30)));
    let browser = test.browser();
    let (mut stream, _) = Stream::join(&test, &browser).await;
    for _ in 0..5 {
        assert_eq!(stream.next().await, Some(json!(["p"])));
        assert_eq!(stream.post("").await, StatusCode::NO_CONTENT);
    }
    let before = tokio::time::Instant::now();
    assert_eq!(stream.next().await, Some(json!(["p"])));
    assert_eq!(stream.next().await, None);
    assert_eq!(before.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_takes_nothing_in_is_given_up_and_costs_a_few_frames_until_then() {
    let test = Test::new();
    let browser = test.browser();
    let (stream, _) = Stream::join(&test, &browser).await;
    let mut taken = 0;
    while stream.post(json!([taken + 1, "add", 1]).to_string()).await == StatusCode::NO_CONTENT {
        taken += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(taken < 10, "what is not read is not made without end");
    }
    assert_eq!(stream.post("").await, StatusCode::NOT_FOUND);
}
