//! The application under test: a counter with every kind of action, and a chat beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use http::HeaderMap;
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statetemplate_axum::{
    ActionId, Answer, Builder, Data, Live, Page, Payload, Rendered, Session, StateTemplate, live,
    test::{TestBrowser, TestSocket},
};
use tokio::sync::Semaphore;

pub(crate) const KEY: &str = "a test may keep its secret in its source";

#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Counter {
    pub(crate) count: i64,
    pub(crate) session: String,
    pub(crate) items: Vec<String>,
    pub(crate) divisor: i64,
}

const COUNTER: &str = r#"<!doctype html><html><head><title>Counter</title></head><body>
<p id="count">{{ count }}</p><p id="session">{{ session }}</p><p id="quotient">{{ 100 // divisor }}</p>
<button id="more" st-click="add" st-value-by="1">more</button>
<form id="form" st-submit="append" st-reset><input name="item" value=""><label><input type="checkbox" name="twice"></label>
<button id="go">go</button></form>
<select id="set" name="to" st-change="set"><option>1</option><option>2</option></select>
<ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>
</body></html>"#;

/// What the handlers of a test share with the test itself.
#[derive(Clone)]
pub(crate) struct Shared {
    /// How often a handler has run.
    pub(crate) runs: Arc<AtomicUsize>,
    /// `wait` runs on when it gets a permit.
    pub(crate) gate: Arc<Semaphore>,
}

pub(crate) struct Test {
    pub(crate) live: StateTemplate,
    pub(crate) app: Router,
    pub(crate) shared: Shared,
}

async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
    let session = live.session_id().to_owned();
    live.render(|| async {
        Counter {
            session,
            divisor: 1,
            ..Counter::default()
        }
    })
    .await
}

async fn add(
    State(shared): State<Shared>,
    mut counter: Data<Counter>,
    Payload(by): Payload<i64>,
) -> Answer<i64> {
    shared.runs.fetch_add(1, Ordering::SeqCst);
    counter.count += by;
    Answer(counter.count)
}

#[derive(Deserialize)]
struct Append {
    item: String,
    #[serde(default)]
    twice: bool,
}

async fn append(mut counter: Data<Counter>, Payload(append): Payload<Append>) -> Result<(), &'static str> {
    if append.item.is_empty() {
        counter.count = -1;
        return Err("an item has a text");
    }
    let times = if append.twice { 2 } else { 1 };
    counter.items.extend(std::iter::repeat_n(append.item, times));
    Ok(())
}

async fn set(mut counter: Data<Counter>, Payload(to): Payload<i64>) {
    counter.count = to;
}

async fn divide(mut counter: Data<Counter>, Payload(by): Payload<i64>) {
    counter.divisor = by;
}

async fn explode(mut counter: Data<Counter>) {
    counter.count = -1;
    panic!("a handler's own bug");
}

async fn forever(mut counter: Data<Counter>) {
    counter.count = -1;
    std::future::pending::<()>().await;
}

async fn keep(counter: Data<Counter>) {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(counter);
    });
}

/// Runs, tells the test so, and waits for its word before it ends.
async fn wait(State(shared): State<Shared>, mut counter: Data<Counter>) {
    shared.runs.fetch_add(1, Ordering::SeqCst);
    counter.count += 1;
    let permit = shared.gate.acquire().await;
    permit.expect("the gate is never closed").forget();
}

async fn who(headers: HeaderMap, id: ActionId, session: Session<Counter>) -> Answer<Value> {
    let origin = headers
        .get("origin")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    Answer(json!({"origin": origin, "id": id.to_string(), "number": id.number(), "session": session.id()}))
}

pub(crate) fn counter() -> Page<Counter, Shared> {
    Page::new("counter.html")
        .action("add", add)
        .action("append", append)
        .action("set", set)
        .action("divide", divide)
        .action("explode", explode)
        .action("forever", forever)
        .action("keep", keep)
        .action("wait", wait)
        .action("who", who)
}

