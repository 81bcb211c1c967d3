//! Deploys: two builds of one application side by side on one store, and pages that move between them.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing::get};
use minijinja::Environment;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use statetemplate_axum::{
    Builder, Data, Live, Page, Payload, Rendered, StateTemplate, live,
    test::{TestBrowser, TestPage},
};
use statetemplate_core::store::{MemoryStore, SessionStore};

use crate::app::{KEY, Test, Wire};

/// The list as it was at first.
#[derive(Serialize, Deserialize, Default)]
struct List {
    items: Vec<String>,
}

const LIST: &str =
    "<!doctype html><title>List</title><ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>";

/// The same with a field and a template changed.
#[derive(Serialize, Deserialize, Default)]
struct TitledList {
    items: Vec<String>,
    #[serde(default = "untitled")]
    title: String,
}

fn untitled() -> String {
    "Untitled".into()
}

const TITLED_LIST: &str = "<!doctype html><title>List</title><h1>{{ title|upper }}</h1>\
    <ol>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ol>";

/// The same with another type for the items: data of the builds before cannot be read.
#[derive(Serialize, Deserialize, Default)]
struct NumberedList {
    items: Vec<(u32, String)>,
}

trait Items: Serialize + DeserializeOwned + Default + Send + Sync + 'static {
    fn add(&mut self, item: String);
}

impl Items for List {
    fn add(&mut self, item: String) {
        self.items.push(item);
    }
}

impl Items for TitledList {
    fn add(&mut self, item: String) {
        self.items.push(item);
    }
}

impl Items for NumberedList {
    fn add(&mut self, item: String) {
        self.items.push((0, item));
    }
}

async fn page<T: Items>(live: Live<T>) -> Result<Rendered, live::Error> {
    live.render(|| async { T::default() }).await
}

async fn add<T: Items>(mut list: Data<T>, Payload(item): Payload<String>) {
    list.add(item);
}

/// One build of the application, on one node.
struct Build {
    live: StateTemplate,
    app: Router,
}

impl Build {
    fn new<T: Items>(store: &Arc<dyn SessionStore>, id: &str, template: &'static str, version: u32) -> Self {
        Self::with::<T>(store, id, template, version, |builder| builder)
    }

    fn with<T: Items>(
        store: &Arc<dyn SessionStore>,
        id: &str,
        template: &'static str,
        version: u32,
        settings: impl FnOnce(Builder<()>) -> Builder<()>,
    ) -> Self {
        let mut templates = Environment::new();
        // So that a field that is missing is an error and not a gap.
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        templates.add_template("list.html", template).unwrap();
        let builder = StateTemplate::builder(templates)
            .signing_key(KEY)
            .shared_store(store.clone())
            .build_id(id)
            .data_version(version)
            .page(Page::<T>::new("list.html").action("add", add::<T>));
        let live = settings(builder).build().unwrap();
        let app = Router::new()
            .route("/", get(page::<T>))
            .merge(live.routes())
            .layer(live.layer());
        Build { live, app }
    }
}

fn store() -> Arc<dyn SessionStore> {
    Arc::new(MemoryStore::new())
}

/// Moves the page to another node, as a broken connection does.
async fn move_to(page: &mut TestPage, build: &Build) -> bool {
    page.browser().server().restart(build.app.clone());
    page.clear_frames();
    page.try_reconnect().await
}

async fn add_item(page: &mut TestPage, item: &str) {
    page.act("add", json!(item)).await.unwrap();
}

fn is_refreshed(page: &TestPage) -> bool {
    page.frames().iter().any(|frame| frame.starts_with("[\"f\""))
}

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_under_a_build_with_a_new_field_and_template() {
    let store = store();
    let old = Build::new::<List>(&store, "1", LIST, 1);
    let new = Build::new::<TitledList>(&store, "2", TITLED_LIST, 2);
    let browser = TestBrowser::new(&old.app);
    let mut page = browser.open("/").await;
    add_item(&mut page, "before").await;

    old.live.shutdown().await;
    assert!(move_to(&mut page, &new).await);
    page.wait_until(|page| page.has("h1")).await;
    assert_eq!(page.text("h1"), "UNTITLED");
    assert_eq!(page.texts("ol li"), ["before"]);
    page.assert_matches_fresh_render(&new.live).await;
    add_item(&mut page, "after").await;
    assert_eq!(page.texts("ol li"), ["before", "after"]);
    page.assert_matches_fresh_render(&new.live).await;
}

