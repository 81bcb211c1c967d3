//! Setting up and rendering: what is refused, and in which words.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode, header};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use statetemplate_axum::{Builder, Data, Live, Page, Rendered, StateTemplate, live, test::TestBrowser};

use crate::app::{KEY, Test, templates};

#[derive(Serialize, Deserialize, Default)]
struct Chat {
    count: u32,
}

#[derive(Serialize, Deserialize, Default)]
struct Stranger {
    count: u32,
}

async fn shown(live: Live<Chat>) -> Result<Rendered, live::Error> {
    live.render(|| async { Chat::default() }).await
}

async fn clear(mut chat: Data<Chat>) {
    chat.count = 0;
}

fn builder() -> Builder {
    StateTemplate::builder(templates()).signing_key(KEY)
}

fn refused(builder: Builder) -> String {
    format!("{:#}", builder.build().expect_err("it cannot be built"))
}

#[test]
fn a_template_that_does_not_parse_is_refused_with_its_place() {
    let mut templates = Environment::new();
    templates.set_loader(|name| Ok((name == "broken.html").then(|| "<p>\n  {% if %}\n</p>".to_owned())));
    let builder = StateTemplate::builder(templates)
        .signing_key(KEY)
        .page(Page::<Chat>::new("broken.html"));
    let message = refused(builder);
    assert!(
        message.contains("broken.html") && message.contains('2') && message.contains("{% if %}"),
        "{message}"
    );
}

#[test]
fn a_template_that_is_missing_is_refused() {
    let message = refused(builder().page(Page::<Chat>::new("nowhere.html")));
    assert!(message.contains("nowhere.html"), "{message}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let chat = || Page::<Chat>::new("chat.html");
    let cases = [
        (
            builder().page(chat()).page(chat()),
            "the template chat.html belongs to two pages",
        ),
        (
            builder().page(chat().action("clear", clear).action("clear", clear)),
            "two actions named \"clear\"",
        ),
        (
            builder().insecure_cookies().cookie_name("__Host-x"),
            "without Secure",
        ),
        (builder().cookie_name("a b"), "not one that HTTP allows"),
        (builder().allow_origin("example.com"), "is not an origin"),
        (
            builder().allow_origin("https://example.com/app"),
            "is not an origin",
        ),
        (builder().socket_path("ws"), "the socket path \"ws\""),
        (builder().socket_path("/{ws}"), "the socket path"),
        (builder().base_path("/app/"), "the base path \"/app/\""),
        (builder().signing_key("short"), "32"),
        (
            builder().ping_interval(std::time::Duration::ZERO),
            "ping interval",
        ),
    ];
    for (builder, words) in cases {
        let message = refused(builder);
        assert!(message.contains(words), "{message} does not say {words}");
    }
}

#[tokio::test]
async fn a_missing_layer_is_named() {
    let live = builder().page(Page::<Chat>::new("chat.html")).build().unwrap();
    let app = Router::new().route("/", get(shown)).merge(live.routes());
    let response = TestBrowser::new(&app).get("/").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(String::from_utf8_lossy(response.body()).contains(".layer(live.layer())"));
}

#[tokio::test]
async fn data_without_a_page_and_with_several_is_an_error_that_says_what_to_do() {
    async fn stranger(live: Live<Stranger>) -> Result<Rendered, live::Error> {
        live.render(|| async { Stranger::default() }).await
    }
    async fn chosen(live: Live<Chat>) -> Result<Rendered, live::Error> {
        live.page("chat.html")
            .render(|| async { Chat { count: 5 } })
            .await
    }
    let live = builder()
        .page(Page::<Chat>::new("chat.html"))
        .page(Page::<Chat>::new("counter.html"))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/stranger", get(stranger))
        .route("/shown", get(shown))
        .route("/chosen", get(chosen))
        .merge(live.routes())
        .layer(live.layer());
    let browser = TestBrowser::new(&app);
    let text = |response: http::Response<bytes::Bytes>| String::from_utf8_lossy(response.body()).into_owned();
    let missing = text(browser.get("/stranger").await);
    assert!(
        missing.contains("no page has the data type") && missing.contains("Stranger"),
        "{missing}"
    );
    let several = text(browser.get("/shown").await);
    assert!(
        several.contains("chat.html, counter.html") && several.contains("live.page("),
        "{several}"
    );
    let mut page = browser.open("/chosen").await;
    assert_eq!(page.text("p"), "5");
    page.reconnect().await;
}

#[tokio::test]
async fn a_head_request_and_a_failing_render_leave_no_session() {
    #[derive(Serialize, Deserialize)]
    struct Counter {
        divisor: i64,
    }
    async fn failing(live: Live<Counter>) -> Result<Rendered, live::Error> {
        live.render(|| async { Counter { divisor: 0 } }).await
    }
    let live = builder()
        .page(Page::<Counter>::new("counter.html"))
        .page(Page::<Chat>::new("chat.html"))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/failing", get(failing))
        .route("/", get(shown))
        .merge(live.routes())
        .layer(live.layer());
    let browser = TestBrowser::new(&app);
    let failed = browser.get("/failing").await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(String::from_utf8_lossy(failed.body()).contains("counter.html"));
    assert_eq!(failed.headers().get(header::SET_COOKIE), None);
    let head = browser
        .send(Request::head("/").body(Body::empty()).unwrap())
        .await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(live.renderer().session_count().await.unwrap(), Default::default());
    browser.get("/").await;
    assert_eq!(live.renderer().session_count().await.unwrap().provisional, 1);
}

#[tokio::test]
async fn a_session_is_reached_by_its_own_type_only() {
    let test = Test::new();
    let page = test.browser().open("/").await;
    let error = test.live.session::<Chat>(page.session_id()).await.unwrap_err();
    assert!(error.to_string().contains("counter.html"), "{error}");
    let gone = test.live.session::<Chat>("nobody").await.unwrap_err();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_may_live_below_a_path_and_the_socket_elsewhere() {
    let live = builder()
        .page(Page::<Chat>::new("chat.html").action("clear", clear))
        .base_path("/app")
        .socket_path("/live")
        .build()
        .unwrap();
    let inner = Router::new()
        .route("/chat", get(shown))
        .merge(live.routes())
        .layer(live.layer());
    let app = Router::new().nest("/app", inner);
    let browser = TestBrowser::new(&app);
    let html = String::from_utf8(browser.get("/app/chat").await.into_body().into()).unwrap();
    let (_, rest) = html.split_once("<script src=\"").unwrap();
    let client = rest.split_once('"').unwrap().0;
    assert!(client.starts_with("/app/_statetemplate/"), "{client}");
    assert_eq!(browser.get(client).await.status(), StatusCode::OK);
    browser
        .open("/app/chat")
        .await
        .act("clear", serde_json::Value::Null)
        .await
        .unwrap();
}