pub(crate) fn templates() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.add_template("counter.html", COUNTER).unwrap();
    templates
        .add_template(
            "chat.html",
            "<!doctype html><title>Chat</title><p>{{ count }}</p>",
        )
        .unwrap();
    templates
}

impl Test {
    pub(crate) fn new() -> Self {
        Test::with(|builder| builder)
    }

    /// The application with the settings of a test.
    pub(crate) fn with(settings: impl FnOnce(Builder<Shared>) -> Builder<Shared>) -> Self {
        Test::with_page(counter(), settings)
    }

    pub(crate) fn with_page(
        page_: Page<Counter, Shared>,
        settings: impl FnOnce(Builder<Shared>) -> Builder<Shared>,
    ) -> Self {
        let shared = Shared {
            runs: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let builder = settings(StateTemplate::builder(templates()).signing_key(KEY).page(page_));
        let live = builder.with_state(shared.clone()).build().unwrap();
        let app = Test::app_of(&live);
        Test { live, app, shared }
    }

    /// The application around the live pages.
    pub(crate) fn app_of(live: &StateTemplate) -> Router {
        Router::new()
            .route("/", get(page))
            .merge(live.routes())
            .layer(live.layer())
    }

    pub(crate) fn browser(&self) -> TestBrowser {
        TestBrowser::new(&self.app)
    }

    pub(crate) fn runs(&self) -> usize {
        self.shared.runs.load(Ordering::SeqCst)
    }

    /// The data of a session, as the store has it.
    pub(crate) async fn data(&self, session: &str) -> Counter {
        self.live
            .session::<Counter>(session)
            .await
            .unwrap()
            .data()
            .unwrap()
    }

    /// Waits until the handlers have run so often.
    pub(crate) async fn wait_for_runs(&self, runs: usize) {
        while self.runs() < runs {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The value of `data-NAME` on the client's element.
pub(crate) fn data_of(html: &str, name: &str) -> String {
    let (_, rest) = html
        .split_once(&format!("data-{name}=\""))
        .expect("the page is live");
    rest.split_once('"').expect("an attribute ends").0.to_owned()
}

/// A browser's end of a socket, spoken by hand.
pub(crate) struct Wire(pub(crate) TestSocket);

impl Wire {
    pub(crate) async fn open(browser: &TestBrowser) -> Self {
        Wire(
            browser
                .socket("/ws", HeaderMap::new())
                .await
                .expect("the socket opens"),
        )
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        use futures_util::SinkExt;
        // The server may have closed it already: what it said is still to be read.
        let _ = self
            .0
            .send(tokio_tungstenite::tungstenite::Message::text(text.into()))
            .await;
    }

    /// Sends the join for the page of a GET.
    pub(crate) async fn join(&mut self, html: &str, client: &str) {
        let revision: u64 = data_of(html, "revision").parse().unwrap();
        let join = json!([
            "j",
            data_of(html, "page"),
            data_of(html, "plan"),
            revision,
            client,
            0,
            []
        ]);
        self.send(join.to_string()).await;
    }

    /// The next frame of the protocol, or how the socket was closed: the code and the reason.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        use futures_util::StreamExt;
        use tokio_tungstenite::tungstenite::Message;
        loop {
            let message = tokio::time::timeout(Duration::from_secs(120), self.0.next()).await;
            match message.expect("something arrives within two minutes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err((close.code.into(), close.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("an unexpected message: {other:?}"),
                None | Some(Err(_)) => return Err((0, String::new())),
            }
        }
    }

    /// The answer to an action: the frame that carries it. Frames that do not are passed over.
    pub(crate) async fn answer(&mut self, number: u64) -> Value {
        loop {
            let frame = self.next().await.expect("the socket stays open until the answer");
            let answers = match frame[0].as_str() {
                Some("k" | "e") => frame[1] == number,
                Some(_) => false,
                None => frame[2] == number,
            };
            if answers {
                return frame;
            }
        }
    }
}
