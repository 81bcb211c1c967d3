//! Live server-rendered pages for axum.
//!
//! You write a plain Jinja template, a page handler that shows data with it, and action handlers that change the data. What
//! changed on the page is sent to the browser over a WebSocket; the data stays on the server, survives reconnects, and
//! belongs to one browser.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use minijinja::Environment;
//! use serde::{Deserialize, Serialize};
//! use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};
//!
//! #[derive(Serialize, Deserialize, Default)]
//! struct Counter { count: i64 }
//!
//! async fn page(live: Live<Counter>) -> Result<Rendered, live::Error> {   // a page handler returns a rendered session
//!     live.render(|| async { Counter::default() }).await
//! }
//! async fn add(mut counter: Data<Counter>, Payload(by): Payload<i64>) {   // an action handler changes the data
//!     counter.count += by;                                                // committed and sent when it returns
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut templates = Environment::new();
//!     templates.add_template("counter.html", r#"<!doctype html>
//!         <title>Counter</title>
//!         <p>{{ count }}</p>
//!         <button st-click="add" st-value-by="1">More</button>"#)?;
//!     let key = std::env::var("SIGNING_KEY")?;                            // at least 32 random bytes
//!
//!     let counter = Page::<Counter>::new("counter.html").action("add", add);
//!     let live = StateTemplate::builder(templates).signing_key(key).page(counter).build()?;
//!     let app = Router::new().route("/", get(page)).merge(live.routes()).layer(live.layer());
//!
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     Ok(axum::serve(listener, app).await?)
//! }
//! ```
//!
//! # Pages and their data
//!
//! A [`Page<T>`](Page) is a template, the type `T` of its data, and its actions. A page handler extracts [`Live<T>`](Live)
//! and [renders](Live::render) it: that makes a session, which is provisional until the page's script joins it. From then on
//! the session keeps the data, and the page follows each change of it.
//!
//! # Actions
//!
//! Elements name actions (`st-click`, `st-submit`, `st-change`, `st-input`, …), and a handler is a plain async function: it
//! takes the page's [`Data`], the [`Payload`] that came along, and any axum extractor that reads no body, `State` included.
//! A handler of another page's data does not compile. One handler runs at a time in a session; its change is committed
//! exactly once, however often the connection breaks. An error, a panic or a timeout changes nothing and reaches the script
//! that sent the action.
//!
//! # Changes from elsewhere
//!
//! [`Page::on_connect`] runs a background task while a page is connected, and [`StateTemplate::session`] reaches any session
//! by its id. [`Session::update`] changes the data; what a page has not been shown yet is merged, never queued.
//!
//! # Safety
//!
//! The browser's identity is sealed in a cookie that scripts and other sites cannot use (`__Host-session_token`: HttpOnly,
//! Secure, SameSite=Strict); a page's session is bound to it when the page joins. Sockets are opened by pages of the same
//! origin only ([`Builder::allow_origin`]). Messages, queues and connections have limits. On plain HTTP see
//! [`Builder::insecure_cookies`].
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `test` | the test kit: a live page in the process, driven as a browser drives it |

pub mod action;
mod builder;
mod context;
mod forms;
mod http;
mod identity;
mod layer;
pub mod live;
mod mounted;
mod page;
mod session;
mod socket;
mod statetemplate;
#[cfg(feature = "test")]
pub mod test;

pub use action::{ActionId, Answer, Data, Payload};
pub use builder::Builder;
pub use identity::Identity;
pub use layer::{LiveLayer, LiveService};
pub use live::{Live, Rendered};
pub use page::Page;
pub use session::Session;
pub use statetemplate::StateTemplate;
pub use statetemplate_core::Scope;

/// The programs in README.md, kept true by being compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