#[tokio::test(start_paused = true)]
async fn an_older_node_leaves_newer_data_alone_and_sends_its_pages_on() {
    let store = store();
    let old = Build::new::<List>(&store, "1", LIST, 1);
    let new = Build::new::<TitledList>(&store, "2", TITLED_LIST, 2);
    let mut page = TestBrowser::new(&old.app).open("/").await;
    // The old node still has it in memory when the page has moved on, by whatever way.
    let held = old.live.session::<List>(page.session_id()).await.unwrap();
    assert!(move_to(&mut page, &new).await);
    add_item(&mut page, "new").await;
    let newest = store.load(page.session_id()).await.unwrap();
    assert_eq!(newest.data_version, 2);

    held.update(|list| list.items.push("old".into()))
        .await
        .unwrap_err();
    assert!(!move_to(&mut page, &old).await);
    assert_eq!(page.end(), Some("try_again"), "another node can serve it");
    assert_eq!(
        store.load(page.session_id()).await.unwrap(),
        newest,
        "nothing was overwritten"
    );

    assert!(move_to(&mut page, &new).await);
    assert_eq!(page.texts("ol li"), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_connected_to_an_older_node_is_sent_on_when_a_newer_one_has_written() {
    for settings in [(|builder| builder) as fn(Builder<()>) -> Builder<()>, |builder| {
        builder.write_behind(Duration::from_millis(100))
    }] {
        let store = store();
        let old = Build::with::<List>(&store, "1", LIST, 1, settings);
        let new = Build::new::<TitledList>(&store, "2", TITLED_LIST, 2);
        let mut page = TestBrowser::new(&old.app).open("/").await;
        let elsewhere = new.live.session::<TitledList>(page.session_id()).await.unwrap();
        elsewhere
            .update(|list| list.items.push("new".into()))
            .await
            .unwrap();
        page.send_frame(r#"[1,"add","old"]"#).await;
        page.settle(Duration::from_secs(1)).await;
        assert_eq!(page.end(), Some("try_again"), "another node can serve it");
        // Whatever tries to store it has given up.
        old.live.shutdown().await;
        assert_eq!(elsewhere.data().unwrap().items, ["new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn data_that_cannot_be_read_any_more_ends_its_session_with_the_reason() {
    let store = store();
    let old = Build::new::<List>(&store, "1", LIST, 1);
    let new = Build::new::<NumberedList>(&store, "2", LIST, 2);
    let mut page = TestBrowser::new(&old.app).open("/").await;
    add_item(&mut page, "not a pair").await;
    assert!(!move_to(&mut page, &new).await);
    assert_eq!(page.end(), Some("session_outdated"));
    assert_eq!(new.live.renderer().metrics().snapshot().sessions_ended, 1);

    let mut again = page.browser().open("/").await;
    add_item(&mut again, "a pair").await;
    assert_eq!(again.texts("li").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_action_on_data_that_cannot_be_read_says_so_instead_of_failing_for_ever() {
    let store = store();
    let one = Build::new::<List>(&store, "1", LIST, 1);
    // The same build by its id, so that the page looks like one of its own.
    let other = Build::new::<NumberedList>(&store, "1", LIST, 1);
    let mut page = TestBrowser::new(&one.app).open("/").await;
    add_item(&mut page, "not a pair").await;
    assert!(move_to(&mut page, &other).await);
    page.send_frame(r#"[2,"add","x"]"#).await;
    page.settle(Duration::from_secs(1)).await;
    assert_eq!(page.end(), Some("session_outdated"));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_build_is_shown_anew_since_filters_are_code() {
    let store = store();
    let with_filter = |id, filter: fn(String) -> String| {
        let mut templates = Environment::new();
        templates.add_filter("dress", filter);
        templates
            .add_template(
                "list.html",
                "<title>List</title>{% for item in items %}<p>{{ item|dress }}</p>{% endfor %}",
            )
            .unwrap();
        let live = StateTemplate::builder(templates)
            .signing_key(KEY)
            .shared_store(store.clone())
            .build_id(id)
            .page(Page::<List>::new("list.html").action("add", add::<List>))
            .build()
            .unwrap();
        let app = Router::new()
            .route("/", get(page::<List>))
            .merge(live.routes())
            .layer(live.layer());
        Build { live, app }
    };
    let (one, same, other) = (
        with_filter("1", |text| format!("{text}!")),
        with_filter("1", |text| format!("{text}!")),
        with_filter("2", |text| format!("{text}?")),
    );
    let mut page = TestBrowser::new(&one.app).open("/").await;
    add_item(&mut page, "well").await;
    assert_eq!(page.text("p"), "well!");
    assert!(move_to(&mut page, &same).await);
    assert!(!is_refreshed(&page), "the same build takes the page as it is");
    assert!(move_to(&mut page, &other).await);
    page.wait_until(|page| page.text("p") == "well?").await;
    page.assert_matches_fresh_render(&other.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_answers_the_action_that_runs_and_spreads_the_return() {
    let test = Test::with(|builder| builder.reconnect_within(Duration::from_secs(60)));
    let browser = test.browser();
    let mut hints = Vec::new();
    let mut sockets = Vec::new();
    for client in ["a", "b", "c", "d"] {
        let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
        let mut socket = Wire::open(&browser).await;
        socket.join(&html, client).await;
        assert_eq!(socket.next().await.unwrap()[0], "j");
        sockets.push(socket);
    }
    sockets[0].send(r#"[1,"wait"]"#).await;
    sockets[0].send(r#"[2,"add",1]"#).await;
    test.wait_for_runs(1).await;

    let live = test.live.clone();
    let stopping = tokio::spawn(async move { live.shutdown().await });
    // The others are sent away while the action runs.
    for socket in &mut sockets[1..] {
        let end = socket.next().await.unwrap();
        assert_eq!((&end[0], &end[1]), (&json!("x"), &json!("try_again")));
        hints.push(end[2].as_u64().unwrap());
    }
    assert!(!stopping.is_finished());
    test.shared.gate.add_permits(1);
    let answer = sockets[0].answer(1).await;
    assert_eq!(answer[2], 1, "the patch brings the answer: {answer}");
    let end = sockets[0].next().await.unwrap();
    assert_eq!(end[1], "try_again");
    hints.push(end[2].as_u64().unwrap());
    stopping.await.unwrap();
    assert_eq!(
        test.runs(),
        1,
        "the action that waited is the client's to send again"
    );

    hints.sort_unstable();
    hints.dedup();
    assert!(hints.len() > 1 && *hints.last().unwrap() <= 60_000, "{hints:?}");
}
