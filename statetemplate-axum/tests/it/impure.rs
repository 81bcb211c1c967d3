//! Functions that are declared impure: what depends on them follows each change of the data.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, routing::get};
use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::json;
use statetemplate_axum::{Data, Live, Page, Rendered, StateTemplate, live, test::TestPage};

use crate::app::KEY;

#[derive(Serialize, Deserialize)]
struct Clicks {
    clicks: u32,
}

async fn page(live: Live<Clicks>) -> Result<Rendered, live::Error> {
    live.render(|| async { Clicks { clicks: 0 } }).await
}

async fn click(mut data: Data<Clicks>) {
    data.clicks += 1;
}

/// Shows how often the page was looked at, which the data does not say.
#[tokio::test]
async fn a_page_shows_what_an_impure_function_gives_after_each_change() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let mut templates = Environment::new();
    templates.add_function("calls", || CALLS.fetch_add(1, Ordering::SeqCst));
    templates
        .add_template(
            "clicks.html",
            "<!doctype html><title>{{ calls() }}</title><body><p>{{ clicks }}</p></body>",
        )
        .unwrap();
    let live = StateTemplate::builder(templates)
        .signing_key(KEY)
        .impure("calls")
        .page(Page::<Clicks>::new("clicks.html").action("click", click))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(page))
        .merge(live.routes())
        .layer(live.layer());
    let mut page = TestPage::open(&app, "/").await;
    let mut shown: usize = page.text("title").parse().unwrap();
    for clicks in ["1", "2"] {
        page.act("click", json!({})).await.unwrap();
        assert_eq!(page.text("p"), clicks);
        let now: usize = page.text("title").parse().unwrap();
        assert!(now > shown, "{now} was given after {shown}");
        shown = now;
    }
}
