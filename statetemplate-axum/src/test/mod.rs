//! The test kit (feature `test`): a live page in the process, driven as a browser drives it.
//!
//! [`TestPage`] loads a page from a router, joins its session over a real WebSocket (in memory), clicks, types and submits
//! as the browser client does, and applies the frames that come back to a parsed document with the reference client. No
//! port is opened, and tests with paused time (`#[tokio::test(start_paused = true)]`) work.
//!
//! ```
//! use axum::{Router, routing::get};
//! use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live, test::TestPage};
//!
//! #[derive(serde::Serialize, serde::Deserialize, Default)]
//! struct Counter { count: i64 }
//!
//! async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
//!     live.render(|| async { Counter::default() }).await
//! }
//! async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) {
//!     counter.count += by;
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let mut templates = minijinja::Environment::new();
//! templates.add_template("counter.html", r#"<!doctype html><title>Counter</title>
//!     <p id="count">{{ count }}</p><button st-click="add" st-value-by="5">+5</button>"#).unwrap();
//! let live = StateTemplate::builder(templates)
//!     .signing_key("a test may keep its secret of 32 bytes here")
//!     .page(Page::<Counter>::new("counter.html").action("add", add))
//!     .build().unwrap();
//! let app = Router::new().route("/", get(page)).merge(live.routes()).layer(live.layer());
//!
//! let mut page = TestPage::open(&app, "/").await;
//! page.click("button").await;
//! assert_eq!(page.text("#count"), "5");
//! page.assert_matches_fresh_render(&live).await;
//! # }
//! ```
//!
//! Each page's socket goes over a [`Link`], which cuts it at any byte, stalls and delays it; a [`TestServer`] is stopped and
//! started again, with the same application or its next version. A page that [`connects again by
//! itself`](TestPage::reconnect_by_itself) shows what a person would see then:
//!
//! ```
//! # use axum::{Router, routing::get};
//! # use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live, test::TestPage};
//! # #[derive(serde::Serialize, serde::Deserialize, Default)] struct Counter { count: i64 }
//! # async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {
//! #     live.render(|| async { Counter::default() }).await
//! # }
//! # async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) { counter.count += by; }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # let mut templates = minijinja::Environment::new();
//! # templates.add_template("counter.html", r#"<!doctype html><title>Counter</title>
//! #     <p id="count">{{ count }}</p><button st-click="add" st-value-by="5">+5</button>"#).unwrap();
//! # let live = StateTemplate::builder(templates)
//! #     .signing_key("a test may keep its secret of 32 bytes here")
//! #     .page(Page::<Counter>::new("counter.html").action("add", add))
//! #     .build().unwrap();
//! # let app = Router::new().route("/", get(page)).merge(live.routes()).layer(live.layer());
//! use statetemplate_axum::test::Direction;
//!
//! let mut page = TestPage::open(&app, "/").await;
//! page.reconnect_by_itself(true);
//! page.link().cut_after(Direction::ToClient, 3); // in the middle of the answer
//! page.click("button").await;
//! assert_eq!((page.text("#count").as_str(), page.link().cuts()), ("5", 1));
//! # }
//! ```

mod browser;
mod link;
mod page;
mod server;

pub use browser::{TestBrowser, TestSocket};
pub use link::{Direction, Link};
pub use page::{ActionFailure, TestPage};
pub use server::TestServer;
