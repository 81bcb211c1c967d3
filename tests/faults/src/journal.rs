//! The application under test: a page with a counter and a list to which each action appends its number.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::get,
};
use minijinja::{Environment, value::Serde};
use serde::{Deserialize, Serialize};
use statetemplate_axum::{Answer, Data, Identity, Live, Page, Payload, Rendered, StateTemplate, live};
use statetemplate_core::testing::Document;

/// The name of the page's template.
pub const TEMPLATE: &str = "journal.html";
const SOURCE: &str = include_str!("../templates/journal.html");

/// What a session holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// What only this session's page may ever show.
    pub marker: String,
    /// How many actions took effect.
    pub count: u64,
    /// Their numbers, in the order in which they took effect.
    pub entries: Vec<u64>,
}

impl Journal {
    /// The page of this data as minijinja alone renders it, normalised as [`Document::html`] is.
    ///
    /// # Panics
    ///
    /// Never: the template is a constant that renders with all data.
    #[must_use]
    pub fn page(&self) -> String {
        let html = templates()
            .get_template(TEMPLATE)
            .and_then(|template| template.render(Serde(self)))
            .expect("the template renders with any journal");
        Document::normalise(&html)
    }
}

/// What an action carries.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The number to append.
    pub entry: u64,
}

/// What a page's address says.
#[derive(Debug, Deserialize)]
pub struct Opened {
    /// See [`Journal::marker`].
    #[serde(default)]
    marker: String,
}

/// The templates of the application.
///
/// # Panics
///
/// Never: the template is a constant that parses.
#[must_use]
pub fn templates() -> Environment<'static> {
    let mut templates = Environment::new();
    templates
        .add_template(TEMPLATE, SOURCE)
        .expect("the template parses");
    templates
}

/// The page with its actions.
pub fn page() -> Page<Journal> {
    Page::<Journal>::new(TEMPLATE).action("record", record)
}

/// The routes of the application.
pub fn app(live: &StateTemplate) -> Router {
    Router::new()
        .route("/", get(open))
        .route("/login/{user}", get(login))
        .route("/logout", get(logout))
        .route("/close/{session}", get(close))
        .route("/forbid/{user}", get(forbid))
        .layer(live.layer())
        .merge(live.routes())
        .route("/ready", get(ready))
        .route("/connections", get(connections))
        .with_state(live.clone())
}

async fn open(Query(Opened { marker }): Query<Opened>, live: Live<Journal>) -> Result<Rendered, live::Error> {
    live.render(|| async {
        Journal {
            marker,
            ..Journal::default()
        }
    })
    .await
}

async fn record(mut journal: Data<Journal>, Payload(Entry { entry }): Payload<Entry>) -> Answer<u64> {
    journal.entries.push(entry);
    journal.count += 1;
    Answer(journal.count)
}

/// The browser is this user's from now on.
async fn login(identity: Identity, Path(user): Path<String>) -> Result<(), live::Error> {
    identity.login(&user).await
}

/// Ends all sessions of the browser.
async fn logout(identity: Identity) -> Result<(), live::Error> {
    identity.logout().await
}

/// Ends one session.
async fn close(State(live): State<StateTemplate>, Path(session): Path<String>) -> Result<(), live::Error> {
    live.session::<Journal>(&session).await?.close().await
}

/// Ends all sessions of a user, in whichever browser; says how many there were.
async fn forbid(State(live): State<StateTemplate>, Path(user): Path<String>) -> Result<String, live::Error> {
    let ended = live.renderer().invalidate_user(&user).await?;
    Ok(ended.to_string())
}

async fn ready(State(live): State<StateTemplate>) -> Result<&'static str, (StatusCode, String)> {
    match live.renderer().health().await {
        Ok(()) => Ok("ready"),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("{error:#}"))),
    }
}

/// How many pages are connected to this node.
async fn connections(State(live): State<StateTemplate>) -> String {
    let counted = live.renderer().metrics().snapshot();
    (counted.connections_opened - counted.connections_closed).to_string()
}
